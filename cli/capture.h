/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.h - runs a program and keeps what it prints.
 */
#ifndef CLI_CAPTURE_H
#define CLI_CAPTURE_H

#include <stdint.h>

struct buf;
struct error;

#define CAPTURE_MAX (8u << 20)

/*
 * Waits for ARGV (absolute path or found in PATH), at most LIMIT_MS.  stdout goes to
 * OUT, stderr to ERRORS, each cut at CAPTURE_MAX.  *ret_status is its exit status
 * (signals negative).  A negative code only when it could not be run or ran too long.
 */
int capture(char *const *argv, int64_t limit_ms, struct buf *out, struct buf *errors,
	    int *ret_status, struct error *err);

#endif
