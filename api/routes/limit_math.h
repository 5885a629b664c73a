/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit_math.h - concurrency limits as numbers: usage, decay, how long to wait.  Pure.
 *
 * A limit without decay is used by the records of its leases.  A limit with decay (a
 * rate limit) is a leaky bucket: one number that falls by slot_decay_per_second.
 */
#ifndef API_ROUTES_LIMIT_MATH_H
#define API_ROUTES_LIMIT_MATH_H

#include <stddef.h>
#include <stdint.h>

struct limit_state {
	int64_t limit;
	double decay;          /* slots per second; 0: none */
	int64_t held;          /* sum of the slots of its leases */
	double decayed_slots;  /* with decay: what was used at... */
	int64_t decayed_at_us; /* ...this instant; also of DENIED; TIME_NONE: never */
	double denied;
	double avg_occupancy_s;
	int is_tag; /* the name begins with "tag:" */
};

/* What is in use at NOW, in slots. */
double limit_usage(const struct limit_state *l, int64_t now_us);
/* The same as clients see it: whole slots. */
int64_t limit_active_slots(const struct limit_state *l, int64_t now_us);
int limit_fits(const struct limit_state *l, int64_t slots, int64_t now_us);
/* Slots that were asked for in vain and are probably still wanted. */
double limit_denied(const struct limit_state *l, int64_t now_us);
/* The new average after SLOTS were held for OCCUPANCY_S each. */
double limit_new_average(const struct limit_state *l, int64_t slots,
			 double occupancy_s);

/*
 * Seconds after which COUNT limits may have room for SLOTS: the one that blocks longest
 * decides; jitter of 30 % so that waiters do not come back together.  UNIFORM is in [0,
 * 1).
 */
double limit_retry_after(const struct limit_state *l, size_t count, int64_t slots,
			 int64_t now_us, double uniform);

#endif
