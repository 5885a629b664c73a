/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_priv.h - the state behind the REST session: remote.c asks and answers, one
 * request after the other; remote_feed.c sends events and log lines in batches beside
 * it.
 */
#ifndef ENGINE_SESSION_REMOTE_PRIV_H
#define ENGINE_SESSION_REMOTE_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/queue_ext.h"
#include "engine/session/session.h"

struct remote;
struct side_call;
struct plan_task;
struct via_call;

#define ANSWER_MAX        (4u << 20)
#define REMOTE_GIVE_UP_MS 120000 /* for one request, with its repetitions */
#define REMOTE_CLOSE_MS   30000  /* for what is left at the end */
#define FEED_FLUSH_MS     100
#define FEED_BATCH_MAX    200 /* items of one request */
#define FEED_BATCH_BYTES  (512u << 10)
#define FEED_HIGH         (1u << 20) /* congested above */
#define FEED_MAX          (8u << 20) /* log lines are dropped above */
#define FEED_LINES_MAX    200        /* of one update */

/* One kind of item, sent as JSON arrays to one path, in order. */
struct feed {
	struct remote *remote;
	const char *path;
	struct buf queue; /* items, each u32 length + text */
	size_t count;     /* of them */
	size_t sending;   /* bytes of the queue that are on their way; 0: none */
	size_t sent;      /* items of these */
	struct loop_timer *timer;
	int timer_armed;
	struct backoff backoff;
	int64_t give_up_ms;
	size_t dropped;
	int binary; /* updates, see remote_facts.c */
};

/* A request that waits for its turn. */
struct call {
	TAILQ_ENTRY(call) link;
	const char *method;
	char *path;
	struct buf body;
	/* BODY is NULL when there was no useful answer: ERR says why. */
	void (*done)(struct remote *r, int status, const json_t *body,
		     const struct error *err);
};
TAILQ_HEAD(call_list, call);

struct remote {
	struct session s;
	struct loop *loop;
	struct httpc *http;
	struct session *via;     /* its requests go this way; NULL: http */
	struct side_call *sides; /* on their way, beside the row */
	struct via_call *vias;
	char *url, *auth, *name;
	const struct plan_flow *flow;
	json_t *parameters, *tags;
	struct uuid flow_id, run_id, parent; /* parent: nil when there is none */
	size_t side_calls;                   /* on their way, beside the row */
	struct call_list calls;
	int calling;
	struct loop_timer *retry, *poll, *close_timer;
	struct backoff backoff;
	int64_t give_up_ms;
	struct error send_error; /* of a request that could not even be sent */
	struct feed events, logs;
	/* the server takes updates: they are in events, logs stays empty */
	int takes_updates;
	uint64_t seq;
	struct uuid sender;
	struct buf lines; /* packed, for the next update */
	size_t line_count;
	int closing, closed, cancelled;
};

void remote_feed_init(struct feed *f, struct remote *r, const char *path);
void remote_feed_release(struct feed *f);
void remote_feed_add(struct feed *f, const char *json, size_t len);
void remote_feed_flush(struct feed *f);
void remote_feed_arm(struct feed *f);
/* After a change that may end the session. */
void remote_check_closed(struct remote *r);
struct remote_req {
	const char *method, *path;
	const struct buf *body;   /* an empty one: none */
	const char *content_type; /* NULL: JSON */
};
int remote_send(struct remote *r, const struct remote_req *req, httpc_fn fn, void *arg,
		struct error *err);
static inline struct remote *remote_of(struct session *s)
{
	return container_of(s, struct remote, s);
}
/* remote_side.c */
void remote_send_via(struct remote *r, const struct remote_req *req, httpc_fn fn,
		     void *arg);
void remote_call(struct session *s, const struct session_call *call);
/* The session is freed: those that wait get no answer any more. */
void remote_drop_sides(struct remote *r);
void remote_task_event(struct remote *r, const struct session_task *t, struct buf *out);
void remote_policy(const struct plan_task *plan, struct buf *out);

/* remote_facts.c: updates instead of events and logs */
void remote_fact_state(struct remote *r, const struct session_task *t);
void remote_fact_log(struct remote *r, const struct session_log *log);
void remote_fact_lines(struct remote *r);
void remote_fact_head(struct remote *r, struct buf *out);
void remote_fact_item(struct buf *out, const char *data, size_t len);
/* 1: an update has to be sent again. */
int remote_fact_answers(const struct httpc_resp *resp);

#endif
