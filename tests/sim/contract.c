/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contract.c - tests/lib/redis_server.h with the simulator's Redis, so that the
 * contract tests of pools/ run against it unchanged, in virtual time.
 */
#include <signal.h>
#include <stdio.h>

#include "tests/lib/redis_server.h"
#include "tests/sim/net.h"
#include "tests/sim/redis_client.h"
#include "tests/sim/redis_fake.h"
#include "tests/sim/sim.h"

static struct sim_node server = {.name = "redis"};

/* A connection that breaks frees nothing, like the process that is gone. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

void redis_server_start(struct redis_server *s, const char *const *extra)
{
	(void)extra;
	sim_world_reset(1);
	net_reset();
	redis_links_reset();
	redis_fake_reset();
	redis_node = &server;
	sim_node_start(&server);
	s->pid = 1;
	(void)snprintf(s->url, sizeof(s->url), "redis+unix:///sim");
}

void redis_server_kill(struct redis_server *s)
{
	sim_node_kill(&server);
	(void)redis_links_break(0);
	s->pid = 0;
}

void redis_server_again(struct redis_server *s)
{
	sim_node_start(&server);
	redis_fake_restart(RESTART_EMPTY);
	s->pid = 1;
}

void redis_server_stop(struct redis_server *s)
{
	sim_node_kill(&server);
	s->pid = 0;
}
