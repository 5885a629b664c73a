/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.c - see net.h.
 */
#include "tests/sim/net.h"

#include <stddef.h>

#include "tests/sim/sim.h"

#define CUTS_MAX 64

struct net_conf net_conf;
static struct cut {
	const struct sim_node *a, *b;
	int64_t until_us;
} cuts[CUTS_MAX];
static int cut_count;

void net_reset(void)
{
	net_conf = (struct net_conf){0};
	cut_count = 0;
}

void net_cut(const struct sim_node *a, const struct sim_node *b, int64_t until_us)
{
	if (cut_count < CUTS_MAX) {
		cuts[cut_count++] = (struct cut){a, b, until_us};
	}
}

void net_heal(void)
{
	cut_count = 0;
}

static int matches(const struct cut *c, const struct sim_node *a,
		   const struct sim_node *b)
{
	return (c->a == a || c->a == NULL) && (c->b == b || c->b == NULL);
}

int net_is_cut(const struct sim_node *a, const struct sim_node *b)
{
	if (a == NULL || b == NULL || a == b) {
		return 0;
	}
	for (int i = 0; i < cut_count; i++) {
		if (cuts[i].until_us > sim_now_us &&
		    (matches(&cuts[i], a, b) || matches(&cuts[i], b, a))) {
			return 1;
		}
	}
	return 0;
}

static int is_slow(const struct sim_node *n)
{
	return n->slow_until_us > sim_now_us;
}

int64_t net_delay_us(const struct sim_node *a, const struct sim_node *b)
{
	int64_t us;

	if (a == NULL || b == NULL) {
		return 20;
	}
	us = rnd_range(100, 1500);
	if (rnd_permille(net_conf.slow_permille) || is_slow(a) || is_slow(b)) {
		us += rnd_range(0, SIM_S);
	}
	if (rnd_permille(net_conf.lost_permille)) {
		us += rnd_range(200 * SIM_MS, 3 * SIM_S);
	}
	return us;
}
