/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_client.h - the connections between programs and the simulator's Redis.
 */
#ifndef TESTS_SIM_REDIS_CLIENT_H
#define TESTS_SIM_REDIS_CLIENT_H

#include <stdint.h>

struct sim_node;

/* Where Redis runs; NULL: it is up and near (contract tests). */
extern struct sim_node *redis_node;
void redis_links_reset(void);
/* Breaks all connections: Redis has ended, or a test kills them.  WHICH: 0 all, 1
 * subscribers only.  Returns how many. */
int redis_links_break(int which);
/* Until then Redis answers everything with -OOM (of adding commands) or -LOADING. */
extern int64_t redis_refuses_until_us;

#endif
