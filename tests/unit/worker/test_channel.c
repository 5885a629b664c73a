/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_channel.c - frames over a real socketpair: order, back-pressure, junk, limits.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"
#include "worker/channel.h"

#define TURNS 2000 /* of the loop, at most, until something must have happened */

struct place {
	struct loop *loop;
	struct channel *channel;
	int peer;
	int frames, ends, end_code;
	uint64_t sum;    /* of the heartbeats' numbers, each times its place */
	int refuse_from; /* frames from this one on are kept back; -1: none */
	int close_at;    /* closes the channel in this frame's callback; -1: none */
};

static int on_frame(struct channel *c, const wf_frame *f, void *arg)
{
	struct place *p = arg;

	if (p->refuse_from >= 0 && p->frames >= p->refuse_from) {
		return -ERR_LIMIT;
	}
	p->frames++;
	if (f->body_case == WF__CONTROL__FRAME__BODY_HEARTBEAT) {
		p->sum += (uint64_t)p->frames * f->heartbeat->tasks_running;
	}
	if (p->frames == p->close_at) {
		channel_close(c);
		p->channel = NULL;
	}
	return 0;
}

static void on_end(struct channel *c, const struct error *err, void *arg)
{
	struct place *p = arg;

	(void)c;
	p->ends++;
	p->end_code = err != NULL ? err->code : 0;
}

static const struct channel_ops ops = {on_frame, on_end};

static void place_init(struct place *p)
{
	int fds[2];

	memset(p, 0, sizeof(*p));
	p->refuse_from = p->close_at = -1;
	p->loop = loop_new(NULL);
	cr_assert_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	p->peer = fds[1];
	p->channel = channel_open(p->loop, fds[0], &ops, p);
}

static void place_release(struct place *p)
{
	channel_close(p->channel);
	loop_free(p->loop);
	if (p->peer >= 0) {
		(void)close(p->peer);
	}
}

static void turn_until(struct place *p, const int *what, int value)
{
	for (int i = 0; i < TURNS && *what < value; i++) {
		(void)loop_turn(p->loop, 5);
	}
	cr_assert_geq(*what, value);
}

static void add_heartbeat(struct buf *out, uint64_t n)
{
	wf_frame f = WF__CONTROL__FRAME__INIT;
	Wf__Control__Heartbeat h = WF__CONTROL__HEARTBEAT__INIT;

	h.tasks_running = n;
	f.body_case = WF__CONTROL__FRAME__BODY_HEARTBEAT;
	f.heartbeat = &h;
	cr_assert_eq(frame_pack(out, &f, NULL), 0);
}

/* Writes all of B, turning the loop when the socket is full. */
static void put(struct place *p, const struct buf *b)
{
	size_t done = 0;

	for (int i = 0; i < TURNS && done < b->len; i++) {
		ssize_t n = write(p->peer, b->data + done, b->len - done);

		if (n > 0) {
			done += (size_t)n;
		} else {
			(void)loop_turn(p->loop, 1);
		}
	}
	cr_assert_eq(done, b->len);
}

Test(channel, frames_come_in_order_however_they_are_cut)
{
	struct place p;
	struct buf b;

	place_init(&p);
	buf_init(&b);
	for (uint64_t i = 1; i <= 3; i++) {
		add_heartbeat(&b, i);
	}
	for (size_t i = 0; i < b.len; i++) { /* byte by byte */
		cr_assert_eq(write(p.peer, b.data + i, 1), 1);
		(void)loop_turn(p.loop, 5);
	}
	turn_until(&p, &p.frames, 3);
	cr_assert_eq(p.sum, 1 * 1 + 2 * 2 + 3 * 3);
	buf_release(&b);
	place_release(&p);
}

Test(channel, many_frames_take_several_turns)
{
	struct place p;
	struct buf b;

	place_init(&p);
	buf_init(&b);
	for (uint64_t i = 0; i < 3000; i++) {
		add_heartbeat(&b, i);
	}
	put(&p, &b);
	turn_until(&p, &p.frames, 3000);
	cr_assert_eq(p.ends, 0);
	buf_release(&b);
	place_release(&p);
}

Test(channel, the_end_comes_after_the_last_frame)
{
	struct place p;
	struct buf b;

	place_init(&p);
	buf_init(&b);
	add_heartbeat(&b, 1);
	add_heartbeat(&b, 2);
	put(&p, &b);
	(void)close(p.peer);
	p.peer = -1;
	turn_until(&p, &p.ends, 1);
	cr_assert_eq(p.frames, 2);
	cr_assert_eq(p.end_code, 0);
	buf_release(&b);
	place_release(&p);
}

Test(channel, a_refused_frame_comes_again_after_resume)
{
	struct place p;
	struct buf b;

	place_init(&p);
	buf_init(&b);
	for (uint64_t i = 1; i <= 4; i++) {
		add_heartbeat(&b, i);
	}
	p.refuse_from = 2;
	put(&p, &b);
	turn_until(&p, &p.frames, 2);
	for (int i = 0; i < 5; i++) {
		(void)loop_turn(p.loop, 1);
	}
	cr_assert_eq(p.frames, 2); /* paused */
	p.refuse_from = -1;
	channel_resume(p.channel);
	cr_assert_eq(p.frames, 2); /* not before the call has returned */
	turn_until(&p, &p.frames, 4);
	cr_assert_eq(p.sum, 1 + 4 + 9 + 16);
	buf_release(&b);
	place_release(&p);
}

Test(channel, a_paused_engine_is_not_read)
{
	struct place p;
	struct buf b;
	char junk[4096] = {0};
	size_t taken = 0;

	place_init(&p);
	buf_init(&b);
	p.refuse_from = 0;
	add_heartbeat(&b, 1);
	put(&p, &b);
	for (int i = 0; i < 5; i++) {
		(void)loop_turn(p.loop, 1);
	}
	/* nobody reads: the socket takes some, then no more */
	for (int i = 0; i < TURNS; i++) {
		ssize_t n = write(p.peer, junk, sizeof(junk));

		if (n <= 0) {
			break;
		}
		taken += (size_t)n;
		(void)loop_turn(p.loop, 0);
	}
	cr_assert_lt(taken, TURNS * sizeof(junk));
	buf_release(&b);
	place_release(&p);
}

static const struct {
	const char *what;
	unsigned char bytes[16];
	size_t len;
	int code;
} junk[] = {
    {"no length", {0, 0, 0, 0, 1}, 5, ERR_PROTOCOL},
    {"too large", {0xff, 0xff, 0xff, 0xff, 1}, 5, ERR_TOO_LARGE},
    {"just too large", {0, 0x40, 0, 1, 1}, 5, ERR_TOO_LARGE},
    {"another version", {0, 0, 0, 2, 9, 0}, 6, ERR_PROTOCOL},
    {"no message", {0, 0, 0, 4, 1, 0xff, 0xff, 0xff}, 8, ERR_PROTOCOL},
    {"text", "GET / HTTP/1.1\r\n", 16, ERR_TOO_LARGE},
};

Test(channel, junk_ends_it_with_the_reason)
{
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		struct place p;

		place_init(&p);
		cr_assert_eq(write(p.peer, junk[i].bytes, junk[i].len),
			     (ssize_t)junk[i].len);
		turn_until(&p, &p.ends, 1);
		cr_expect_eq(p.end_code, junk[i].code, "%s: %d", junk[i].what,
			     p.end_code);
		cr_expect_eq(p.frames, 0);
		cr_expect_eq(
		    channel_send(p.channel, &(wf_frame)WF__CONTROL__FRAME__INIT, NULL),
		    -ERR_UNAVAILABLE);
		for (int k = 0; k < 3; k++) {
			(void)loop_turn(p.loop, 1);
		}
		cr_expect_eq(p.ends, 1, "%s: told once", junk[i].what);
		place_release(&p);
	}
}

Test(channel, may_be_closed_in_its_callback)
{
	struct place p;
	struct buf b;

	place_init(&p);
	buf_init(&b);
	for (uint64_t i = 0; i < 10; i++) {
		add_heartbeat(&b, i);
	}
	p.close_at = 3;
	put(&p, &b);
	turn_until(&p, &p.frames, 3);
	for (int i = 0; i < 3; i++) {
		(void)loop_turn(p.loop, 1);
	}
	cr_assert_eq(p.frames, 3);
	cr_assert_eq(p.ends, 0);
	buf_release(&b);
	place_release(&p);
}

/* A frame of about SIZE bytes. */
static int send_text(struct channel *c, size_t size)
{
	wf_frame f = WF__CONTROL__FRAME__INIT;
	Wf__Control__Cancel m = WF__CONTROL__CANCEL__INIT;
	char *s = calloc(1, size + 1);
	int rc;

	memset(s, 'x', size);
	m.reason = s;
	f.body_case = WF__CONTROL__FRAME__BODY_CANCEL;
	f.cancel = &m;
	rc = channel_send(c, &f, NULL);
	free(s);
	return rc;
}

Test(channel, what_is_sent_arrives)
{
	struct place p;
	unsigned char got[64];
	wf_frame *f = NULL;
	ssize_t n = 0;

	place_init(&p);
	cr_assert_eq(send_text(p.channel, 5), 0);
	for (int i = 0; i < TURNS && n <= 0; i++) {
		n = read(p.peer, got, sizeof(got));
		(void)loop_turn(p.loop, 1);
	}
	cr_assert_eq(frame_unpack(got, (size_t)n, &f, NULL), n);
	cr_assert_str_eq(f->cancel->reason, "xxxxx");
	wf__control__frame__free_unpacked(f, NULL);
	place_release(&p);
}

Test(channel, an_engine_that_does_not_read_is_noticed)
{
	struct place p;
	int rc = 0, sent = 0;

	place_init(&p);
	for (; rc == 0 && sent < 64; sent++) {
		rc = send_text(p.channel, 1u << 20);
	}
	cr_assert_eq(rc, -ERR_LIMIT);
	cr_assert_geq(sent, 8);
	place_release(&p);
}
