/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aiosync.h - fdatasync without blocking the loop and without a thread of ours: the
 * kernel's asynchronous I/O.  Where the kernel refuses that, it blocks.
 */
#ifndef AGENT_AIOSYNC_H
#define AGENT_AIOSYNC_H

struct aiosync;
struct error;
struct loop;

/* From the loop, never inside aiosync_start(). */
typedef void (*aiosync_fn)(int rc, const struct error *err, void *arg);

struct aiosync *aiosync_new(struct loop *loop);
/* Waits for what is under way; its callback is not called.  Accepts NULL. */
void aiosync_free(struct aiosync *a);
/* One at a time: -ERR_BUSY.  FD is borrowed and may be closed meanwhile. */
int aiosync_start(struct aiosync *a, int fd, aiosync_fn fn, void *arg,
		  struct error *err);
int aiosync_blocks(const struct aiosync *a); /* 1: the kernel refused */

#endif
