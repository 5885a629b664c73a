/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h - the parts of the host beside its calls and bodies: caches, state handlers
 * and hooks, transactions.
 */
#ifndef SDK_SRC_PARTS_H
#define SDK_SRC_PARTS_H

#include "sdk/src/host.h"

/* cache.c */
/* 1: the store is asked; then the run is Cached, or host_attempt() starts it. */
int cache_look(struct call *c);
/* 1: the result is being stored; its run completes behind that. */
int cache_keep(struct call *c);
void cache_close(struct host *h);
/* Starts an attempt. */
void host_attempt(struct call *c);

/* consult.c: the scheduler asks */
void host_consult(struct runner *r, const struct sched_action *a);
void host_hooks(struct runner *r, const struct sched_action *a);

/* txn.c */
typedef void (*txn_done_fn)(struct host *h, int failed, void *arg);
struct txn {
	struct host *h;
	struct body *body; /* that began it */
	struct txn *outer;
	struct call **calls; /* completed ones, in this order */
	size_t count, size, at;
	int undo, failed;
	enum wf_commit mode;
	txn_done_fn done;
	void *arg;
};
void txn_request(struct body *b, const json_t *msg);
void txn_note(struct call *c); /* it is done */
void txn_end(struct txn *t, int undo, txn_done_fn done, void *arg);
/* All that B left open, then THEN(B). */
void txn_close_all(struct body *b, int undo, void (*then)(struct body *b));
void txn_drop(struct txn *t);

#endif
