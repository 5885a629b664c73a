/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconcile_rows.h - what the reconciler reads and writes in SQL, in slices by key.
 * Private to the reconciler.
 */
#ifndef API_SERVICES_RECONCILE_ROWS_H
#define API_SERVICES_RECONCILE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

struct error;
struct tx;

#define RECONCILE_SLICE 200

enum reconcile_phase {
	REC_EPOCH = 1,
	REC_QUEUES,
	REC_PENDING, /* what is held, before anything is given out */
	REC_RUNNING,
	REC_CANCELLING,
	REC_POOLS, /* opens those that Redis has lost */
	REC_RUNS,
	REC_DONE
};

struct rec_row {
	struct uuid id;
	char id_text[UUID_TEXT_SIZE], lane[UUID_TEXT_SIZE];
	char *pool, *queue, *payload;
	char *owner; /* NULL: a worker without leases; all owned */
	int64_t due_ms, priority, gen, state_at_us;
	int64_t limit; /* of runs: of their lane */
	uint64_t fence;
	int paused;
	int handled; /* the shell's mark */
};

struct rec_slice {
	struct rec_row rows[RECONCILE_SLICE];
	size_t count;
	struct uuid last; /* key of the last row, for the next slice */
	char last_pool[256];
};

/* PHASE's next slice behind s->last / s->last_pool; whole when count < RECONCILE_SLICE.
 */
int rec_slice_read(struct tx *tx, enum reconcile_phase phase, struct rec_slice *s,
		   struct error *err);
void rec_slice_release(struct rec_slice *s); /* rows only; the keys stay */

/* The marker that tells our data set from an empty Redis; made once. */
int rec_epoch_read(struct tx *tx, char ret_epoch[UUID_TEXT_SIZE], struct error *err);

/* The run waits in SQL but is settled in Redis under the same gen. */
int rec_revive(struct tx *tx, const struct uuid *id, int64_t gen, struct error *err);
/* The run is Pending, but its owner is gone and it waits for another; nothing happens
 * when it moved on meanwhile. */
int rec_returned(struct tx *tx, const struct rec_row *row, struct error *err);
/* The run's owner is gone; nothing happens when the run moved on meanwhile. */
int rec_lost(struct tx *tx, const struct rec_row *row, enum reconcile_phase phase,
	     struct error *err);

#endif
