/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_outbox.c - every update arrives once in effect, in order, whatever the API does.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/outbox.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/loop.h"
#include "tests/unit/agent/fake_api.h"

#define WAIT_MS 10000

static struct loop *loop;
static struct httpc *httpc;
static struct fake_api api;
static struct outbox *box;
static struct error err;
static char dir[64];
static uint64_t next_id;

static struct told {
	int verdicts, replayed, up, down, warnings;
	int answer, state_type, gone;
	uint64_t fence;
	char warning[300];
} told;

static void on_verdict(const struct outbox_verdict *v, void *arg)
{
	(void)arg;
	told.verdicts++;
	told.replayed += v->replayed;
	told.answer = (int)v->answer->answer;
	told.state_type = v->state_type;
	told.fence = v->fence;
}

static void on_up(int up, const char *reason, void *arg)
{
	(void)arg;
	(void)reason;
	told.up += up;
	told.down += !up;
}

static void on_warning(const char *text, void *arg)
{
	(void)arg;
	told.warnings++;
	(void)snprintf(told.warning, sizeof(told.warning), "%s", text);
}

static uint64_t open_box(int64_t max_bytes, int64_t batch_ms)
{
	struct outbox_conf conf = {.api_url = api.url,
				   .auth = "me:secret",
				   .sender = "worker one",
				   .pool = "pool",
				   .dir = dir,
				   .max_bytes = max_bytes,
				   .batch_ms = batch_ms,
				   .on_verdict = on_verdict,
				   .on_up = on_up,
				   .on_warning = on_warning};
	uint64_t replayed = 0;
	static unsigned char process;

	memset(conf.sender_id, ++process, sizeof(conf.sender_id));
	cr_assert_eq(outbox_open(loop, httpc, &conf, &box, &replayed, &err), 0, "%s",
		     err.msg);
	return replayed;
}

static void start(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/wf-outbox-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	loop = loop_new(&err);
	httpc = httpc_new(loop, 4);
	fake_api_start(&api, loop, 0);
	api.auth = "Basic bWU6c2VjcmV0";
	(void)open_box(0, 0);
}

static void stop(void)
{
	char command[100];

	outbox_close(box);
	httpc_free(httpc);
	fake_api_release(&api);
	loop_free(loop);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	(void)!system(command);
}

TestSuite(outbox, .init = start, .fini = stop, .timeout = 60);

struct got {
	int count, rc, answer, invalid;
};

static void on_answer(int rc, const Wf__Updates__UpdateAnswer *a, const struct error *e,
		      void *arg)
{
	struct got *g = arg;

	(void)e;
	g->count++;
	g->rc = rc;
	g->answer = a != NULL ? (int)a->answer : 0;
	g->invalid = a != NULL && a->invalid;
}

static void wait_for(const int *value, int want)
{
	int64_t until = clock_mono_ms() + WAIT_MS;

	while (*value < want && clock_mono_ms() < until) {
		(void)loop_turn(loop, 50);
	}
	cr_assert_geq(*value, want, "%d of %d after %d ms", *value, want, WAIT_MS);
}

static void turn_for(int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	while (clock_mono_ms() < until) {
		(void)loop_turn(loop, until - clock_mono_ms());
	}
}

static void run_id(uint8_t id[16], int run)
{
	memset(id, 0x11, 16);
	id[0] = (uint8_t)run;
}

/* A RunInfo update of RUN with TEXT as its name; returns outbox_put's code. */
static int put_text(int run, unsigned int flags, char *text, struct got *g)
{
	Wf__Updates__Update u;
	Wf__Updates__RunInfo info;
	uint8_t id[16] = {0}, rid[16];

	wf__updates__update__init(&u);
	wf__updates__run_info__init(&info);
	next_id++;
	memcpy(id, &next_id, sizeof(next_id));
	id[15] = (uint8_t)getpid();
	run_id(rid, run);
	u.id.data = id;
	u.id.len = 16;
	u.flow_run_id.data = rid;
	u.flow_run_id.len = 16;
	u.fence = 42;
	u.body_case = WF__UPDATES__UPDATE__BODY_RUN_INFO;
	u.run_info = &info;
	info.name = text;
	return outbox_put(box, &u, flags, g != NULL ? on_answer : NULL, g, &err);
}

static void put(int run, unsigned int flags, struct got *g)
{
	char text[] = "name";

	cr_assert_eq(put_text(run, flags, text, g), 0, "%s", err.msg);
}

static void all_applied(int count)
{
	wait_for(&api.applied, count);
	turn_for(20);
	cr_expect_eq(api.applied, count);
	cr_expect_eq(api.bad_order, 0, "order within each run");
	cr_expect_eq(outbox_pending(box), 0);
}

Test(outbox, an_update_is_sent_and_answered)
{
	struct got g = {0};

	put(1, OUTBOX_URGENT, &g);
	cr_expect_eq(outbox_pending(box), 1);
	wait_for(&g.count, 1);
	cr_expect_eq(g.rc, 0);
	cr_expect_eq(g.answer, WF__CONTROL__ANSWER__ACCEPT);
	cr_expect_str_eq(api.sender, "worker one");
	cr_expect_str_eq(api.pool, "pool");
	cr_expect_eq(api.bad_auth, 0);
	cr_expect_eq(told.up, 1);
	cr_expect_eq(told.verdicts, 0, "a plain ACCEPT is no news");
	all_applied(1);
}

Test(outbox, urgent_items_go_at_once_and_others_wait_for_company)
{
	struct got g = {0};

	outbox_close(box);
	(void)open_box(0, 400);
	turn_for(1); /* the loop's time is that of its last turn */
	int64_t before = clock_mono_ms();
	put(1, 0, &g);
	put(2, 0, &g);
	put(2, 0, &g);
	turn_for(200);
	cr_expect_eq(g.count, 0);
	wait_for(&g.count, 3);
	cr_expect_geq(clock_mono_ms() - before, 350);
	cr_expect_eq(api.batches, 1);
	before = clock_mono_ms();
	put(1, 0, &g);
	put(2, OUTBOX_URGENT, &g);
	wait_for(&g.count, 5);
	cr_expect_lt(clock_mono_ms() - before, 300);
	all_applied(5);
}

Test(outbox, many_updates_go_in_full_batches)
{
	struct got g = {0};

	for (int i = 0; i < 1050; i++) {
		put(i % 7, 0, &g);
	}
	wait_for(&g.count, 1050);
	cr_expect_eq(api.largest, 200);
	cr_expect_lt(api.batches, 12);
	all_applied(1050);
}

Test(outbox, what_was_put_while_the_api_was_away_arrives_when_it_is_back)
{
	struct got g = {0};
	int port = api.port;

	fake_api_stop(&api);
	for (int i = 0; i < 50; i++) {
		put(i % 3, OUTBOX_URGENT, &g);
	}
	wait_for(&told.down, 1);
	turn_for(300);
	cr_expect_eq(outbox_is_up(box), 0);
	cr_expect_eq(g.count, 0);
	cr_expect_gt(outbox_lag_ms(box), 200);
	fake_api_start(&api, loop, port);
	wait_for(&g.count, 50);
	cr_expect_eq(told.down, 1, "told once");
	cr_expect_eq(told.up, 1);
	cr_expect_eq(outbox_is_up(box), 1);
	all_applied(50);
}

Test(outbox, errors_of_any_kind_are_tried_again)
{
	static const int codes[] = {500, 503, 401, 404, 429};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct got g = {0};
		api.status = codes[i];
		api.requests = 0;
		put(1, OUTBOX_URGENT, &g);
		wait_for(&api.requests, 2);
		cr_expect_eq(g.count, 0, "status %d", codes[i]);
		api.status = 0;
		wait_for(&g.count, 1);
	}
	all_applied(5);
}

Test(outbox, an_answer_that_got_lost_costs_a_duplicate_and_nothing_else)
{
	struct got g = {0};

	api.no_answer = 2;
	for (int i = 0; i < 10; i++) {
		put(i % 2, OUTBOX_URGENT, &g);
	}
	wait_for(&g.count, 10);
	cr_expect_geq(api.duplicates, 10);
	all_applied(10);
}

Test(outbox, nonsense_and_missing_answers_are_not_believed)
{
	struct got g = {0};

	api.garbage = 1;
	put(1, OUTBOX_URGENT, &g);
	put(2, OUTBOX_URGENT, &g);
	wait_for(&api.requests, 2);
	api.garbage = 0;
	api.one_less = 1;
	wait_for(&api.requests, 4);
	cr_expect_eq(g.count, 0);
	api.one_less = 0;
	wait_for(&g.count, 2);
	all_applied(2);
}

Test(outbox, a_run_that_is_not_taken_waits_and_others_go_on)
{
	struct got slow = {0}, fast = {0};

	run_id(api.refuse_run, 1);
	api.refuse_count = 3;
	api.refuse_from = 2;
	for (int i = 0; i < 5; i++) {
		put(1, 0, &slow);
		put(2, 0, &fast);
	}
	wait_for(&fast.count, 5);
	cr_expect_eq(slow.count, 2, "the first two were taken");
	put(2, OUTBOX_URGENT, &fast);
	wait_for(&fast.count, 6);
	wait_for(&slow.count, 5);
	cr_expect_eq(slow.answer, WF__CONTROL__ANSWER__ACCEPT);
	all_applied(11);
}

Test(outbox, every_answer_that_is_news_is_a_verdict)
{
	static const int answers[] = {
	    WF__CONTROL__ANSWER__REJECT, WF__CONTROL__ANSWER__WAIT,
	    WF__CONTROL__ANSWER__ABORT, WF__CONTROL__ANSWER__SUPERSEDED};

	for (int i = 0; i < 4; i++) {
		struct got g = {0};
		api.answer = answers[i];
		put(1, OUTBOX_URGENT, &g);
		wait_for(&g.count, 1);
		cr_expect_eq(g.answer, answers[i]);
		cr_expect_eq(told.verdicts, i + 1);
		cr_expect_eq(told.answer, answers[i]);
		cr_expect_eq(told.fence, 42);
	}
	cr_expect_eq(told.replayed, 0);
}

Test(outbox, the_next_process_sends_what_is_left)
{
	struct got g = {0};

	put(9, OUTBOX_URGENT, &g);
	wait_for(&g.count, 1);
	api.status = 503;
	for (int i = 0; i < 30; i++) {
		put(i % 3, 0, &g);
	}
	turn_for(200);
	outbox_close(box);
	cr_expect_eq(g.count, 31);
	cr_expect_eq(g.rc, -ERR_CANCELED);
	cr_expect_eq(open_box(0, 0), 30);
	struct got later = {0};
	put(1, 0, &later);
	api.status = 0;
	wait_for(&later.count, 1);
	wait_for(&told.replayed, 30);
	cr_expect_eq(told.replayed, 30);
	cr_expect_eq(api.foreign, 1, "replayed ones carry their own sender's id");
	all_applied(32);
}

Test(outbox, a_killed_process_loses_no_update)
{
	api.status = 503;
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 100; i++) {
			put(i % 5, 0, NULL);
		}
		(void)kill(getpid(), SIGKILL);
	}
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	outbox_close(box);
	api.status = 0;
	cr_expect_eq(open_box(0, 0), 100);
	all_applied(100);
}

Test(outbox, too_large_batches_are_made_smaller)
{
	struct got g = {0};
	char *text = malloc(2001);

	memset(text, 'x', 2000);
	text[2000] = '\0';
	api.max_body = 9000;
	for (int i = 0; i < 40; i++) {
		cr_assert_eq(put_text(i % 2, 0, text, &g), 0);
	}
	wait_for(&g.count, 40);
	cr_expect_eq(g.invalid, 0);
	all_applied(40);
	free(text);
}

Test(outbox, an_update_that_never_fits_is_dropped_with_a_warning)
{
	struct got big = {0}, small = {0};
	char *text = malloc(20001);

	memset(text, 'x', 20000);
	text[20000] = '\0';
	api.max_body = 9000;
	put(1, 0, &small);
	cr_assert_eq(put_text(1, 0, text, &big), 0);
	put(1, 0, &small);
	wait_for(&small.count, 2);
	cr_expect_eq(big.count, 1);
	cr_expect_eq(big.invalid, 1);
	cr_expect_eq(told.warnings, 1);
	cr_expect_eq(told.verdicts, 1);
	free(text);
}

Test(outbox, large_updates_do_not_make_huge_batches)
{
	struct got g = {0};
	char *text = malloc(600001);

	memset(text, 'x', 600000);
	text[600000] = '\0';
	for (int i = 0; i < 6; i++) {
		cr_assert_eq(put_text(1, 0, text, &g), 0, "%s", err.msg);
	}
	wait_for(&g.count, 6);
	cr_expect_geq(api.batches, 6);
	all_applied(6);
	free(text);
	text = calloc(1, PROTO_FRAME_MAX);
	memset(text, 'x', PROTO_FRAME_MAX - 1);
	cr_expect_eq(put_text(1, 0, text, &g), -ERR_TOO_LARGE);
	free(text);
}

static void on_flush(void *arg)
{
	++*(int *)arg;
}

Test(outbox, flushing_waits_for_what_was_put_before)
{
	struct got g = {0};
	int empty = 0, full = 0;

	outbox_flush(box, on_flush, &empty);
	cr_expect_eq(empty, 0, "never inside the call");
	wait_for(&empty, 1);
	api.status = 503;
	put(1, 0, &g);
	put(2, 0, &g);
	outbox_flush(box, on_flush, &full);
	turn_for(200);
	cr_expect_eq(full, 0);
	api.status = 0;
	wait_for(&full, 1);
	cr_expect_eq(g.count, 2);
}

Test(outbox, withdrawing)
{
	struct got g = {0}, other = {0};
	uint8_t id[16] = {0};
	int flushed = 0;

	outbox_close(box);
	(void)open_box(0, 60000);
	put(1, 0, &g);
	memcpy(id, &next_id, sizeof(next_id));
	id[15] = (uint8_t)getpid();
	cr_expect_eq(outbox_pending_run(box, (uint8_t[16]){0}), 0);
	outbox_flush(box, on_flush, &flushed);
	cr_expect_eq(outbox_withdraw(box, id), 1, "not sent yet");
	cr_expect_eq(outbox_withdraw(box, id), 0, "unknown now");
	cr_expect_eq(outbox_pending(box), 0);
	wait_for(&flushed, 1);
	api.status = 503;
	put(1, OUTBOX_URGENT, &g);
	memcpy(id, &next_id, sizeof(next_id));
	wait_for(&api.requests, 1);
	turn_for(50);
	cr_expect_eq(outbox_withdraw(box, id), 0, "it may have been sent");
	api.status = 0;
	put(1, OUTBOX_URGENT, &other);
	wait_for(&other.count, 1);
	cr_expect_eq(g.count, 0, "its callback is not called");
	cr_expect_eq(api.applied, 2);
}

Test(outbox, a_full_journal_pushes_back)
{
	struct got g = {0};
	char text[1001];
	int rc = 0, n = 0;

	memset(text, 'x', 1000);
	text[1000] = '\0';
	outbox_close(box);
	(void)open_box(20000, 0);
	api.status = 503;
	while ((rc = put_text(1, 0, text, &g)) == 0) {
		n++;
	}
	cr_expect_eq(rc, -ERR_LIMIT);
	cr_expect_gt(n, 10);
	api.status = 0;
	wait_for(&g.count, n);
	all_applied(n);
	outbox_close(box);
	(void)open_box(20000, 0);
	cr_expect_eq(put_text(1, 0, text, &g), 0, "%s", err.msg);
	wait_for(&g.count, n + 1);
}

Test(outbox, the_same_update_twice_is_a_conflict)
{
	put(1, 0, NULL);
	next_id--;
	char text[] = "again";
	cr_expect_eq(put_text(1, 0, text, NULL), -ERR_CONFLICT);
}

Test(outbox, closing_while_a_request_is_under_way)
{
	struct got g = {0};

	put(1, OUTBOX_URGENT, &g);
	(void)loop_turn(loop, 5); /* sent, not answered */
	outbox_close(box);
	box = NULL;
	cr_expect_eq(g.count, 1);
	cr_expect_eq(g.rc, -ERR_CANCELED);
	turn_for(50);
}

static void put_more(int rc, const Wf__Updates__UpdateAnswer *a, const struct error *e,
		     void *arg)
{
	(void)rc;
	(void)a;
	(void)e;
	put(1, OUTBOX_URGENT, arg);
}

Test(outbox, putting_from_a_callback)
{
	struct got g = {0};
	Wf__Updates__Update u;
	Wf__Updates__RunInfo info;
	uint8_t id[16] = "another id here", rid[16];

	wf__updates__update__init(&u);
	wf__updates__run_info__init(&info);
	run_id(rid, 1);
	u.id.data = id;
	u.id.len = 16;
	u.flow_run_id.data = rid;
	u.flow_run_id.len = 16;
	u.body_case = WF__UPDATES__UPDATE__BODY_RUN_INFO;
	u.run_info = &info;
	cr_assert_eq(outbox_put(box, &u, OUTBOX_URGENT, put_more, &g, &err), 0);
	cr_expect_gt(u.seq, 0);
	cr_expect_gt(u.occurred_us, 0);
	wait_for(&g.count, 1);
	all_applied(2);
}

Test(outbox, damage_in_the_journal_is_a_warning)
{
	char command[200];

	api.status = 503;
	put(1, 0, NULL);
	put(1, 0, NULL);
	outbox_close(box);
	(void)snprintf(command, sizeof(command), "truncate -s -3 %s/0/*.wfj", dir);
	cr_assert_eq(system(command), 0);
	cr_expect_eq(open_box(0, 0), 1);
	cr_expect_eq(told.warnings, 1);
	cr_expect(strstr(told.warning, "damaged") != NULL, "%s", told.warning);
	api.status = 0;
	all_applied(1);
}

/* Faults, restarts and refusals in any order: nothing is lost, doubled or reordered. */
static void break_something(unsigned int *seed)
{
	api.status = rand_r(seed) % 4 == 0 ? 503 : 0;
	api.garbage = rand_r(seed) % 8 == 0;
	api.one_less = rand_r(seed) % 8 == 0;
	api.max_body = rand_r(seed) % 4 == 0 ? 700 : 0;
	api.no_answer = rand_r(seed) % 3 == 0;
	if (rand_r(seed) % 3 == 0) {
		run_id(api.refuse_run, rand_r(seed) % 6);
		api.refuse_count = 1 + rand_r(seed) % 2;
		api.refuse_from = rand_r(seed) % 50;
	}
	if (rand_r(seed) % 10 == 0) {
		outbox_close(box);
		(void)open_box(0, 1 + rand_r(seed) % 30);
	}
}

Test(outbox, whatever_happens_each_update_is_applied_once_and_in_order)
{
	unsigned int seed = 20261124;
	int total = 0;

	for (int round = 0; round < 60; round++) {
		int n = rand_r(&seed) % 60;
		for (int i = 0; i < n; i++) {
			put(rand_r(&seed) % 6,
			    rand_r(&seed) % 3 == 0 ? OUTBOX_URGENT : 0, NULL);
		}
		total += n;
		break_something(&seed);
		turn_for(rand_r(&seed) % 40);
	}
	api.status = api.garbage = api.one_less = api.no_answer = api.refuse_count = 0;
	api.max_body = 0;
	wait_for(&api.applied, total);
	int flushed = 0;
	outbox_flush(box, on_flush, &flushed);
	wait_for(&flushed, 1);
	all_applied(total);
}
