/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_store.h - claims of background task runs in the database.  Database threads
 * only.
 */
#ifndef API_SOCKETS_TASK_STORE_H
#define API_SOCKETS_TASK_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

struct error;
struct tx;

#define TASK_CLAIM_US                                                  \
	(30 * 1000000LL) /* without its worker a claim ends after this \
			  */

/* Borrowed. */
struct task_wanted {
	char *const *keys;
	size_t count, first; /* FIRST is tried first, then the others, around */
	const char *client;
};
/*
 * Gives the oldest waiting task run of one of the keys to the client: 1, *ret_id and
 * its TaskRun as TX's body; 0: nothing waits.
 */
int task_claim(struct tx *tx, const struct task_wanted *w, struct uuid *ret_id,
	       struct error *err);
/* CLIENT said that it has it. */
int task_claim_taken(struct tx *tx, const struct uuid *id, const char *client,
		     struct error *err);
/* A new connection of CLIENT: what was sent on an earlier one and not taken is free. */
int task_claims_begin(struct tx *tx, const char *client, struct error *err);
/* CLIENT has not taken it: somebody else may have it at once. */
int task_claim_drop(struct tx *tx, const struct uuid *id, const char *client,
		    struct error *err);
/* CLIENT is there: what it was given stays its own.  Claims of task runs that it has
 * begun end. */
int task_claims_keep(struct tx *tx, const char *client, struct error *err);
int task_claims_forget_old(struct tx *tx, struct error *err);

#endif
