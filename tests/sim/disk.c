/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.c - see disk.h.  The system calls of agent/journal.c, agent/segment.c and
 * base/file.c on files in memory.
 */
#include "tests/sim/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/queue_ext.h"
#include "tests/sim/sim.h"
#include "tests/sim/wrap.h"

#define FD_BASE   (1 << 24)
#define FDS_MAX   4096
#define PATH_SIZE 128
#define GARBLE    16
#define LOG_FD    (FD_BASE - 1)
#define PAIR_FD   (FD_BASE + FDS_MAX)

struct file {
	TAILQ_ENTRY(file) link;
	char path[PATH_SIZE];
	struct buf now, durable;
	int is_dir, exists;
	int entry_durable; /* its name survives a power failure */
	int refs;          /* open descriptors */
	const struct sim_node *locked_by;
	unsigned int locked_inc;
};
TAILQ_HEAD(file_list, file);

struct disk {
	struct file_list files;
	int64_t full_until_us, lost_since_us;
};

static struct open_file {
	struct disk *disk;
	struct file *file; /* NULL: free */
	size_t pos;
} fds[FDS_MAX];
static int next_pair;

struct disk *disk_new(void)
{
	struct disk *d = xcalloc(1, sizeof(*d));

	TAILQ_INIT(&d->files);
	return d;
}

void disk_reset(void)
{
	memset(fds, 0, sizeof(fds));
	next_pair = 0;
}

static struct file *find(const struct disk *d, const char *path)
{
	struct file *f;

	TAILQ_FOREACH (f, &d->files, link) {
		if (f->exists && strcmp(f->path, path) == 0) {
			return f;
		}
	}
	return NULL;
}

static struct file *make(struct disk *d, const char *path, int is_dir)
{
	struct file *f = xcalloc(1, sizeof(*f));

	(void)snprintf(f->path, sizeof(f->path), "%s", path);
	buf_init(&f->now);
	buf_init(&f->durable);
	f->is_dir = is_dir;
	f->exists = 1;
	f->entry_durable = is_dir;
	TAILQ_INSERT_TAIL(&d->files, f, link);
	return f;
}

static int is_ours(const char *path)
{
	return strncmp(path, "/sim", 4) == 0 && sim_node != NULL;
}

static struct open_file *of(int fd)
{
	return fd >= FD_BASE && fd < FD_BASE + FDS_MAX && fds[fd - FD_BASE].file != NULL
		   ? &fds[fd - FD_BASE]
		   : NULL;
}

/* ---- the system calls ---- */

int __wrap_open(const char *path, int flags, ...)
{
	struct file *f;

	if (!is_ours(path)) {
		va_list ap;
		va_start(ap, flags);
		int mode = va_arg(ap, int);
		va_end(ap);
		return __real_open(path, flags, mode);
	}
	f = find(sim_node->disk, path);
	if (f == NULL && (flags & O_CREAT) == 0) {
		errno = ENOENT;
		return -1;
	}
	if (f == NULL && sim_node->disk->full_until_us > sim_now_us) {
		errno = ENOSPC;
		return -1;
	}
	if (f == NULL) {
		f = make(sim_node->disk, path, 0);
	}
	if ((flags & O_TRUNC) != 0) {
		buf_truncate(&f->now, 0);
	}
	for (int i = 0; i < FDS_MAX; i++) {
		if (fds[i].file == NULL) {
			fds[i] = (struct open_file){sim_node->disk, f, 0};
			return FD_BASE + i;
		}
	}
	BUG("the simulator has no descriptor left");
}

int __wrap_close(int fd)
{
	struct open_file *o = of(fd);

	if (fd < LOG_FD) {
		return __real_close(fd);
	}
	if (o != NULL) {
		if (o->file->locked_by == sim_node) {
			o->file->locked_by = NULL;
		}
		o->file = NULL;
	}
	return 0;
}

ssize_t __wrap_read(int fd, void *dst, size_t len)
{
	struct open_file *o = of(fd);
	ssize_t n;

	if (fd < LOG_FD) {
		return __real_read(fd, dst, len);
	}
	n = o != NULL ? __wrap_pread(fd, dst, len, (off_t)o->pos) : -1;
	if (n > 0) {
		o->pos += (size_t)n;
	}
	return n;
}

ssize_t __wrap_pread(int fd, void *dst, size_t len, off_t at)
{
	const struct open_file *o = of(fd);
	size_t left;

	if (o == NULL) {
		errno = EBADF;
		return -1;
	}
	left = (size_t)at < o->file->now.len ? o->file->now.len - (size_t)at : 0;
	len = len < left ? len : left;
	if (len > 0) {
		memcpy(dst, o->file->now.data + at, len);
	}
	return (ssize_t)len;
}

/* A full disk takes nothing, or a part. */
static ssize_t put(const struct open_file *o, const void *src, size_t len, size_t at)
{
	struct buf *b = &o->file->now;

	if (o->disk->full_until_us > sim_now_us) {
		if (len < 2 || rnd_permille(500)) {
			errno = ENOSPC;
			return -1;
		}
		len /= 2;
	}
	while (b->len < at + len) {
		buf_addc(b, '\0');
	}
	memcpy(b->data + at, src, len);
	return (ssize_t)len;
}

ssize_t __wrap_pwrite(int fd, const void *src, size_t len, off_t at)
{
	const struct open_file *o = of(fd);

	if (o == NULL) {
		errno = EBADF;
		return -1;
	}
	return put(o, src, len, (size_t)at);
}

ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
	ssize_t n = 0;

	for (int i = 0; i < count; i++) {
		ssize_t w = __wrap_pwrite(fd, iov[i].iov_base, iov[i].iov_len, at + n);
		if (w < 0) {
			return n > 0 ? n : -1;
		}
		n += w;
		if (w < (ssize_t)iov[i].iov_len) {
			break;
		}
	}
	return n;
}

/* The log of the programs. */
ssize_t __wrap_write(int fd, const void *src, size_t len)
{
	if (fd < LOG_FD) {
		return __real_write(fd, src, len);
	}
	if (fd == LOG_FD && len > 0) {
		sim_trace("log: %.*s", (int)len - 1, (const char *)src);
	}
	return (ssize_t)len;
}

int __wrap_ftruncate(int fd, off_t size)
{
	struct open_file *o = of(fd);

	if (o != NULL && o->file->now.len > (size_t)size) {
		buf_truncate(&o->file->now, (size_t)size);
	}
	return 0;
}

size_t disk_size(int fd)
{
	const struct open_file *o = of(fd);

	return o != NULL ? o->file->now.len : 0;
}

static void durable(struct file *f, size_t size)
{
	size = size < f->now.len ? size : f->now.len;
	buf_reset(&f->durable);
	buf_add(&f->durable, f->now.data, size);
}

void disk_durable(int fd, size_t size)
{
	const struct open_file *o = of(fd);

	if (o != NULL) {
		durable(o->file, size);
	}
}

int __wrap_fdatasync(int fd)
{
	disk_durable(fd, SIZE_MAX);
	return 0;
}

static int is_inside(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(dir, path, n) == 0 && path[n] == '/' &&
	       strchr(path + n + 1, '/') == NULL;
}

/* Of a folder: the names in it. */
int __wrap_fsync(int fd)
{
	const struct open_file *o = of(fd);
	struct file *f, *next;

	if (o == NULL || !o->file->is_dir) {
		return __wrap_fdatasync(fd);
	}
	TAILQ_FOREACH_SAFE (f, &o->disk->files, link, next) {
		if (is_inside(o->file->path, f->path)) {
			f->entry_durable = f->exists;
		}
	}
	return 0;
}

int __wrap_unlink(const char *path)
{
	struct file *f;

	if (!is_ours(path)) {
		return __real_unlink(path);
	}
	f = find(sim_node->disk, path);
	if (f == NULL) {
		errno = ENOENT;
		return -1;
	}
	f->exists = 0;
	return 0;
}

int __wrap_rename(const char *from, const char *to)
{
	struct file *f;

	if (!is_ours(from)) {
		return __real_rename(from, to);
	}
	f = find(sim_node->disk, from);
	if (f == NULL) {
		errno = ENOENT;
		return -1;
	}
	(void)__wrap_unlink(to);
	(void)snprintf(f->path, sizeof(f->path), "%s", to);
	return 0;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	if (!is_ours(path)) {
		return __real_mkdir(path, mode);
	}
	if (find(sim_node->disk, path) != NULL) {
		errno = EEXIST;
		return -1;
	}
	(void)make(sim_node->disk, path, 1);
	return 0;
}

int __wrap_stat(const char *path, struct stat *st)
{
	const struct file *f;

	if (!is_ours(path)) {
		return __real_stat(path, st);
	}
	f = find(sim_node->disk, path);
	if (f == NULL) {
		errno = ENOENT;
		return -1;
	}
	memset(st, 0, sizeof(*st));
	st->st_mode = f->is_dir ? S_IFDIR : S_IFREG;
	st->st_size = (off_t)f->now.len;
	return 0;
}

int __wrap_flock(int fd, int op)
{
	const struct open_file *o = of(fd);

	(void)op;
	if (o == NULL) {
		return 0;
	}
	if (o->file->locked_by == sim_node && o->file->locked_inc == sim_node->inc) {
		errno = EWOULDBLOCK;
		return -1;
	}
	o->file->locked_by = sim_node; /* what an ended program held is free */
	o->file->locked_inc = sim_node->inc;
	return 0;
}

/* ---- folders ---- */

struct listing {
	char names[FDS_MAX / 16][PATH_SIZE];
	size_t count, at;
	struct dirent entry;
};

DIR *__wrap_opendir(const char *path)
{
	struct listing *l;
	const struct file *f;

	if (!is_ours(path)) {
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	TAILQ_FOREACH (f, &sim_node->disk->files, link) {
		if (f->exists && is_inside(path, f->path) &&
		    l->count < sizeof(l->names) / sizeof(l->names[0])) {
			(void)snprintf(l->names[l->count++], PATH_SIZE, "%s",
				       strrchr(f->path, '/') + 1);
		}
	}
	return (DIR *)l;
}

struct dirent *__wrap_readdir(DIR *d)
{
	struct listing *l = (struct listing *)d;

	if (l->at == l->count) {
		return NULL;
	}
	(void)snprintf(l->entry.d_name, sizeof(l->entry.d_name), "%s",
		       l->names[l->at++]);
	return &l->entry;
}

int __wrap_closedir(DIR *d)
{
	free(d);
	return 0;
}

/* Two ends of a channel; channel.c finds them by their numbers. */
int __wrap_socketpair(int domain, int type, int protocol, int ends[2])
{
	(void)domain;
	(void)type;
	(void)protocol;
	ends[0] = PAIR_FD + 2 * next_pair;
	ends[1] = ends[0] + 1;
	next_pair++;
	return 0;
}

/* ---- faults ---- */

void disk_full(struct disk *d, int64_t until_us)
{
	d->full_until_us = until_us;
}

int64_t disk_lost_since_us(const struct disk *d)
{
	return d->lost_since_us;
}

/* Appended to, or written over in place (the watermark): what the medium has of it. */
static void lose(struct file *f)
{
	size_t sure = f->durable.len, more;

	if (f->now.len > sure) {
		more = (size_t)rnd_range(0, (int64_t)(f->now.len - sure));
		buf_truncate(&f->now, sure + more);
		for (size_t i = 0; more > 0 && rnd_permille(250) && i < GARBLE; i++) {
			f->now.data[sure + (size_t)rnd_range(0, (int64_t)more - 1)] =
			    (char)rnd();
		}
	} else if (rnd_permille(500)) {
		buf_reset(&f->now);
		buf_add(&f->now, f->durable.data, f->durable.len);
	}
	durable(f, SIZE_MAX);
}

void disk_power_failure(struct disk *d)
{
	struct file *f;

	TAILQ_FOREACH (f, &d->files, link) {
		if (f->is_dir) {
			continue;
		}
		if (f->exists != f->entry_durable && rnd_permille(500)) {
			f->exists = f->entry_durable;
		}
		f->entry_durable = f->exists;
		lose(f);
	}
	d->lost_since_us = sim_now_us;
}
