/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consult.c - the scheduler asks for handlers and hooks: the states as C sees them, and
 * the answer back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "sdk/src/host.h"
#include "sdk/src/parts.h"
#include "sdk/src/registry.h"

struct question {
	size_t task; /* SCHED_NO_TASK: of the flow */
};

static struct call *call_of(const struct host *h, size_t task)
{
	return task == SCHED_NO_TASK ? NULL : h->runs[task];
}

/* The result or data that belongs to a state of this type. */
static json_t *data_for(struct host *h, const struct call *c, enum state_type type)
{
	if (!state_is_final(type) && type != STATE_SCHEDULED) {
		return NULL;
	}
	return c != NULL ? c->result : h->runner->result;
}

static void fill(struct host *h, const struct call *c, const struct run_state *s,
		 struct wf_state *to)
{
	*to = (struct wf_state){
	    .type = s->type,
	    .name = s->name != NULL ? s->name : "",
	    .message = s->message != NULL ? s->message : "",
	    .data = data_for(h, c, s->type),
	    .code = c != NULL && (s->type == STATE_FAILED || s->type == STATE_SCHEDULED)
			? c->code
			: 0,
	    .at_us = s->at_us,
	    .scheduled_us = s->scheduled_us,
	};
}

static void old_state(struct host *h, const struct call *c, struct wf_state *to)
{
	static const struct wf_state pending = {.type = STATE_PENDING,
						.name = "Pending",
						.message = "",
						.scheduled_us = TIME_NONE};

	*to = pending;
	if (c != NULL) {
		*to = c->state;
	} else if (h->runner->last.type != STATE_NONE) {
		fill(h, NULL, &h->runner->last, to);
	}
	to->data = NULL;
}

/* ---- handlers ---- */

static void take_data(struct host *h, struct call *c, const json_t *state)
{
	json_t *data = json_object_get(state, "data");
	json_t **to = c != NULL ? &c->result : &h->runner->result;

	json_decref(*to);
	*to = data != NULL && !json_is_null(data) ? json_incref(data) : NULL;
	if (*to == NULL && c != NULL &&
	    json_integer_value(json_object_get(state, "type")) == STATE_COMPLETED) {
		*to = json_null();
	}
}

static void on_consulted(struct host *h, const char *error, const json_t *state,
			 void *arg)
{
	struct question *q = arg;
	struct sched_event ev = {
	    .type = SCHED_EV_CONSULTED,
	    .task = q->task,
	    .verdict = error != NULL ? SCHED_FAIL : SCHED_OK,
	    .message = error,
	};
	struct run_state given;

	state_init(&given);
	if (state != NULL) {
		given.type =
		    (enum state_type)json_integer_value(json_object_get(state, "type"));
		state_set_name(&given,
			       json_string_value(json_object_get(state, "name")));
		state_set_message(&given,
				  json_string_value(json_object_get(state, "message")));
		take_data(h, call_of(h, q->task), state);
		ev.state = &given;
	}
	runner_feed(h->runner, &ev);
	state_release(&given);
	free(q);
}

static void ask(struct host *h, const struct sched_action *a, const wf_hook_fn *hooks,
		gate_fn done)
{
	struct question *q = xcalloc(1, sizeof(*q));
	struct wf_state old, neu;
	struct gate_spec spec = {
	    .call = call_of(h, a->task),
	    .old = &old,
	    .neu = &neu,
	    .hooks = hooks,
	    .done = done,
	    .arg = q,
	};

	q->task = a->task;
	old_state(h, spec.call, &old);
	fill(h, spec.call, &a->state, &neu);
	gate_open(h, &spec);
}

void host_consult(struct runner *r, const struct sched_action *a)
{
	ask(r->ops_arg, a, NULL, on_consulted);
}

/* ---- hooks ---- */

static const wf_hook_fn *hooks_for(const struct wf_hooks *h, enum state_type type)
{
	switch (type) {
	case STATE_RUNNING:
		return h->on_running;
	case STATE_COMPLETED:
		return h->on_completion;
	case STATE_FAILED:
		return h->on_failure;
	case STATE_CANCELLED:
	case STATE_CANCELLING:
		return h->on_cancellation;
	case STATE_CRASHED:
		return h->on_crashed;
	case STATE_NONE:
	case STATE_SCHEDULED:
	case STATE_PENDING:
	case STATE_PAUSED:
		break;
	}
	return NULL;
}

static void on_hooked(struct host *h, const char *error, const json_t *state, void *arg)
{
	struct question *q = arg;
	struct sched_event ev = {
	    .type = SCHED_EV_HOOKED, .task = q->task, .verdict = SCHED_OK};

	(void)error; /* is in the log already */
	(void)state;
	runner_feed(h->runner, &ev);
	free(q);
}

void host_hooks(struct runner *r, const struct sched_action *a)
{
	struct host *h = r->ops_arg;
	const struct call *c = call_of(h, a->task);
	const struct wf_hooks *all =
	    c != NULL ? &registry_get_task(c->task)->hooks : &h->def->hooks;
	const wf_hook_fn *hooks = hooks_for(all, a->state.type);
	struct question *q;

	if (hooks != NULL && hooks[0] != NULL) {
		ask(h, a, hooks, on_hooked);
		return;
	}
	q = xcalloc(1, sizeof(*q));
	q->task = a->task;
	on_hooked(h, NULL, NULL, q);
}
