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
/* NOLINTEND(bugprone-reserved-identifier) */

#endif
