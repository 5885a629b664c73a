/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tx.h - a request's way through the database: decode on the loop, work in a pool
 *thread that also writes the answer's body, effects after COMMIT, reply.
 *
 * Usage in a route:
 *	struct my_args *a = ...;                      (decoded, owned)
 *	tx_submit(r, DB_WRITE, my_work, a, my_args_free);
 *	static int my_work(struct tx *tx, void *arg, struct error *err)
 *	{ ... db_exec(tx->c, ...); jsonw_init(&w, &tx->body); ...; tx->status = 201;
 *return 0; } The work may run again from its start when the database asks for a retry:
 *it must not use up ARG.  A negative return rolls back and answers by
 *http_reply_error() unless tx_answer() set an answer of its own ("tx->status" != 0 with
 *keep_answer).
 */
#ifndef API_TX_H
#define API_TX_H

#include <stdint.h>

#include "api/db/db.h"
#include "base/buf.h"
#include "base/compiler.h"

struct api;
struct error;
struct fx;
struct http_req;
struct uuid;

enum fx_flags {
	FX_OUTBOX = 1u << 0, /* outbox rows were written: wake the relay */
	FX_SCHEDULES =
	    1u << 1,        /* deployments or schedules changed: wake the scheduler */
	FX_POOLS = 1u << 2, /* pool or queue settings changed: channels of workers */
	FX_TASKS = 1u << 3, /* a background task may be ready: task workers */
	FX_TRIGGERS = 1u << 4, /* the feed of trigger evaluation got rows */
	FX_ACTIONS = 1u << 5,  /* actions of automations are to be done */
	FX_SUBFLOWS = 1u << 6, /* a run was cancelled whose subflows still go on */
};

struct tx {
	struct db_conn *c;
	struct api
	    *api; /* conf and block_keys only: the rest belongs to the loop thread */
	int64_t now_us;           /* wall clock of the request's arrival */
	int status;               /* of the answer; 0: 200 */
	struct buf body;          /* of the answer: JSON text */
	int empty;                /* answer without body (204) */
	int keep_answer;          /* a negative return still answers status/body */
	const char *content_type; /* of the answer; NULL: JSON */
	char *disposition;    /* owned; header Content-Disposition, with content_type */
	double retry_after_s; /* > 0: the answer gets the header Retry-After */
	unsigned int fx;      /* enum fx_flags */
	struct buf
	    live_events; /* frames for the hub, after commit: see events/emit.h */
	struct buf live_logs;
};

typedef int (*tx_work_fn)(struct tx *tx, void *arg, struct error *err);
typedef void (*tx_free_fn)(void *arg);

/* ARG is taken; FREE_FN (may be NULL) runs on the loop after the answer. */
void tx_submit(struct http_req *r, enum db_kind kind, tx_work_fn work, void *arg,
	       tx_free_fn free_fn);

/* The same for a write that looks at the client's lease (fence.h) itself; tx_submit()
 * answers 409 to every write of a process whose run has a newer owner. */
void tx_submit_fenced(struct http_req *r, tx_work_fn work, void *arg,
		      tx_free_fn free_fn);

/* The same for services, sockets and the updates RPC: no HTTP request, DONE on the loop
 * (may be NULL) sees the tx before it is released. */
typedef void (*tx_done_fn)(int rc, struct tx *tx, const struct error *err, void *arg);
int tx_run(struct api *api, enum db_kind kind, tx_work_fn work, void *arg,
	   tx_done_fn done, struct error *err);

/* {"detail": ...} as the answer of this transaction; returns -CODE so that the work can
 * `return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Flow not found");` */
int tx_detail(struct tx *tx, struct error *err, int code, int status, const char *fmt,
	      ...) WF_PRINTF(5, 6);
/* {"exception_message": ...} likewise. */
int tx_exception(struct tx *tx, struct error *err, int code, int status,
		 const char *fmt, ...) WF_PRINTF(5, 6);

#endif
