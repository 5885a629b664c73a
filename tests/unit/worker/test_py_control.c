/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_py_control.c - the control channel of Python engines, spoken over TCP.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "worker/py_control.h"

#define TURNS 3000

struct place {
	struct loop *loop;
	struct py_control *control;
	struct py_attempt *attempt;
	char token[PY_TOKEN_SIZE];
	int fd;
	int answers, acked;
};

static int dial(const struct place *p)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port =
				     htons((uint16_t)py_control_port(p->control))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void place_init(struct place *p)
{
	memset(p, 0, sizeof(*p));
	p->loop = loop_new(NULL);
	p->control = py_control_new(p->loop, NULL);
	cr_assert_not_null(p->control);
	p->attempt = py_attempt_new(p->control, p->token);
	cr_assert_eq(strlen(p->token), 32);
	p->fd = dial(p);
}

static void place_release(struct place *p)
{
	(void)close(p->fd);
	py_attempt_free(p->attempt);
	py_control_free(p->control);
	loop_free(p->loop);
}

static void say(const struct place *p, const void *data, size_t len)
{
	cr_assert_eq(send(p->fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void say_token(const struct place *p)
{
	char line[PY_TOKEN_SIZE + 1];

	(void)snprintf(line, sizeof(line), "%s\n", p->token);
	say(p, line, PY_TOKEN_SIZE);
}

static void say_receipt(const struct place *p, const char *json)
{
	unsigned char head[5] = {1, 0, 0, (unsigned char)(strlen(json) >> 8),
				 (unsigned char)strlen(json)};

	say(p, head, sizeof(head));
	say(p, json, strlen(json));
}

/* Waits for exactly LEN bytes on FD; 0 when the other end has closed. */
static size_t hear(const struct place *p, void *data, size_t len)
{
	size_t have = 0;

	for (int i = 0; i < TURNS && have < len; i++) {
		ssize_t n = recv(p->fd, (char *)data + have, len - have, 0);

		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			return 0;
		}
		have += n > 0 ? (size_t)n : 0;
		(void)loop_turn(p->loop, 1);
	}
	cr_assert_eq(have, len);
	return have;
}

static void is_closed(const struct place *p, const char *why)
{
	char byte;

	cr_assert_eq(hear(p, &byte, 1), 0, "%s", why);
}

static void turn_until_concluded(struct place *p)
{
	for (int i = 0; i < TURNS && py_attempt_conclusion(p->attempt) == PY_OPEN;
	     i++) {
		(void)loop_turn(p->loop, 1);
	}
}

static void on_answer(int acked, void *arg)
{
	struct place *p = arg;

	p->answers++;
	p->acked = acked;
}

static void turn_until_answered(struct place *p)
{
	for (int i = 0; i < TURNS && p->answers == 0; i++) {
		(void)loop_turn(p->loop, 2);
	}
	cr_assert_eq(p->answers, 1);
}

static void hello(struct place *p, int version, int caps, int want_version,
		  int want_caps)
{
	const unsigned char mine[5] = {0, 0x50, 0x46, (unsigned char)version,
				       (unsigned char)caps};
	unsigned char theirs[5];

	say(p, mine, sizeof(mine));
	cr_assert_eq(hear(p, theirs, 5), 5);
	cr_expect_eq(theirs[0], 0);
	cr_expect_eq(theirs[1], 0x50);
	cr_expect_eq(theirs[2], 0x46);
	cr_expect_eq(theirs[3], want_version, "%d", theirs[3]);
	cr_expect_eq(theirs[4], want_caps, "%d", theirs[4]);
}

Test(py_control, hello_settles_version_and_capabilities)
{
	struct place p;

	place_init(&p);
	say_token(&p);
	hello(&p, 2, 1, 2, 1);
	hello(&p, 1, 0, 1, 0);
	hello(&p, 9, 0xff, 2, 1);
	place_release(&p);
}

Test(py_control, an_intent_is_acknowledged)
{
	static const char intents[] = {PY_CANCEL, PY_RESCHEDULE, PY_RELINQUISH};

	for (size_t i = 0; i < sizeof(intents); i++) {
		struct place p;
		char byte = 0;

		place_init(&p);
		say_token(&p);
		hello(&p, 2, 1, 2, 1);
		py_attempt_intent(p.attempt, (enum py_intent)intents[i], on_answer, &p);
		cr_assert_eq(p.answers, 0);
		cr_assert_eq(hear(&p, &byte, 1), 1);
		cr_assert_eq(byte, intents[i]);
		say(&p, "a", 1);
		turn_until_answered(&p);
		cr_assert_eq(p.acked, 1);
		cr_assert_eq(py_attempt_conclusion(p.attempt), PY_INTENT_ACKED);
		place_release(&p);
	}
}

Test(py_control, an_intent_without_a_connection_is_answered_from_the_loop)
{
	struct place p;

	place_init(&p);
	py_attempt_intent(p.attempt, PY_CANCEL, on_answer, &p);
	cr_assert_eq(p.answers, 0);
	turn_until_answered(&p);
	cr_assert_eq(p.acked, 0);
	cr_assert_eq(py_attempt_conclusion(p.attempt), PY_OPEN);
	place_release(&p);
}

Test(py_control, a_silent_child_is_not_waited_for_beyond_a_second)
{
	struct place p;
	int64_t from;

	place_init(&p);
	say_token(&p);
	hello(&p, 2, 1, 2, 1);
	from = loop_now_ms(p.loop);
	py_attempt_intent(p.attempt, PY_CANCEL, on_answer, &p);
	turn_until_answered(&p);
	cr_assert_eq(p.acked, 0);
	cr_assert_geq(loop_now_ms(p.loop) - from, 1000);
	place_release(&p);
}

Test(py_control, nobody_is_called_after_the_attempt_is_freed)
{
	struct place p;

	place_init(&p);
	py_attempt_intent(p.attempt, PY_CANCEL, on_answer, &p);
	(void)loop_turn(p.loop, 0);
	py_attempt_free(p.attempt);
	p.attempt = NULL;
	for (int i = 0; i < 5; i++) {
		(void)loop_turn(p.loop, 1);
	}
	cr_assert_leq(p.answers, 1);
	place_release(&p);
}

Test(py_control, a_receipt_concludes_and_is_confirmed)
{
	struct place p;
	char byte = 0;

	place_init(&p);
	say_token(&p);
	hello(&p, 2, 1, 2, 1);
	say_receipt(&p, "{\"disposition\": \"STATE_REPORTED\", \"state_name\": "
			"\"Completed\"}");
	cr_assert_eq(hear(&p, &byte, 1), 1);
	cr_assert_eq(byte, 2);
	cr_assert_eq(py_attempt_conclusion(p.attempt), PY_STATE_REPORTED);
	cr_assert_str_eq(py_attempt_state(p.attempt), "Completed");
	/* the first conclusion stays */
	say_receipt(&p, "{\"disposition\": \"ORCHESTRATION_ABORTED\"}");
	cr_assert_eq(hear(&p, &byte, 1), 1);
	cr_assert_eq(py_attempt_conclusion(p.attempt), PY_STATE_REPORTED);
	cr_assert_str_eq(py_attempt_state(p.attempt), "Completed");
	place_release(&p);
}

Test(py_control, an_abort_is_a_conclusion)
{
	struct place p;

	place_init(&p);
	say_token(&p);
	say_receipt(&p, "{\"disposition\": \"ORCHESTRATION_ABORTED\"}");
	turn_until_concluded(&p);
	cr_assert_eq(py_attempt_conclusion(p.attempt), PY_ABORTED);
	cr_assert_str_empty(py_attempt_state(p.attempt));
	place_release(&p);
}

Test(py_control, bytes_may_come_one_at_a_time)
{
	static const char json[] = "{\"disposition\": \"STATE_REPORTED\", "
				   "\"state_name\": \"Failed\"}";
	unsigned char all[256];
	size_t n = 0;
	struct place p;

	place_init(&p);
	memcpy(all, p.token, 32);
	all[32] = '\n';
	memcpy(all + 33, "\x01\0\0\0", 4);
	all[37] = (unsigned char)strlen(json);
	memcpy(all + 38, json, strlen(json));
	for (; n < 38 + strlen(json); n++) {
		say(&p, all + n, 1);
		(void)loop_turn(p.loop, 1);
	}
	turn_until_concluded(&p);
	cr_assert_str_eq(py_attempt_state(p.attempt), "Failed");
	place_release(&p);
}

Test(py_control, a_wrong_token_is_turned_away)
{
	static const char *const wrong[] = {
	    "0123456789abcdef0123456789abcdef\n", /* nobody's */
	    "short\n", "\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n0123456789"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct place p;

		place_init(&p);
		say(&p, wrong[i], strlen(wrong[i]));
		is_closed(&p, wrong[i]);
		cr_assert_eq(py_attempt_conclusion(p.attempt), PY_OPEN);
		place_release(&p);
	}
}

Test(py_control, a_token_is_good_for_one_connection)
{
	struct place p;
	int first;

	place_init(&p);
	say_token(&p);
	hello(&p, 2, 1, 2, 1);
	first = p.fd;
	p.fd = dial(&p);
	say_token(&p);
	is_closed(&p, "the second one");
	(void)close(p.fd);
	p.fd = first;
	hello(&p, 2, 1, 2, 1); /* the first one goes on */
	place_release(&p);
}

static const struct {
	const char *what;
	const char *bytes;
	size_t len;
} junk[] = {
    {"an unknown message", "z", 1},
    {"a hello of another protocol", "\0HI\2\1", 5},
    {"an acknowledgement that nobody asked for", "a", 1},
    {"a receipt that is too long", "\1\0\0\x10\1", 5},
    {"a receipt of 4 GB", "\1\xff\xff\xff\xff", 5},
    {"a receipt that is no JSON", "\1\0\0\0\3abc", 8},
    {"a receipt without a disposition", "\1\0\0\0\2{}", 7},
    {"a receipt of an unknown kind", "\1\0\0\0\x13{\"disposition\":\"X\"}", 24},
    {"an empty receipt", "\1\0\0\0\0", 5},
};

Test(py_control, junk_closes_the_connection_only)
{
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		struct place p;

		place_init(&p);
		say_token(&p);
		say(&p, junk[i].bytes, junk[i].len);
		is_closed(&p, junk[i].what);
		cr_expect_eq(py_attempt_conclusion(p.attempt), PY_OPEN, "%s",
			     junk[i].what);
		/* and the worker goes on: an intent is answered */
		py_attempt_intent(p.attempt, PY_CANCEL, on_answer, &p);
		turn_until_answered(&p);
		cr_expect_eq(p.acked, 0);
		place_release(&p);
	}
}

Test(py_control, strangers_do_not_fill_it_up)
{
	struct place p;
	int fds[80];
	char byte;
	int closed = 0;

	place_init(&p);
	for (size_t i = 0; i < 80; i++) {
		fds[i] = dial(&p);
		(void)loop_turn(p.loop, 1);
	}
	for (int i = 0; i < 20; i++) {
		(void)loop_turn(p.loop, 1);
	}
	for (size_t i = 0; i < 80; i++) {
		closed += recv(fds[i], &byte, 1, 0) == 0;
		(void)close(fds[i]);
	}
	cr_assert_eq(closed, 80 - 63); /* 64 may wait, our own is one of them */
	place_release(&p);
}
