/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_link.c - what goes between wf-agent and a worker: slot frames, the run table.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run_table.h"
#include "agent/slot_frame.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"

#define ID_A "11111111-1111-4111-8111-111111111111"
#define ID_B "22222222-2222-4222-8222-222222222222"
#define ID_C "33333333-3333-4333-8333-333333333333"

static struct error err;

Test(slot_frame, every_kind_comes_out_as_it_went_in)
{
	char *queues[] = {(char[]){"default"}, (char[]){"night"}, NULL};
	const struct slot_frame frames[] = {
	    {.kind = SLOT_GRANT, .number = 7, .slots = 70000},
	    {.kind = SLOT_QUEUES, .queues = queues, .queue_count = 2},
	    {.kind = SLOT_QUEUES, .all = 1},
	    {.kind = SLOT_TALLY, .deaths = 1ull << 40, .text = "signal 9"},
	    {.kind = SLOT_RETIRE},
	    {.kind = SLOT_REPORT, .number = 3, .held = 2, .want = 10000, .flags = 3}};
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct slot_frame got = {0};

		cr_assert_eq(slot_frame_send(fd[0], &frames[i], &err), 0);
		cr_assert_eq(slot_frame_read(fd[1], &got, &err), 1);
		cr_expect_eq(got.kind, frames[i].kind);
		cr_expect_eq(got.number, frames[i].number);
		cr_expect_eq(got.slots, frames[i].slots);
		cr_expect_eq(got.held, frames[i].held);
		cr_expect_eq(got.want, frames[i].want);
		cr_expect_eq(got.flags, frames[i].flags);
		cr_expect_eq(got.all, frames[i].all);
		cr_expect_eq(got.deaths, frames[i].deaths);
		cr_expect_str_eq(got.text, frames[i].text);
		cr_assert_eq(got.queue_count, frames[i].queue_count);
		for (size_t k = 0; k < got.queue_count; k++) {
			cr_expect_str_eq(got.queues[k], queues[k]);
		}
		slot_frame_release(&got);
	}
	struct slot_frame none;
	cr_expect_eq(slot_frame_read(fd[1], &none, &err), -ERR_EMPTY);
	close(fd[0]);
	cr_expect_eq(slot_frame_read(fd[1], &none, &err), -ERR_UNAVAILABLE);
	close(fd[1]);
}

Test(slot_frame, garbage_is_refused_and_new_kinds_are_skipped)
{
	static const struct {
		const char *bytes;
		size_t len;
		int rc;
	} cases[] = {
	    {"", 0, -ERR_PROTOCOL},
	    {"\1", 1, -ERR_PROTOCOL},
	    {"\2\1\0\0\0\0\0\0\0\0", 10, -ERR_PROTOCOL},
	    {"\1\1\0\0\0\0\0\0\0", 9, -ERR_PROTOCOL},
	    {"\1\2\0\0\1\5ab", 8, -ERR_PROTOCOL},
	    {"\1\2\0\xff\xff", 5, -ERR_PROTOCOL},
	    {"\1\2\0\0\1\3a\0b", 9, -ERR_PROTOCOL},
	    {"\1\143whatever", 10, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slot_frame f = {0};

		cr_expect_eq(slot_frame_unpack(cases[i].bytes, cases[i].len, &f, &err),
			     cases[i].rc, "case %zu", i);
	}
}

/* ---- the run table ---- */

static char *table_path(void)
{
	char dir[] = "/tmp/wf-table-XXXXXX";

	cr_assert_not_null(mkdtemp(dir));
	return xasprintf("%s/t", dir);
}

static void remove_table(char *path)
{
	(void)unlink(path);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
	free(path);
}

Test(run_table, what_is_held_is_read_after_the_end)
{
	char *path = table_path();
	struct run_table *t;
	struct run_table_entry *e = NULL;
	size_t n = 0;

	cr_assert_eq(run_table_create(path, 3, &err), 0, "%s", err.msg);
	cr_assert_eq(run_table_open(path, &t, &err), 0, "%s", err.msg);
	cr_expect_eq(run_table_read(path, &e, &n, &err), -ERR_BUSY, "its worker lives");
	cr_expect_eq(run_table_hold(t, ID_A, 10, &err), 0);
	cr_expect_eq(run_table_hold(t, ID_B, 20, &err), 0);
	cr_expect_eq(run_table_hold(t, ID_C, 30, &err), 0);
	cr_expect_eq(
	    run_table_hold(t, "44444444-4444-4444-8444-444444444444", 40, &err),
	    -ERR_LIMIT);
	run_table_drop(t, ID_A, 9, 0);  /* another token's */
	run_table_drop(t, ID_A, 10, 1); /* it is not ending */
	run_table_ending(t, ID_B);
	run_table_drop(t, ID_B, 20, 0); /* it is: its settlement drops it */
	run_table_drop(t, ID_C, 30, 0); /* gone */
	cr_expect_eq(run_table_hold(t, ID_A, 11, &err), 0, "a newer token");
	run_table_close(t);

	cr_assert_eq(run_table_read(path, &e, &n, &err), 0, "%s", err.msg);
	cr_assert_eq(n, 2);
	for (size_t i = 0; i < n; i++) {
		int is_a = strcmp(e[i].run_id, ID_A) == 0;

		cr_expect(is_a || strcmp(e[i].run_id, ID_B) == 0);
		cr_expect_eq(e[i].token, is_a ? 11 : 20);
		cr_expect_eq(e[i].ending, !is_a);
	}
	free(e);
	remove_table(path);
}

Test(run_table, what_is_no_table_is_refused)
{
	char *path = table_path();
	struct run_table *t;
	int fd;

	cr_expect_eq(run_table_open(path, &t, &err), -ERR_NOT_FOUND);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	cr_assert_geq(fd, 0);
	cr_expect_eq(run_table_open(path, &t, &err), -ERR_INVALID);
	cr_assert_eq(write(fd, "WFRT1\0\0\0\xff\xff\0\0", 12), 12);
	cr_assert_eq(ftruncate(fd, 64), 0);
	cr_expect_eq(run_table_open(path, &t, &err), -ERR_INVALID, "too short");
	close(fd);
	remove_table(path);
}
