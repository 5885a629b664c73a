/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_updates.h - what became of every update that a worker journalled.
 */
#ifndef TESTS_SIM_WATCH_UPDATES_H
#define TESTS_SIM_WATCH_UPDATES_H

struct sim_node;

void watch_updates_reset(void);
void watch_updates_end(void);
/* The power of NODE's host fails now: what was put a moment ago may be lost. */
void watch_power_failure(const struct sim_node *node);

#endif
