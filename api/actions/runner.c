/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner.c - which jobs run when: rows are loaded in their order, hosts take turns,
 * what failed for the moment comes again.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/actions/actions.h"
#include "api/actions/actions_priv.h"
#include "api/api.h"
#include "api/db/db.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"

#define NAME        "actions"
#define LOAD_BATCH  128
#define POLL_MS     1000
#define OTHER_MS    5000
#define CONNECTIONS 256
#define RETRY_US    1000000LL /* doubled with each attempt */

static struct metric done_total = {
    .name = "wf_actions_done_total",
    .help = "Actions of automations that were carried out.",
    .type = METRIC_COUNTER,
};
static struct metric failed_total = {
    .name = "wf_actions_failed_total",
    .help = "Actions of automations that failed for good.",
    .type = METRIC_COUNTER,
};
static struct metric running = {
    .name = "wf_actions_running",
    .help = "Actions of automations that are under way.",
    .type = METRIC_GAUGE,
};

/* ---- jobs ---- */

static void free_sends(struct job *j)
{
	size_t i, k;

	for (i = 0; i < j->send_n; i++) {
		free(j->sends[i].method);
		free(j->sends[i].url);
		free(j->sends[i].body);
		free(j->sends[i].content_type);
		for (k = 0; k < j->sends[i].header_n; k++) {
			free(j->sends[i].headers[k]);
		}
	}
	free(j->sends);
}

static void release(struct actions *a);

void job_free(struct job *j)
{
	struct actions *a = j->actions;

	job_end_turn(j);
	(void)map_remove_n(&a->jobs, &j->row, sizeof(j->row));
	metric_set(&running, (int64_t)map_count(&a->jobs));
	free_sends(j);
	json_decref(j->body);
	json_decref(j->related);
	json_decref(j->details);
	json_decref(j->loaded);
	json_decref(j->objects);
	json_decref(j->block);
	json_decref(j->target);
	free(j->texts);
	free(j->subject);
	free(j->text);
	free(j->host);
	free(j);
	release(a);
}

static struct job *job_new(struct actions *a, int64_t row, json_t *body, int attempts)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->actions = a;
	j->row = row;
	j->attempts = attempts;
	j->body = body;
	j->action = json_object_get(body, "action");
	j->automation = json_object_get(body, "automation");
	j->firing = json_object_get(body, "firing");
	j->event = json_object_get(body, "event");
	j->type = json_string_value(json_object_get(j->action, "type"));
	if (j->type == NULL) {
		j->type = "";
	}
	j->related = json_array();
	j->details = json_object();
	j->objects = json_object();
	(void)map_set_n(&a->jobs, &j->row, sizeof(j->row), j, NULL);
	metric_set(&running, (int64_t)map_count(&a->jobs));
	return j;
}

/* ---- the end of a job ---- */

static int end_work(struct tx *tx, void *arg, struct error *err)
{
	struct job *j = arg;
	int rc = result_write(tx, j, &j->actions->owner, err);

	return rc < 0 ? rc : 0;
}

static void end_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct job *j = arg;
	struct actions *a = j->actions;

	(void)tx;
	if (rc < 0) { /* its row is there still: it comes again */
		log_warn("the result of an action could not be stored: %s", err->msg);
	} else {
		metric_add(j->reason[0] == '\0' ? &done_total : &failed_total, 1);
	}
	job_free(j);
	actions_wake(a);
}

void job_done(struct job *j)
{
	struct error err = {0};

	job_end_turn(j);
	if (tx_run(j->actions->api, DB_WRITE, end_work, j, end_done, &err) < 0) {
		job_free(j);
	}
}

void job_failed(struct job *j, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(j->reason, sizeof(j->reason), fmt, ap);
	va_end(ap);
	job_done(j);
}

static int retry_work(struct tx *tx, void *arg, struct error *err)
{
	const struct job *j = arg;

	return db_exec(tx->c, SQL_ACTION_RETRY,
		       DB_ARGS(db_a_int(j->row), db_a_int(j->attempts),
			       db_a_int(tx->now_us + (RETRY_US << j->attempts) / 2)),
		       3, NULL, err);
}

static void retry_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	(void)rc;
	(void)tx;
	(void)err;
	job_free(arg);
}

void job_retry(struct job *j, const char *fmt, ...)
{
	struct error err = {0};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(j->reason, sizeof(j->reason), fmt, ap);
	va_end(ap);
	if (++j->attempts >= ACTIONS_ATTEMPTS) {
		job_done(j);
		return;
	}
	job_end_turn(j);
	j->actions->rows_left = 1;
	if (tx_run(j->actions->api, DB_WRITE, retry_work, j, retry_done, &err) < 0) {
		job_free(j);
	}
}

/* ---- turns of a host ---- */

static struct host *host_of(struct actions *a, const char *name)
{
	struct host *h = map_get(&a->hosts, name);

	if (h == NULL) {
		h = xcalloc(1, sizeof(*h));
		TAILQ_INIT(&h->queue);
		(void)map_set(&a->hosts, name, h, NULL);
	}
	return h;
}

static void take_turn(struct job *j, struct host *h)
{
	h->active++;
	j->has_turn = 1;
}

void job_wait_turn(struct job *j, const char *host, void (*fn)(struct job *j))
{
	struct host *h = host_of(j->actions, host);

	free(j->host);
	j->host = xstrdup(host);
	if (h->active < ACTIONS_PER_HOST) {
		take_turn(j, h);
		fn(j);
	} else if (h->waiting < ACTIONS_WAITING) {
		h->waiting++;
		j->on_turn = fn;
		TAILQ_INSERT_TAIL(&h->queue, j, waiting);
	} else {
		/* its row waits: others need the place in memory */
		j->actions->rows_left = 1;
		free(j->host);
		j->host = NULL;
		job_free(j);
	}
}

void job_end_turn(struct job *j)
{
	struct host *h;
	struct job *next;

	if (!j->has_turn) {
		return;
	}
	j->has_turn = 0;
	h = host_of(j->actions, j->host);
	h->active--;
	next = TAILQ_FIRST(&h->queue);
	if (next != NULL && !j->actions->stopping) {
		TAILQ_REMOVE(&h->queue, next, waiting);
		h->waiting--;
		take_turn(next, h);
		next->on_turn(next);
	} else if (next == NULL && h->active == 0) {
		free(map_remove(&j->actions->hosts, j->host));
	}
}

/* ---- loading ---- */

struct loaded {
	int64_t row;
	int attempts;
	json_t *body;
};
struct load {
	struct actions *a;
	int64_t from;
	struct loaded list[LOAD_BATCH];
	size_t n, seen;
	int64_t last, next_due_us;
	int leads;
};

static int read_rows(struct tx *tx, struct load *l, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(tx->c, SQL_ACTION_BATCH,
			  DB_ARGS(db_a_int(l->from), db_a_int(LOAD_BATCH)), 2, &r, err);

	while (rc >= 0 && l->seen < LOAD_BATCH && (rc = db_next(r, err)) == 1) {
		l->seen++;
		l->last = db_int(r, 0);
		if (db_int(r, 3) > tx->now_us) {
			l->next_due_us = MIN_OF(l->next_due_us, db_int(r, 3));
			continue;
		}
		l->list[l->n++] = (struct loaded){
		    .row = l->last,
		    .attempts = (int)db_int(r, 2),
		    .body =
			json_parse(db_text(r, 1), db_len(r, 1), ACTIONS_JSON_MAX, NULL),
		};
	}
	db_rows_free(r);
	return rc;
}

static void clear_load(struct load *l)
{
	while (l->n > 0) {
		json_decref(l->list[--l->n].body);
	}
	l->seen = 0;
	l->next_due_us = INT64_MAX;
}

static int load_work(struct tx *tx, void *arg, struct error *err)
{
	struct load *l = arg;
	int64_t fence;
	int rc;

	clear_load(l); /* of an attempt before this one */
	rc = service_lease(tx, NAME, &l->a->owner, &fence, err);
	l->leads = rc > 0;
	rc = rc > 0 ? read_rows(tx, l, err) : rc;
	return rc < 0 ? rc : 0;
}

static void plan(struct actions *a, const struct load *l)
{
	int64_t ms = POLL_MS, until;

	if (!l->leads) {
		ms = OTHER_MS;
	} else if (a->again ||
		   (l->seen == LOAD_BATCH &&
		    map_count(&a->jobs) + LOAD_BATCH <= ACTIONS_IN_MEMORY)) {
		ms = 0;
	} else if (l->next_due_us != INT64_MAX) {
		until = (l->next_due_us - clock_wall_us()) / 1000 + 1;
		ms = MIN_OF(ms, MAX_OF(until, 0));
	}
	a->again = 0;
	loop_timer_in(a->timer, ms);
}

static void start_loaded(struct actions *a, struct load *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		struct loaded *x = &l->list[i];

		if (x->body == NULL ||
		    map_get_n(&a->jobs, &x->row, sizeof(x->row)) != NULL) {
			continue; /* under way */
		}
		job_run(job_new(a, x->row, x->body, x->attempts));
		x->body = NULL;
	}
}

static void load_done(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct load *l = arg;
	struct actions *a = l->a;

	(void)tx;
	a->loading = 0;
	if (rc < 0) {
		log_warn("service " NAME ": %s", err->msg);
		l->leads = 0;
	}
	if (!a->stopping) {
		/* behind the last one, and from the start again at the end */
		a->last_row = l->seen == LOAD_BATCH ? l->last : 0;
		if (rc == 0 && l->leads) {
			start_loaded(a, l);
		}
		plan(a, l);
	}
	clear_load(l);
	free(l);
	release(a);
}

static void on_timer(void *arg)
{
	struct actions *a = arg;
	struct load *l;

	if (a->loading || map_count(&a->jobs) + LOAD_BATCH > ACTIONS_IN_MEMORY) {
		a->again = 1; /* when one of them ends */
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->a = a;
	l->from = a->last_row;
	a->loading = 1;
	if (tx_run(a->api, DB_WRITE, load_work, l, load_done, NULL) < 0) {
		a->loading = 0;
		free(l);
		loop_timer_in(a->timer, POLL_MS);
	}
}

/* ---- life ---- */

struct actions *actions_start(struct api *api)
{
	struct actions *a = xcalloc(1, sizeof(*a));

	a->api = api;
	uuid_v4(&a->owner);
	map_init(&a->jobs, 0);
	map_init(&a->hosts, 0);
	a->http = httpc_new(api->loop, CONNECTIONS);
	a->timer = loop_timer_new(api->loop, on_timer, a);
	metric_register(&done_total);
	metric_register(&failed_total);
	metric_register(&running);
	loop_timer_in(a->timer, 0);
	return a;
}

void actions_wake(struct actions *a)
{
	if (a == NULL || a->stopping) {
		return;
	}
	if (a->loading) {
		a->again = 1;
	} else {
		loop_timer_in(a->timer, 0);
	}
}

static void release(struct actions *a)
{
	if (!a->stopping || a->loading || map_count(&a->jobs) > 0) {
		return;
	}
	a->stopping = 2; /* once */
	for (struct map_iter i = {0}; map_next(&a->hosts, &i);) {
		free(i.value);
	}
	map_release(&a->hosts);
	map_release(&a->jobs);
	loop_timer_free(a->timer);
	free(a);
}

static void free_waiting(struct actions *a)
{
	for (struct map_iter i = {0}; map_next(&a->hosts, &i);) {
		struct host *h = i.value;
		struct job *j;

		while ((j = TAILQ_FIRST(&h->queue)) != NULL) {
			TAILQ_REMOVE(&h->queue, j, waiting);
			h->waiting--;
			job_free(j);
		}
	}
}

/* What is under way is broken off: its row stays, and somebody does it again. */
void actions_stop(struct actions *a)
{
	struct httpc *http;

	if (a == NULL || a->stopping) {
		return;
	}
	a->stopping = 1;
	loop_timer_stop(a->timer);
	service_leases_drop(a->api, &a->owner);
	a->loading++; /* not freed below us */
	free_waiting(a);
	http = a->http;
	a->http = NULL;
	httpc_free(http); /* the jobs see CANCELED */
	a->loading--;
	release(a);
}
