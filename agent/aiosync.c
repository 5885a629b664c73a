/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aiosync.c - see aiosync.h.  One request at a time; its end comes through an eventfd.
 */
#include "agent/aiosync.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"

struct aiosync {
	struct loop *loop;
	aio_context_t context; /* 0: not available */
	int event_fd;
	struct loop_io *io;
	struct loop_timer *timer; /* tells the end of a blocking sync */
	int busy, blocking_errno;
	aiosync_fn fn;
	void *arg;
};

static void finish(struct aiosync *a, int error)
{
	struct error err = {0};
	int rc = 0;

	if (error != 0) {
		errno = error;
		rc = err_errno(&err, "sync to disk");
	}
	a->busy = 0;
	a->fn(rc, rc < 0 ? &err : NULL, a->arg);
}

static void on_event(int fd, unsigned int events, void *arg)
{
	struct aiosync *a = arg;
	struct io_event e = {0};
	struct timespec now = {0};
	uint64_t n;

	(void)events;
	if (read(fd, &n, sizeof(n)) != (ssize_t)sizeof(n)) {
		return;
	}
	if (syscall(SYS_io_getevents, a->context, 1L, 1L, &e, &now) == 1) {
		finish(a, e.res < 0 ? (int)-e.res : 0);
	}
}

static void on_blocking_end(void *arg)
{
	struct aiosync *a = arg;

	finish(a, a->blocking_errno);
}

struct aiosync *aiosync_new(struct loop *loop)
{
	struct aiosync *a = xcalloc(1, sizeof(*a));

	a->loop = loop;
	a->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	a->timer = loop_timer_new(loop, on_blocking_end, a);
	if (a->event_fd >= 0) {
		a->io = loop_io_new(loop, a->event_fd, LOOP_READ, on_event, a);
	}
	if (a->io == NULL || syscall(SYS_io_setup, 1U, &a->context) < 0) {
		a->context = 0;
	}
	return a;
}

void aiosync_free(struct aiosync *a)
{
	if (a == NULL) {
		return;
	}
	if (a->context != 0) {
		(void)syscall(SYS_io_destroy, a->context); /* waits */
	}
	loop_io_free(a->io);
	loop_timer_free(a->timer);
	if (a->event_fd >= 0) {
		(void)close(a->event_fd);
	}
	free(a);
}

int aiosync_start(struct aiosync *a, int fd, aiosync_fn fn, void *arg,
		  struct error *err)
{
	struct iocb cb = {.aio_lio_opcode = IOCB_CMD_FDSYNC,
			  .aio_fildes = (uint32_t)fd,
			  .aio_flags = IOCB_FLAG_RESFD,
			  .aio_resfd = (uint32_t)a->event_fd};
	struct iocb *list = &cb;

	if (a->busy) {
		return err_set(err, ERR_BUSY, "a sync to disk is under way");
	}
	a->busy = 1;
	a->fn = fn;
	a->arg = arg;
	if (a->context != 0 && syscall(SYS_io_submit, a->context, 1L, &list) == 1) {
		return 0;
	}
	if (a->context != 0) {
		(void)syscall(SYS_io_destroy, a->context);
		a->context = 0;
	}
	a->blocking_errno = fdatasync(fd) < 0 ? errno : 0;
	loop_timer_in(a->timer, 0);
	return 0;
}

int aiosync_blocks(const struct aiosync *a)
{
	return a->context == 0;
}
