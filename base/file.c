/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.c - whole files in and out (declared in buf.h): bounded reads, atomic durable
 * writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"

#define READ_CHUNK   16384u
#define TMP_ATTEMPTS 16

int buf_read_fd(struct buf *b, int fd, size_t max, struct error *err)
{
	size_t before = b->len;

	for (;;) {
		/* One byte above MAX tells a file that fits from one that does not. */
		size_t room = max - (b->len - before);
		size_t want = room < READ_CHUNK ? room + 1 : READ_CHUNK;
		ssize_t n;

		buf_reserve(b, want);
		do {
			n = read(fd, b->data + b->len, want);
		} while (n < 0 && errno == EINTR);
		if (n < 0) {
			int rc = err_errno(err, "read");

			buf_truncate(b, before);
			return rc;
		}
		if (n == 0) {
			return 0;
		}
		if ((size_t)n > room) {
			buf_truncate(b, before);
			return err_set(err, ERR_TOO_LARGE, "more than %zu bytes", max);
		}
		b->len += (size_t)n;
		b->data[b->len] = '\0';
	}
}

int buf_read_file(struct buf *b, const char *path, size_t max, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0) {
		return err_errno(err, "open %s", path);
	}
	rc = buf_read_fd(b, fd, max, err);
	if (rc < 0) {
		err_wrap(err, "%s", path);
	}
	close(fd);
	return rc;
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int fsync_folder(const char *dir, struct error *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0) {
		return err_errno(err, "open folder %s", dir);
	}
	/* Some file systems cannot sync a folder and say EINVAL: nothing more can be
	 * done. */
	if (fsync(fd) < 0 && errno != EINVAL) {
		rc = err_errno(err, "fsync folder %s", dir);
	}
	close(fd);
	return rc;
}

/* Everything before the last slash; "." or "/" when there is nothing. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL) {
		return xstrdup(".");
	}
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* A new file besides PATH: same folder, so that the rename stays on one file system. */
static int open_temporary(const char *path, int mode, char **ret_tmp, struct error *err)
{
	for (int i = 0; i < TMP_ATTEMPTS; i++) {
		uint32_t tag;
		char *tmp;
		int fd;

		random_bytes(&tag, sizeof(tag));
		tmp = xasprintf("%s.%08x.tmp", path, (unsigned int)tag);
		fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			  (mode_t)mode);
		if (fd >= 0) {
			*ret_tmp = tmp;
			return fd;
		}
		free(tmp);
		if (errno != EEXIST) {
			break;
		}
	}
	return err_errno(err, "create a temporary file beside %s", path);
}

static int fill(int fd, const char *tmp, const void *data, size_t len, int mode,
		struct error *err)
{
	/* fchmod: MODE is exact, whatever the umask. */
	if (fchmod(fd, (mode_t)mode) < 0) {
		return err_errno(err, "chmod %s", tmp);
	}
	if (write_all(fd, data, len) < 0) {
		return err_errno(err, "write %s", tmp);
	}
	if (fsync(fd) < 0) {
		return err_errno(err, "fsync %s", tmp);
	}
	return 0;
}

int file_write_atomic(const char *path, const void *data, size_t len, int mode,
		      struct error *err)
{
	char *tmp = NULL;
	char *dir = NULL;
	int fd;
	int rc;

	fd = open_temporary(path, mode, &tmp, err);
	if (fd < 0) {
		return fd;
	}
	PRE(tmp != NULL);
	rc = fill(fd, tmp, data, len, mode, err);
	if (close(fd) < 0 && rc == 0) {
		rc = err_errno(err, "close %s", tmp);
	}
	if (rc == 0 && rename(tmp, path) < 0) {
		rc = err_errno(err, "rename %s to %s", tmp, path);
	}
	if (rc < 0) {
		unlink(tmp);
		goto out;
	}
	dir = folder_of(path);
	rc = fsync_folder(dir, err);
out:
	free(dir);
	free(tmp);
	return rc;
}

int mkdir_p(const char *path, int mode, struct error *err)
{
	char *copy = xstrdup(path);
	struct stat st;
	int rc = 0;

	for (char *p = copy; rc == 0; p++) {
		char c = *p;

		if ((c != '/' && c != '\0') || p == copy) {
			if (c == '\0') {
				break;
			}
			continue;
		}
		*p = '\0';
		if (mkdir(copy, (mode_t)mode) < 0 && errno != EEXIST) {
			rc = err_errno(err, "create folder %s", copy);
		}
		*p = c;
		if (c == '\0') {
			break;
		}
	}
	if (rc == 0 && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))) {
		rc = err_set(err, ERR_CONFLICT, "create folder %s: it is not a folder",
			     path);
	}
	free(copy);
	return rc;
}
