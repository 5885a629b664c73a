/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.c - profiles.toml, ours and (read only) Prefect's.
 */
#include "cli/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/toml.h"

#define FILE_MAX     (1u << 20)
#define PROFILES_MAX 256
#define SETTINGS_MAX 512

struct setting {
	char *profile, *key, *value;
};

/* One file: its active name and all settings in order; empty profiles have a NULL key.
 */
struct file {
	char *path, *active;
	struct setting *settings;
	size_t count;
};

struct profile {
	char *name;
	int prefects;
	struct file file;
};

static char *wf_path(void)
{
	const char *dir = opts_env("WF_CONFIG_DIR"), *xdg = opts_env("XDG_CONFIG_HOME");
	const char *home = opts_env("HOME");

	if (dir != NULL && dir[0] != '\0') {
		return xasprintf("%s/profiles.toml", dir);
	}
	if (xdg != NULL && xdg[0] != '\0') {
		return xasprintf("%s/wf/profiles.toml", xdg);
	}
	return xasprintf("%s/.config/wf/profiles.toml", home != NULL ? home : "");
}

static char *prefect_path(void)
{
	const char *file = opts_env("PREFECT_PROFILES_PATH"),
		   *dir = opts_env("PREFECT_HOME");
	const char *home = opts_env("HOME");

	if (file != NULL && file[0] != '\0') {
		return xstrdup(file);
	}
	if (dir != NULL && dir[0] != '\0') {
		return xasprintf("%s/profiles.toml", dir);
	}
	return xasprintf("%s/.prefect/profiles.toml", home != NULL ? home : "");
}

static void file_release(struct file *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->settings[i].profile);
		free(f->settings[i].key);
		free(f->settings[i].value);
	}
	free(f->settings);
	free(f->active);
	free(f->path);
	memset(f, 0, sizeof(*f));
}

static void file_add(struct file *f, const char *profile, const char *key,
		     const char *value)
{
	f->settings = xreallocarray(f->settings, f->count + 1, sizeof(*f->settings));
	f->settings[f->count++] = (struct setting){
	    .profile = xstrdup(profile),
	    .key = key != NULL ? xstrdup(key) : NULL,
	    .value = value != NULL ? xstrdup(value) : NULL,
	};
}

/* "active", or "profiles.NAME.KEY". */
static int on_value(const char *path, const struct toml_value *v, void *arg,
		    struct error *err)
{
	struct file *f = arg;
	const char *name, *dot;
	char *profile;

	if (strcmp(path, "active") == 0) {
		free(f->active);
		f->active = xstrdup(v->text != NULL ? v->text : "");
		return 0;
	}
	if (strncmp(path, "profiles.", 9) != 0 || v->text == NULL) {
		return 0;
	}
	if (f->count >= SETTINGS_MAX) {
		return err_set(err, ERR_TOO_LARGE, "more than %d settings",
			       SETTINGS_MAX);
	}
	name = path + 9;
	dot = strrchr(name, '.');
	if (dot == NULL) {
		return 0;
	}
	profile = xstrndup(name, (size_t)(dot - name));
	file_add(f, profile, dot + 1, v->text);
	free(profile);
	return 0;
}

/* [profiles.NAME] without settings: the reader does not tell of empty tables. */
static void find_empty(struct file *f, const char *text)
{
	for (const char *at = strstr(text, "[profiles."); at != NULL;
	     at = strstr(at + 1, "[profiles.")) {
		const char *end = strchr(at, ']');
		char *name;
		int known = 0;

		if (end == NULL) {
			return;
		}
		name = xstrndup(at + 10, (size_t)(end - at - 10));
		for (size_t i = 0; i < f->count; i++) {
			known |= strcmp(f->settings[i].profile, name) == 0;
		}
		if (!known && f->count < SETTINGS_MAX) {
			file_add(f, name, NULL, NULL);
		}
		free(name);
	}
}

/* A missing file is an empty one.  PATH is taken. */
static int file_read(char *path, struct file *ret_file, struct error *err)
{
	struct file f = {.path = path};
	struct error why = {0};
	struct buf b;
	int rc;

	buf_init(&b);
	rc = buf_read_file(&b, path, FILE_MAX, &why);
	if (rc == 0) {
		rc = toml_parse(path, b.data, b.len, on_value, &f, err);
		find_empty(&f, b.data);
	} else if (rc == -ERR_NOT_FOUND) {
		rc = 0;
	} else {
		rc = err_set(err, (enum err_code) - rc, "%s", why.msg);
	}
	buf_release(&b);
	if (rc < 0) {
		file_release(&f);
		return rc;
	}
	*ret_file = f;
	return 0;
}

static int file_has(const struct file *f, const char *profile)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->settings[i].profile, profile) == 0) {
			return 1;
		}
	}
	return 0;
}

static void toml_text(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\') {
			buf_addc(out, '\\');
		}
		if ((unsigned char)*s < ' ') {
			buf_addf(out, "\\u%04x", (unsigned int)(unsigned char)*s);
		} else {
			buf_addc(out, *s);
		}
	}
	buf_addc(out, '"');
}

static void write_profile(struct buf *out, const struct file *f, const char *profile)
{
	buf_addf(out, "\n[profiles.%s]\n", profile);
	for (size_t i = 0; i < f->count; i++) {
		const struct setting *s = &f->settings[i];

		if (s->key != NULL && strcmp(s->profile, profile) == 0) {
			buf_addf(out, "%s = ", s->key);
			toml_text(out, s->value);
			buf_addc(out, '\n');
		}
	}
}

static int seen_before(const struct file *f, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(f->settings[i].profile, f->settings[at].profile) == 0) {
			return 1;
		}
	}
	return 0;
}

/* May hold secrets: 0600. */
static int file_write(const struct file *f, struct error *err)
{
	char *dir = xstrdup(f->path);
	char *slash = strrchr(dir, '/');
	struct buf out;
	int rc = 0;

	buf_init(&out);
	buf_adds(&out, "active = ");
	toml_text(&out, f->active != NULL ? f->active : "default");
	buf_addc(&out, '\n');
	for (size_t i = 0; i < f->count; i++) {
		if (!seen_before(f, i)) {
			write_profile(&out, f, f->settings[i].profile);
		}
	}
	if (slash != NULL) {
		*slash = '\0';
		rc = mkdir_p(dir, 0700, err);
	}
	if (rc == 0) {
		rc = file_write_atomic(f->path, out.data, out.len, 0600, err);
	}
	buf_release(&out);
	free(dir);
	return rc;
}

static int name_ok(const char *name)
{
	return name[0] != '\0' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_-")] == '\0';
}

static int read_both(struct file *ours, struct file *theirs, struct error *err)
{
	int rc = file_read(wf_path(), ours, err);

	if (rc == 0) {
		rc = file_read(prefect_path(), theirs, err);
		if (rc < 0) {
			file_release(ours);
		}
	}
	return rc;
}

static char *wanted_name(const char *name, const struct file *ours,
			 const struct file *theirs)
{
	const char *env = opts_env("WF_PROFILE");

	if (name == NULL && (env == NULL || env[0] == '\0')) {
		env = opts_env("PREFECT_PROFILE");
	}
	if (name == NULL && env != NULL && env[0] != '\0') {
		name = env;
	}
	if (name == NULL) {
		name = ours->active != NULL ? ours->active : theirs->active;
	}
	return xstrdup(name != NULL && name[0] != '\0' ? name : "default");
}

int profile_load(const char *name, struct profile **ret_profile, struct error *err)
{
	struct file ours = {0}, theirs = {0};
	struct profile *p;
	char *wanted;
	int rc = read_both(&ours, &theirs, err);

	if (rc < 0) {
		return rc;
	}
	wanted = wanted_name(name, &ours, &theirs);
	if (name != NULL && !file_has(&ours, wanted) && !file_has(&theirs, wanted)) {
		rc = err_set(
		    err, ERR_NOT_FOUND,
		    "Profile '%s' not found. See them all with `wf profile ls`.",
		    wanted);
		free(wanted);
		file_release(&ours);
		file_release(&theirs);
		return rc;
	}
	p = xcalloc(1, sizeof(*p));
	p->name = wanted;
	p->prefects = !file_has(&ours, wanted) && file_has(&theirs, wanted);
	p->file = p->prefects ? theirs : ours;
	file_release(p->prefects ? &ours : &theirs);
	*ret_profile = p;
	return 0;
}

void profile_free(struct profile *p)
{
	if (p != NULL) {
		file_release(&p->file);
		free(p->name);
		free(p);
	}
}

const char *profile_name(const struct profile *p)
{
	return p->name;
}

int profile_is_prefects(const struct profile *p)
{
	return p->prefects;
}

/* The AT-th setting of this profile, or NULL. */
static const struct setting *setting_at(const struct profile *p, size_t at)
{
	for (size_t i = 0; i < p->file.count; i++) {
		const struct setting *s = &p->file.settings[i];

		if (s->key != NULL && strcmp(s->profile, p->name) == 0 && at-- == 0) {
			return s;
		}
	}
	return NULL;
}

const char *profile_get(const struct profile *p, const char *setting)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_at(p, i)) != NULL; i++) {
		if (strcmp(s->key, setting) == 0) {
			return s->value;
		}
	}
	return NULL;
}

int profile_is_secret(const char *name)
{
	return strstr(name, "AUTH_STRING") != NULL ||
	       strstr(name, "PASSWORD") != NULL || strstr(name, "SECRET") != NULL ||
	       (strlen(name) > 4 && strcmp(name + strlen(name) - 4, "_KEY") == 0) ||
	       strstr(name, "REDIS_URL") != NULL ||
	       strstr(name, "DATABASE_URL") != NULL;
}

size_t profile_count(const struct profile *p)
{
	size_t n = 0;

	while (setting_at(p, n) != NULL) {
		n++;
	}
	return n;
}

const char *profile_key(const struct profile *p, size_t at)
{
	return setting_at(p, at)->key;
}

const char *profile_value(const struct profile *p, size_t at)
{
	return setting_at(p, at)->value;
}

static void drop(struct file *f, size_t at)
{
	free(f->settings[at].profile);
	free(f->settings[at].key);
	free(f->settings[at].value);
	memmove(&f->settings[at], &f->settings[at + 1],
		(f->count - at - 1) * sizeof(*f->settings));
	f->count--;
}

int profile_set(const char *profile, const char *setting, const char *value,
		struct error *err)
{
	struct file f = {0};
	int rc = file_read(wf_path(), &f, err);

	if (rc < 0) {
		return rc;
	}
	for (size_t i = f.count; i-- > 0;) {
		const struct setting *s = &f.settings[i];

		if (s->key != NULL && strcmp(s->profile, profile) == 0 &&
		    strcmp(s->key, setting) == 0) {
			drop(&f, i);
		}
	}
	file_add(&f, profile, value != NULL ? setting : NULL, value);
	rc = file_write(&f, err);
	file_release(&f);
	return rc;
}

int profile_use(const char *profile, struct error *err)
{
	struct file ours = {0}, theirs = {0};
	int rc = read_both(&ours, &theirs, err);

	if (rc < 0) {
		return rc;
	}
	if (!file_has(&ours, profile) && !file_has(&theirs, profile) &&
	    strcmp(profile, "default") != 0) {
		rc = err_set(err, ERR_NOT_FOUND, "Profile '%s' not found.", profile);
	} else {
		free(ours.active);
		ours.active = xstrdup(profile);
		rc = file_write(&ours, err);
	}
	file_release(&ours);
	file_release(&theirs);
	return rc;
}

int profile_create(const char *name, const char *from, struct error *err)
{
	struct profile *source = NULL;
	struct file f = {0};
	int rc;

	if (!name_ok(name)) {
		return err_set(
		    err, ERR_USAGE,
		    "Profile names are letters, digits, '-' and '_', not '%s'.", name);
	}
	rc = from != NULL && from[0] != '\0' ? profile_load(from, &source, err) : 0;
	if (rc == 0) {
		rc = file_read(wf_path(), &f, err);
	}
	if (rc == 0 && file_has(&f, name)) {
		rc = err_set(err, ERR_CONFLICT, "Profile '%s' already exists.", name);
	}
	if (rc == 0) {
		file_add(&f, name, NULL, NULL);
		for (size_t i = 0; source != NULL && i < profile_count(source); i++) {
			file_add(&f, name, profile_key(source, i),
				 profile_value(source, i));
		}
		rc = file_write(&f, err);
	}
	file_release(&f);
	profile_free(source);
	return rc;
}

int profile_delete(const char *name, struct error *err)
{
	struct file f = {0};
	int rc = file_read(wf_path(), &f, err);

	if (rc == 0 && !file_has(&f, name)) {
		rc = err_set(err, ERR_NOT_FOUND, "wf has no profile '%s'.", name);
	} else if (rc == 0 && f.active != NULL && strcmp(f.active, name) == 0) {
		rc = err_set(err, ERR_CONFLICT,
			     "Profile '%s' is the active one; use another one first.",
			     name);
	} else if (rc == 0) {
		for (size_t i = f.count; i-- > 0;) {
			if (strcmp(f.settings[i].profile, name) == 0) {
				drop(&f, i);
			}
		}
		rc = file_write(&f, err);
	}
	file_release(&f);
	return rc;
}

int profile_rename(const char *name, const char *new_name, struct error *err)
{
	struct file f = {0};
	int rc = file_read(wf_path(), &f, err);

	if (rc == 0 && !name_ok(new_name)) {
		rc =
		    err_set(err, ERR_USAGE,
			    "Profile names are letters, digits, '-' and '_', not '%s'.",
			    new_name);
	} else if (rc == 0 && !file_has(&f, name)) {
		rc = err_set(err, ERR_NOT_FOUND, "Profile '%s' not found.", name);
	} else if (rc == 0 && file_has(&f, new_name)) {
		rc = err_set(err, ERR_CONFLICT, "Profile '%s' already exists.",
			     new_name);
	}
	for (size_t i = 0; rc == 0 && i < f.count; i++) {
		if (strcmp(f.settings[i].profile, name) == 0) {
			free(f.settings[i].profile);
			f.settings[i].profile = xstrdup(new_name);
		}
	}
	if (rc == 0 && f.active != NULL && strcmp(f.active, name) == 0) {
		free(f.active);
		f.active = xstrdup(new_name);
	}
	if (rc == 0) {
		rc = file_write(&f, err);
	}
	file_release(&f);
	return rc;
}

static size_t add_names(char **names, size_t n, const struct file *f)
{
	for (size_t i = 0; i < f->count && n < PROFILES_MAX; i++) {
		int known = 0;

		for (size_t j = 0; j < n; j++) {
			known |= strcmp(names[j], f->settings[i].profile) == 0;
		}
		if (!known) {
			names[n++] = xstrdup(f->settings[i].profile);
		}
	}
	return n;
}

char **profile_names(struct error *err)
{
	struct file ours = {0}, theirs = {0};
	char **names;
	size_t n;

	if (read_both(&ours, &theirs, err) < 0) {
		return NULL;
	}
	names = xcalloc(PROFILES_MAX + 1, sizeof(*names));
	n = add_names(names, 0, &ours);
	n = add_names(names, n, &theirs);
	if (n == 0) {
		names[0] = xstrdup("default");
	}
	file_release(&ours);
	file_release(&theirs);
	return names;
}
