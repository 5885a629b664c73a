/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger_store.h - triggers and the database: what is loaded, what the sink writes,
 * what a firing leaves: one event and one row per action.  Database threads only.
 */
#ifndef API_SERVICES_TRIGGER_STORE_H
#define API_SERVICES_TRIGGER_STORE_H

#include <stddef.h>

#include "api/triggers/triggers.h"
#include "base/error.h"

struct tx;

#define TRIGGER_FEED_BATCH 500

struct trigger_store {
	struct triggers *triggers; /* NULL: not loaded */
	struct tx *tx;             /* of the pass under way */
	int rc;                    /* the first failure of the sink in this pass */
	struct error err;
	int64_t fired; /* in this pass */
};

/* Everything from SQL; replaces what is there. */
int trigger_store_load(struct trigger_store *s, struct tx *tx, struct error *err);
void trigger_store_drop(struct trigger_store *s);
/* Evaluates up to TRIGGER_FEED_BATCH rows of the feed and the time; *ret_next_us is the
 * next deadline; *ret_more: the feed has more. */
int trigger_store_pass(struct trigger_store *s, struct tx *tx, int64_t *ret_next_us,
		       int *ret_more, struct error *err);

#endif
