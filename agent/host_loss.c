/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_loss.c - what a dead worker leaves behind.
 *
 *   its processes are killed, until none is left       (we are their subreaper)
 *   its run table is read: nothing in it, all is done
 *   its journal is opened: what it had accepted goes to the API first
 *   its leases are given up: unstarted runs are delivered again at once,
 *     started ones are reported with the reason, behind what the journal says of them
 *   the journal is flushed and closed, for the next worker
 *
 * While Redis or the API is away the next worker does not wait: leases expire, and the
 * journal keeps what was not sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host.h"
#include "agent/host_api.h"
#include "agent/outbox.h"
#include "agent/run_table.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "pools/workers.h"

#define STRAY_POLL_MS 5
#define STRAY_WAIT_MS 15000 /* one that cannot be killed: its lease is over by then */
#define FLUSH_WAIT_MS 3000  /* for the API to take what there is to say */
#define AT_ONCE       500   /* leases per call */

struct host_loss {
	struct host_worker *w;
	char *how;
	struct loop_timer *timer;
	int64_t begun_ms;
	struct run_table_entry *entries;
	size_t count;
	struct outbox *outbox;
	int waiting; /* answers that will still come */
	int flushing, killed;
};

static void over(void *arg)
{
	struct host_loss *l = arg;

	host_worker_over(l->w); /* frees L */
}

static void finish(struct host_loss *l)
{
	loop_timer_free(l->timer);
	l->timer = loop_timer_new(l->w->pool->host->loop, over, l);
	loop_timer_in(l->timer, 0);
}

static void on_flushed(void *arg)
{
	struct host_loss *l = arg;

	if (l->flushing == 1) {
		l->flushing = 2;
		finish(l);
	}
}

/* All verdicts are in the journal: gives the API a moment to take them. */
static void flush(struct host_loss *l)
{
	struct host *h = l->w->pool->host;

	if (l->waiting > 0 || l->flushing) {
		return;
	}
	l->flushing = 1;
	if (l->outbox == NULL) {
		finish(l);
		return;
	}
	loop_timer_free(l->timer);
	l->timer = loop_timer_new(h->loop, over, l);
	loop_timer_in(l->timer, FLUSH_WAIT_MS);
	outbox_flush(l->outbox, on_flushed, l);
}

/* ---- verdicts ---- */

static char *text(const char *s)
{
	return (char *)(uintptr_t)s; /* protobuf-c wants no const */
}

static int report(struct host_loss *l, const struct pools_reaped *r, struct error *err)
{
	Wf__Updates__Update u;
	Wf__Updates__Lost lost;
	struct uuid run, id;
	char *reason;
	int rc;

	if (uuid_parse(r->id, &run) < 0 || l->outbox == NULL) {
		return err_set(err, ERR_UNAVAILABLE, "there is no journal");
	}
	reason = r->started ? xasprintf("Worker '%s' died (%s).",
					l->w->pool->worker_name, l->how)
			    : xasprintf("Could not be started after %lld attempts.",
					(long long)r->attempts);
	wf__updates__update__init(&u);
	wf__updates__lost__init(&lost);
	uuid_v7(&id, clock_wall_us());
	u.id.data = id.b;
	u.id.len = sizeof(id.b);
	u.flow_run_id.data = run.b;
	u.flow_run_id.len = sizeof(run.b);
	u.fence = r->new_token;
	u.body_case = WF__UPDATES__UPDATE__BODY_LOST;
	u.lost = &lost;
	lost.worker = text(r->worker);
	lost.started = r->started;
	lost.reason = reason;
	lost.new_fence = r->new_token;
	rc = outbox_put(l->outbox, &u, OUTBOX_URGENT, NULL, NULL, err);
	log_warn("run %s: %s", r->id, reason);
	free(reason);
	return rc;
}

static void on_settled(int rc, int64_t value, const struct error *err, void *arg)
{
	(void)rc; /* if it was not, the reaper reports it again, in vain */
	(void)value;
	(void)err;
	(void)arg;
}

static void take_verdict(struct host_loss *l, const struct pools_reaped *r)
{
	struct host_pool *p = l->w->pool;
	struct error err = {0};

	if (strcmp(r->verdict, "requeued") == 0) {
		log_info("run %s was not started and is delivered again", r->id);
	} else if (report(l, r, &err) < 0) {
		/* a worker's reaper tells it again, later */
		log_error("run %s: its loss cannot be reported now: %s", r->id,
			  err.msg);
	} else {
		(void)pools_settle(p->host->pools, p->name, r->id, r->new_token,
				   POOLS_DONE, 0, on_settled, NULL, NULL);
	}
}

static void on_given_up(int rc, const struct pools_reaped *runs, size_t count,
			const struct error *err, void *arg)
{
	struct host_loss *l = arg;

	l->waiting--;
	if (l->w->pool->host->closing) {
		return;
	}
	if (rc < 0) {
		log_warn(
		    "leases of a dead worker of pool '%s' cannot be given up (%s): "
		    "they expire",
		    l->w->pool->name, err->msg);
	}
	for (size_t i = 0; rc == 0 && i < count; i++) {
		take_verdict(l, &runs[i]);
	}
	flush(l);
}

static void give_up(struct host_loss *l)
{
	struct host_pool *p = l->w->pool;
	struct pools_token leases[AT_ONCE];
	struct error err = {0};
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (l->entries[i].token != 0) {
			leases[n].id = l->entries[i].run_id;
			leases[n++].token = l->entries[i].token;
		}
		if (n == AT_ONCE || (n > 0 && i + 1 == l->count)) {
			l->waiting++;
			if (p->host->pools == NULL ||
			    pools_give_up(p->host->pools, p->name, leases, n,
					  on_given_up, l, &err) < 0) {
				l->waiting--;
			}
			n = 0;
		}
	}
}

/* ---- without leases: a Prefect server ---- */

struct rest_call {
	struct host *h;
	char *run_id, *reason;
};

static void rest_free(struct rest_call *c)
{
	free(c->run_id);
	free(c->reason);
	free(c);
}

static void on_proposed(int status, const json_t *body, const struct error *err,
			void *arg)
{
	struct rest_call *c = arg;

	(void)body;
	if (status < 200 || status > 299) {
		log_error("run %s: its loss cannot be reported: %s", c->run_id,
			  err->msg);
	}
	rest_free(c);
}

static void on_looked(int status, const json_t *body, const struct error *err,
		      void *arg)
{
	struct rest_call *c = arg;
	const char *type = json_string_value(json_object_get(body, "state_type"));

	if (c->h->closing || status != 200 || type == NULL ||
	    (strcmp(type, "RUNNING") != 0 && strcmp(type, "PENDING") != 0 &&
	     strcmp(type, "CANCELLING") != 0)) {
		if (type == NULL) {
			log_error("run %s: %s", c->run_id, err->msg);
		}
		rest_free(c);
		return;
	}
	log_warn("run %s: %s", c->run_id, c->reason);
	host_api_call(c->h->api, "POST",
		      json_pack("{s:{s:s, s:s, s:s}}", "state", "type", "CRASHED",
				"name", "Crashed", "message", c->reason),
		      on_proposed, c, "/flow_runs/%s/set_state", c->run_id);
}

static void report_rest(const struct host_loss *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct rest_call *c;

		if (l->entries[i].token != 0) {
			continue;
		}
		c = xcalloc(1, sizeof(*c));
		c->h = l->w->pool->host;
		c->run_id = xstrdup(l->entries[i].run_id);
		c->reason = xasprintf("Worker '%s' died (%s).", l->w->pool->worker_name,
				      l->how);
		host_api_call(c->h->api, "GET", NULL, on_looked, c, "/flow_runs/%s",
			      c->run_id);
	}
}

/* ---- the journal ---- */

static void on_warning(const char *what, void *arg)
{
	const struct host_loss *l = arg;

	log_warn("journal of pool '%s': %s", l->w->pool->name, what);
}

static void open_journal(struct host_loss *l)
{
	struct host_pool *p = l->w->pool;
	struct host *h = p->host;
	char *dir = xasprintf("%s/worker", p->dir);
	struct outbox_conf conf = {.api_url = h->conf->api_url,
				   .auth =
				       h->conf->auth[0] != '\0' ? h->conf->auth : NULL,
				   .sender = p->worker_name,
				   .pool = p->name,
				   .dir = dir,
				   .on_warning = on_warning,
				   .arg = l};
	uint64_t replayed = 0;
	struct uuid sender;
	struct error err = {0};

	uuid_v4(&sender);
	memcpy(conf.sender_id, sender.b, sizeof(sender.b));
	if (outbox_open(h->loop, h->httpc, &conf, &l->outbox, &replayed, &err) < 0) {
		log_error("the journal of pool '%s' cannot be opened: %s", p->name,
			  err.msg);
	} else if (replayed > 0) {
		log_info("%llu updates of the dead worker are sent first",
			 (unsigned long long)replayed);
	}
	free(dir);
}

static void settle(struct host_loss *l)
{
	struct host_worker *w = l->w;
	struct host *h = w->pool->host;
	struct error err = {0};

	if (run_table_read(w->table, &l->entries, &l->count, &err) < 0) {
		log_error("%s: %s: leases expire", w->table, err.msg);
	}
	if (l->count > 0) {
		log_info("pool '%s': %zu runs were held by the worker that died",
			 w->pool->name, l->count);
		report_rest(l);
	}
	if (l->count > 0 && h->pools != NULL) {
		open_journal(l);
		give_up(l);
	}
	flush(l);
}

/* ---- processes ---- */

static void kill_processes(void *arg)
{
	struct host_loss *l = arg;
	struct host *h = l->w->pool->host;
	int n = proc_kill_strays();

	l->killed |= n > 0;
	if (n == 0) {
		settle(l);
	} else if (loop_now_ms(h->loop) - l->begun_ms > STRAY_WAIT_MS) {
		log_error("%d processes of a dead worker cannot be killed: its leases "
			  "expire",
			  n);
		finish(l);
	} else {
		loop_timer_in(l->timer, STRAY_POLL_MS);
	}
}

void host_loss_start(struct host_worker *w, const char *how)
{
	struct host_loss *l = xcalloc(1, sizeof(*l));
	struct host *h = w->pool->host;

	l->w = w;
	l->how = xstrdup(how);
	l->begun_ms = loop_now_ms(h->loop);
	l->timer = loop_timer_new(h->loop, kill_processes, l);
	w->loss = l;
	loop_timer_in(l->timer, 0);
}

void host_loss_free(struct host_loss *l)
{
	if (l != NULL) {
		outbox_close(l->outbox);
		loop_timer_free(l->timer);
		free(l->entries);
		free(l->how);
		free(l);
	}
}
