/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox_priv.h - shared by outbox.c, outbox_batch.c (sending) and outbox_items.c
 * (queues).
 */
#ifndef AGENT_OUTBOX_PRIV_H
#define AGENT_OUTBOX_PRIV_H

#include <stdint.h>

#include "agent/outbox.h"
#include "base/backoff.h"
#include "base/map.h"
#include "base/queue_ext.h"
#include "proto/frame.h"

#define OUTBOX_HEADERS_MAX  32
#define OUTBOX_BATCH_HEADER 2048 /* bytes of a batch kept for what is not an item */

struct run;

struct item {
	TAILQ_ENTRY(item) link; /* in its run, oldest first */
	struct run *run;
	uint8_t id[16];
	uint64_t index; /* in the journal */
	uint64_t fence;
	int64_t put_ms;
	int owner; /* index into owners */
	int body_case, state_type;
	int replayed, urgent, sent;
	outbox_fn fn;
	void *arg;
};
TAILQ_HEAD(item_list, item);

/* A run with unanswered items.  It is in the ready list unless it is blocked or in
 * flight. */
struct run {
	TAILQ_ENTRY(run) link;
	uint8_t id[16];
	struct item_list items;
	size_t count, urgent;
	int in_ready;
	int in_flight;      /* items of it are in the batch */
	int64_t blocked_ms; /* until then it waits; 0: it does not */
	unsigned int refusals;
};
TAILQ_HEAD(run_list, run);

struct items {
	struct map by_id; /* 16 bytes -> struct item */
	struct map runs;  /* 16 bytes -> struct run */
	struct run_list ready;
	struct run_list blocked;
	/* sender ids: ours is 0, then those of earlier processes */
	uint8_t (*owners)[16];
	int owner_count;
	size_t urgent; /* urgent items in ready runs that were not sent */
	size_t unsent; /* all items in ready runs */
};

void items_init(struct items *t, const uint8_t sender_id[16]);
void items_release(struct items *t);
int items_owner(struct items *t, const uint8_t owner[16]);

/* Makes the run when needed.  NULL when the table is full. */
struct run *items_run(struct items *t, const uint8_t id[16]);
/* -ERR_CONFLICT for an id that is there, -ERR_LIMIT. */
int items_add(struct items *t, struct run *run, struct item *item);
/* Removes and frees it, and its run when that was its last. */
void items_remove(struct items *t, struct item *item);
/* A run that has lost its reason to exist (no items). */
void items_run_unneeded(struct items *t, struct run *run);

/* The next run to send from, or NULL. */
struct run *items_next_run(struct items *t);
/* Its items are in a batch now: no other batch takes from it. */
void items_take(struct items *t, struct run *run);
/* The batch is over: back into the ready list, or blocked until UNTIL_MS (0: no). */
void items_put_back(struct items *t, struct run *run, int64_t until_ms);
/* Unblocks what is due; returns when the next one is (INT64_MAX: none). */
int64_t items_unblock(struct items *t, int64_t now_ms);

/* outbox_flush(): complete when nothing before `upto` is unanswered. */
struct flush {
	TAILQ_ENTRY(flush) link;
	uint64_t upto;
	void (*fn)(void *arg);
	void *arg;
};
TAILQ_HEAD(flush_list, flush);

struct outbox {
	struct loop *loop;
	struct httpc *httpc;
	struct loop_timer *timer;
	struct journal *journal;
	struct aiosync *sync;
	struct outbox_conf conf; /* callbacks and numbers; the strings are below */
	char *url, *sender, *pool;
	char *headers[OUTBOX_HEADERS_MAX]; /* NULL-terminated */
	struct items items;
	uint64_t seq, sync_upto;
	uint64_t next_index; /* behind the last one put */
	struct flush_list flushes;
	struct backoff backoff;
	int64_t retry_ms;   /* no batch before */
	int64_t send_ms;    /* the first item may wait until then; INT64_MAX: none */
	int64_t sync_ms;    /* look at the disk then */
	int64_t unblock_ms; /* a blocked run may go on, or a flush may be complete */
	int syncing, sync_failed, closed;
	int told_up; /* -1: nothing yet */
	/* the batch in flight */
	struct httpc_req *request;
	int in_flight;
	struct item *batch[PROTO_BATCH_MAX];
	size_t batch_count;
	size_t batch_limit; /* items; smaller after a 413 */
};

void outbox_arm(struct outbox *o);
/* Something may be sent now; the first item starts the wait for more. */
void outbox_changed(struct outbox *o);
/* Urgent, or enough for a whole batch. */
int outbox_is_due(const struct outbox *o);
void outbox_warn(const struct outbox *o, const char *text);
void outbox_tell_up(struct outbox *o, int up, const char *why);
void outbox_check_flushes(struct outbox *o);
/* The last part of an outbox that is closed. */
void outbox_destroy(void *arg);
void outbox_send_batch(struct outbox *o);

#endif
