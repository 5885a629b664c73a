/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h - what Redis has to be told, written in the transaction that makes it true.
 *
 * A row names an object; the relay (relay.h) reads the object's state when it sends, so
 * a row that is sent twice or late does no harm.  Each helper sets FX_OUTBOX on the
 * transaction. Database threads only.
 */
#ifndef API_SERVICES_OUTBOX_H
#define API_SERVICES_OUTBOX_H

struct error;
struct tx;
struct uuid;

enum outbox_kind {
	OUTBOX_RUN = 1, /* a run became SCHEDULED, or its queue or due time changed */
	OUTBOX_CANCEL,  /* a run left SCHEDULED without a claim, is CANCELLING, ended
			   without its owner, or is deleted */
	OUTBOX_POOL,    /* settings of a pool */
	OUTBOX_QUEUE,   /* settings of a queue */
	OUTBOX_QUEUE_GONE, /* body: {"queue": name} */
	OUTBOX_POOL_GONE,
	OUTBOX_LANE, /* the concurrency limit of a deployment, or that it is gone */
};

/* Call after the flow_run row is written.  A run without work queue: nothing is
 * written. */
int outbox_run(struct tx *tx, const struct uuid *run_id, struct error *err);
/* Call before the row is deleted.  A run without work queue: nothing is written. */
int outbox_cancel(struct tx *tx, const struct uuid *run_id, struct error *err);
/* The same for every run of a flow that is not over; before the flow is deleted. */
int outbox_flow_gone(struct tx *tx, const struct uuid *flow_id, struct error *err);
/* All SCHEDULED runs of a queue: enqueue again (the queue was renamed). */
int outbox_queue_runs(struct tx *tx, const struct uuid *queue_id, struct error *err);
int outbox_pool(struct tx *tx, const char *pool, struct error *err);
int outbox_queue(struct tx *tx, const struct uuid *queue_id, struct error *err);
/* A deployment without pool: nothing is written.  Before the row is deleted, too. */
int outbox_lane(struct tx *tx, const struct uuid *deployment_id, struct error *err);
/* The deployments that a concurrency limit is for. */
int outbox_lanes_of_limit(struct tx *tx, const struct uuid *limit_id,
			  struct error *err);
int outbox_queue_gone(struct tx *tx, const char *pool, const char *queue,
		      struct error *err);
int outbox_pool_gone(struct tx *tx, const char *pool, struct error *err);

#endif
