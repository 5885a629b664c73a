/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend_rest.c - updates as REST calls, for servers that know no /wf/v1/updates.
 *
 * One FIFO per run, one call under way for each: order is kept.  What cannot be reached
 * is tried again for ever with back-off; what is refused is answered to the caller.
 * Nothing is journalled here: a Prefect server has no idempotent batch to replay into.
 */
#include "worker/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/queue_ext.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "worker/rest.h"
#include "worker/rest_body.h"

#define ITEMS_MAX 100000

struct item {
	TAILQ_ENTRY(item) link;
	Wf__Updates__Update *u; /* owned */
	outbox_fn fn;
	void *arg;
	json_t *facts; /* being gathered after an accepted Pending */
	int step;      /* of the facts; of the calls of other updates */
};
TAILQ_HEAD(item_list, item);

/* The updates of one run. */
struct queue {
	struct backend_rest *b;
	char id[UUID_TEXT_SIZE];
	struct item_list items;
	struct loop_timer *timer;
	struct backoff backoff;
	int busy;
};

struct waiter {
	TAILQ_ENTRY(waiter) link;
	void (*fn)(void *arg);
	void *arg;
};

struct backend_rest {
	struct loop *loop;
	struct rest *rest;
	struct map queues;
	size_t items;
	int closed, calls;
	TAILQ_HEAD(, waiter) waiters;
};

static void send_first(struct queue *q);

static void free_item(struct item *i)
{
	wf__updates__update__free_unpacked(i->u, NULL);
	json_decref(i->facts);
	free(i);
}

static void free_queue(void *arg)
{
	struct queue *q = arg;

	loop_timer_free(q->timer);
	free(q);
}

static void tell_waiters(struct backend_rest *b)
{
	struct waiter *w;

	while (b->items == 0 && (w = TAILQ_FIRST(&b->waiters)) != NULL) {
		TAILQ_REMOVE(&b->waiters, w, link);
		w->fn(w->arg);
		free(w);
	}
}

/* The first item is through; RC and A go to its caller. */
static void done(struct queue *q, int rc, const Wf__Updates__UpdateAnswer *a,
		 const struct error *err)
{
	struct backend_rest *b = q->b;
	struct item *i = TAILQ_FIRST(&q->items);

	TAILQ_REMOVE(&q->items, i, link);
	b->items--;
	backoff_reset(&q->backoff);
	if (i->fn != NULL) {
		i->fn(rc, a, err, i->arg);
	}
	free_item(i);
	if (TAILQ_EMPTY(&q->items)) {
		(void)map_remove(&b->queues, q->id);
		loop_defer_free(b->loop, free_queue, q);
	} else {
		send_first(q);
	}
	tell_waiters(b);
}

static void on_timer(void *arg)
{
	send_first(arg);
}

static void try_later(struct queue *q)
{
	loop_timer_in(q->timer, backoff_next(&q->backoff, random_unit()));
}

static void destroy(struct backend_rest *b);

/* True when the backend is closed: nothing more is done then. */
static int call_ended(struct backend_rest *b)
{
	b->calls--;
	if (b->closed && b->calls == 0) {
		destroy(b);
		return 1;
	}
	return b->closed;
}

/* Fills A's answer and state out of an OrchestrationResult. */
static void read_result(const json_t *body, Wf__Updates__UpdateAnswer *a,
			struct rest_state *state)
{
	static const struct {
		const char *text;
		Wf__Control__Answer answer;
	} answers[] = {{"ACCEPT", WF__CONTROL__ANSWER__ACCEPT},
		       {"REJECT", WF__CONTROL__ANSWER__REJECT},
		       {"WAIT", WF__CONTROL__ANSWER__WAIT},
		       {"ABORT", WF__CONTROL__ANSWER__ABORT}};
	const json_t *details = json_object_get(body, "details");
	const char *status = json_string_value(json_object_get(body, "status"));
	const char *reason = json_string_value(json_object_get(details, "reason"));

	a->answer = WF__CONTROL__ANSWER__ABORT;
	for (size_t i = 0; status != NULL && i < ARRAY_LEN(answers); i++) {
		if (strcmp(answers[i].text, status) == 0) {
			a->answer = answers[i].answer;
		}
	}
	a->reason = (char *)(uintptr_t)(reason != NULL ? reason : "");
	(void)json_get_real(details, "delay_seconds", &a->delay_s, NULL);
	if (rest_state_read(json_object_get(body, "state"), state) == 0) {
		a->state = &state->message;
	}
}

/* ---- facts after an accepted Pending: flow run, deployment, flow, work pool ---- */

static const char *const fact_names[] = {"flow_run", "deployment", "flow", "work_pool"};

static char *fact_path(const struct queue *q, const struct item *i)
{
	const json_t *run = json_object_get(i->facts, "flow_run");
	const char *id;

	switch (i->step) {
	case 0:
		return xasprintf("/flow_runs/%s", q->id);
	case 1:
		id = json_string_value(json_object_get(run, "deployment_id"));
		return id != NULL ? xasprintf("/deployments/%s", id) : NULL;
	case 2:
		id = json_string_value(json_object_get(run, "flow_id"));
		return id != NULL ? xasprintf("/flows/%s", id) : NULL;
	case 3:
		id = json_string_value(json_object_get(run, "work_pool_name"));
		return id != NULL ? xasprintf("/work_pools/%s", id) : NULL;
	default:
		return NULL;
	}
}

static void facts_complete(struct queue *q)
{
	struct item *i = TAILQ_FIRST(&q->items);
	Wf__Updates__UpdateAnswer a;
	char *text = json_text(i->facts);

	wf__updates__update_answer__init(&a);
	a.answer = WF__CONTROL__ANSWER__ACCEPT;
	a.facts_json = text;
	done(q, 0, &a, NULL);
	free(text);
}

static void next_fact(struct queue *q);

static void on_fact(int rc, int status, const json_t *body, const struct error *err,
		    void *arg)
{
	struct queue *q = arg;
	struct item *i;

	(void)err;
	q->busy = 0;
	if (call_ended(q->b)) {
		return;
	}
	i = TAILQ_FIRST(&q->items);
	if (rc < 0 && http_is_retryable(status == 0 ? rc : 0, status)) {
		try_later(q);
		return;
	}
	if (rc == 0 || status == 404) { /* anything else says nothing about it */
		json_object_set_new(i->facts, fact_names[i->step],
				    rc == 0 ? json_deep_copy(body) : json_null());
	}
	i->step++;
	next_fact(q);
}

static void next_fact(struct queue *q)
{
	struct item *i = TAILQ_FIRST(&q->items);
	char *path = NULL;

	for (; i->step < (int)ARRAY_LEN(fact_names); i->step++) {
		path = fact_path(q, i);
		if (path != NULL) {
			break;
		}
		json_object_set_new(i->facts, fact_names[i->step], json_null());
	}
	if (path == NULL) {
		facts_complete(q);
		return;
	}
	q->busy = 1;
	q->b->calls++;
	if (rest_call(q->b->rest, "GET", NULL, on_fact, q, "%s", path) < 0) {
		q->busy = 0;
		q->b->calls--;
		try_later(q);
	}
	free(path);
}

/* ---- one update ---- */

static void refused(struct queue *q, int status, const struct error *err)
{
	Wf__Updates__UpdateAnswer a;

	wf__updates__update_answer__init(&a);
	a.answer = WF__CONTROL__ANSWER__ABORT;
	a.gone = status == 404;
	a.invalid = status != 404;
	a.reason = (char *)(uintptr_t)err->msg;
	if (a.invalid) {
		log_warn("run %s: the API refuses an update: %s", q->id, err->msg);
	}
	done(q, 0, &a, NULL);
}

static void on_sent(int rc, int status, const json_t *body, const struct error *err,
		    void *arg)
{
	struct queue *q = arg;
	struct item *i;
	Wf__Updates__UpdateAnswer a;
	struct rest_state state = {.details = NULL};

	q->busy = 0;
	if (call_ended(q->b)) {
		return;
	}
	i = TAILQ_FIRST(&q->items);
	if (rc < 0 && http_is_retryable(status == 0 ? rc : 0, status)) {
		log_debug("run %s: %s; trying again", q->id, err->msg);
		try_later(q);
		return;
	}
	if (rc < 0) {
		refused(q, status, err);
		return;
	}
	wf__updates__update_answer__init(&a);
	wf__control__state__init(&state.message);
	a.answer = WF__CONTROL__ANSWER__ACCEPT;
	if (i->u->body_case == WF__UPDATES__UPDATE__BODY_FLOW_STATE) {
		read_result(body, &a, &state);
		if (a.answer == WF__CONTROL__ANSWER__REJECT &&
		    rest_is_made(i->u->flow_state->state,
				 json_object_get(body, "state"))) {
			a.answer = WF__CONTROL__ANSWER__ACCEPT;
		}
		if (a.answer == WF__CONTROL__ANSWER__ACCEPT &&
		    i->u->flow_state->want_spec) {
			i->facts = json_object();
			rest_state_release(&state);
			next_fact(q);
			return;
		}
	} else if (i->u->body_case == WF__UPDATES__UPDATE__BODY_RUN_INFO) {
		i->step++;
		backoff_reset(&q->backoff);
		send_first(q);
		return;
	}
	done(q, 0, &a, NULL);
	rest_state_release(&state);
}

static void send_first(struct queue *q)
{
	struct item *i = TAILQ_FIRST(&q->items);
	struct rest_request req;

	if (q->busy || i == NULL || q->b->closed) {
		return;
	}
	if (i->facts != NULL) {
		next_fact(q);
		return;
	}
	if (rest_request_of(i->u, q->id, i->step, &req) == 0) {
		Wf__Updates__UpdateAnswer a;

		/* all is told, or nothing that a Prefect server could do with it */
		wf__updates__update_answer__init(&a);
		a.answer = WF__CONTROL__ANSWER__ACCEPT;
		done(q, 0, &a, NULL);
		return;
	}
	q->busy = 1;
	q->b->calls++;
	if (rest_send(q->b->rest,
		      &(const struct rest_spec){req.method, req.path, req.body, q->id,
						i->u->fence},
		      on_sent, q) < 0) {
		q->busy = 0;
		q->b->calls--;
		try_later(q);
	}
	free(req.path);
}

static void first_later(void *arg)
{
	struct queue *q = arg;

	loop_timer_in(q->timer, 0);
}

static struct queue *queue_of(struct backend_rest *b, const char *id)
{
	struct queue *q = map_get(&b->queues, id);

	if (q == NULL) {
		q = xcalloc(1, sizeof(*q));
		q->b = b;
		(void)snprintf(q->id, sizeof(q->id), "%s", id);
		TAILQ_INIT(&q->items);
		backoff_init(&q->backoff, 250, 30000);
		q->timer = loop_timer_new(b->loop, on_timer, q);
		(void)map_set(&b->queues, id, q, NULL);
	}
	return q;
}

/* A copy that owns everything. */
static Wf__Updates__Update *copy_of(const Wf__Updates__Update *u)
{
	size_t len = wf__updates__update__get_packed_size(u);
	uint8_t *data = xmalloc(len > 0 ? len : 1);
	Wf__Updates__Update *copy;

	(void)wf__updates__update__pack(u, data);
	copy = wf__updates__update__unpack(NULL, len, data);
	free(data);
	return copy;
}

static int put(void *self, Wf__Updates__Update *u, unsigned int flags, outbox_fn fn,
	       void *arg, struct error *err)
{
	struct backend_rest *b = self;
	struct uuid id;
	char text[UUID_TEXT_SIZE];
	struct queue *q;
	struct item *i;

	(void)flags;
	if (b->items >= ITEMS_MAX) {
		return err_set(err, ERR_LIMIT, "%zu updates wait for the API",
			       b->items);
	}
	if (u->flow_run_id.len != sizeof(id.b)) {
		return err_set(err, ERR_INVALID, "an update without a flow run");
	}
	memcpy(id.b, u->flow_run_id.data, sizeof(id.b));
	q = queue_of(b, uuid_format(&id, text));
	i = xcalloc(1, sizeof(*i));
	i->u = copy_of(u);
	i->fn = fn;
	i->arg = arg;
	TAILQ_INSERT_TAIL(&q->items, i, link);
	b->items++;
	if (TAILQ_FIRST(&q->items) == i) {
		first_later(q);
	}
	return 0;
}

static void flush(void *self, void (*fn)(void *arg), void *arg)
{
	struct backend_rest *b = self;
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->fn = fn;
	w->arg = arg;
	TAILQ_INSERT_TAIL(&b->waiters, w, link);
	tell_waiters(b);
}

static size_t pending(const void *self)
{
	return ((const struct backend_rest *)self)->items;
}

static void destroy(struct backend_rest *b)
{
	for (struct map_iter m = {0}; map_next(&b->queues, &m);) {
		free_queue(m.value);
	}
	map_release(&b->queues);
	free(b);
}

/* Calls that are under way keep the memory until they are answered or cancelled. */
static void close_rest(void *self)
{
	struct backend_rest *b = self;
	struct waiter *w;
	struct error err;

	b->closed = 1;
	(void)err_set(&err, ERR_CANCELED, "the worker goes down");
	for (struct map_iter m = {0}; map_next(&b->queues, &m);) {
		struct queue *q = m.value;
		struct item *i;

		loop_timer_stop(q->timer);
		while ((i = TAILQ_FIRST(&q->items)) != NULL) {
			TAILQ_REMOVE(&q->items, i, link);
			if (i->fn != NULL) {
				i->fn(-ERR_CANCELED, NULL, &err, i->arg);
			}
			free_item(i);
		}
	}
	while ((w = TAILQ_FIRST(&b->waiters)) != NULL) {
		TAILQ_REMOVE(&b->waiters, w, link);
		free(w);
	}
	if (b->calls == 0) {
		destroy(b);
	}
}

static const struct backend_ops ops = {
    .put = put, .flush = flush, .pending = pending, .close = close_rest};

int backend_rest_open(struct loop *loop, struct rest *rest, struct backend *ret_backend,
		      struct error *err)
{
	struct backend_rest *b = xcalloc(1, sizeof(*b));

	(void)err;
	b->loop = loop;
	b->rest = rest;
	map_init(&b->queues, 0);
	TAILQ_INIT(&b->waiters);
	*ret_backend = (struct backend){&ops, b};
	return 0;
}
