/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rundir.c - making, locking and sweeping run folders.
 */
#include "base/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#define PREFIX      "wf-run-"
#define SWEEP_MAX   8  /* dead folders removed by one run */
#define SWEEP_AGE_S 60 /* younger ones may be about to be locked */

static int open_folder(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The folders are flat: a task writes files, nothing else of ours is in there. */
static void empty(int fd)
{
	DIR *d = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	struct dirent *e;

	if (d == NULL) {
		return;
	}
	while ((e = readdir(d)) != NULL) {
		(void)unlinkat(fd, e->d_name, 0);
	}
	(void)closedir(d);
}

/* Removes the folder NAME if it is ours and its owner is gone; 1 when it did. */
static int sweep_one(int base, const char *name)
{
	struct stat st;
	int fd = open_folder(base, name), dead;

	if (fd < 0) {
		return 0;
	}
	dead = fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	       st.st_mtime + SWEEP_AGE_S < clock_wall_us() / CLOCK_US_PER_S &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (dead) {
		empty(fd);
		(void)unlinkat(base, name, AT_REMOVEDIR);
	}
	(void)close(fd);
	return dead;
}

static void sweep(const char *base)
{
	DIR *d = opendir(base);
	struct dirent *e;
	int swept = 0;

	if (d == NULL) {
		return;
	}
	while (swept < SWEEP_MAX && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0) {
			swept += sweep_one(dirfd(d), e->d_name);
		}
	}
	(void)closedir(d);
}

int rundir_open(struct rundir *d, const char *base, struct error *err)
{
	char *path;
	int fd;

	base = base != NULL && *base == '/' ? base : "/tmp";
	sweep(base);
	path = xasprintf("%s/" PREFIX "XXXXXX", base);
	if (mkdtemp(path) == NULL) {
		free(path);
		return err_errno(err, "make a folder for results below %s", base);
	}
	fd = open_folder(AT_FDCWD, path);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
		(void)err_errno(err, "lock %s", path);
		if (fd >= 0) {
			(void)close(fd);
		}
		(void)rmdir(path);
		free(path);
		return -ERR_IO;
	}
	d->path = path;
	d->fd = fd;
	return 0;
}

void rundir_borrow(struct rundir *d, const char *path)
{
	d->path = xstrdup(path);
	d->fd = -1;
}

void rundir_clear(const struct rundir *d)
{
	if (d->path != NULL && d->fd >= 0) {
		empty(d->fd);
	}
}

void rundir_close(struct rundir *d)
{
	if (d->path == NULL) {
		return;
	}
	if (d->fd >= 0) {
		empty(d->fd);
		(void)rmdir(d->path);
		(void)close(d->fd);
	}
	free(d->path);
	d->path = NULL;
}
