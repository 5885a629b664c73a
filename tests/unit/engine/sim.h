/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - a flow run in virtual time: the scheduler, a scripted owner and scripted
 * tasks.
 *
 * Everything that happens becomes a line of text, "1000 a Running", so that a test
 * compares one string.  The script of a task says for each attempt how it ends and
 * after how many ms: "ok:100", "fail:50", "timeout:20", "hang", "skip", "badinput". The
 * last one repeats.
 */
#ifndef TESTS_ENGINE_SIM_H
#define TESTS_ENGINE_SIM_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/plan.h"
#include "engine/sched.h"

#define SIM_TASKS 512 /* units */

struct sim {
	struct plan_file *file;
	struct plan_flow *flow;
	struct sched *sched;
	struct sched_now now;
	struct buf out;
	const char *script[SIM_TASKS]; /* by task; NULL: "ok:10" */
	int tried[SIM_TASKS];
	int64_t ends_at_ms[SIM_TASKS]; /* INT64_MAX: not running, or hanging */
	const char *verdict[SIM_TASKS];
	/* the owner: retries as the API does them, unless a test answers by hand */
	int answer_by_hand;
	int run_count;
	int64_t scheduled_us;
	struct run_state proposed;
	int has_proposal;
	int logs; /* write log lines too */
	int max_running, running;
	int over;
	enum sched_answer end_as;
	double random;
	size_t items; /* of each for_each */
	size_t top;   /* above the highest unit that ran */
	uint64_t next_id;
};

/* FLOW is the text below "  f:"; it may contain several flows' worth of keys. */
void sim_init(struct sim *s, const char *flow);
void sim_release(struct sim *s);
void sim_script(struct sim *s, const char *task, const char *script);
void sim_event(struct sim *s, enum sched_event_type type, const char *message);
void sim_answer(struct sim *s, enum sched_answer answer, enum state_type type,
		const char *name, int64_t delay_ms);
/* Until nothing is due before UNTIL_MS (virtual, from 0), or the run is over. */
void sim_run(struct sim *s, int64_t until_ms);

#endif
