/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub_priv.h - what hub.c and its sockets share.
 */
#ifndef API_EVENTS_HUB_PRIV_H
#define API_EVENTS_HUB_PRIV_H

#include <stdint.h>
#include <sys/queue.h>

#include <jansson.h>

#include "api/events/filter.h"
#include "api/events/log_filter.h"
#include "base/map.h"
#include "base/uuid.h"

struct hub;
struct ingest;
struct ws_conn;

/* A live event, parsed once for all subscribers. */
struct live_event {
	const json_t *event;
	int64_t occurred_us;
	struct uuid id;
	const char *text; /* {"type":"event","event":...} */
	size_t len;
};

struct event_sub {
	TAILQ_ENTRY(event_sub) link;
	struct hub *hub;
	struct ws_conn *conn; /* NULL: gone, a page is still being read */
	int filtering;        /* the filter has come */
	struct event_filter filter;
	/* backfill */
	int reading;     /* a page is under way */
	int live;        /* the backfill is over */
	int64_t from_us; /* the last event sent: where the next page starts */
	struct uuid from_id;
	struct map seen; /* ids sent by the backfill */
	int64_t seen_until_ms;
	STAILQ_HEAD(, waiting) waiting; /* live events that came meanwhile */
	size_t waiting_count;
};

struct log_sub {
	TAILQ_ENTRY(log_sub) link;
	struct ws_conn *conn;
	int filtering;
	struct log_filter filter;
};

struct hub {
	struct api *api;
	TAILQ_HEAD(, event_sub) events;
	TAILQ_HEAD(, log_sub) logs;
	struct ingest *ingest;
	struct loop_timer *timer; /* backfills that wait for a slow reader */
};

/* ---- events_out.c ---- */
void event_sub_offer(struct event_sub *s, const struct live_event *e);
void event_sub_resume(struct event_sub *s); /* reads the next page when there is room */
/* ---- logs_out.c ---- */
void log_sub_offer(struct log_sub *s, const json_t *log, const char *text, size_t len);
/* ---- events_in.c ---- */
struct ingest *ingest_new(struct api *api);
void ingest_free(struct ingest *in);

/* {"type": "filter", "filter": {...}} of a first message, or NULL: closed with a
 * reason. */
json_t *hub_filter_message(struct ws_conn *c, const char *data, size_t len);
/* Closes with "Invalid filter: <the first problem>"; takes nothing. */
struct http_invalid;
void hub_close_invalid(struct ws_conn *c, const char *what,
		       const struct http_invalid *v);

#endif
