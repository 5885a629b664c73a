/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_limits.c - the limits that a task runs under: those of its tags, then those
 * that it names, one after the other; taken as leases of the API, renewed while it
 * runs.
 *
 * A limit that is full is asked again when the API says so.  Without a server there are
 * no limits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "engine/runner_priv.h"

#define LEASE_S      300
#define TAG_LEASE_S  60
#define AGAIN_MS     1000 /* when the API does not say */
#define AGAIN_MAX_MS 30000
#define NO_LIMIT_MS  5000 /* that a tag has none is believed so long */
#define RENEW_PART   0.75
#define MAX_LEASES   24u

struct lease {
	char *id;
	int duration_s;
};
struct limits {
	struct slot *slot; /* NULL: given back, the answer on its way is not needed */
	struct runner *runner;
	size_t unit, step; /* step 0: tags; N: limit N-1 */
	struct lease leases[MAX_LEASES];
	size_t count;
	struct loop_timer *timer, *renew;
	int64_t give_up_ms; /* of the present limit; INT64_MAX: never */
	int asking, said, granted;
};

static void next(struct limits *l);

int runner_needs_permit(const struct plan_task *task, void *arg)
{
	const struct runner *r = arg;

	return r->session->ops->call != NULL &&
	       (task->limits.count > 0 || task->tags.count > 0 ||
		json_array_size(r->tags) > 0);
}

static void limits_free(struct limits *l)
{
	size_t i;

	loop_timer_free(l->timer);
	loop_timer_free(l->renew);
	for (i = 0; i < l->count; i++) {
		free(l->leases[i].id);
	}
	free(l);
}

static void on_given(int status, const json_t *body, const struct error *err, void *arg)
{
	(void)status;
	(void)body;
	(void)err;
	(void)arg;
}

static void give_back(struct runner *r, const char *lease)
{
	struct session_call call = {
	    .method = "POST",
	    .path = "/v2/concurrency_limits/decrement-with-lease",
	    .done = on_given,
	};
	json_t *body = json_pack("{s:s}", "lease_id", lease);

	call.body = body;
	r->session->ops->call(r->session, &call);
	json_decref(body);
}

void runner_limits_release(struct slot *s)
{
	struct limits *l = s->limits;
	size_t i;

	if (l == NULL) {
		return;
	}
	s->limits = NULL;
	l->slot = NULL;
	if (!s->runner->freeing) {
		for (i = 0; i < l->count; i++) {
			give_back(s->runner, l->leases[i].id);
		}
	}
	if (l->asking == 0) {
		limits_free(l);
	}
}

/* ---- renewing ---- */

static void on_renewed(int status, const json_t *body, const struct error *err,
		       void *arg)
{
	struct limits *l = arg;

	(void)body;
	(void)err;
	l->asking--;
	if (l->slot == NULL) {
		if (l->asking == 0) {
			limits_free(l);
		}
		return;
	}
	if (status < 200 || status >= 300) {
		runner_log(l->runner, l->unit, LEVEL_WARNING, "prefect.task_runs",
			   "A concurrency lease could not be renewed: the limit may be "
			   "exceeded");
	}
}

static void on_renew(void *arg)
{
	struct limits *l = arg;
	int shortest = LEASE_S;
	size_t i;

	for (i = 0; i < l->count; i++) {
		char *path = xasprintf("/v2/concurrency_limits/leases/%s/renew",
				       l->leases[i].id);
		json_t *body =
		    json_pack("{s:i}", "lease_duration", l->leases[i].duration_s);
		struct session_call call = {.method = "POST",
					    .path = path,
					    .body = body,
					    .done = on_renewed,
					    .arg = l};

		shortest = MIN_OF(shortest, l->leases[i].duration_s);
		l->asking++;
		l->runner->session->ops->call(l->runner->session, &call);
		json_decref(body);
		free(path);
	}
	loop_timer_in(l->renew, (int64_t)(shortest * 1000 * RENEW_PART));
}

/* ---- taking ---- */

static void answer(struct limits *l, const char *why)
{
	struct sched_event ev = {
	    .type = SCHED_EV_ACQUIRED,
	    .task = l->unit,
	    .verdict = why == NULL ? SCHED_OK : SCHED_FAIL,
	    .message = why,
	    .error = "ConcurrencyLimitError",
	};

	l->granted = why == NULL;
	if (l->granted && l->count > 0) {
		loop_timer_in(l->renew, (int64_t)(TAG_LEASE_S * 1000 * RENEW_PART));
	}
	runner_feed(l->runner, &ev);
}

static const struct plan_limit *limit_of(const struct limits *l)
{
	return l->step > 0 ? &l->slot->plan->limits.items[l->step - 1] : NULL;
}

static void keep_lease(struct limits *l, const json_t *body)
{
	const char *id = json_string_value(json_object_get(body, "lease_id"));

	if (id != NULL && json_array_size(json_object_get(body, "limits")) > 0 &&
	    l->count < MAX_LEASES) {
		l->leases[l->count++] =
		    (struct lease){.id = xstrdup(id),
				   .duration_s = l->step > 0 ? LEASE_S : TAG_LEASE_S};
	} else if (id != NULL) {
		give_back(l->runner, id); /* of limits that do not exist */
	}
}

static void not_there(struct limits *l)
{
	const struct plan_limit *limit = limit_of(l);
	char text[300];

	if (limit == NULL) {
		l->runner->no_tag_limits_ms = runner_now(l->runner).ms + NO_LIMIT_MS;
		return;
	}
	(void)snprintf(text, sizeof(text),
		       "There is no concurrency limit '%.200s': the task runs without "
		       "it",
		       limit->name);
	runner_log(l->runner, l->unit, LEVEL_WARNING, "prefect.task_runs", text);
}

static int is_empty(const json_t *body)
{
	const json_t *limits =
	    json_is_array(body) ? body : json_object_get(body, "limits");

	return json_array_size(limits) == 0;
}

static void say_waiting(struct limits *l)
{
	if (!l->said) {
		l->said = 1;
		runner_log(l->runner, l->unit, LEVEL_INFO, "prefect.task_runs",
			   "Waiting for a free slot of a concurrency limit");
	}
}

/* Again in MS, or when there is no more time. */
static void again_in(struct limits *l, int64_t ms)
{
	int64_t left_ms = l->give_up_ms - runner_now(l->runner).ms;

	loop_timer_in(l->timer, MAX_OF(MIN_OF(ms, left_ms), 1));
}

/* The API did not answer, or cannot now: no reason for a task to fail. */
static int is_away(int status)
{
	return status == 0 || status >= 500;
}

static void on_taken(int status, const json_t *body, const struct error *err, void *arg)
{
	struct limits *l = arg;
	const struct plan_limit *limit;
	char why[400];
	json_int_t ms;

	l->asking--;
	if (l->slot == NULL) {
		const char *id = json_string_value(json_object_get(body, "lease_id"));

		if (id != NULL && status != 0 && !l->runner->freeing) {
			give_back(l->runner, id);
		}
		if (l->asking == 0) {
			limits_free(l);
		}
		return;
	}
	limit = limit_of(l);
	if (status == 423 && runner_now(l->runner).ms < l->give_up_ms) {
		ms = json_integer_value(json_object_get(body, "retry_after_ms"));
		say_waiting(l);
		again_in(l, ms > 0 ? MIN_OF(ms, AGAIN_MAX_MS) : AGAIN_MS);
		return;
	}
	if (status >= 200 && status < 300) {
		if (is_empty(body) && limit != NULL && limit->strict) {
			(void)snprintf(why, sizeof(why),
				       "there is no concurrency limit '%.200s'",
				       limit->name);
			answer(l, why);
			return;
		}
		if (is_empty(body)) {
			not_there(l);
		}
		keep_lease(l, body);
		l->step++;
		next(l);
		return;
	}
	if (is_away(status) && limit == NULL && l->runner->no_tag_limits_ms > 0) {
		not_there(l); /* there were none when the API answered last */
		l->step++;
		next(l);
		return;
	}
	if (is_away(status) && runner_now(l->runner).ms < l->give_up_ms) {
		say_waiting(l);
		again_in(l, AGAIN_MS);
		return;
	}
	(void)snprintf(why, sizeof(why), "the limit could not be taken: %.300s",
		       status == 423 ? "it stayed full"
		       : status == 0 ? err->msg
				     : "the API refused");
	answer(l, why);
}

static void ask(struct limits *l, json_t *names, int slots, int rate)
{
	char id[UUID_TEXT_SIZE];
	struct session_call call = {
	    .method = "POST",
	    .path = rate ? "/v2/concurrency_limits/increment"
			 : "/v2/concurrency_limits/increment-with-lease",
	    .done = on_taken,
	    .arg = l,
	};
	struct sched_run run;
	json_t *body;

	sched_get_run(l->runner->sched, l->unit, &run);
	body = json_pack("{s:O, s:i, s:s}", "names", names, "slots", slots, "mode",
			 rate ? "rate_limit" : "concurrency");
	if (!rate) {
		(void)json_object_set_new(
		    body, "lease_duration",
		    json_integer(l->step > 0 ? LEASE_S : TAG_LEASE_S));
		(void)json_object_set_new(body, "holder",
					  json_pack("{s:s, s:s}", "type", "task_run",
						    "id", uuid_format(&run.id, id)));
	}
	call.body = body;
	l->asking++;
	l->runner->session->ops->call(l->runner->session, &call);
	json_decref(body);
}

static void ask_tags(struct limits *l)
{
	json_t *tags = runner_tags(l->runner, l->slot->plan), *names = json_array();
	size_t i;

	for (i = 0; i < json_array_size(tags); i++) {
		char *name =
		    xasprintf("tag:%s", json_string_value(json_array_get(tags, i)));

		(void)json_array_append_new(names, json_string(name));
		free(name);
	}
	json_decref(tags);
	ask(l, names, 1, 0);
	json_decref(names);
}

static int has_tags(const struct limits *l)
{
	return l->slot->plan->tags.count > 0 || json_array_size(l->runner->tags) > 0;
}

static void again(void *arg)
{
	struct limits *l = arg;
	const struct plan_limit *limit = limit_of(l);
	json_t *names;

	if (limit == NULL) {
		ask_tags(l);
		return;
	}
	names = json_pack("[s]", limit->name);
	ask(l, names, limit->slots, limit->rate);
	json_decref(names);
}

static void next(struct limits *l)
{
	const struct plan_limit *limit;

	if (l->step == 0 && (!has_tags(l) || (l->slot->plan->tags.count == 0 &&
					      runner_now(l->runner).ms <
						  l->runner->no_tag_limits_ms))) {
		l->step = 1;
	}
	if (l->step > l->slot->plan->limits.count) {
		answer(l, NULL);
		return;
	}
	limit = limit_of(l);
	l->give_up_ms =
	    limit != NULL && limit->timeout_s > 0
		? runner_now(l->runner).ms + (int64_t)(limit->timeout_s * 1000)
		: INT64_MAX;
	again(l);
}

void runner_acquire(struct runner *r, size_t unit)
{
	struct slot *s = runner_slot(r, unit);
	struct limits *l = xcalloc(1, sizeof(*l));

	runner_limits_release(s);
	l->slot = s;
	l->runner = r;
	l->unit = unit;
	l->timer = loop_timer_new(r->loop, again, l);
	l->renew = loop_timer_new(r->loop, on_renew, l);
	s->limits = l;
	next(l);
}
