/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - the agent as a whole: its pools, their shares, and the end.
 */
#include "agent/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/host_api.h"
#include "agent/host_load.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/notify.h"
#include "pools/pools.h"

#define CONNECTIONS 8
#define TICK_MS     1000
#define KILL_EXTRA_MS \
	15000 /* a worker that drains may report for so long after its last run */

/* ---- the budget ---- */

static void balance(void *arg)
{
	struct host *h = arg;
	struct slots_change out[SLOTS_SHARERS_MAX];
	struct host_worker *w;
	size_t n;

	h->balance_pending = 0;
	n = slots_balance(&h->slots, out);
	for (size_t i = 0; i < n; i++) {
		TAILQ_FOREACH (w, &h->workers, link) {
			if (w->sharer == out[i].sharer) {
				w->tell_grant = 1;
				host_worker_tell(w);
			}
		}
	}
	host_status_changed(h);
}

void host_balance(struct host *h)
{
	if (!h->balance_pending) {
		h->balance_pending = 1;
		loop_defer(h->loop, balance, h);
	}
}

static void look_at_load(struct host *h)
{
	struct admit_sample s;
	char why[160];

	host_load_read("", &s);
	if (!admit_feed(&h->admit, &s, loop_now_ms(h->loop))) {
		return;
	}
	admit_describe(&h->admit, why, sizeof(why));
	if (admit_is_open(&h->admit)) {
		log_info("the host has room again: new runs are taken");
	} else {
		log_warn("no new runs are taken: %s", why);
	}
	h->slots.open = admit_is_open(&h->admit);
	host_balance(h);
}

/* ---- pools ---- */

struct host_pool *host_pool_find(const struct host *h, const char *name)
{
	struct host_pool *p;

	TAILQ_FOREACH (p, &h->pool_list, link) {
		if (strcmp(p->name, name) == 0) {
			return p;
		}
	}
	return NULL;
}

static void start_due(void *arg)
{
	struct host_pool *p = arg;

	p->start_at_ms = 0;
	if (!p->host->draining && p->wanted && !p->drained && p->current == NULL) {
		host_worker_start(p);
	}
}

static void pool_free(struct host_pool *p)
{
	struct host *h = p->host;

	TAILQ_REMOVE(&h->pool_list, p, link);
	h->pool_count--;
	loop_timer_free(p->timer);
	for (size_t i = 0; p->queues != NULL && p->queues[i] != NULL; i++) {
		free(p->queues[i]);
	}
	free(p->queues);
	free(p->name);
	free(p->enc);
	free(p->worker_name);
	free(p->dir);
	free(p);
}

/* A worker's name has neither '/' nor '%'. */
static char *worker_name(const struct host *h, const char *pool)
{
	char *name = xasprintf("%s-%s", h->conf->name, pool);

	for (char *c = name; *c != '\0'; c++) {
		if (*c == '/' || *c == '%') {
			*c = '_';
		}
	}
	return name;
}

struct host_pool *host_pool_want(struct host *h, const char *name, int weight)
{
	struct host_pool *p = host_pool_find(h, name);

	if (p == NULL && h->pool_count >= HOST_POOLS_MAX) {
		log_error("pool '%s' is not served: an agent serves at most %d pools",
			  name, HOST_POOLS_MAX);
		return NULL;
	}
	if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
		p->host = h;
		p->name = xstrdup(name);
		p->enc = url_encode(name);
		p->worker_name = worker_name(h, name);
		p->dir = xasprintf("%s/pools/%s", h->dir, p->enc);
		p->timer = loop_timer_new(h->loop, start_due, p);
		tally_init(&p->tally);
		TAILQ_INSERT_TAIL(&h->pool_list, p, link);
		h->pool_count++;
		p->start_at_ms = loop_now_ms(h->loop);
		loop_timer_in(p->timer, 0);
		log_info("serving pool '%s'", name);
	} else if (!p->wanted) {
		p->wanted = 1;
		log_info("serving pool '%s' again", name);
		if (p->current == NULL) {
			loop_timer_in(p->timer, 0);
		}
	}
	p->wanted = 1;
	p->weight = weight;
	if (p->current != NULL && p->current->sharer >= 0) {
		h->slots.sharer[p->current->sharer].weight = weight;
	}
	return p;
}

/* The pools that are named; those of a prefix come from host_queues.c. */
static void want_named(struct host *h)
{
	struct host_pool_spec spec;

	for (size_t i = 0; i < h->conf->pools.count; i++) {
		if (host_pool_spec_parse(h->conf->pools.items[i], &spec, NULL) < 0) {
			continue; /* checked before */
		}
		if (!spec.prefix) {
			(void)host_pool_want(h, spec.name, spec.weight);
		}
		free(spec.name);
	}
}

static int still_wanted(const struct host *h, const struct host_pool *p)
{
	struct host_pool_spec spec;
	int yes = 0;

	for (size_t i = 0; i < h->conf->pools.count && !yes; i++) {
		if (host_pool_spec_parse(h->conf->pools.items[i], &spec, NULL) < 0) {
			continue;
		}
		yes = spec.prefix ? strncmp(p->name, spec.name, strlen(spec.name)) == 0
				  : strcmp(p->name, spec.name) == 0;
		free(spec.name);
	}
	return yes;
}

static void apply_limits(struct host *h)
{
	const struct admit_limits limits = {
	    .max_load = h->conf->max_load,
	    .min_free_bytes = h->conf->min_free_memory,
	    .max_stall_pct = h->conf->max_memory_pressure,
	};

	h->slots.limit = (int)h->conf->limit;
	h->admit.limits = limits;
}

void host_reload(struct host *h, const struct host_conf *conf)
{
	struct host_pool *p, *next;

	h->conf = conf;
	apply_limits(h);
	TAILQ_FOREACH_SAFE (p, &h->pool_list, link, next) {
		if (p->drained) {
			p->drained = 0;
			loop_timer_in(p->timer, 0);
		}
		if (!still_wanted(h, p) && p->wanted) {
			log_info("pool '%s' is not served any more", p->name);
			p->wanted = 0;
			if (p->current != NULL) {
				host_worker_drain(p->current, SIGTERM);
			} else {
				pool_free(p);
			}
		}
	}
	want_named(h);
	host_queues_refresh(h);
	host_balance(h);
}

/* ---- a worker's end ---- */

void host_worker_over(struct host_worker *w)
{
	struct host_pool *p = w->pool;
	struct host *h = p->host;
	int was_current = p->current == w;

	if (was_current) {
		p->current = NULL;
	}
	host_worker_free(w);
	host_balance(h);
	if (was_current && !p->wanted) {
		pool_free(p);
	} else if (was_current && !p->drained && !h->draining) {
		/* planned when it died */
		int64_t now = loop_now_ms(h->loop);

		loop_timer_at(p->timer, MAX_OF(p->start_at_ms, now));
	}
	host_maybe_leave(h);
}

void host_maybe_leave(struct host *h)
{
	if (h->draining && TAILQ_EMPTY(&h->workers)) {
		host_status_write(h);
		loop_stop(h->loop, 0);
	}
}

/* For a worker that drains: a signal more stops its runs. */
static void stop_runs(struct host_worker *w)
{
	const struct host *h = w->pool->host;

	if (w->proc == NULL) {
		return;
	}
	if (!w->stop_told) {
		host_worker_drain(w, SIGTERM);
	}
	w->term_at_ms = 0;
	w->kill_at_ms = loop_now_ms(h->loop) + h->conf->cancel_grace_ms + KILL_EXTRA_MS;
	(void)proc_signal(w->proc, SIGTERM);
}

void host_stop(struct host *h, int signo)
{
	struct host_worker *w;

	h->stops++;
	log_info("%s received", signo == SIGINT ? "SIGINT" : "SIGTERM");
	if (h->stops >= 3) {
		log_warn("leaving at once");
		proc_kill_all();
		(void)proc_kill_strays();
		loop_stop(h->loop, 1);
		return;
	}
	h->draining = 1;
	notify_stopping(h->notify);
	TAILQ_FOREACH (w, &h->workers, link) {
		if (h->stops == 2) {
			stop_runs(w);
		} else if (w->retired && signo == SIGTERM) {
			/* it drains already, without a limit */
			w->term_at_ms = loop_now_ms(h->loop) + h->conf->drain_ms;
		} else {
			host_worker_drain(w, signo);
		}
	}
	host_status_changed(h);
	host_maybe_leave(h);
}

/* Workers keep the drain time themselves; one that does not is killed. */
static void check_drains(struct host *h)
{
	struct host_worker *w;

	TAILQ_FOREACH (w, &h->workers, link) {
		if (w->term_at_ms > 0 && loop_now_ms(h->loop) >= w->term_at_ms) {
			stop_runs(w);
		}
		if (w->proc != NULL && w->kill_at_ms > 0 &&
		    loop_now_ms(h->loop) >= w->kill_at_ms) {
			log_warn("the worker of pool '%s' (pid %d) does not end: "
				 "killing it",
				 w->pool->name, w->pid);
			w->kill_at_ms = 0;
			proc_stop(w->proc, PROC_STOP_SHUTDOWN, 0);
		}
	}
}

/* ---- the API's word about Redis ---- */

static void on_up(int up, const char *why, void *arg)
{
	(void)arg;
	log_debug("Redis is %s: %s", up ? "up" : "down", why != NULL ? why : "");
}

static void set_redis(struct host *h, const char *url)
{
	struct error err;

	h->pools = pools_new(h->loop, url, &err);
	if (h->pools == NULL) {
		log_error("leases of dead workers will only expire: %s", err.msg);
	} else {
		pools_on_up(h->pools, on_up, h);
	}
}

static void on_info(int status, const json_t *body, const struct error *err, void *arg)
{
	struct host *h = arg;
	const char *url = json_string_value(json_object_get(body, "redis_url"));

	h->info_asking = 0;
	if (status == 0 || status >= 500) {
		log_debug("the API does not answer: %s", err->msg);
		return; /* the next tick asks again */
	}
	h->info_known = 1;
	if (url != NULL && h->pools == NULL) {
		set_redis(h, url);
	}
}

static void ask_info(struct host *h)
{
	if (!h->info_known && !h->info_asking) {
		h->info_asking = 1;
		host_api_call(h->api, "GET", NULL, on_info, h, "/wf/v1/info");
	}
}

/* ---- life ---- */

static void on_tick(void *arg)
{
	struct host *h = arg;
	int64_t now = loop_now_ms(h->loop);

	look_at_load(h);
	check_drains(h);
	if (h->handing_over) {
		host_hand_over(h);
	}
	ask_info(h);
	if (now >= h->refresh_at_ms && !h->draining) {
		host_queues_refresh(h);
	}
	host_status_write(h);
	loop_timer_in(h->tick, MIN_OF(TICK_MS, h->conf->refresh_ms));
}

/* One agent per data folder: two would give each other's journals away. */
static int lock_folder(struct host *h, struct error *err)
{
	char *path = xasprintf("%s/lock", h->dir);
	int rc = 0;

	h->lock_fd = host_handover_lock();
	if (h->lock_fd < 0) {
		h->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	}
	if (h->lock_fd < 0) {
		rc = err_errno(err, "open %s", path);
	} else if (flock(h->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		rc = err_set(err, ERR_CONFLICT,
			     "Another wf-agent uses %s: add its pools to that one, or "
			     "give this one another --data-dir and --name.",
			     h->conf->data_dir);
	}
	free(path);
	return rc;
}

int host_open(struct host *h, const struct host_conf *conf, struct error *err)
{
	int rc;

	h->conf = conf;
	h->lock_fd = -1;
	TAILQ_INIT(&h->pool_list);
	TAILQ_INIT(&h->workers);
	h->loop = loop_new(err);
	if (h->loop == NULL || proc_init(h->loop, err) < 0) {
		return -err->code;
	}
	h->notify = notify_open(h->loop);
	h->dir = xasprintf("%s/agent", conf->data_dir);
	rc = mkdir_p(h->dir, 0700, err);
	rc = rc == 0 ? lock_folder(h, err) : rc;
	h->worker_program = proc_find_program("wf-worker");
	if (rc == 0 && h->worker_program == NULL) {
		rc = err_set(err, ERR_NOT_FOUND,
			     "wf-worker is neither beside wf-agent nor in PATH: "
			     "install wf whole.");
	}
	if (rc < 0) {
		return rc;
	}
	slots_init(&h->slots, (int)conf->limit);
	admit_init(&h->admit, &(struct admit_limits){0});
	apply_limits(h);
	h->httpc = httpc_new(h->loop, CONNECTIONS);
	h->api = host_api_new(h->httpc, conf);
	if (conf->redis_url[0] != '\0') {
		h->info_known = 1;
		set_redis(h, conf->redis_url);
	}
	h->tick = loop_timer_new(h->loop, on_tick, h);
	rc = host_take_over(h, err);
	if (rc < 0) {
		return rc;
	}
	want_named(h);
	loop_timer_in(h->tick, 0);
	return 0;
}

void host_close(struct host *h)
{
	struct host_worker *w, *next_w;
	struct host_pool *p, *next_p;

	if (h->loop == NULL) {
		return;
	}
	h->closing = h->draining = 1;
	pools_free(h->pools); /* its callbacks look at losses */
	TAILQ_FOREACH_SAFE (w, &h->workers, link, next_w) {
		host_worker_free(w);
	}
	httpc_free(h->httpc); /* its callbacks look at pools */
	TAILQ_FOREACH_SAFE (p, &h->pool_list, link, next_p) {
		pool_free(p);
	}
	proc_fini();
	host_api_free(h->api);
	loop_timer_free(h->tick);
	notify_close(h->notify);
	h->notify = NULL; /* a status may be deferred still */
	if (h->lock_fd >= 0) {
		(void)close(h->lock_fd);
	}
	free(h->worker_program);
	free(h->dir);
	loop_free(h->loop);
}
