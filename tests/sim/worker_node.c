/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_node.c - workers: the program itself, not a copy of its set-up.
 */
#define main wf_worker_main
int wf_worker_main(int argc, char **argv);
#include "worker/main.c" /* NOLINT(bugprone-suspicious-include): see above */
#undef main

#include "agent/claimer_priv.h"
#include "tests/sim/child.h"
#include "tests/sim/disk.h"
#include "tests/sim/nodes.h"
#include "worker/run_priv.h"

struct worker_node workers[WORKERS_MAX];
int worker_count;
static struct worker_conf confs[WORKERS_MAX];

/* The pool is there and nothing is heard of it: heartbeats are another matter. */
struct pool_watch *pool_watch_new(struct worker *w, void (*ready)(struct worker *w),
				  void (*failed)(struct worker *w, const char *message))
{
	(void)failed;
	ready(w);
	return NULL;
}

void pool_watch_changed(struct pool_watch *p)
{
	(void)p;
}

void pool_watch_free(struct pool_watch *p)
{
	(void)p;
}

static void boot(void *arg)
{
	struct worker_node *w = arg;
	struct worker_conf *c = &confs[w - workers];
	struct app *a = xcalloc(1, sizeof(*a));
	struct error err = {0};

	c->pool = (char *)(uintptr_t) "pool";
	c->name = w->node.name;
	c->api_url = (char *)(uintptr_t) "http://wf:4200/api";
	c->auth = c->api_key = (char *)(uintptr_t) "";
	c->redis_url = (char *)(uintptr_t) "redis://redis:6379";
	c->data_dir = (char *)(uintptr_t) "/sim";
	c->mode = (char *)(uintptr_t) "redis";
	c->cgroup = (char *)(uintptr_t) "off";
	c->slots_fd = -1;               /* no agent */
	c->redis_patience_ms = 3600000; /* the world has no REST claims */
	c->limit = w->limit;
	c->prefetch_s = 10;
	c->drain_ms = 20000;
	c->cancel_grace_ms = 2000;
	a->w.conf = c;
	w->app = a;
	w->stopped_us = 0;
	if (setup(a, &err) < 0) {
		BUG("worker: %s", err.msg);
	}
	begin(a);
}

void worker_boot(struct worker_node *w)
{
	sim_node_start(&w->node);
	sim_trace("%s starts", w->node.name);
	(void)sim_at(&w->node, sim_now_us, boot, w);
}

void worker_kill(struct worker_node *w, int power)
{
	sim_trace("%s is killed%s", w->node.name, power ? ", with its host" : "");
	sim_node_kill(&w->node);
	w->app = NULL;
	child_worker_died(&w->node, power);
	if (power) {
		disk_power_failure(w->node.disk);
	}
}

/* worker/source_wf.c keeps it here. */
struct source_of_wf {
	struct worker *w;
	struct claimer *claimer;
};

const struct claimer *worker_claimer(const struct worker_node *w)
{
	const struct source_of_wf *s = w->app != NULL ? w->app->w.source : NULL;

	return s != NULL ? s->claimer : NULL;
}

size_t worker_runs(const struct worker_node *w)
{
	return w->app != NULL ? map_count(&w->app->w.runs) : 0;
}

size_t worker_updates_waiting(const struct worker_node *w)
{
	return w->app != NULL && w->app->w.backend.ops != NULL
		   ? backend_pending(&w->app->w.backend)
		   : 0;
}

static uint64_t fence_of(const void *arg)
{
	return ((const struct run *)arg)->fence;
}

void nodes_reset(int nworkers, int napis)
{
	memset(workers, 0, sizeof(workers));
	memset(apis, 0, sizeof(apis));
	memset(&redis_host, 0, sizeof(redis_host));
	worker_count = nworkers;
	api_count = napis;
	child_fence = fence_of;
	for (int i = 0; i < nworkers; i++) {
		(void)snprintf(workers[i].node.name, sizeof(workers[i].node.name),
			       "w%d", i + 1);
		workers[i].node.disk = disk_new();
	}
	for (int i = 0; i < napis; i++) {
		(void)snprintf(apis[i].node.name, sizeof(apis[i].node.name), "api%d",
			       i + 1);
	}
	(void)snprintf(redis_host.name, sizeof(redis_host.name), "redis");
}
