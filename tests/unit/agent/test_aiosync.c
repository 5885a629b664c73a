/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_aiosync.c - syncing a file from the loop.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/aiosync.h"
#include "base/error.h"
#include "base/loop.h"

struct end {
	int count, rc;
};

static void on_end(int rc, const struct error *err, void *arg)
{
	struct end *e = arg;

	(void)err;
	e->count++;
	e->rc = rc;
}

static void wait_end(struct loop *loop, const struct end *e, int want)
{
	for (int i = 0; i < 500 && e->count < want; i++) {
		(void)loop_turn(loop, 20);
	}
	cr_assert_eq(e->count, want);
}

Test(aiosync, a_file_is_synced_without_blocking_the_caller)
{
	struct error err = {0};
	struct loop *loop = loop_new(&err);
	struct aiosync *a = aiosync_new(loop);
	char path[] = "/tmp/wf-aiosync-XXXXXX";
	int fd = mkstemp(path);
	struct end e = {0};

	cr_assert_geq(fd, 0);
	for (int i = 1; i <= 3; i++) {
		cr_assert_eq(write(fd, "x", 1), 1);
		cr_assert_eq(aiosync_start(a, fd, on_end, &e, &err), 0);
		cr_expect_eq(e.count, i - 1, "never inside the call");
		cr_expect_eq(aiosync_start(a, fd, on_end, &e, &err), -ERR_BUSY);
		wait_end(loop, &e, i);
		cr_expect_eq(e.rc, 0);
	}
	cr_expect_eq(aiosync_start(a, fd, on_end, &e, &err), 0);
	aiosync_free(a); /* with one under way */
	(void)loop_turn(loop, 10);
	cr_expect_eq(e.count, 3);
	(void)close(fd);
	(void)unlink(path);
	loop_free(loop);
}

Test(aiosync, what_cannot_be_synced_is_an_error_and_not_the_end)
{
	struct error err = {0};
	struct loop *loop = loop_new(&err);
	struct aiosync *a = aiosync_new(loop);
	struct end e = {0};
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(aiosync_start(a, fds[0], on_end, &e, &err), 0);
	wait_end(loop, &e, 1);
	cr_expect_lt(e.rc, 0);
	cr_assert_eq(aiosync_start(a, fds[0], on_end, &e, &err), 0);
	wait_end(loop, &e, 2);
	(void)close(fds[0]);
	(void)close(fds[1]);
	aiosync_free(a);
	aiosync_free(NULL);
	loop_free(loop);
}
