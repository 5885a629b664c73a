/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_journal.c - the journal: order, acknowledgements, restarts, damage, limits.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/crc32c.h"
#include "agent/journal.h"
#include "base/buf.h"
#include "base/error.h"

static char dir[64];
static struct error err;
static struct buf seen; /* replayed records, each with a comma */
static uint8_t seen_owner[16];
static uint64_t seen_first;

static void start(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/wf-journal-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	buf_init(&seen);
	memset(&err, 0, sizeof(err));
}

static void stop(void)
{
	char command[100];

	buf_release(&seen);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	(void)!system(command);
}

TestSuite(journal, .init = start, .fini = stop);

static void on_replay(uint64_t index, const uint8_t owner[16], const void *data,
		      size_t len, void *arg)
{
	(void)arg;
	if (seen.len == 0) {
		seen_first = index;
	}
	memcpy(seen_owner, owner, 16);
	buf_add(&seen, data, len);
	buf_addc(&seen, ',');
}

static struct journal_stats stats;

static struct journal *open_with(int64_t max, int64_t segment)
{
	struct journal_conf conf = {.dir = dir,
				    .max_bytes = max,
				    .segment_bytes = segment,
				    .owner = "owner-number-one"};
	struct journal *j = NULL;

	buf_reset(&seen);
	cr_assert_eq(journal_open(&conf, on_replay, NULL, &stats, &j, &err), 0, "%s",
		     err.msg);
	return j;
}

static struct journal *open_journal(void)
{
	return open_with(0, 0);
}

static uint64_t put(struct journal *j, const char *text)
{
	uint64_t index = 0;

	cr_assert_eq(journal_append(j, text, strlen(text), &index, &err), 0, "%s",
		     err.msg);
	return index;
}

static const char *get(struct journal *j, uint64_t index)
{
	static struct buf b;

	if (b.data == NULL) {
		buf_init(&b);
	}
	buf_reset(&b);
	return journal_read(j, index, &b, &err) == 0 ? b.data : NULL;
}

static int count_files(const char *pattern)
{
	char command[200];
	int n = -1;

	(void)snprintf(command, sizeof(command), "ls %s/0 | grep -c '%s'", dir,
		       pattern);
	FILE *f = popen(command, "re");
	if (fscanf(f, "%d", &n) != 1) {
		n = -1;
	}
	(void)pclose(f);
	return n;
}

/* The only segment file of slot 0. */
static char *segment_path(void)
{
	static char path[200];
	char command[200];

	(void)snprintf(command, sizeof(command), "ls %s/0/*.wfj | tail -1", dir);
	FILE *f = popen(command, "re");
	cr_assert_not_null(fgets(path, sizeof(path), f));
	(void)pclose(f);
	path[strcspn(path, "\n")] = '\0';
	return path;
}

Test(journal, crc32c_is_that_of_the_standard)
{
	char zeros[32] = {0};

	cr_expect_eq(crc32c(0, "123456789", 9), 0xe3069283);
	cr_expect_eq(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	cr_expect_eq(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
}

Test(journal, what_was_appended_is_read_back)
{
	struct journal *j = open_journal();
	uint64_t a = put(j, "first"), b = put(j, ""), c = put(j, "third");

	cr_expect_eq(b, a + 1);
	cr_expect_eq(c, a + 2);
	cr_expect_str_eq(get(j, a), "first");
	cr_expect_str_eq(get(j, b), "");
	cr_expect_str_eq(get(j, c), "third");
	cr_expect_null(get(j, c + 1));
	cr_expect_eq(journal_count(j), 3);
	journal_close(j);
}

Test(journal, unacknowledged_records_come_back_in_order)
{
	struct journal *j = open_journal();
	uint64_t a = put(j, "a"), b = put(j, "b");

	put(j, "c");
	put(j, "d");
	cr_expect_eq(journal_oldest(j), a);
	journal_ack(j, b);
	cr_expect_eq(journal_oldest(j), a);
	journal_ack(j, a);
	journal_ack(j, a); /* twice does no harm */
	cr_expect_eq(journal_oldest(j), b + 1);
	journal_close(j);
	j = open_journal();
	cr_expect_str_eq(seen.data, "c,d,");
	cr_expect_eq(stats.replayed, 2);
	cr_expect_eq(stats.dropped_bytes, 0);
	cr_expect_eq(memcmp(seen_owner, "owner-number-one", 16), 0);
	cr_expect_eq(put(j, "e"), b + 3, "indexes go on");
	cr_expect_str_eq(get(j, seen_first), "c");
	journal_close(j);
	j = open_journal();
	cr_expect_str_eq(seen.data, "c,d,e,");
	journal_close(j);
}

Test(journal, everything_acknowledged_leaves_nothing_behind)
{
	struct journal *j = open_journal();

	for (int i = 0; i < 10; i++) {
		journal_ack(j, put(j, "x"));
	}
	cr_expect_eq(journal_count(j), 0);
	journal_close(j);
	cr_expect_eq(count_files("wfj"), 0);
	j = open_journal();
	cr_expect_eq(stats.replayed, 0);
	cr_expect_eq(put(j, "y"), 10, "an index is never used again");
	journal_close(j);
}

Test(journal, segments_are_deleted_as_soon_as_they_are_acknowledged)
{
	struct journal *j = open_with(0, 1000);
	uint64_t index[100];
	char text[100];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 100; i++) {
		index[i] = put(j, text);
	}
	int before = count_files("wfj");
	cr_expect_gt(before, 10);
	for (int i = 99; i >= 50; i--) { /* the younger half, backwards */
		journal_ack(j, index[i]);
	}
	cr_expect_lt(count_files("wfj"), before / 2 + 3);
	cr_expect_eq(journal_oldest(j), index[0]);
	for (int i = 0; i < 49; i++) {
		journal_ack(j, index[i]);
	}
	cr_expect_eq(journal_oldest(j), index[49]);
	journal_close(j);
	j = open_with(0, 1000);
	cr_expect_geq(stats.replayed, 1);
	cr_expect_leq(stats.replayed, 9, "it and its neighbours in the segment");
	journal_close(j);
}

Test(journal, a_killed_process_loses_nothing)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct journal *j = open_journal();
		for (int i = 0; i < 500; i++) {
			char text[16];
			(void)snprintf(text, sizeof(text), "%d", i);
			uint64_t n = put(j, text);
			if (i < 100) {
				journal_ack(j, n);
			}
		}
		(void)kill(getpid(), SIGKILL);
	}
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	struct journal *j = open_journal();
	cr_expect_geq(stats.replayed, 400);
	cr_expect_leq(stats.replayed, 400 + 64, "the watermark is not far behind");
	cr_expect_str_eq(strstr(seen.data, "100,101,"),
			 strstr(seen.data, "100,101,102,"));
	cr_expect(strstr(seen.data, ",498,499,") != NULL);
	journal_close(j);
}

static void three_records(void)
{
	struct journal *j = open_journal();

	put(j, "aaaa");
	put(j, "bbbb");
	put(j, "cccc");
	journal_close(j);
}

/* Header 36 bytes, each record 8 + 4. */
Test(journal, a_tail_that_is_cut_anywhere_costs_only_its_record)
{
	three_records();
	char *path = segment_path();
	for (int cut = 1; cut <= 12; cut++) {
		struct stat st;
		cr_assert_eq(stat(path, &st), 0);
		cr_assert_eq(truncate(path, 36 + 3 * 12 - cut), 0);
		struct journal *j = open_journal();
		cr_expect_str_eq(seen.data, "aaaa,bbbb,", "cut %d", cut);
		cr_expect_eq(stats.dropped_bytes, (uint64_t)(cut < 12 ? 12 - cut : 0));
		journal_close(j);
		/* the damage is gone now: put the third record back */
		char command[400];
		(void)snprintf(command, sizeof(command), "rm -rf '%s'/*", dir);
		cr_assert_eq(system(command), 0);
		three_records();
		path = segment_path();
	}
}

Test(journal, every_garbled_byte_is_noticed)
{
	for (int at = 36; at < 36 + 36; at++) {
		char command[200];
		three_records();
		int fd = open(segment_path(), O_RDWR | O_CLOEXEC);
		char c = 0;
		cr_assert_eq(pread(fd, &c, 1, at), 1);
		c ^= 0x20;
		cr_assert_eq(pwrite(fd, &c, 1, at), 1);
		(void)close(fd);
		struct journal *j = open_journal();
		static const char *const want[] = {"", "aaaa,", "aaaa,bbbb,"};
		cr_expect_str_eq(seen.data, want[(at - 36) / 12], "byte %d", at);
		cr_expect_eq(stats.dropped_bytes, (uint64_t)(36 - (at - 36) / 12 * 12));
		cr_expect(stats.dropped_file[0] != '\0');
		put(j, "new");
		journal_close(j);
		j = open_journal();
		cr_expect(strstr(seen.data, "new,") != NULL, "goes on: %s", seen.data);
		journal_close(j);
		(void)snprintf(command, sizeof(command), "rm -rf '%s'/*", dir);
		cr_assert_eq(system(command), 0);
	}
}

Test(journal, a_garbled_header_sets_the_file_aside)
{
	three_records();
	int fd = open(segment_path(), O_RDWR | O_CLOEXEC);
	cr_assert_eq(pwrite(fd, "XXXX", 4, 0), 4);
	(void)close(fd);
	struct journal *j = open_journal();
	cr_expect_eq(stats.replayed, 0);
	cr_expect_gt(stats.dropped_bytes, 0);
	cr_expect_eq(count_files("bad"), 1);
	put(j, "new");
	journal_close(j);
	j = open_journal();
	cr_expect_str_eq(seen.data, "new,");
	cr_expect_eq(stats.dropped_bytes, 0, "told once");
	journal_close(j);
}

Test(journal, a_garbled_watermark_brings_acknowledged_records_back)
{
	struct journal *j = open_journal();
	char path[100];

	journal_ack(j, put(j, "a"));
	put(j, "b");
	journal_close(j);
	(void)snprintf(path, sizeof(path), "%s/0/acked", dir);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_eq(pwrite(fd, "zzzz", 4, 0), 4);
	(void)close(fd);
	j = open_journal();
	cr_expect_str_eq(seen.data, "a,b,");
	journal_close(j);
}

Test(journal, a_full_journal_pushes_back_until_something_is_acknowledged)
{
	struct journal *j = open_with(4000, 1000);
	char text[100];
	uint64_t index = 0, n = 0;

	memset(text, 'x', sizeof(text));
	while (journal_append(j, text, sizeof(text), &index, &err) == 0) {
		n++;
	}
	cr_expect_eq(err.code, ERR_LIMIT);
	cr_expect(strstr(err.msg, "full") != NULL, "%s", err.msg);
	cr_expect_gt(n, 30);
	cr_expect_leq(journal_bytes(j), 4000);
	for (uint64_t i = 0; i < 10; i++) {
		journal_ack(j, i);
	}
	cr_expect_eq(journal_append(j, text, sizeof(text), &index, &err), 0);
	cr_expect_eq(index, n, "a refused record leaves no gap");
	journal_close(j);
}

Test(journal, too_large_a_record_is_refused)
{
	struct journal *j = open_journal();
	uint64_t index = 0;
	char *big = calloc(1, JOURNAL_RECORD_MAX + 1);

	cr_expect_eq(journal_append(j, big, JOURNAL_RECORD_MAX + 1, &index, &err),
		     -ERR_TOO_LARGE);
	cr_expect_eq(journal_append(j, big, JOURNAL_RECORD_MAX, &index, &err), 0, "%s",
		     err.msg);
	journal_close(j);
	j = open_journal();
	cr_expect_eq(stats.replayed, 1);
	free(big);
	journal_close(j);
}

/* A file size limit stands in for a full disk: writes come back short, then fail. */
Test(journal, a_full_disk_is_reported_and_nothing_is_half_written)
{
	struct journal *j = open_journal();
	struct rlimit old, small = {.rlim_cur = 500, .rlim_max = RLIM_INFINITY};
	char text[100];
	uint64_t index = 0, n = 0;

	memset(text, 'x', sizeof(text));
	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	while (journal_append(j, text, sizeof(text), &index, &err) == 0) {
		n++;
	}
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	cr_expect_eq(n, 4);
	cr_expect_eq(err.code, ERR_IO, "%s", err.msg);
	cr_expect_eq(journal_append(j, "after", 5, &index, &err), 0, "%s", err.msg);
	journal_close(j);
	j = open_journal();
	cr_expect_eq(stats.replayed, 5);
	cr_expect_eq(stats.dropped_bytes, 0);
	journal_close(j);
}

Test(journal, two_processes_take_two_slots)
{
	struct journal *a = open_journal();
	struct journal *b = open_journal();

	cr_expect_str_neq(journal_path(a), journal_path(b));
	put(a, "in a");
	put(b, "in b");
	journal_close(a);
	a = open_journal();
	cr_expect_str_eq(seen.data, "in a,", "the first free slot");
	journal_close(a);
	journal_close(b);
}

Test(journal, syncing_covers_what_was_appended_before)
{
	struct journal *j = open_with(0, 200);
	uint64_t upto = 0, last = 0;

	cr_expect_lt(journal_unsynced(j, &upto), 0);
	for (int i = 0; i < 20; i++) {
		last = put(j, "0123456789012345678901234567890123456789");
	}
	cr_expect_geq(journal_unsynced(j, &upto), 0);
	cr_expect_lt(upto, last, "segment by segment");
	journal_synced(j, upto);
	cr_expect_eq(journal_sync(j, &err), 0);
	cr_expect_lt(journal_unsynced(j, &upto), 0);
	put(j, "x");
	cr_expect_geq(journal_unsynced(j, &upto), 0);
	cr_expect_eq(upto, last + 2);
	journal_close(j);
}

Test(journal, a_folder_that_cannot_be_made_is_an_error)
{
	struct journal_conf conf = {.dir = "/proc/nonexistent/x"};
	struct journal *j = NULL;

	cr_expect_lt(journal_open(&conf, on_replay, NULL, &stats, &j, &err), 0);
	cr_expect(strstr(err.msg, "/proc/nonexistent") != NULL, "%s", err.msg);
}
