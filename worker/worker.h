/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - one worker: what its parts share.  Loop thread only.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdint.h>

#include <jansson.h>

#include "base/map.h"
#include "base/opts.h"
#include "base/queue_ext.h"
#include "base/rundir.h"
#include "worker/backend.h"
#include "worker/oom.h"

struct agent_link;
struct carry;
struct cgroups;
struct error;
struct httpc;
struct loop;
struct guard;
struct loop_timer;
struct py_control;
struct pyhost;
struct rest;
struct run;
struct source;

/* Options; see conf.c. */
struct worker_conf {
	char *pool, *name, *type, *install_policy, *base_job_template;
	struct opt_list queues;
	char *api_url, *auth, *api_key, *redis_url, *data_dir, *python, *mode;
	char *pyhost_preload, *cgroup;
	char *log_level, *log_format;
	char *webserver_host;
	int64_t webserver_port;
	int64_t redis_patience_ms;
	int64_t limit, prefetch_s, heartbeat_s, query_s, drain_ms, cancel_grace_ms;
	int run_once, create_pool, with_healthcheck, pyhost;
	/* started by wf-agent */
	char *run_table;
	int64_t slots_fd;
};

/* Where runs come from: Redis (source_wf.c) or REST polling (source_rest.c). */
struct source_ops {
	/* "Still mine?"  FN(ANSWER, ARG) from the loop: 1 go, 2 cancel wanted, 0 lost,
	 * < 0 no answer (try again or give up). */
	void (*start)(void *self, const char *run_id, void (*fn)(int answer, void *arg),
		      void *arg);
	/* The run is over for us: its slot may be given away.  OUTCOME enum
	 * run_outcome, or 0: it is somebody else's, and not ours to end. */
	void (*end)(void *self, const char *run_id, int outcome);
	void (*kick)(void *self);  /* a slot is free */
	void (*drain)(void *self); /* no new runs */
	size_t (*unsettled)(const void *self);
	/* Until when the run is surely ours (monotonic ms); 0: not held, or no leases.
	 */
	int64_t (*trusted_until)(const void *self, const char *run_id);
	/* The queues of the worker changed; NULL: it cannot be done. */
	void (*set_queues)(void *self);
	/* When a lease renewal was last answered (loop_now_ms; 0: never); may be NULL.
	 */
	int64_t (*renewed_ms)(const void *self);
	/* How many runs the claim under way may bring; NULL: nothing is reserved. */
	int (*asked)(const void *self);
	/* For a handover to the next program; all three NULL: nothing is lost.  Whether
	 * a question to Redis is under way; what is held, as lines; one of them. */
	int (*is_quiet)(const void *self);
	void (*carry)(const void *self, struct carry *to);
	int (*carried)(void *self, const json_t *line, struct error *err);
	void (*free)(void *self);
};
enum run_outcome { RUN_OUT_DONE = 1, RUN_OUT_DROP, RUN_OUT_REQUEUE, RUN_OUT_LATER };

TAILQ_HEAD(run_list, run);

struct worker {
	const struct worker_conf *conf;
	struct loop *loop;
	struct httpc *httpc;
	struct rest *rest;
	struct backend backend;
	const struct source_ops *source_ops;
	void *source;
	struct py_control *py; /* made when the first Python run comes */
	struct pyhost *pyhost; /* the same; NULL: Python runs start cold */
	int pyhost_tried;
	struct guard *guard; /* NULL: no leases, or none could be started */
	struct map runs;     /* run id text -> struct run */
	struct run_list list;
	int64_t limit;           /* slots: --limit, or the agent's grant */
	int64_t limit_claimed;   /* runs that a claim under way may bring us to */
	struct agent_link *link; /* to our wf-agent; NULL: there is none */
	char **queues;           /* NULL-terminated, owned; NULL: those of conf */
	int no_queues;           /* the agent found none to serve: claim nothing */
	int ready;               /* it serves its pool */
	int retired;             /* a successor beats for our pool now */
	int draining, killing;   /* first signal, second signal */
	int handing_over; /* a new version is about to take over: claim nothing */
	int once_done;    /* --run-once: nothing more is to be claimed */
	char **environ_;  /* our own environment */
	struct oom oom;   /* kills for want of memory that are known */
	struct cgroups *cgroups; /* one for each run; NULL: none was delegated */
	struct loop_timer *tidy; /* of the control groups */
	struct loop_timer *idle; /* NULL: memory is not given back */
	struct rundir dir;       /* WF_INPUTS and WF_RESULT of native runs */
	json_t *pool;            /* last WorkPoolResponse, or NULL */
	int64_t looked_ms;       /* when work (or the pool) was last asked for */
	uint64_t started, finished;
	void (*on_change)(struct worker *w); /* a run ended: look whether we are done */
	void (*on_orphaned)(struct worker *w); /* the agent is gone */
	void (*on_drain)(struct worker *w);    /* somebody wants us to drain */
};

/* Called by sources: a run was given to us.  FENCE 0: REST.  -ERR_CONFLICT when it runs
 * here already, -ERR_LIMIT when there is no slot. */
struct worker_offer {
	const char *run_id;
	uint64_t fence;
	int64_t attempt;
};
int worker_offer(struct worker *w, const struct worker_offer *offer, struct error *err);
int worker_free_slots(const struct worker *w);
/* The queues that are served, NULL-terminated; NULL: all of the pool. */
const char *const *worker_queues(const struct worker *w);
/* Cancellation is wanted / the lease is lost; unknown ids are ignored. */
void worker_cancel(struct worker *w, const char *run_id);
/* Leases were renewed. */
void worker_trust(struct worker *w);
void worker_lost(struct worker *w, const char *run_id, uint64_t fence, const char *why);
/* The timer `idle`: gives unused memory back when nothing runs. */
void worker_on_idle(void *arg);
/* The timer `tidy`. */
void worker_on_tidy(void *arg);
/* By run.c when a run is over. */
void worker_run_done(struct worker *w, struct run *r);

#endif
