/* SPDX-License-Identifier: Apache-2.0 */
/*
 * triggers.h - from events and time to firings.  Pure: no clock, no SQL.
 *
 * The rules are those of events-and-automations 2.3 and 4.  What has to be stored is
 * told to a sink in the order in which it became true: a bucket once per
 * triggers_flush(), all else at once.  The caller writes it in the transaction that
 * consumed the event.  When that transaction fails, the state is worthless: throw it
 * away and load again.
 *
 * Instants are Unix microseconds.  An absence is noticed when triggers_tick() is called
 * at or after the deadline that the last call returned: nothing is polled.
 */
#ifndef API_TRIGGERS_TRIGGERS_H
#define API_TRIGGERS_TRIGGERS_H

#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct error;
struct triggers;

#define TRIGGERS_AUTOMATIONS_MAX 100000
#define TRIGGERS_BUCKETS_MAX     4000000
#define TRIGGERS_PARKED_MAX      100000
#define TRIGGERS_SEEN_MAX        100000 /* ids that are remembered to drop repeats */
#define TRIGGERS_LOOKBACK_US     (15LL * 60 * 1000000)
#define TRIGGERS_MEMORY_US       (30LL * 60 * 1000000)
#define TRIGGERS_SWEEP_US        (60LL * 1000000) /* a bucket lives past its end */
#define TRIGGERS_DEPTH_MAX       20               /* followers of followers */
/* Firings that an automation causes by what it did itself: more is a loop. */
#define TRIGGERS_LOOP_MAX 100
#define TRIGGERS_LOOP_US  (60LL * 1000000)

struct trigger_event {
	struct uuid id, follows;
	int has_follows;
	int64_t occurred_us, received_us;
	const char *name, *resource_id;
	/* The whole event; NULL: LOAD makes it when somebody is interested. */
	json_t *json;
	json_t *(*load)(const struct trigger_event *e); /* new reference, or NULL */
	const void *arg;                                /* of LOAD */
};

struct trigger_bucket {
	struct uuid automation, trigger;
	const char *key; /* JSON list of the for_each values */
	int64_t start_us, end_us, count;
	struct uuid last_event;
	int has_event;
};

struct trigger_child { /* a child of a composite trigger that has fired */
	struct uuid automation, parent, child;
	int64_t fired_us;
	const json_t *firing;
};

/* Any of them may be NULL. */
struct trigger_sink {
	void (*bucket_put)(void *arg, const struct trigger_bucket *b);
	void (*bucket_delete)(void *arg, const struct trigger_bucket *b);
	void (*child_put)(void *arg, const struct trigger_child *c);
	void (*child_delete)(void *arg, const struct trigger_child *c);
	void (*park)(void *arg, const struct trigger_event *e);
	void (*unpark)(void *arg, const struct uuid *event);
	/* FIRING: 4.8; AUTOMATION: as it is stored.  Both borrowed. */
	void (*fire)(void *arg, const json_t *automation, const json_t *firing);
	/* The automation has fired TRIGGERS_LOOP_MAX times by its own doing: it is held
	 * until UNTIL_US.  Once per hold. */
	void (*loop)(void *arg, const json_t *automation, int64_t until_us);
	/* New reference, or NULL when it is gone. */
	json_t *(*event_by_id)(void *arg, const struct uuid *id);
	/* 1: that event was evaluated long ago (beyond what is remembered here). */
	int (*was_seen)(void *arg, const struct uuid *id);
	void *arg;
};

struct triggers_conf {
	int after_ignored;      /* R1: proactive_ignores_after */
	int contiguous_windows; /* R2 */
};

struct triggers *triggers_new(const struct triggers_conf *conf,
			      const struct trigger_sink *sink);
void triggers_free(struct triggers *t); /* accepts NULL */

/* Adds or replaces.  Nodes keep their state when the trigger ids are the same. */
int triggers_set(struct triggers *t, const json_t *automation, int64_t now_us,
		 struct error *err);
void triggers_remove(struct triggers *t, const struct uuid *automation);

/* State of an earlier process, after the automations. */
void triggers_load_bucket(struct triggers *t, const struct trigger_bucket *v);
void triggers_load_child(struct triggers *t, const struct trigger_child *c);
void triggers_load_parked(struct triggers *t, const struct trigger_event *e);

void triggers_event(struct triggers *t, const struct trigger_event *e, int64_t now_us);
/* Releases lost followers, fires absences, sweeps.  Returns the next deadline (Unix
 * microseconds), INT64_MAX: none. */
int64_t triggers_tick(struct triggers *t, int64_t now_us);
int64_t triggers_deadline(const struct triggers *t, int64_t now_us);
void triggers_flush(struct triggers *t);

/* Whether any trigger could want an event of this name and resource. */
int triggers_wanted(struct triggers *t, const char *name, const char *resource_id);

struct triggers_stats {
	int64_t automations, nodes, buckets, parked, evaluated, fired;
};
void triggers_stats(const struct triggers *t, struct triggers_stats *ret_stats);

/* ---- why did it not fire? ---- */
enum trigger_miss {
	TRIGGER_FITS = 0,
	TRIGGER_MISS_NAME,    /* neither in expect nor in after */
	TRIGGER_MISS_MATCH,   /* a label of the resource */
	TRIGGER_MISS_RELATED, /* no related resource has all labels */
};
/* TRIGGER: one event trigger as JSON. */
enum trigger_miss trigger_fits(const json_t *trigger, const json_t *event);

#endif
