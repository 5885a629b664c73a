/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.c - a session with nobody: states are decided here by the rules of the API.
 *
 * Everything is accepted, but Failed while retries are left is answered AwaitingRetry,
 * and Running before its scheduled time is told to wait.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/session/coolname.h"
#include "engine/plan.h"
#include "engine/session/session.h"

struct offline {
	struct session s;
	struct loop *loop;
	const int64_t *skew_ms;
	const struct plan_flow *flow;
	json_t *parameters, *tags;
	struct uuid id;
	char *name;
	int run_count;
	int64_t scheduled_us; /* of AwaitingRetry, or TIME_NONE */
	struct run_state proposed;
};

static struct offline *offline_of(struct session *s)
{
	return container_of(s, struct offline, s);
}

static void send_run(void *arg)
{
	struct offline *o = arg;
	struct session_run run = {
	    .id = o->id,
	    .name = o->name,
	    .parameters = o->parameters,
	    .tags = o->tags,
	};

	o->s.events->on_run(&run, NULL, o->s.arg);
}

static void offline_open(struct session *s)
{
	struct offline *o = offline_of(s);

	loop_defer(o->loop, send_run, o);
}

static int64_t wall_us(const struct offline *o)
{
	return clock_wall_us() +
	       (o->skew_ms != NULL ? *o->skew_ms * CLOCK_US_PER_MS : 0);
}

/* The answer to the state in O->proposed. */
static void decide(struct offline *o, struct sched_event *answer,
		   struct run_state *state)
{
	int64_t now_us = wall_us(o);

	answer->answer = SCHED_ACCEPT;
	if (o->proposed.type == STATE_RUNNING && o->scheduled_us != TIME_NONE &&
	    o->scheduled_us > now_us) {
		answer->answer = SCHED_WAIT;
		answer->delay_ms = (o->scheduled_us - now_us + 999) / 1000;
	} else if (o->proposed.type == STATE_RUNNING) {
		o->scheduled_us = TIME_NONE;
		o->run_count++;
	} else if (o->proposed.type == STATE_FAILED && o->run_count > 0 &&
		   o->run_count <= o->flow->retries) {
		answer->answer = SCHED_REJECT;
		o->scheduled_us = now_us + o->flow->retry_delay_s * CLOCK_US_PER_S;
		state->type = STATE_SCHEDULED;
		state->name = "AwaitingRetry";
		state->scheduled_us = o->scheduled_us;
		state->at_us = now_us;
	}
}

static void send_answer(void *arg)
{
	struct offline *o = arg;
	struct sched_event answer = {.type = SCHED_EV_ANSWER};
	struct run_state state;

	state_init(&state);
	decide(o, &answer, &state);
	answer.state = &state;
	o->s.events->on_answer(&answer, o->s.arg);
}

static void offline_propose(struct session *s, const struct run_state *state, int force)
{
	struct offline *o = offline_of(s);

	(void)force;
	state_copy(&o->proposed, state);
	loop_defer(o->loop, send_answer, o);
}

static void offline_task_state(struct session *s, const struct session_task *task)
{
	(void)s;
	(void)task;
}

static void offline_log(struct session *s, const struct session_log *log)
{
	(void)s;
	(void)log;
}

static void offline_result(struct session *s, const struct uuid *task_run,
			   const json_t *value)
{
	(void)s;
	(void)task_run;
	(void)value;
}

static void offline_set_run(struct session *s, const char *name, const char *version,
			    const char *policy)
{
	(void)s;
	(void)policy;
	(void)name;
	(void)version;
}

static void offline_heartbeat(struct session *s, size_t running, size_t done)
{
	(void)s;
	(void)running;
	(void)done;
}

static void send_closed(void *arg)
{
	struct offline *o = arg;

	o->s.events->on_closed(o->s.arg);
}

static void offline_close(struct session *s)
{
	struct offline *o = offline_of(s);

	loop_defer(o->loop, send_closed, o);
}

static void offline_free(struct session *s)
{
	struct offline *o = offline_of(s);

	json_decref(o->parameters);
	json_decref(o->tags);
	state_release(&o->proposed);
	free(o->name);
	free(o);
}

static struct session *offline_child(struct session *s, const struct session_spec *spec)
{
	(void)s;
	return offline_session_new(spec);
}

static const struct session_ops offline_ops = {
    .open = offline_open,
    .propose = offline_propose,
    .task_state = offline_task_state,
    .log = offline_log,
    .result = offline_result,
    .artifact = offline_result,
    .set_run = offline_set_run,
    .heartbeat = offline_heartbeat,
    .close = offline_close,
    .free = offline_free,
    .child = offline_child,
};

struct session *offline_session_new(const struct session_spec *spec)
{
	struct offline *o = xcalloc(1, sizeof(*o));
	size_t i;

	o->s = (struct session){
	    .ops = &offline_ops, .events = spec->events, .arg = spec->arg};
	o->loop = spec->loop;
	o->skew_ms = spec->skew_ms;
	o->flow = spec->flow;
	o->parameters = json_deep_copy(spec->parameters);
	o->tags = json_array();
	for (i = 0; i < spec->flow->tags.count; i++) {
		(void)json_array_append_new(o->tags,
					    json_string(spec->flow->tags.items[i]));
	}
	for (i = 0; i < json_array_size(spec->tags); i++) {
		(void)json_array_append(o->tags, json_array_get(spec->tags, i));
	}
	o->scheduled_us = TIME_NONE;
	o->name = spec->name != NULL ? xstrdup(spec->name) : coolname();
	state_init(&o->proposed);
	uuid_v7(&o->id, clock_wall_us());
	return &o->s;
}
