/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h - events: stored in the same transaction as what they tell about, live after
 * COMMIT.
 */
#ifndef API_EVENTS_EMIT_H
#define API_EVENTS_EMIT_H

#include <stdint.h>

#include <jansson.h>

struct error;
struct tx;
struct uuid;

struct event_spec {
	const char *name;           /* "prefect.flow-run.Running" */
	const struct uuid *id;      /* NULL: a new v7 */
	int64_t occurred_us;        /* 0: tx->now_us */
	json_t *resource;           /* object of labels; taken */
	json_t *related;            /* array of objects; taken; NULL: [] */
	json_t *payload;            /* taken; NULL: {} */
	const struct uuid *follows; /* or NULL */
};
/* Inserts the event (duplicates by id are ignored: returns 0 with *ret_new = 0) and
 * queues it for live subscribers.  RET_NEW may be NULL. */
int event_emit(struct tx *tx, struct event_spec *spec, int *ret_new, struct error *err);
/* The same for an event object as a client sent it (validated already; received = now).
 */
int event_store(struct tx *tx, const json_t *event, int *ret_new, struct error *err);

#endif
