/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_handover.c - a new version of the program takes over (SIGUSR2), in the same
 * process: the workers stay its children and their sockets stay open.
 *
 * What the new program has to know goes into a memory file whose descriptor is named in
 * the environment.  It then has each worker execute its new version, too (worker/
 * upgrade.c).  One that cannot gets a successor and drains without a limit.  No run is
 * ended.  Signals stay blocked from before the exec until the new program has its
 * handlers.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host.h"
#include "agent/slot_frame.h"
#include "base/buf.h"
#include "base/carry.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

#define VARIABLE      "WF_AGENT_HANDOVER"
#define STATE_VERSION 1

/* ---- the old program ---- */

static json_t *pack_worker(const struct host_worker *w, struct carry *to)
{
	const struct slots_sharer none = {0};
	const struct slots_sharer *s =
	    w->sharer >= 0 ? &w->pool->host->slots.sharer[w->sharer] : &none;
	int64_t now = loop_now_ms(w->pool->host->loop);

	return json_pack("{s:s, s:i, s:o, s:s, s:b, s:b, s:b, s:I, s:i, s:i, s:i, s:b, "
			 "s:i, s:I, s:i}",
			 "pool", w->pool->name, "pid", w->pid, "fd",
			 carry_fd(to, w->fd), "table", w->table, "retired", w->retired,
			 "stop_told", w->stop_told, "current", w->pool->current == w,
			 "kill_in_ms",
			 (json_int_t)(w->kill_at_ms > 0 ? w->kill_at_ms - now : 0),
			 "held", w->held, "want", w->want, "flags", (int)w->flags,
			 "shares", w->sharer >= 0, "granted", s->granted, "told",
			 (json_int_t)s->told, "believed", s->believed);
}

static json_t *pack_pool(const struct host_pool *p)
{
	return json_pack("{s:s, s:b, s:I, s:I, s:i, s:s}", "pool", p->name, "drained",
			 p->drained, "deaths", (json_int_t)p->tally.deaths, "in_a_row",
			 (json_int_t)p->tally.in_a_row, "attempt",
			 (int)p->tally.backoff.attempt, "last", p->tally.last);
}

static void pack(const struct host *h, struct carry *to)
{
	json_t *pools = json_array(), *workers = json_array();
	struct host_pool *p;
	struct host_worker *w;

	TAILQ_FOREACH (p, &h->pool_list, link) {
		json_array_append_new(pools, pack_pool(p));
	}
	TAILQ_FOREACH (w, &h->workers, link) {
		json_array_append_new(workers, pack_worker(w, to));
	}
	carry_line(to, json_pack("{s:i, s:o, s:I, s:o, s:o}", "version", STATE_VERSION,
				 "lock_fd", carry_fd(to, h->lock_fd), "table_seq",
				 (json_int_t)h->table_seq, "pools", pools, "workers",
				 workers));
}

/* A loss that is being settled has callbacks under way: a moment later it has not. */
static int busy(const struct host *h)
{
	struct host_worker *w;

	TAILQ_FOREACH (w, &h->workers, link) {
		if (w->proc == NULL) {
			return 1;
		}
	}
	return 0;
}

void host_hand_over(struct host *h)
{
	struct carry_exec e = {
	    .variable = VARIABLE, .argv = h->argv, .notify = h->notify};
	char *program = proc_find_program("wf-agent");
	struct error err = {0};
	struct carry c;

	h->handing_over = 0;
	if (h->draining || program == NULL) {
		log_warn("SIGUSR2: %s", h->draining ? "the agent drains: no handover"
						    : "wf-agent is not found");
	} else if (busy(h)) {
		log_info("SIGUSR2: when the dead worker's runs are settled");
		h->handing_over = 1; /* the tick comes back */
	} else {
		e.program = program;
		carry_init(&c);
		pack(h, &c);
		log_info("handing over to %s", program);
		(void)carry_exec(&c, &e, &err);
		carry_release(&c);
		log_error("no handover: %s", err.msg);
	}
	free(program);
}

/* ---- the new program ---- */

static int truth(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static void take_pool(struct host *h, const json_t *o)
{
	struct host_pool *p = host_pool_want(h, carry_str(o, "pool"), 1);

	if (p == NULL) {
		return;
	}
	p->drained = truth(o, "drained");
	p->tally.deaths = (uint64_t)carry_int(o, "deaths");
	p->tally.in_a_row = (uint64_t)carry_int(o, "in_a_row");
	p->tally.backoff.attempt = (unsigned int)carry_int(o, "attempt");
	(void)snprintf(p->tally.last, sizeof(p->tally.last), "%s",
		       carry_str(o, "last"));
}

static void share(struct host_worker *w, const json_t *o)
{
	struct slots *s = &w->pool->host->slots;
	struct slots_sharer *x;

	w->sharer = slots_add(s, w->pool->weight);
	if (w->sharer >= 0) {
		x = &s->sharer[w->sharer];
		x->held = w->held;
		x->want = 0;
		x->granted = (int)carry_int(o, "granted");
		x->told = (uint32_t)carry_int(o, "told");
		x->believed = (int)carry_int(o, "believed");
		x->finite = 1;
	}
}

/* A worker that can takes its runs into its own new version: it stays what it is. */
static void upgrade(struct host_worker *w)
{
	struct host_pool *p = w->pool;

	p->current = w;
	tally_started(&p->tally, w->started_ms);
	(void)proc_signal(w->proc, SIGUSR2);
}

/* The worker drains from now on, and says no more to the API that it lives: that is its
 * successor's. */
static void retire(struct host_worker *w)
{
	const struct slot_frame f = {.kind = SLOT_RETIRE};

	w->retired = 1;
	(void)slot_frame_send(w->fd, &f, NULL);
	host_worker_drain(w, SIGINT);
}

static int take_worker(struct host *h, const json_t *o, struct error *err)
{
	struct host_pool *p = host_pool_find(h, carry_str(o, "pool"));
	struct host_worker *w;
	struct proc_spec spec = {.exit_fn = host_worker_on_exit};
	const int no_output[2] = {-1, -1};
	int rc;

	if (p == NULL) {
		return err_set(err, ERR_INVALID, "a worker of no pool");
	}
	w = host_worker_new(p);
	w->pid = (int)carry_int(o, "pid");
	w->fd = carry_take_fd(o, "fd");
	w->table = xstrdup(carry_str(o, "table"));
	w->retired = truth(o, "retired");
	w->stop_told = truth(o, "stop_told");
	w->held = (int)carry_int(o, "held");
	w->flags = (unsigned int)carry_int(o, "flags");
	if (carry_int(o, "kill_in_ms") > 0) {
		w->kill_at_ms = w->started_ms + carry_int(o, "kill_in_ms");
	}
	spec.arg = w;
	spec.kill_grace_ms = h->conf->cancel_grace_ms;
	rc = proc_adopt(h->loop, &spec, w->pid, no_output, &w->proc, err);
	proc_reap_soon(h->loop); /* its SIGCHLD may have come before us */
	host_worker_watch(w);
	if (truth(o, "shares")) {
		share(w, o);
	}
	if (rc < 0 || w->retired || w->stop_told) {
		return rc;
	}
	if (truth(o, "current") && (w->flags & SLOT_UPGRADES) != 0 &&
	    (w->flags & SLOT_DRAINING) == 0) {
		upgrade(w);
	} else {
		retire(w);
	}
	return rc;
}

static int take_all(struct host *h, const json_t *state, struct error *err)
{
	const json_t *workers = json_object_get(state, "workers");
	size_t i;
	json_t *o;
	int rc = 0;

	if (carry_int(state, "version") != STATE_VERSION) {
		return err_set(err, ERR_UNSUPPORTED,
			       "the state is of version %lld, not %d",
			       (long long)carry_int(state, "version"), STATE_VERSION);
	}
	h->table_seq = carry_int(state, "table_seq");
	json_array_foreach (json_object_get(state, "pools"), i, o) {
		take_pool(h, o);
	}
	json_array_foreach (workers, i, o) {
		rc = take_worker(h, o, err);
		if (rc < 0) {
			return rc;
		}
	}
	log_info("took over %zu workers: each takes its runs into its new version, or "
		 "finishes them beside a new one",
		 json_array_size(workers));
	return 0;
}

/* What the program before left, owned; NULL with err->code 0: nothing. */
static json_t *read_state(struct error *err)
{
	json_t *state = NULL;
	struct buf b;
	size_t at = 0;

	err->code = 0;
	buf_init(&b);
	if (carry_read(VARIABLE, &b, err) == 0 && b.len > 0) {
		state = carry_next(&b, &at, err);
	}
	buf_release(&b);
	return state;
}

int host_handover_lock(void)
{
	struct error err;
	json_t *state = read_state(&err);
	int fd = state != NULL ? carry_take_fd(state, "lock_fd") : -1;

	json_decref(state);
	return fd;
}

int host_take_over(struct host *h, struct error *err)
{
	json_t *state = read_state(err);
	int rc = state != NULL ? take_all(h, state, err) : -err->code;

	carry_forget(VARIABLE);
	json_decref(state);
	return rc < 0 ? err_wrap(err, "take over from the program before") : 0;
}
