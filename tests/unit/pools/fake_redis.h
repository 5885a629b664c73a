/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_redis.h - a TCP server on the test's own loop that answers every command with
 * the same text (PING with PONG unless told otherwise): for errors, garbage and
 * silence.
 */
#ifndef TESTS_UNIT_POOLS_FAKE_REDIS_H
#define TESTS_UNIT_POOLS_FAKE_REDIS_H

struct evconnlistener;
struct loop;

struct fake_redis {
	const char *ping;   /* NULL: "+PONG\r\n" */
	const char *answer; /* to everything else; NULL: nothing */
	int close_after;    /* close the connection once the answer is out */
	int push_more;      /* send the answer once more, unasked */
	/* counters */
	int connections, commands;
	/* private */
	struct evconnlistener *listener;
	char url[64];
};

void fake_redis_start(struct fake_redis *f, struct loop *loop);
/* Connections that are open stay open until their peers close them. */
void fake_redis_stop(struct fake_redis *f);

#endif
