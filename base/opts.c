/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts.c - loading a configuration: defaults, then the file, the environment and the
 * flags.
 */
#include "base/opts.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/opts_priv.h"
#include "base/toml.h"

/* One loading; also the argument of the file reader. */
struct load {
	const struct opt_spec *spec;
	void *conf;
	struct opts *opts;
	int dry; /* look for --help and --version only */
};

const char *opts_env(const char *name)
{
	return getenv(name); /* only commands change it, before they have threads */
}

void opts_env_set(const char *name, const char *value)
{
	int rc = value != NULL ? setenv(name, value, 1) : unsetenv(name);

	if (rc != 0) {
		BUG("cannot set the environment variable %s", name);
	}
}

int opts_given(const struct opt_spec *spec, const struct opts *opts, const char *name)
{
	for (size_t i = 0; i < spec->count; i++) {
		if (strcmp(spec->opts[i].name, name) == 0) {
			return opts->source[i] != OPT_FROM_DEFAULT;
		}
	}
	BUG("%s has no option --%s", spec->program, name);
}

static size_t index_of(const struct load *l, const struct opt *opt)
{
	return (size_t)(opt - l->spec->opts);
}

/* A list of a stronger source replaces that of a weaker one; within one source it
 * grows. */
static int set_from(struct load *l, const struct opt *opt, const char *text,
		    enum opt_source source, struct error *err)
{
	unsigned char *from = &l->opts->source[index_of(l, opt)];

	if (opt->type == OPT_TYPE_LIST && *from != (unsigned char)source) {
		opt_clear(opt, l->conf);
	}
	*from = (unsigned char)source;
	return opt_set(opt, l->conf, text, err);
}

/* "a,b" for environment and default. */
static int set_split(struct load *l, const struct opt *opt, const char *text,
		     enum opt_source source, struct error *err)
{
	const char *end;
	char *item;
	int rc = 0;

	if (opt->type != OPT_TYPE_LIST) {
		return set_from(l, opt, text, source, err);
	}
	for (; rc == 0 && *text != '\0'; text = *end == ',' ? end + 1 : end) {
		end = strchrnul(text, ',');
		if (end > text) {
			item = xstrndup(text, (size_t)(end - text));
			rc = set_from(l, opt, item, source, err);
			free(item);
		}
	}
	return rc;
}

/* The nearest option to NAME, NULL when none is near. */
static const char *nearest_name(const struct opt_spec *spec, const char *name)
{
	const char **names = xcalloc(spec->count + 2, sizeof(*names)), *best;
	size_t i, n = 0;

	for (i = 0; i < spec->count; i++) {
		if ((spec->opts[i].flags & OPT_F_HIDDEN) == 0) {
			names[n++] = spec->opts[i].name;
		}
	}
	names[n++] = "help";
	names[n++] = "version";
	best = opts_nearest(name, names, n);
	free(names);
	return best;
}

/* ---- file ---- */

/* "wf-worker" reads the table [worker], every command of "wf" reads [cli]. */
static const char *section_of(const char *program)
{
	return strncmp(program, "wf-", 3) == 0 ? program + 3 : "cli";
}

static int is_other_section(const char *path)
{
	static const char *const sections[] = {"agent",  "api",    "cli",
					       "engine", "server", "worker"};
	size_t i, len = strcspn(path, ".");

	for (i = 0; path[len] == '.' && i < ARRAY_LEN(sections); i++) {
		if (strlen(sections[i]) == len && memcmp(sections[i], path, len) == 0) {
			return 1;
		}
	}
	return 0;
}

static int set_from_file(struct load *l, const struct opt *opt,
			 const struct toml_value *v, struct error *err)
{
	size_t i;
	int rc = 0;

	l->opts->source[index_of(l, opt)] =
	    OPT_FROM_DEFAULT; /* the section wins: start anew */
	if (v->type != TOML_ARRAY) {
		return set_split(l, opt, v->text, OPT_FROM_FILE, err);
	}
	if (opt->type != OPT_TYPE_LIST) {
		return err_set(err, ERR_INVALID, "takes one value, not an array");
	}
	opt_clear(opt, l->conf);
	l->opts->source[index_of(l, opt)] = OPT_FROM_FILE;
	for (i = 0; rc == 0 && i < v->count; i++) {
		rc = set_from(l, opt, v->items[i], OPT_FROM_FILE, err);
	}
	return rc;
}

static int on_file_value(const char *path, const struct toml_value *v, void *arg,
			 struct error *err)
{
	struct load *l = arg;
	const char *section = section_of(l->spec->program), *near;
	size_t len = strlen(section);
	const struct opt *opt;
	char *name, *c;
	int rc = 0, ours = strncmp(path, section, len) == 0 && path[len] == '.';

	if (!ours && is_other_section(path)) {
		return 0;
	}
	name = xstrdup(ours ? path + len + 1 : path);
	for (c = name; *c != '\0'; c++) {
		if (*c == '_') {
			*c = '-';
		}
	}
	opt = opts_find(l->spec, name, strlen(name));
	if (opt != NULL && (opt->flags & (OPT_F_NOFILE | OPT_F_FLAGONLY)) != 0) {
		rc = err_set(err, ERR_INVALID, "%s cannot be set in a file", path);
	} else if (opt != NULL) {
		rc = set_from_file(l, opt, v, err);
		if (rc < 0) {
			err_wrap(err, "%s", path);
		}
	} else {
		near = nearest_name(l->spec, name);
		rc = near != NULL
			 ? err_set(err, ERR_INVALID, "unknown key %s: did you mean %s?",
				   path, near)
			 : err_set(err, ERR_INVALID, "unknown key %s", path);
	}
	free(name);
	return rc;
}

static int load_file(struct load *l, const char *file, struct error *err)
{
	struct buf text;
	int rc;

	buf_init(&text);
	rc = buf_read_file(&text, file, TOML_MAX_BYTES, err);
	if (rc < 0) {
		err_wrap(err, "read the configuration");
	} else {
		rc = toml_parse(file, text.data, text.len, on_file_value, l, err);
	}
	buf_release(&text);
	return rc;
}

/* ---- defaults and environment ---- */

static int load_defaults(struct load *l)
{
	const struct opt *opt;
	struct error err;
	size_t i;

	for (i = 0; i < l->spec->count; i++) {
		opt = &l->spec->opts[i];
		if (opt->def != NULL &&
		    set_split(l, opt, opt->def, OPT_FROM_DEFAULT, &err) < 0) {
			BUG("default of --%s: %s", opt->name, err.msg);
		}
	}
	return 0;
}

static int load_env(struct load *l, struct error *err)
{
	const struct opt *opt;
	const char *text;
	size_t i, e;
	int rc;

	for (i = 0; i < l->spec->count; i++) {
		opt = &l->spec->opts[i];
		if ((opt->flags & OPT_F_FLAGONLY) != 0) {
			continue;
		}
		for (e = 0; e < ARRAY_LEN(opt->env) && opt->env[e] != NULL; e++) {
			text = opts_env(opt->env[e]);
			if (text == NULL || text[0] == '\0') {
				continue;
			}
			rc = set_split(l, opt, text, OPT_FROM_ENV, err);
			if (rc < 0) {
				return err_wrap(err, "environment variable %s",
						opt->env[e]);
			}
			break;
		}
	}
	return 0;
}

/* ---- flags ---- */

static int unknown_option(const struct load *l, const char *name, struct error *err)
{
	const char *near = nearest_name(l->spec, name);

	if (near != NULL) {
		return err_set(err, ERR_USAGE,
			       "unknown option --%s: did you mean --%s?", name, near);
	}
	return err_set(err, ERR_USAGE, "unknown option --%s (see %s --help)", name,
		       l->spec->program);
}

static int set_flag(struct load *l, const struct opt *opt, const char *text,
		    struct error *err)
{
	int rc;

	if (l->dry) {
		return 0;
	}
	if ((opt->flags & OPT_F_SECRET) != 0 && (opt->flags & OPT_F_ARGV_OK) == 0) {
		if (opt->env[0] == NULL) {
			return err_set(err, ERR_USAGE,
				       "--%s is a secret and every user of this host "
				       "can read a command "
				       "line: set it in the configuration file instead",
				       opt->name);
		}
		return err_set(err, ERR_USAGE,
			       "--%s is a secret and every user of this host can read "
			       "a command line: set "
			       "the environment variable %s instead",
			       opt->name, opt->env[0]);
	}
	rc = set_from(l, opt, text, OPT_FROM_FLAG, err);
	if (rc < 0 && err != NULL) {
		err_wrap(err, "--%s", opt->name);
		return err_set(err, ERR_USAGE, "%s", err->msg);
	}
	return rc;
}

/* Is TEXT a long option that we know?  Then it is not the value of the one before. */
static int is_known_flag(const struct load *l, const char *text)
{
	return strncmp(text, "--", 2) == 0 && text[2] != '\0' &&
	       opts_find(l->spec, text + 2, strcspn(text + 2, "=")) != NULL;
}

/* The value of OPT from the next argument; *at moves on to it. */
static int take_next(struct load *l, const struct opt *opt, char **argv, int argc,
		     int *at, struct error *err)
{
	if (*at + 1 >= argc || is_known_flag(l, argv[*at + 1])) {
		return l->dry ? 0
			      : err_set(err, ERR_USAGE, "--%s needs a value: --%s %s",
					opt->name, opt->name, opt_metavar(opt));
	}
	++*at;
	return set_flag(l, opt, argv[*at], err);
}

static int long_flag(struct load *l, char **argv, int argc, int *at, struct error *err)
{
	const char *name = argv[*at] + 2, *value = strchr(name, '=');
	size_t len = value != NULL ? (size_t)(value - name) : strlen(name);
	const struct opt *opt = opts_find(l->spec, name, len);

	if (opt == NULL && strcmp(name, "help") == 0) {
		l->opts->want_help = 1;
		return 0;
	}
	if (opt == NULL && strcmp(name, "version") == 0) {
		l->opts->want_version = 1;
		return 0;
	}
	if (opt == NULL && value == NULL && strncmp(name, "no-", 3) == 0) {
		opt = opts_find(l->spec, name + 3, len - 3);
		if (opt != NULL && opt->type == OPT_TYPE_BOOL) {
			return set_flag(l, opt, "false", err);
		}
		opt = NULL;
	}
	if (opt == NULL) {
		char *word = xstrndup(name, len);
		int rc = l->dry ? 0 : unknown_option(l, word, err);

		free(word);
		return rc;
	}
	if (value != NULL) {
		return set_flag(l, opt, value + 1, err);
	}
	return opt->type == OPT_TYPE_BOOL ? set_flag(l, opt, "true", err)
					  : take_next(l, opt, argv, argc, at, err);
}

/* -abc, -p NAME, -pNAME */
static int short_flags(struct load *l, char **argv, int argc, int *at,
		       struct error *err)
{
	const char *s;
	const struct opt *opt;
	int rc = 0;

	for (s = argv[*at] + 1; rc == 0 && *s != '\0'; s++) {
		opt = opts_find_letter(l->spec, *s);
		if (opt == NULL && (*s == 'h' || *s == 'V')) {
			*(*s == 'h' ? &l->opts->want_help : &l->opts->want_version) = 1;
		} else if (opt == NULL) {
			return l->dry ? 0
				      : err_set(err, ERR_USAGE,
						"unknown option -%c (see %s --help)",
						*s, l->spec->program);
		} else if (opt->type == OPT_TYPE_BOOL) {
			rc = set_flag(l, opt, "true", err);
		} else if (s[1] != '\0') {
			return set_flag(l, opt, s + 1, err);
		} else {
			return take_next(l, opt, argv, argc, at, err);
		}
	}
	return rc;
}

/* Positional arguments are moved to the front of ARGV, whose entries there are used up.
 */
static int load_flags(struct load *l, int argc, char **argv, struct error *err)
{
	int at, rc = 0, only_args = 0;

	l->opts->args = argv + (argc > 0);
	l->opts->nargs = 0;
	for (at = 1; rc == 0 && at < argc; at++) {
		if (only_args || argv[at][0] != '-' || argv[at][1] == '\0') {
			if (!l->dry) {
				l->opts->args[l->opts->nargs] = argv[at];
			}
			l->opts->nargs++;
		} else if (strcmp(argv[at], "--") == 0) {
			only_args = 1;
		} else if (argv[at][1] == '-') {
			rc = long_flag(l, argv, argc, &at, err);
		} else {
			rc = short_flags(l, argv, argc, &at, err);
		}
	}
	if (!l->dry && rc == 0 && argc > 0) {
		l->opts->args[l->opts->nargs] = NULL;
	}
	return rc;
}

/* ---- checks ---- */

static int check_args(const struct load *l, struct error *err)
{
	const struct opt_spec *spec = l->spec;
	int n = l->opts->nargs;

	if (n < spec->min_args) {
		return err_set(err, ERR_USAGE, "missing argument %s (usage: %s %s)",
			       spec->arg_names != NULL ? spec->arg_names[n] : "",
			       spec->program, spec->usage != NULL ? spec->usage : "");
	}
	if (spec->max_args >= 0 && n > spec->max_args) {
		return err_set(err, ERR_USAGE,
			       "unexpected argument \"%s\" (see %s --help)",
			       l->opts->args[spec->max_args], spec->program);
	}
	return 0;
}

static int check_required(const struct load *l, struct error *err)
{
	const struct opt *opt;
	size_t i;

	for (i = 0; i < l->spec->count; i++) {
		opt = &l->spec->opts[i];
		if ((opt->flags & OPT_F_REQUIRED) == 0 || opt->def != NULL ||
		    l->opts->source[i] != OPT_FROM_DEFAULT) {
			continue;
		}
		if (opt->env[0] != NULL && (opt->flags & OPT_F_SECRET) != 0) {
			return err_set(err, ERR_USAGE, "%s is not set", opt->env[0]);
		}
		return err_set(err, ERR_USAGE, "missing option --%s %s%s%s%s",
			       opt->name, opt_metavar(opt),
			       opt->env[0] != NULL ? " (or set " : "",
			       opt->env[0] != NULL ? opt->env[0] : "",
			       opt->env[0] != NULL ? ")" : "");
	}
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): what main() has, and four more */
int opts_load(const struct opt_spec *spec, int argc, char **argv, const char *file,
	      void *conf, struct opts *ret_opts, struct error *err)
{
	struct load l = {.spec = spec, .conf = conf, .opts = ret_opts, .dry = 1};
	int rc;

	memset(conf, 0, spec->conf_size);
	*ret_opts =
	    (struct opts){.source = xcalloc(spec->count, sizeof(unsigned char))};
	rc = load_flags(&l, argc, argv, NULL);
	l.dry = 0;
	if (rc == 0) {
		rc = load_defaults(&l);
	}
	if (ret_opts->want_help || ret_opts->want_version) {
		return 0;
	}
	if (rc == 0 && file != NULL) {
		rc = load_file(&l, file, err);
	}
	if (rc == 0) {
		rc = load_env(&l, err);
	}
	if (rc == 0) {
		rc = load_flags(&l, argc, argv, err);
	}
	if (rc == 0) {
		rc = check_args(&l, err);
	}
	if (rc == 0) {
		rc = check_required(&l, err);
	}
	if (rc < 0) {
		opts_release(spec, conf, ret_opts);
	}
	return rc;
}

void opts_release(const struct opt_spec *spec, void *conf, struct opts *opts)
{
	size_t i;

	for (i = 0; i < spec->count; i++) {
		opt_clear(&spec->opts[i], conf);
	}
	free(opts->source);
	opts->source = NULL;
}
