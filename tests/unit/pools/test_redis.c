/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_redis.c - the connection against servers that answer errors, garbage or nothing.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "pools/redis.h"
#include "pools/url.h"
#include "tests/unit/pools/fake_redis.h"

#define WAIT_MS  5000
#define SHORT_MS 150

static struct loop *loop;
static struct fake_redis fake;
static struct redis *client;

struct outcome {
	int count, rc;
	int64_t value;
	char text[512];
};

static void on_outcome(int rc, const struct redis_reply *reply, const struct error *err,
		       void *arg)
{
	struct outcome *o = arg;

	o->count++;
	o->rc = rc;
	o->value = rc == 0 ? redis_int(reply) : 0;
	(void)snprintf(o->text, sizeof(o->text), "%s",
		       rc == 0 ? redis_str(reply) : err->msg);
}

static void ask_for(struct outcome *o, int64_t timeout_ms)
{
	struct error err = {0};
	const char *argv[] = {"GET", "k"};

	cr_assert_eq(redis_send(client, &(struct redis_cmd){.argc = 2, .argv = argv},
				timeout_ms, on_outcome, o, &err),
		     0, "%s", err.msg);
}

static void wait_count(const int *count, int want)
{
	int64_t until = clock_mono_ms() + WAIT_MS;

	while (*count < want && clock_mono_ms() < until) {
		(void)loop_turn(loop, 50);
	}
	cr_assert_geq(*count, want, "%d of %d in %d ms", *count, want, WAIT_MS);
}

static void connect_to(const char *text)
{
	struct redis_url url = {0};
	struct error err = {0};

	cr_assert_eq(redis_url_parse(text, &url, &err), 0, "%s", err.msg);
	client = redis_new(loop, &url, &(struct redis_ops){0});
	redis_url_release(&url);
}

static void start(void)
{
	struct error err = {0};

	memset(&fake, 0, sizeof(fake));
	loop = loop_new(&err);
	fake_redis_start(&fake, loop);
	connect_to(fake.url);
}

static void stop(void)
{
	redis_free(client);
	fake_redis_stop(&fake);
	for (int i = 0; i < 5; i++) { /* the server's side sees the end */
		(void)loop_turn(loop, 5);
	}
	loop_free(loop);
}

TestSuite(redis, .init = start, .fini = stop);

static const struct {
	const char *reply;
	int rc;
	const char *text;
} replies[] = {
    {"+OK\r\n", 0, "OK"},
    {":42\r\n", 0, ""},
    {"$3\r\na\nb\r\n", 0, "a\nb"},
    {"$-1\r\n", 0, ""},
    {"*-1\r\n", 0, ""},
    {"*0\r\n", 0, ""},
    {"-LOADING Redis is loading the dataset in memory\r\n", -ERR_UNAVAILABLE,
     "LOADING"},
    {"-READONLY You can't write against a read only replica.\r\n", -ERR_UNAVAILABLE,
     "READONLY"},
    {"-OOM command not allowed when used memory > 'maxmemory'.\r\n", -ERR_UNAVAILABLE,
     "OOM"},
    {"-BUSY Redis is busy running a script.\r\n", -ERR_UNAVAILABLE, "BUSY"},
    {"-MISCONF Redis is configured to save RDB snapshots\r\n", -ERR_UNAVAILABLE,
     "MISCONF"},
    {"-WRONGTYPE Operation against a key\r\n", -ERR_PROTOCOL, "WRONGTYPE"},
    {"-ERR unknown command\r\n", -ERR_PROTOCOL, "unknown command"},
    {"-NOAUTH Authentication required.\r\n", -ERR_DENIED, "NOAUTH"},
    {"-NOPERM this user has no permissions\r\n", -ERR_DENIED, "NOPERM"},
    {"-MOVED 3999 127.0.0.1:6381\r\n", -ERR_UNSUPPORTED, "MOVED"},
    {"-NOSCRIPT No matching script\r\n", -ERR_NOT_FOUND, "NOSCRIPT"},
};

Test(redis, each_kind_of_reply_becomes_a_value_or_a_clear_error)
{
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		struct outcome o = {0};
		fake.answer = replies[i].reply;
		ask_for(&o, 0);
		wait_count(&o.count, 1);
		cr_expect_eq(o.rc, replies[i].rc, "%s: %d", replies[i].reply, o.rc);
		cr_expect(strstr(o.text, replies[i].text) != NULL, "%s: '%s'",
			  replies[i].reply, o.text);
	}
}

static const char *const garbage[] = {
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "%2\r\n+a\r\n:1\r\n",
    "\x16\x03\x01\x02",
    "*99999999\r\n",
    "$-7\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
};

Test(redis, garbage_breaks_the_connection_and_says_so)
{
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		struct outcome o[3] = {0};
		fake.answer = garbage[i];
		for (int k = 0; k < 3; k++) {
			ask_for(&o[k], 1000);
		}
		for (int k = 0; k < 3; k++) {
			wait_count(&o[k].count, 1);
			cr_expect(o[k].rc == -ERR_PROTOCOL, "%zu: %d %s", i, o[k].rc,
				  o[k].text);
		}
		fake.answer = "+OK\r\n";
		struct outcome again = {0};
		ask_for(&again, 0);
		wait_count(&again.count, 1);
		cr_expect_eq(again.rc, 0, "works again: %s", again.text);
	}
}

Test(redis, silence_times_out_and_breaks_the_connection)
{
	struct outcome o[3] = {0};

	ask_for(&o[0], SHORT_MS);
	ask_for(&o[1], 60000);
	ask_for(&o[2], 60000);
	wait_count(&o[2].count, 1);
	cr_expect_eq(o[0].rc, -ERR_TIMEOUT, "%s", o[0].text);
	cr_expect_eq(o[1].rc, -ERR_UNAVAILABLE, "the order is lost: %s", o[1].text);
	cr_expect_eq(o[2].rc, -ERR_UNAVAILABLE);
	fake.answer = "+OK\r\n";
	ask_for(&o[0], 0);
	wait_count(&o[0].count, 2);
	cr_expect_eq(o[0].rc, 0, "%s", o[0].text);
	cr_expect_eq(fake.connections, 2);
}

Test(redis, half_a_reply_is_silence)
{
	struct outcome o = {0};

	fake.answer = "$10\r\nhalf";
	ask_for(&o, SHORT_MS);
	wait_count(&o.count, 1);
	cr_expect_eq(o.rc, -ERR_TIMEOUT);
}

Test(redis, a_closed_connection_fails_what_was_sent)
{
	struct outcome o[2] = {0};

	fake.answer = "+OK\r\n";
	fake.close_after = 1;
	ask_for(&o[0], 0);
	wait_count(&o[0].count, 1);
	cr_expect_eq(o[0].rc, 0);
	fake.answer = "";
	ask_for(&o[1], 0);
	wait_count(&o[1].count, 1);
	cr_expect_eq(o[1].rc, -ERR_UNAVAILABLE, "%s", o[1].text);
}

Test(redis, unasked_answers_break_the_connection)
{
	struct outcome o = {0};

	fake.answer = "+OK\r\n";
	fake.push_more = 1;
	ask_for(&o, 0);
	wait_count(&o.count, 1);
	wait_count(&fake.connections, 3);
	cr_expect_eq(o.count, 1);
}

Test(redis, a_loading_server_is_not_up_and_commands_wait_for_it)
{
	struct outcome o[2] = {0};

	fake.ping = "-LOADING Redis is loading the dataset in memory\r\n";
	fake.answer = "+OK\r\n";
	ask_for(&o[0], SHORT_MS);
	ask_for(&o[1], 60000);
	wait_count(&o[0].count, 1);
	cr_expect_eq(o[0].rc, -ERR_UNAVAILABLE);
	cr_expect(strstr(o[0].text, "LOADING") != NULL, "the reason is told: %s",
		  o[0].text);
	cr_expect_eq(redis_is_up(client), 0);
	cr_expect_eq(o[1].count, 0, "waits on");
	fake.ping = NULL;
	wait_count(&o[1].count, 1);
	cr_expect_eq(o[1].rc, 0, "%s", o[1].text);
}

Test(redis, no_server_at_all)
{
	struct outcome o = {0};

	redis_free(client);
	connect_to("redis+unix:///nonexistent/r.sock");
	ask_for(&o, SHORT_MS);
	wait_count(&o.count, 1);
	cr_expect_eq(o.rc, -ERR_UNAVAILABLE);
	cr_expect(strstr(o.text, "No such file") != NULL, "%s", o.text);
}

Test(redis, a_host_name_is_looked_up_and_each_of_its_addresses_tried)
{
	struct outcome o = {0};
	char url[100];

	(void)snprintf(url, sizeof(url), "redis://localhost%s", strrchr(fake.url, ':'));
	redis_free(client);
	connect_to(url);
	fake.answer = ":5\r\n";
	ask_for(&o, 0);
	wait_count(&o.count, 1);
	cr_expect_eq(o.value, 5, "%s", o.text);
	redis_free(client);
	connect_to("redis://no-such-host.invalid");
	ask_for(&o, 2000);
	wait_count(&o.count, 2);
	cr_expect_eq(o.rc, -ERR_UNAVAILABLE);
	cr_expect(strstr(o.text, "no-such-host.invalid") != NULL, "%s", o.text);
}

Test(redis, attempts_to_connect_back_off)
{
	redis_free(client);
	fake.ping = "-ERR no\r\n";
	connect_to(fake.url);
	int64_t until = clock_mono_ms() + 1000;
	while (clock_mono_ms() < until) {
		(void)loop_turn(loop, 20);
	}
	cr_expect_lt(fake.connections, 12, "%d", fake.connections);
	cr_expect_gt(fake.connections, 2, "%d", fake.connections);
}

static void count_only(int rc, const struct redis_reply *reply, const struct error *err,
		       void *arg)
{
	(void)rc;
	(void)reply;
	(void)err;
	++*(int *)arg;
}

Test(redis, at_most_10000_commands_wait)
{
	struct error err = {0};
	static int count;
	const char *argv[] = {"GET", "k"};
	struct redis_cmd cmd = {.argc = 2, .argv = argv};

	fake.answer = ":1\r\n";
	for (int i = 0; i < REDIS_IN_FLIGHT_MAX; i++) {
		cr_assert_eq(redis_send(client, &cmd, 60000, count_only, &count, &err),
			     0);
	}
	cr_expect_eq(redis_send(client, &cmd, 0, count_only, &count, &err), -ERR_BUSY);
	wait_count(&count, REDIS_IN_FLIGHT_MAX);
	cr_expect_eq(redis_in_flight(client), 0);
	cr_expect_eq(count, REDIS_IN_FLIGHT_MAX, "each once");
	cr_expect_eq(redis_send(client, &cmd, 0, count_only, &count, &err), 0);
}

Test(redis, freeing_cancels_what_waits_and_what_was_sent)
{
	struct outcome sent = {0}, waiting = {0};

	ask_for(&sent, 0);
	wait_count(&fake.commands, 2);
	redis_free(client);
	cr_expect_eq(sent.count, 1);
	cr_expect_eq(sent.rc, -ERR_CANCELED);
	connect_to(fake.url);
	ask_for(&waiting, 0);
	redis_free(client);
	client = NULL;
	cr_expect_eq(waiting.count, 1);
	cr_expect_eq(waiting.rc, -ERR_CANCELED);
}

static void free_in_callback(int rc, const struct redis_reply *reply,
			     const struct error *err, void *arg)
{
	(void)rc;
	(void)reply;
	(void)err;
	redis_free(client);
	client = NULL;
	++*(int *)arg;
}

Test(redis, freeing_inside_a_callback_is_allowed)
{
	struct error err = {0};
	struct outcome o = {0};
	int count = 0;
	const char *argv[] = {"GET", "k"};

	fake.answer = ":1\r\n";
	(void)redis_send(client, &(struct redis_cmd){.argc = 2, .argv = argv}, 0,
			 free_in_callback, &count, &err);
	ask_for(&o, 0);
	wait_count(&o.count, 1);
	cr_expect_eq(count, 1);
	cr_expect_eq(o.rc, -ERR_CANCELED);
}

static void send_again(int rc, const struct redis_reply *reply, const struct error *err,
		       void *arg)
{
	(void)rc;
	(void)reply;
	(void)err;
	ask_for(arg, SHORT_MS);
}

Test(redis, sending_from_the_callback_of_a_failure_waits_for_the_next_connection)
{
	struct error err = {0};
	struct outcome o = {0};
	const char *argv[] = {"GET", "k"};

	(void)redis_send(client, &(struct redis_cmd){.argc = 2, .argv = argv}, SHORT_MS,
			 send_again, &o, &err);
	wait_count(&fake.commands, 2);
	fake.answer = ":7\r\n";
	wait_count(&o.count, 1);
	cr_expect_eq(o.rc, 0, "%s", o.text);
	cr_expect_eq(o.value, 7);
}
