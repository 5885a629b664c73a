/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_loop.c - turns, deferred calls, posts, timers and descriptors of the event loop.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"

static struct loop *loop;
static char trail[256]; /* what ran, in order */

static void setup(void)
{
	struct error err;

	loop = loop_new(&err);
	cr_assert_not_null(loop, "%s", err.msg);
	trail[0] = '\0';
}

static void teardown(void)
{
	loop_free(loop);
}

TestSuite(loop, .init = setup, .fini = teardown);

static char s_a[] = "a ", s_b[] = "b ", s_c[] = "c ", s_e[] = "e ", s_f[] = "f ",
	    s_t[] = "t ", s_x[] = "x ";

static void note(const char *what)
{
	strncat(trail, what, sizeof(trail) - strlen(trail) - 1);
}

static void on_note(void *arg)
{
	note(arg);
}

static void on_stop(void *arg)
{
	note("stop ");
	loop_stop(loop, *(int *)arg);
}

Test(loop, run_ends_with_the_code_of_stop)
{
	int code = 7;

	loop_defer(loop, on_stop, &code);
	cr_assert_eq(loop_run(loop), 7);
	code = 8; /* and it can run again */
	loop_defer(loop, on_stop, &code);
	cr_assert_eq(loop_run(loop), 8);
}

Test(loop, stop_before_run_ends_at_once)
{
	loop_stop(loop, 3);
	cr_assert_eq(loop_run(loop), 3);
}

static void on_defer_more(void *arg)
{
	(void)arg;
	note("a ");
	loop_defer(loop, on_note, s_c);
	loop_defer_free(loop, on_note, s_f);
}

Test(loop, deferred_calls_run_in_order_and_frees_after_them)
{
	loop_defer_free(loop, on_note, s_e);
	loop_defer(loop, on_defer_more, NULL);
	loop_defer(loop, on_note, s_b);
	cr_assert_str_eq(trail, "", "nothing runs before the call returns");
	loop_turn(loop, 0);
	cr_assert_str_eq(trail, "a b e f ");
	loop_turn(loop, -1); /* does not wait: there is work */
	cr_assert_str_eq(trail, "a b e f c ");
}

static void on_defer_for_ever(void *arg)
{
	int *count = arg;

	(*count)++;
	loop_defer(loop, on_defer_for_ever, arg);
}

static void on_readable(int fd, unsigned int events, void *arg)
{
	char c;

	(void)arg;
	cr_assert_eq(events, LOOP_READ);
	cr_assert_eq(read(fd, &c, 1), 1);
	note("read ");
}

Test(loop, a_chain_of_deferred_calls_does_not_starve_input)
{
	static int count; /* outlives the test: loop_free() runs the call again */
	struct loop_io *io;
	int fds[2], i;

	cr_assert_eq(pipe(fds), 0);
	io = loop_io_new(loop, fds[0], LOOP_READ, on_readable, NULL);
	loop_defer(loop, on_defer_for_ever, &count);
	cr_assert_eq(write(fds[1], "xy", 2), 2);
	for (i = 0; i < 4; i++) {
		loop_turn(loop, -1);
	}
	cr_assert_eq(count, 4);
	cr_assert_str_eq(trail, "read read ");
	loop_io_free(io);
	close(fds[0]);
	close(fds[1]);
}

Test(loop, free_runs_what_is_still_deferred)
{
	struct error err;
	struct loop *other = loop_new(&err);

	loop_defer_free(other, free, malloc(10));
	loop_post(other, free, malloc(10));
	loop_defer(other, on_note, s_x);
	loop_free(other);
	cr_assert_str_eq(trail, "x ");
	loop_free(NULL);
}

#define POSTS   10000
#define POSTERS 4
static int posted;

static void on_post(void *arg)
{
	(void)arg;
	if (++posted == POSTS * POSTERS) {
		loop_stop(loop, 0);
	}
}

static void *poster(void *arg)
{
	int i;

	for (i = 0; i < POSTS; i++) {
		loop_post(loop, on_post, arg);
	}
	return NULL;
}

Test(loop, posts_of_many_threads_all_arrive)
{
	pthread_t threads[POSTERS];
	size_t i;

	for (i = 0; i < POSTERS; i++) {
		cr_assert_eq(pthread_create(&threads[i], NULL, poster, NULL), 0);
	}
	loop_run(loop);
	for (i = 0; i < POSTERS; i++) {
		pthread_join(threads[i], NULL);
	}
	cr_assert_eq(posted, POSTS * POSTERS);
}

static struct loop_timer *timer;
static int64_t due_ms, fired_ms;

static void on_timer(void *arg)
{
	fired_ms = loop_now_ms(loop);
	note(arg);
	loop_stop(loop, 0);
}

Test(loop, a_timer_is_never_early_and_fires_once)
{
	timer = loop_timer_new(loop, on_timer, s_t);
	due_ms = clock_mono_ms() + 17;
	loop_timer_at(timer, due_ms);
	loop_run(loop);
	cr_assert_geq(fired_ms, due_ms);
	loop_turn(loop, 5);
	cr_assert_str_eq(trail, "t ");
	loop_timer_free(timer);
}

#define PRECISE_TIMERS 40
#define PRECISE_ROUNDS 20

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The lateness in us that half of some timers does not reach: 0.08 ms, and 2.7 ms by
 * the ticks of a kernel with 250 a second. */
static int64_t median_late(void)
{
	int64_t late[PRECISE_TIMERS];

	for (size_t i = 0; i < PRECISE_TIMERS; i++) {
		timer = loop_timer_new(loop, on_note, s_t);
		due_ms = clock_mono_ms() + 1 + (int64_t)i % 5;
		loop_timer_at(timer, due_ms);
		trail[0] = '\0';
		while (trail[0] == '\0') {
			loop_turn(loop, -1);
		}
		late[i] = clock_mono_us() - due_ms * 1000;
		loop_timer_free(timer);
	}
	qsort(late, PRECISE_TIMERS, sizeof(late[0]), by_size);
	return late[PRECISE_TIMERS / 2];
}

/* Not at the next tick of the kernel.  One quiet moment of the machine is enough. */
Test(loop, a_timer_fires_at_its_instant)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < PRECISE_ROUNDS && best > 500; i++) {
		int64_t late = median_late();

		best = late < best ? late : best;
	}
	cr_expect_leq(best, 500, "late by %lld us", (long long)best);
}

Test(loop, a_timer_in_the_past_fires_in_the_next_turn)
{
	timer = loop_timer_new(loop, on_timer, s_t);
	loop_timer_at(timer, clock_mono_ms() - 1000);
	cr_assert_str_eq(trail, "");
	loop_turn(loop, -1);
	cr_assert_str_eq(trail, "t ");
	loop_timer_free(timer);
}

Test(loop, a_stopped_or_freed_timer_does_not_fire)
{
	struct loop_timer *a = loop_timer_new(loop, on_timer, s_a);
	struct loop_timer *b = loop_timer_new(loop, on_timer, s_b);
	struct loop_timer *c = loop_timer_new(loop, on_timer, s_c);

	loop_timer_in(a, 1);
	loop_timer_in(b, 1);
	loop_timer_in(c, 1);
	loop_timer_stop(a);
	loop_timer_free(b);
	loop_timer_at(c, INT64_MAX);
	loop_turn(loop, 20);
	cr_assert_str_eq(trail, "");
	loop_timer_free(a);
	loop_timer_free(c);
	loop_timer_free(NULL);
}

static void on_free_self(void *arg)
{
	note("self ");
	loop_timer_free(*(struct loop_timer **)arg);
}

Test(loop, a_timer_may_be_freed_from_its_callback)
{
	timer = loop_timer_new(loop, on_free_self, &timer);
	loop_timer_in(timer, 0);
	loop_turn(loop, -1);
	cr_assert_str_eq(trail, "self ");
}

static void on_rearm(void *arg)
{
	int *left = arg;

	note("r ");
	if (--*left > 0) {
		loop_timer_in(timer, 0);
	} else {
		loop_stop(loop, 0);
	}
}

Test(loop, a_timer_may_be_re_armed_from_its_callback)
{
	int left = 3;

	timer = loop_timer_new(loop, on_rearm, &left);
	loop_timer_in(timer, 0);
	loop_run(loop);
	cr_assert_str_eq(trail, "r r r ");
	loop_timer_free(timer);
}

Test(loop, a_turn_without_events_ends_after_its_limit)
{
	int64_t before_ms = clock_mono_ms();

	cr_assert_eq(loop_turn(loop, 15), 0);
	cr_assert_geq(clock_mono_ms() - before_ms, 10); /* libevent's clock is coarse */
	loop_stop(loop, 0);
	cr_assert_eq(loop_turn(loop, -1), 1);
}

static int64_t seen_ms[2], seen_us[2];

static void on_clock(void *arg)
{
	int i = *(int *)arg;

	seen_ms[i] = loop_now_ms(loop);
	seen_us[i] = loop_wall_us(loop);
}

Test(loop, the_clock_is_one_value_per_turn)
{
	int zero = 0, one = 1;

	loop_defer(loop, on_clock, &zero);
	loop_defer(loop, on_clock, &one);
	loop_turn(loop, 0);
	cr_assert_eq(seen_us[0], seen_us[1]);
	cr_assert_eq(seen_ms[0], seen_ms[1]);
	cr_assert_leq(seen_us[0], clock_wall_us());
	loop_turn(loop, 3);
	cr_assert_gt(loop_now_ms(loop), seen_ms[0]);
}

static void on_writable(int fd, unsigned int events, void *arg)
{
	(void)fd;
	(void)arg;
	note((events & LOOP_WRITE) != 0 ? "w " : "- ");
}

Test(loop, interest_in_a_descriptor_can_change)
{
	struct loop_io *io;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	io = loop_io_new(loop, fds[1], 0, on_writable, NULL);
	loop_turn(loop, 0);
	cr_assert_str_eq(trail, "");
	loop_io_set(io, LOOP_WRITE);
	loop_io_set(io, LOOP_WRITE);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	loop_io_set(io, 0);
	loop_turn(loop, 0);
	cr_assert_str_eq(trail, "w w ");
	loop_io_free(io);
	loop_io_free(NULL);
	close(fds[0]);
	close(fds[1]);
}

Test(loop, a_regular_file_cannot_be_watched)
{
	FILE *f = tmpfile();

	cr_assert_null(loop_io_new(loop, fileno(f), LOOP_READ, on_readable, NULL));
	fclose(f);
}

static void on_signal(int signo, void *arg)
{
	(void)arg;
	note(signo == SIGUSR1 ? "usr1 " : "? ");
}

Test(loop, signals_arrive_on_the_loop)
{
	struct loop_signal *s = loop_signal_new(loop, SIGUSR1, on_signal, NULL);

	raise(SIGUSR1);
	cr_assert_str_eq(trail, "");
	loop_turn(loop, 1000);
	cr_assert_str_eq(trail, "usr1 ");
	loop_signal_free(s);
	loop_signal_free(NULL);
}

Test(loop, a_closed_pipe_does_not_kill_us)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	close(fds[0]);
	cr_assert_eq(write(fds[1], "x", 1), -1); /* EPIPE, no SIGPIPE */
	close(fds[1]);
}
