/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools.c - the client object: two connections and who is told about them.
 */
#include "pools/pools.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "pools/cluster.h"
#include "pools/pools_priv.h"

static void on_up(int up, const char *why, void *arg)
{
	struct pools *p = arg;

	if (p->up_fn != NULL) {
		p->up_fn(up, why, p->up_arg);
	}
}

struct pools *pools_new(struct loop *loop, const char *url, struct error *err)
{
	struct redis_url parsed = {0};

	if (redis_url_parse(url, &parsed, err) < 0) {
		return NULL;
	}
	struct pools *p = xcalloc(1, sizeof(*p));
	p->loop = loop;
	p->url = parsed;
	p->reap_gap_ms = POOLS_REAP_GAP_MS;
	p->reap_grace_ms = POOLS_LEASE_MS;
	map_init(&p->subs, POOLS_SUBS_MAX);
	const struct redis_ops ops = {.up = on_up, .arg = p};
	if (p->url.cluster) {
		p->dest.cluster = cluster_new(loop, &p->url, &ops);
	} else {
		p->dest.redis = redis_new(loop, &p->url, &ops);
	}
	return p;
}

void pools_free(struct pools *p)
{
	if (p == NULL) {
		return;
	}
	p->up_fn = NULL;
	redis_free(p->dest.redis);
	cluster_free(p->dest.cluster);
	pools_wake_free(p);
	redis_url_release(&p->url);
	free(p);
}

int pools_is_up(const struct pools *p)
{
	return p->dest.redis != NULL ? redis_is_up(p->dest.redis)
				     : cluster_is_up(p->dest.cluster);
}

size_t pools_in_flight(const struct pools *p)
{
	return p->dest.redis != NULL ? redis_in_flight(p->dest.redis)
				     : cluster_in_flight(p->dest.cluster);
}

void pools_on_up(struct pools *p, pools_up_fn fn, void *arg)
{
	p->up_fn = fn;
	p->up_arg = arg;
}
