/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.h - where facts about runs go: one interface, two implementations.
 *
 * The currency is the protobuf update (proto/updates.proto).  backend_wf.c hands it to
 * the journalled outbox (agent/outbox.h); backend_rest.c translates it into the REST
 * calls that a Prefect server knows, in order for each run, and into the same answers.
 */
#ifndef WORKER_BACKEND_H
#define WORKER_BACKEND_H

#include "agent/outbox.h"
#include "proto/frame.h"

struct backend;
struct error;
struct httpc;
struct loop;
struct rest;

struct backend_ops {
	int (*put)(void *self, Wf__Updates__Update *u, unsigned int flags, outbox_fn fn,
		   void *arg, struct error *err);
	/* Calls FN once when everything put before has been answered. */
	void (*flush)(void *self, void (*fn)(void *arg), void *arg);
	size_t (*pending)(const void *self);
	/* After a handover: the answer to what was put before it; NULL: none is kept */
	int (*await)(void *self, const uint8_t update_id[16], outbox_fn fn, void *arg,
		     struct error *err);
	/* The journal's lock and folder, for a handover; NULL: there is none. */
	int (*leave)(void *self, const char **ret_path);
	void (*close)(void *self);
};
struct backend {
	const struct backend_ops *ops;
	void *self;
};

/* U is borrowed; its id is made when empty.  Answers as outbox_fn (agent/outbox.h). */
static inline int backend_put(const struct backend *b, Wf__Updates__Update *u,
			      unsigned int flags, outbox_fn fn, void *arg,
			      struct error *err)
{
	return b->ops->put(b->self, u, flags, fn, arg, err);
}
static inline void backend_flush(const struct backend *b, void (*fn)(void *arg),
				 void *arg)
{
	b->ops->flush(b->self, fn, arg);
}
static inline size_t backend_pending(const struct backend *b)
{
	return b->ops->pending(b->self);
}
int backend_await(const struct backend *b, const uint8_t update_id[16], outbox_fn fn,
		  void *arg, struct error *err);
static inline void backend_close(struct backend *b)
{
	if (b->ops != NULL) {
		b->ops->close(b->self);
		b->ops = NULL;
	}
}

/* CONF as for outbox_open(). */
int backend_wf_open(struct loop *loop, struct httpc *httpc,
		    const struct outbox_conf *conf, struct backend *ret_backend,
		    uint64_t *ret_replayed, struct error *err);
/* REST is borrowed; WORKER and POOL are for the events' related resources. */
int backend_rest_open(struct loop *loop, struct rest *rest, struct backend *ret_backend,
		      struct error *err);

#endif
