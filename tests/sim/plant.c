/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plant.c - see plant.h.  Functions of the product are wrapped when the program is
 * linked; without a planted bug they are called as they are.
 */
#include "tests/sim/plant.h"

#include <stddef.h>
#include <string.h>

#include "agent/claimer.h"
#include "agent/lease.h"
#include "api/orchestration/apply.h"
#include "api/tx.h"
#include "base/clock.h"
#include "tests/sim/nodes.h"
#include "tests/sim/redis_fake.h"
#include "tests/sim/sim.h"
#include "worker/update.h"

#define FOR_EVER_MS 1000000000LL

enum plant plant;

static const char *const names[] = {
    [PLANT_NONE] = "none",
    [PLANT_DROP_FENCE_CHECK] = "drop-fence-check",
    [PLANT_SETTLE_BEFORE_ACK] = "settle-before-ack",
    [PLANT_NO_SELF_KILL] = "no-self-kill",
    [PLANT_TRUST_FROM_ANSWER] = "trust-from-answer",
    [PLANT_IGNORE_POOL_LIMIT] = "ignore-pool-limit",
    [PLANT_SUSPENDED_CLOCK] = "suspended-clock",
    [PLANT_NO_SYNC] = "no-sync",
};

const char *plant_name(enum plant p)
{
	return p < PLANT_MAX ? names[p] : NULL;
}

void plant_prepare(void)
{
	sim_clock_is_suspended = plant == PLANT_SUSPENDED_CLOCK;
	if (plant == PLANT_IGNORE_POOL_LIMIT) {
		redis_fake_patch("room = left(P .. ':held', pool[2], room)", "");
	}
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker makes these names */

/* Of the types of what they stand for, so that a change there does not compile here. */
__typeof__(run_propose) __wrap_run_propose, __real_run_propose;
__typeof__(lease_tick) __wrap_lease_tick, __real_lease_tick;
__typeof__(lease_renewed) __wrap_lease_renewed, __real_lease_renewed;
__typeof__(update_propose_frame) __wrap_update_propose_frame,
    __real_update_propose_frame;

static void take_fence(const struct db_rows *rows, void *arg)
{
	*(uint64_t *)arg = (uint64_t)db_int(rows, 1);
}

int __wrap_run_propose(struct tx *tx, struct run_proposal *p,
		       struct orc_result *ret_result, struct error *err)
{
	uint64_t known = 0;

	if (plant == PLANT_DROP_FENCE_CHECK && p->fence != 0) {
		(void)db_one(tx->c, SQL_RUN_STATE_AND_FENCE,
			     DB_ARGS(db_a_uuid(&p->flow_run_id)), 1, take_fence, &known,
			     err);
		p->fence = p->fence < known ? known : p->fence;
	}
	return __real_run_propose(tx, p, ret_result, err);
}

int64_t __wrap_lease_tick(struct lease_table *t, int64_t now_ms,
			  struct lease_actions *out)
{
	for (struct map_iter i = {0};
	     plant == PLANT_NO_SELF_KILL && map_next(&t->by_id, &i);) {
		((struct lease *)i.value)->trusted_until_ms = now_ms + FOR_EVER_MS;
	}
	return __real_lease_tick(t, now_ms, out);
}

void __wrap_lease_renewed(struct lease_table *t, const struct lease_action *asked,
			  int64_t value, int64_t sent_ms, struct lease_actions *out)
{
	__real_lease_renewed(
	    t, asked, value,
	    plant == PLANT_TRUST_FROM_ANSWER ? clock_mono_ms() : sent_ms, out);
}

static void settle_now(const struct update_run *r)
{
	for (int i = 0; i < worker_count; i++) {
		if (&workers[i].node == sim_node) {
			/* the claimer is this worker's own */
			union {
				const struct claimer *from;
				struct claimer *to;
			} c = {.from = worker_claimer(&workers[i])};
			claimer_end_token(c.to, uuid_str(&r->id), r->fence,
					  CLAIMER_DONE);
		}
	}
}

int __wrap_update_propose_frame(const struct update_run *r,
				const Wf__Control__ProposeState *p, outbox_fn fn,
				void *arg, struct uuid *ret_id, struct error *err)
{
	if (plant == PLANT_SETTLE_BEFORE_ACK &&
	    state_type_is_terminal((int)p->state->type)) {
		settle_now(r);
	}
	return __real_update_propose_frame(r, p, fn, arg, ret_id, err);
}
/* NOLINTEND(bugprone-reserved-identifier) */
