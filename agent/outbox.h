/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h - sends updates about runs to the API, at least once and in order for each
 * run.
 *
 * outbox_put() appends to the journal and returns; batches (at most 200 items, 100 ms
 * after the first, at once when an item is urgent) go to POST <api>/wf/v1/updates, one
 * batch in flight.  Transport errors and answers of UNAVAILABLE are tried again for
 * ever with back-off; meanwhile the later items of that run wait and other runs go on.
 * The journal is synced to disk when an item is still unanswered after a short while.
 */
#ifndef AGENT_OUTBOX_H
#define AGENT_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"

struct error;
struct httpc;
struct loop;
struct outbox;

#define OUTBOX_BATCH_MS    100
#define OUTBOX_BATCH_BYTES (1u << 20) /* one larger item goes alone */
#define OUTBOX_ITEMS_MAX   200000     /* unanswered items; -ERR_LIMIT above */

/*
 * RC 0 with the item's answer, once, from the loop: ACCEPT, REJECT, WAIT, ABORT,
 * SUPERSEDED, or one with gone or invalid set; never UNAVAILABLE.  -ERR_CANCELED from
 * outbox_close(): the item stays in the journal and is sent by the next process. ANSWER
 * is borrowed.
 */
typedef void (*outbox_fn)(int rc, const Wf__Updates__UpdateAnswer *answer,
			  const struct error *err, void *arg);

struct outbox_verdict {
	const uint8_t *update_id, *run_id; /* 16 bytes each */
	uint64_t fence;
	int replayed;   /* journalled by an earlier process */
	int body_case;  /* Wf__Updates__Update__BodyCase */
	int state_type; /* of a flow_state update, else 0 */
	const Wf__Updates__UpdateAnswer *answer;
};

struct outbox_conf {
	const char *api_url;        /* ".../api" */
	const char *auth;           /* "user:password" for Basic, or NULL */
	const char *const *headers; /* more "Name: value", NULL-terminated, or NULL */
	const char *sender;         /* worker name */
	const char *pool;
	uint8_t sender_id[16]; /* new for each process */
	const char *dir;       /* of the journal */
	const char *held_path; /* of a handover: journal.h; NULL: none */
	int held_fd;
	int64_t max_bytes; /* of the journal; 0: its default */
	int64_t batch_ms;  /* 0: OUTBOX_BATCH_MS */
	/*
	 * Every answer that is not a plain ACCEPT (superseded, gone, aborted, invalid,
	 * ...) and every answer to a replayed item, after the item's own callback.  May
	 * be NULL.
	 */
	void (*on_verdict)(const struct outbox_verdict *v, void *arg);
	/* For the log: a damaged journal, a failed sync, an item that was dropped.  May
	 * be NULL. */
	void (*on_warning)(const char *text, void *arg);
	/* The API became reachable (1) or unreachable (0, with the reason); may be
	 * NULL. */
	void (*on_up)(int up, const char *reason, void *arg);
	void *arg;
};

/* Replays the journal.  HTTPC is borrowed.  *ret_replayed may be NULL. */
int outbox_open(struct loop *loop, struct httpc *httpc, const struct outbox_conf *conf,
		struct outbox **ret_outbox, uint64_t *ret_replayed, struct error *err);
/* Syncs the journal; callbacks that are still waiting get -ERR_CANCELED before it
 * returns. Accepts NULL. */
void outbox_close(struct outbox *o);

enum outbox_flags {
	OUTBOX_URGENT = 1u << 0 /* somebody waits for the answer: send at once */
};
/*
 * U is borrowed; its id (when empty: made here) and seq are filled in, occurred_us when
 * 0. FN may be NULL.  Returns 0 when the item is journalled, -ERR_LIMIT when the
 * journal or the table is full (slow down: stop reading from the engine), -ERR_IO,
 * -ERR_TOO_LARGE.
 */
int outbox_put(struct outbox *o, Wf__Updates__Update *u, unsigned int flags,
	       outbox_fn fn, void *arg, struct error *err);
/*
 * The callback of this item will not be called any more.  Returns 1 when the item had
 * not been sent and was withdrawn, 0 when it may have been: then it still is sent and
 * answered.
 */
int outbox_withdraw(struct outbox *o, const uint8_t update_id[16]);
/*
 * A handover to the next program in the same process.  outbox_leave() gives the
 * journal's lock and folder (borrowed); nothing is put afterwards.  There,
 * outbox_await() waits for the answer to an item that was replayed: FN as for
 * outbox_put().  -ERR_NOT_FOUND: it is not among them.
 */
int outbox_leave(struct outbox *o, const char **ret_path);
int outbox_await(struct outbox *o, const uint8_t update_id[16], outbox_fn fn, void *arg,
		 struct error *err);
/* Calls FN(ARG) once when everything put before has been answered (at once when empty).
 */
void outbox_flush(struct outbox *o, void (*fn)(void *arg), void *arg);

size_t outbox_pending(const struct outbox *o);
size_t outbox_pending_run(const struct outbox *o, const uint8_t run_id[16]);
int outbox_is_up(const struct outbox *o);
/* Milliseconds since the oldest unanswered item was put; 0 when there is none. */
int64_t outbox_lag_ms(const struct outbox *o);

#endif
