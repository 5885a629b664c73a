/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - the folder, and the choice between it and S3.
 */
#include "engine/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/results.h"
#include "engine/store/store_priv.h"

#define DIR_MODE  0700
#define FILE_MODE 0600

struct store *store_open(struct loop *loop, const char *where, struct error *err)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	if (where != NULL && strncmp(where, "s3://", 5) == 0) {
		if (s3_parse(s, where, err) < 0) {
			store_free(s);
			return NULL;
		}
		s->dir = results_dir();
		return s;
	}
	if (where != NULL && strncmp(where, "file://", 7) == 0) {
		where += 7;
	}
	if (where != NULL && strstr(where, "://") != NULL) {
		(void)err_set(err, ERR_UNSUPPORTED,
			      "result storage '%.100s' is neither a folder nor s3://",
			      where);
		store_free(s);
		return NULL;
	}
	s->dir = where != NULL && *where != '\0' ? xstrdup(where) : results_dir();
	if (*s->dir != '/') { /* metadata carries absolute paths */
		char here[PATH_MAX], *full;

		full =
		    xasprintf("%s/%s", getcwd(here, sizeof(here)) ? here : "", s->dir);
		free(s->dir);
		s->dir = full;
	}
	return s;
}

void store_free(struct store *s)
{
	if (s == NULL) {
		return;
	}
	s3_drop(s);
	free(s->dir);
	free(s->endpoint);
	free(s->bucket);
	free(s->prefix);
	free(s->region);
	free(s);
}

char *store_path(const struct store *s, const char *key)
{
	return s->endpoint != NULL ? s3_url(s, key) : xasprintf("%s/%s", s->dir, key);
}

void store_get(struct store *s, const char *key, store_fn fn, void *arg)
{
	struct error err = {.code = 0};
	char *path;
	struct buf b;
	int rc;

	if (s->endpoint != NULL) {
		s3_start(s, &(struct s3_ask){.verb = S3_GET, .key = key}, fn, arg);
		return;
	}
	buf_init(&b);
	path = store_path(s, key);
	rc = buf_read_file(&b, path, STORE_RECORD_MAX, &err);
	free(path);
	fn(rc, b.data, b.len, err.msg, arg);
	buf_release(&b);
}

void store_put(struct store *s, const char *key, const char *text, size_t len,
	       store_fn fn, void *arg)
{
	struct error err = {.code = 0};
	char *path, *slash;
	int rc;

	if (s->endpoint != NULL) {
		const struct s3_ask put = {
		    .verb = S3_PUT, .key = key, .text = text, .len = len};

		s3_start(s, &put, fn, arg);
		return;
	}
	path = store_path(s, key);
	slash = strrchr(path, '/');
	*slash = '\0';
	rc = mkdir_p(path, DIR_MODE, &err);
	*slash = '/';
	if (rc == 0) {
		rc = file_write_atomic(path, text, len, FILE_MODE, &err);
	}
	free(path);
	fn(rc, NULL, 0, err.msg, arg);
}

void store_remove(struct store *s, const char *key, store_fn fn, void *arg)
{
	char *path;

	if (s->endpoint != NULL) {
		s3_start(s, &(struct s3_ask){.verb = S3_DELETE, .key = key}, fn, arg);
		return;
	}
	path = store_path(s, key);
	(void)unlink(path);
	free(path);
	fn(0, NULL, 0, "", arg);
}

/* ---- keys and locks ---- */

char *store_key(const json_t *parts)
{
	char *text = json_text_sorted(parts), hex[65];

	sha256_hex(text, strlen(text), hex);
	free(text);
	return xasprintf("wf1-%s", hex);
}

char *store_key_clean(const char *key)
{
	char hex[65];
	size_t len = strlen(key);

	if (len > 0 && len <= STORE_KEY_MAX && *key != '/' && *key != '.' &&
	    strstr(key, "..") == NULL && strpbrk(key, "\\\n\r\t") == NULL &&
	    key[len - 1] != '/' && strstr(key, "//") == NULL &&
	    strncmp(key, "locks/", 6) != 0) {
		return xstrdup(key);
	}
	sha256_hex(key, len, hex);
	return xasprintf("wf1-%s", hex);
}

int store_lock(const struct store *s, const char *key, struct error *err)
{
	char hex[65], *dir = xasprintf("%s/locks", s->dir), *path;
	int fd, rc = mkdir_p(dir, DIR_MODE, err);

	sha256_hex(key, strlen(key), hex);
	path = xasprintf("%s/%.32s", dir, hex);
	free(dir);
	if (rc < 0) {
		free(path);
		return rc;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (fd < 0) {
		rc = err_errno(err, "open the lock %s", path);
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		rc = errno == EWOULDBLOCK ? err_set(err, ERR_BUSY, "locked")
					  : err_errno(err, "lock %s", path);
		(void)close(fd);
	} else {
		rc = fd;
	}
	free(path);
	return rc;
}

void store_unlock(int fd)
{
	if (fd >= 0) {
		(void)close(fd);
	}
}
