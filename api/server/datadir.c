/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datadir.c - see datadir.h.
 */
#include "api/server/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/data_home.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opts.h"

#define SMALL_FILE_MAX 4096

char *datadir_default(void)
{
	const char *base = opts_env("XDG_DATA_HOME"), *home = opts_env("HOME");

	if (base != NULL && base[0] == '/') {
		return xasprintf("%s/wf", base);
	}
	return home != NULL && home[0] == '/' ? xasprintf("%s/.local/share/wf", home)
					      : NULL;
}

static char *absolute(const char *path)
{
	char *cwd, *full;

	if (path[0] == '/') {
		return xstrdup(path);
	}
	cwd = getcwd(NULL, 0);
	full = cwd != NULL ? xasprintf("%s/%s", cwd, path) : xstrdup(path);
	free(cwd);
	return full;
}

static long pid_in(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int open_lock(const char *path, int flags)
{
	char *file = xasprintf("%s/lock", path);
	int fd = open(file, O_RDWR | O_CLOEXEC | flags, 0600);

	free(file);
	return fd;
}

int datadir_is_used(const char *path, long *ret_pid)
{
	int fd = open_lock(path, 0), used;

	if (fd < 0) {
		return 0;
	}
	used = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	if (ret_pid != NULL) {
		*ret_pid = used ? pid_in(fd) : 0;
	}
	(void)close(fd);
	return used;
}

static int in_use(const struct datadir *d, struct error *err)
{
	char *url = data_home_url(d->path);
	long pid = pid_in(d->lock_fd);
	int rc = err_set(
	    err, ERR_CONFLICT,
	    "the data directory %s is in use by wf-api with pid %ld%s%s; stop "
	    "it with `wf server stop`, or start this one with another "
	    "--data-dir and --port",
	    d->path, pid, url != NULL ? ", serving " : "", url != NULL ? url : "");

	free(url);
	return rc;
}

static int write_pid(int fd)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n ? 0 : -1;
}

int datadir_open(struct datadir *d, const char *path, struct error *err)
{
	int rc;

	d->lock_fd = -1;
	d->path = absolute(path);
	rc = mkdir_p(d->path, 0700, err);
	if (rc < 0) {
		err_wrap(err, "data directory %s", d->path);
		goto fail;
	}
	d->lock_fd = open_lock(d->path, O_CREAT);
	if (d->lock_fd < 0) {
		rc = err_errno(err, "open %s/lock", d->path);
		goto fail;
	}
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		rc = errno == EWOULDBLOCK ? in_use(d, err)
					  : err_errno(err, "lock %s/lock", d->path);
		goto fail;
	}
	if (write_pid(d->lock_fd) < 0) {
		rc = err_errno(err, "write %s/lock", d->path);
		goto fail;
	}
	datadir_unpublish(d); /* left by a server that was killed */
	return 0;
fail:
	datadir_close(d);
	return rc;
}

void datadir_close(struct datadir *d)
{
	if (d->lock_fd >= 0) {
		if (ftruncate(d->lock_fd, 0) < 0) {
			log_warn("%s/lock: %s, ignoring", d->path, strerror(errno));
		}
		(void)close(d->lock_fd);
	}
	d->lock_fd = -1;
	free(d->path);
	d->path = NULL;
}

static int write_file(const struct datadir *d, const char *name, const char *text,
		      struct error *err)
{
	char *file = xasprintf("%s/%s", d->path, name);
	int rc = file_write_atomic(file, text, strlen(text), 0600, err);

	free(file);
	return rc;
}

static void remove_file(const struct datadir *d, const char *name)
{
	char *file = xasprintf("%s/%s", d->path, name);

	if (unlink(file) < 0 && errno != ENOENT) {
		log_warn("remove %s: %s, ignoring", file, strerror(errno));
	}
	free(file);
}

int datadir_publish(const struct datadir *d, const char *url, int port,
		    struct error *err)
{
	char *text = xasprintf("%d\n", port);
	int rc = write_file(d, "port", text, err);

	free(text);
	if (rc == 0) {
		text = xasprintf("%s\n", url);
		rc = write_file(d, "url", text, err);
		free(text);
	}
	return rc;
}

void datadir_unpublish(const struct datadir *d)
{
	remove_file(d, "url");
	remove_file(d, "port");
}
