/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrap.h - the system calls that are replaced when the simulator is linked.
 */
#ifndef TESTS_SIM_WRAP_H
#define TESTS_SIM_WRAP_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker makes these names */
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
ssize_t __wrap_getrandom(void *dst, size_t len, unsigned int flags);
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __real_close(int fd);
ssize_t __wrap_read(int fd, void *dst, size_t len);
ssize_t __real_read(int fd, void *dst, size_t len);
ssize_t __wrap_write(int fd, const void *src, size_t len);
ssize_t __real_write(int fd, const void *src, size_t len);
ssize_t __wrap_pread(int fd, void *dst, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *src, size_t len, off_t at);
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int count, off_t at);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_unlink(const char *path);
int __real_unlink(const char *path);
int __wrap_rename(const char *from, const char *to);
int __real_rename(const char *from, const char *to);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_stat(const char *path, struct stat *st);
int __real_stat(const char *path, struct stat *st);
int __wrap_flock(int fd, int op);
DIR *__wrap_opendir(const char *path);
struct dirent *__wrap_readdir(DIR *d);
int __wrap_closedir(DIR *d);
int __wrap_socketpair(int domain, int type, int protocol, int ends[2]);
/* NOLINTEND(bugprone-reserved-identifier) */

#endif
