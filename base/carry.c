/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carry.c - see carry.h.
 */
#include "base/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/notify.h"
#include "base/opts.h"
#include "base/proc.h"

extern char **environ;

void carry_init(struct carry *c)
{
	*c = (struct carry){0};
	buf_init(&c->text);
}

void carry_release(struct carry *c)
{
	buf_release(&c->text);
	free(c->fds);
}

json_t *carry_fd(struct carry *c, int fd)
{
	if (fd >= 0) {
		c->fds = xreallocarray(c->fds, c->count + 1, sizeof(*c->fds));
		c->fds[c->count++] = fd;
	}
	return json_integer(fd);
}

void carry_line(struct carry *c, json_t *o)
{
	char *text = json_text(o); /* has no line feed: JSON escapes it */

	buf_adds(&c->text, text);
	buf_addc(&c->text, '\n');
	free(text);
	json_decref(o);
}

/* ---- the old program ---- */

static void keep_open(const struct carry *c, int keep)
{
	for (size_t i = 0; i < c->count; i++) {
		(void)fcntl(c->fds[i], F_SETFD, keep ? 0 : FD_CLOEXEC);
	}
}

int carry_file(const struct carry *c, const char *name, struct error *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	size_t at = 0;

	while (fd >= 0 && at < c->text.len) {
		ssize_t n = write(fd, c->text.data + at, c->text.len - at);

		if (n <= 0 && errno != EINTR) {
			int rc = err_errno(err, "write the state down");

			(void)close(fd);
			return rc;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	return fd < 0 ? err_errno(err, "write the state down") : fd;
}

int carry_exec(struct carry *c, const struct carry_exec *e, struct error *err)
{
	int fd = carry_file(c, "wf-handover", err), rc;
	char *value;

	if (fd < 0) {
		return fd;
	}
	value = xasprintf("%d", fd);
	opts_env_set(e->variable, value);
	free(value);
	notify_restore_env(e->notify);
	(void)fcntl(fd, F_SETFD, 0);
	keep_open(c, 1);
	rc = proc_reexec(e->program, e->argv, environ, err);
	/* still here: it failed */
	keep_open(c, 0);
	opts_env_set(e->variable, NULL);
	notify_forget_env(e->notify);
	(void)close(fd);
	return rc;
}

/* ---- the new program ---- */

int carry_read(const char *variable, struct buf *ret, struct error *err)
{
	const char *value = opts_env(variable);
	int fd;

	if (value == NULL) {
		return 0;
	}
	fd = (int)strtol(value, NULL, 10);
	if (lseek(fd, 0, SEEK_SET) != 0) {
		return err_errno(err, "read the state of the program before (%s)",
				 variable);
	}
	return buf_read_fd(ret, fd, CARRY_BYTES_MAX, err);
}

void carry_forget(const char *variable)
{
	const char *value = opts_env(variable);

	if (value != NULL) {
		(void)close((int)strtol(value, NULL, 10));
		opts_env_set(variable, NULL);
	}
}

json_t *carry_next(const struct buf *text, size_t *at, struct error *err)
{
	const char *from = text->data + *at;
	const char *end = memchr(from, '\n', text->len - *at);

	err->code = 0;
	if (end == NULL) {
		return NULL;
	}
	*at += (size_t)(end - from) + 1;
	return json_parse(from, (size_t)(end - from), CARRY_LINE_MAX, err);
}

int carry_take_fd(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	int fd = json_is_integer(v) ? (int)json_integer_value(v) : -1;

	if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
		return -1;
	}
	return fd;
}

json_t *carry_bytes(const void *data, size_t len)
{
	char *text = base64_encode(data, len);
	json_t *v = json_string(text);

	free(text);
	return v;
}

void carry_take_bytes(const json_t *o, const char *key, struct buf *out)
{
	const json_t *v = json_object_get(o, key);
	size_t len = json_string_length(v), got = 0;

	if (len > 0) {
		buf_reserve(out, len);
		if (base64_decode(json_string_value(v), len, out->data + out->len, len,
				  &got) == 0) {
			out->len += got;
			out->data[out->len] = '\0';
		}
	}
}

long long carry_int(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

const char *carry_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}
