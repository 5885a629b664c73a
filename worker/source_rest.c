/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_rest.c - runs by polling the REST API, as Prefect's own worker does it.
 *
 * Nothing is reserved by a poll: the Pending proposal decides between workers.
 * Cancellation is looked for every CANCEL_POLL_MS among the runs that run here.
 */
#include "worker/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "worker/rest.h"
#include "worker/run.h"
#include "worker/worker.h"

#define CANCEL_POLL_MS 10000
#define POLL_JITTER    0.3
#define KICK_DELAY_MS  100

struct source_rest {
	struct worker *w;
	struct loop_timer *poll_timer, *cancel_timer;
	char *poll_path;
	int polling, cancel_asking, draining, freed, failing;
};

static void arm_poll(struct source_rest *s)
{
	double ms = clamped_poisson((double)s->w->conf->query_s * 1000.0, POLL_JITTER,
				    random_unit());

	if (!s->draining) {
		loop_timer_in(s->poll_timer, (int64_t)ms);
	}
}

static void maybe_free(struct source_rest *s)
{
	if (s->freed && !s->polling && !s->cancel_asking) {
		loop_timer_free(s->poll_timer);
		loop_timer_free(s->cancel_timer);
		free(s->poll_path);
		free(s);
	}
}

static void offer_all(struct source_rest *s, const json_t *list)
{
	size_t i;
	json_t *each;

	json_array_foreach (list, i, each) {
		const char *id = json_string_value(
		    json_object_get(json_object_get(each, "flow_run"), "id"));
		struct worker_offer offer = {.run_id = id};
		struct error err;

		if (id == NULL || map_get(&s->w->runs, id) != NULL) {
			continue;
		}
		if (worker_offer(s->w, &offer, &err) == -ERR_LIMIT) {
			break; /* no slot: the rest comes with the next poll */
		}
	}
}

static void on_poll(int rc, int status, const json_t *body, const struct error *err,
		    void *arg)
{
	struct source_rest *s = arg;

	(void)status;
	s->polling = 0;
	if (s->freed) {
		maybe_free(s);
		return;
	}
	if (rc < 0) {
		if (!s->failing) {
			log_warn("cannot ask for runs: %s; trying again", err->msg);
		}
		s->failing = 1;
	} else {
		if (s->failing) {
			log_info("the API answers again");
		}
		s->failing = 0;
		offer_all(s, body);
		s->w->once_done = s->w->conf->run_once;
		if (s->w->once_done) {
			s->draining = 1;
		}
		s->w->on_change(s->w);
	}
	arm_poll(s);
}

static void poll_now(void *arg)
{
	struct source_rest *s = arg;
	char when[TIME_TEXT_SIZE];
	const char *const *names = worker_queues(s->w);
	json_t *body, *queues;

	s->w->looked_ms = loop_now_ms(s->w->loop);
	if (s->polling || s->draining) {
		return;
	}
	if (worker_free_slots(s->w) <= 0) {
		arm_poll(s);
		return;
	}
	queues = json_array();
	for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
		json_array_append_new(queues, json_string(names[i]));
	}
	body = json_pack("{s:o, s:s}", "work_queue_names", queues, "scheduled_before",
			 time_format(loop_wall_us(s->w->loop) +
					 s->w->conf->prefetch_s * CLOCK_US_PER_S,
				     when, sizeof(when)));
	s->polling = 1;
	if (rest_call(s->w->rest, "POST", body, on_poll, s, "%s", s->poll_path) < 0) {
		s->polling = 0;
		arm_poll(s);
	}
}

static void on_cancelling(int rc, int status, const json_t *body,
			  const struct error *err, void *arg)
{
	struct source_rest *s = arg;
	size_t i;
	json_t *each;

	(void)status;
	(void)err;
	s->cancel_asking = 0;
	if (s->freed) {
		maybe_free(s);
		return;
	}
	if (rc == 0) {
		json_array_foreach (body, i, each) {
			const char *id = json_string_value(json_object_get(each, "id"));

			if (id != NULL) {
				worker_cancel(s->w, id);
			}
		}
	}
	loop_timer_in(s->cancel_timer, CANCEL_POLL_MS);
}

static void look_for_cancelling(void *arg)
{
	struct source_rest *s = arg;
	json_t *ids = json_array(), *body;
	struct run *r;

	for (struct map_iter i = {0}; map_next(&s->w->runs, &i);) {
		r = i.value;
		json_array_append_new(ids, json_string(run_id(r)));
	}
	if (json_array_size(ids) == 0) {
		json_decref(ids);
		loop_timer_in(s->cancel_timer, CANCEL_POLL_MS);
		return;
	}
	body = json_pack("{s:{s:{s:o}, s:{s:{s:[s]}}}}", "flow_runs", "id", "any_", ids,
			 "state", "type", "any_", "CANCELLING");
	s->cancel_asking = 1;
	if (rest_call(s->w->rest, "POST", body, on_cancelling, s, "/flow_runs/filter") <
	    0) {
		s->cancel_asking = 0;
		loop_timer_in(s->cancel_timer, CANCEL_POLL_MS);
	}
}

struct start_call {
	void (*fn)(int answer, void *arg);
	void *arg;
};

static void answer_go(void *arg)
{
	struct start_call *c = arg;

	c->fn(1, c->arg);
	free(c);
}

static void start(void *self, const char *run_id, void (*fn)(int answer, void *arg),
		  void *arg)
{
	const struct source_rest *s = self;
	struct start_call *c = xcalloc(1, sizeof(*c));

	(void)run_id;
	*c = (struct start_call){fn, arg};
	loop_defer(s->w->loop, answer_go, c);
}

static void end(void *self, const char *run_id, int outcome)
{
	(void)self;
	(void)run_id;
	(void)outcome;
}

static void kick(void *self)
{
	struct source_rest *s = self;

	if (!s->draining) {
		loop_timer_in(s->poll_timer, KICK_DELAY_MS);
	}
}

static void drain(void *self)
{
	struct source_rest *s = self;

	s->draining = 1;
	loop_timer_stop(s->poll_timer);
}

static size_t unsettled(const void *self)
{
	(void)self;
	return 0;
}

static int64_t trusted_until(const void *self, const char *run_id_text)
{
	(void)self;
	(void)run_id_text;
	return 0;
}

void source_rest_free(struct source_rest *s)
{
	if (s != NULL) {
		s->freed = 1;
		loop_timer_stop(s->poll_timer);
		loop_timer_stop(s->cancel_timer);
		maybe_free(s);
	}
}

static void free_source(void *self)
{
	source_rest_free(self);
}

static const struct source_ops ops = {
    .start = start,
    .end = end,
    .kick = kick,
    .drain = drain,
    .unsettled = unsettled,
    .free = free_source,
    .trusted_until = trusted_until,
};

struct source_rest *source_rest_new(struct worker *w)
{
	struct source_rest *s = xcalloc(1, sizeof(*s));
	char *pool = url_encode(w->conf->pool);

	s->w = w;
	s->poll_path = xasprintf("/work_pools/%s/get_scheduled_flow_runs", pool);
	s->poll_timer = loop_timer_new(w->loop, poll_now, s);
	s->cancel_timer = loop_timer_new(w->loop, look_for_cancelling, s);
	loop_timer_in(s->poll_timer, 0);
	loop_timer_in(s->cancel_timer, CANCEL_POLL_MS);
	free(pool);
	return s;
}

void source_rest_poll(struct source_rest *s, int on)
{
	s->draining = !on;
	if (on) {
		loop_timer_in(s->poll_timer, 0);
	} else {
		loop_timer_stop(s->poll_timer);
	}
}

int source_rest_open(struct worker *w, struct error *err)
{
	(void)err;
	w->source = source_rest_new(w);
	w->source_ops = &ops;
	return 0;
}
