/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plant.h - bugs that can be planted: what the simulator must find.
 */
#ifndef TESTS_SIM_PLANT_H
#define TESTS_SIM_PLANT_H

enum plant {
	PLANT_NONE,
	PLANT_DROP_FENCE_CHECK,  /* the API takes updates of stale owners */
	PLANT_SETTLE_BEFORE_ACK, /* a lease is ended before the API knows the end */
	PLANT_NO_SELF_KILL,      /* a worker goes on when its leases are not renewed */
	PLANT_IGNORE_POOL_LIMIT, /* claim.lua does not count what is held */
	PLANT_NO_SYNC,           /* the journal is not synced to disk */
	PLANT_TRUST_FROM_ANSWER, /* leases are counted from the answer, not the sending
				  */
	PLANT_SUSPENDED_CLOCK,   /* durations do not count the time of a suspension */
	PLANT_MAX
};
extern enum plant plant;
const char *plant_name(enum plant p); /* "drop-fence-check"; NULL: no such plant */
/* Before a world begins. */
void plant_prepare(void);

#endif
