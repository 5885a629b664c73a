/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - the network between nodes: delays, losses, cuts.  NULL stands for a node that
 * is always near.
 */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include <stdint.h>

struct sim_node;

/* How bad the network is in this run of the simulator. */
struct net_conf {
	int64_t slow_permille;  /* messages that take up to a second */
	int64_t lost_permille;  /* messages that have to be sent again, or requests that
				   fail */
	int64_t twice_permille; /* requests that arrive twice */
};
extern struct net_conf net_conf;

void net_reset(void);
/* No message passes between A and B (NULL: anybody) until then. */
void net_cut(const struct sim_node *a, const struct sim_node *b, int64_t until_us);
int net_is_cut(const struct sim_node *a, const struct sim_node *b);
void net_heal(void);
/* How long a message takes; a lost one is sent again. */
int64_t net_delay_us(const struct sim_node *a, const struct sim_node *b);

#endif
