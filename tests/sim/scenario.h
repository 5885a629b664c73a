/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario.h - one seed: a world, its users, its faults, until everything has ended.
 */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include <stdint.h>

struct scenario_stats {
	int64_t virtual_us;
	uint64_t steps;
	uint64_t random; /* the PRNG's next number: equal for equal histories */
};
/* 0, or -1: see sim_failure(). */
int scenario_run(uint64_t seed, struct scenario_stats *ret_stats);

/* faults.c: draws the faults of this world; returns when the last of them is over. */
extern int faults_need_long_runs; /* to show what they are about */
int64_t faults_plan(void);
void faults_stop(void); /* everything works again from now on */

#endif
