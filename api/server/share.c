/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share.c - see share.h.
 *
 * A message is what was committed since the last turn of the loop:
 *
 *	byte 0        version
 *	bytes 1-4     fx, big endian
 *	bytes 5-8     length of the events
 *	events, logs  frames of api/events/live.h
 */
#include "api/server/share.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "pools/feed.h"

#define SHARE_VERSION 1
#define SHARE_HEAD    9
#define SHARE_FLUSH   ((size_t)64 << 10) /* bytes that wait for the end of the turn */
/* The relay of the server that wrote a row of the outbox sends it. */
#define SHARE_FX (FX_SCHEDULES | FX_POOLS | FX_TASKS | FX_SUBFLOWS)

struct share {
	struct api *api;
	struct feed *feed;
	share_fn fn;
	unsigned int fx;
	struct buf events, logs, message;
	int is_due;
};

static uint32_t u32_at(const char *data)
{
	const unsigned char *p = (const unsigned char *)data;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Frames are taken as they came: whoever writes to our Redis is one of us, but not
 * always of our version. */
static int frames_are_whole(const char *data, size_t len)
{
	size_t at = 0;

	while (len - at >= 4) {
		size_t n = u32_at(data + at);

		if (n > len - at - 4) {
			return 0;
		}
		at += 4 + n;
	}
	return at == len;
}

static void on_message(const char *data, size_t len, void *arg)
{
	struct share *s = arg;
	struct buf events, logs;
	size_t nevents;

	if (data == NULL) { /* some are missing: look at everything */
		s->fn(s->api, SHARE_FX, NULL, NULL);
		return;
	}
	if (len < SHARE_HEAD || data[0] != SHARE_VERSION) {
		return;
	}
	nevents = u32_at(data + 5);
	if (nevents > len - SHARE_HEAD ||
	    !frames_are_whole(data + SHARE_HEAD, nevents) ||
	    !frames_are_whole(data + SHARE_HEAD + nevents,
			      len - SHARE_HEAD - nevents)) {
		return;
	}
	buf_init(&events);
	buf_init(&logs);
	buf_add(&events, data + SHARE_HEAD, nevents);
	buf_add(&logs, data + SHARE_HEAD + nevents, len - SHARE_HEAD - nevents);
	s->fn(s->api, u32_at(data + 1) & SHARE_FX, &events, &logs);
	buf_release(&events);
	buf_release(&logs);
}

static void flush(void *arg)
{
	struct share *s = arg;

	s->is_due = 0;
	if (s->feed == NULL || (s->fx == 0 && s->events.len == 0 && s->logs.len == 0)) {
		return;
	}
	buf_reset(&s->message);
	buf_addc(&s->message, SHARE_VERSION);
	buf_add_u32be(&s->message, s->fx);
	buf_add_u32be(&s->message, (uint32_t)s->events.len);
	buf_add(&s->message, s->events.data, s->events.len);
	buf_add(&s->message, s->logs.data, s->logs.len);
	feed_add(s->feed, s->message.data, s->message.len);
	buf_reset(&s->events);
	buf_reset(&s->logs);
	s->fx = 0;
}

void share_commit(struct share *s, const struct tx *tx)
{
	if (s == NULL || ((tx->fx & SHARE_FX) == 0 && tx->live_events.len == 0 &&
			  tx->live_logs.len == 0)) {
		return;
	}
	if (s->events.len + s->logs.len + tx->live_events.len + tx->live_logs.len >
	    SHARE_FLUSH) {
		flush(s);
	}
	s->fx |= tx->fx & SHARE_FX;
	buf_add(&s->events, tx->live_events.data, tx->live_events.len);
	buf_add(&s->logs, tx->live_logs.data, tx->live_logs.len);
	if (!s->is_due) {
		s->is_due = 1;
		loop_defer(s->api->loop, flush, s);
	}
}

struct share *share_new(struct api *api, share_fn fn)
{
	struct share *s;
	struct uuid id;
	char me[UUID_TEXT_SIZE];

	if (api->pools == NULL || api->redis_is_private || !db_is_shared(api->db)) {
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->api = api;
	s->fn = fn;
	buf_init(&s->events);
	buf_init(&s->logs);
	buf_init(&s->message);
	uuid_v4(&id);
	uuid_format(&id, me);
	s->feed = feed_new(api->pools, me, on_message, s);
	return s;
}

static void release(void *arg)
{
	struct share *s = arg;

	buf_release(&s->events);
	buf_release(&s->logs);
	buf_release(&s->message);
	free(s);
}

void share_free(struct share *s)
{
	if (s == NULL) {
		return;
	}
	feed_free(s->feed);
	s->feed = NULL;
	loop_defer_free(s->api->loop, release, s); /* a flush may be due */
}
