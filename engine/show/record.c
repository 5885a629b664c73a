/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c - collecting a run.
 */
#include "engine/show/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/plan.h"
#include "engine/session/session.h"
#include "proto/frame.h"

struct record {
	const struct plan_flow *flow;
	json_t *run, *states, *tasks, *logs;
	struct map by_id; /* task run id -> its object, borrowed */
	size_t logs_dropped;
};

struct record *record_new(const struct plan_flow *flow)
{
	struct record *r = xcalloc(1, sizeof(*r));

	r->flow = flow;
	r->run = json_object();
	r->states = json_array();
	r->tasks = json_array();
	r->logs = json_array();
	map_init(&r->by_id, 0);
	return r;
}

void record_free(struct record *r)
{
	if (r == NULL) {
		return;
	}
	json_decref(r->run);
	json_decref(r->states);
	json_decref(r->tasks);
	json_decref(r->logs);
	map_release(&r->by_id);
	free(r);
}

static json_t *time_json(int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	return at_us == TIME_NONE ? json_null()
				  : json_string(time_format(at_us, text, sizeof(text)));
}

static json_t *state_json(const struct run_state *s)
{
	json_t *o = json_pack("{s:s, s:s, s:s?, s:o}", "type",
			      state_type_text((int)s->type), "name", s->name, "message",
			      s->message, "timestamp", time_json(s->at_us));

	if (s->scheduled_us != TIME_NONE) {
		(void)json_object_set_new(o, "scheduled_time",
					  time_json(s->scheduled_us));
	}
	return o;
}

void record_begin(struct record *r, const char *run_name, const struct uuid *run_id)
{
	char id[UUID_TEXT_SIZE];

	(void)json_object_set_new(r->run, "flow", json_string(r->flow->name));
	(void)json_object_set_new(r->run, "id", json_string(uuid_format(run_id, id)));
	(void)json_object_set_new(r->run, "name", json_string(run_name));
}

void record_log(struct record *r, int level, const char *who, const char *message,
		int64_t at_us)
{
	if (json_array_size(r->logs) >= RECORD_LOG_MAX) {
		r->logs_dropped++;
		return;
	}
	(void)json_array_append_new(
	    r->logs, json_pack("{s:i, s:s, s:s, s:o}", "level", level, "source", who,
			       "message", message, "timestamp", time_json(at_us)));
}

void record_flow_state(struct record *r, const struct run_state *state)
{
	(void)json_array_append_new(r->states, state_json(state));
}

static json_t *new_task(struct record *r, const struct session_task *task)
{
	char id[UUID_TEXT_SIZE];
	json_t *o =
	    json_pack("{s:s, s:s, s:s}", "id", uuid_format(&task->run->id, id), "task",
		      task->plan->key, "task_key", task->plan->task_key);

	(void)json_object_set_new(o, "states", json_array());
	(void)json_object_set(o, "tags", (json_t *)(uintptr_t)task->tags);
	(void)json_object_set(o, "task_inputs", (json_t *)(uintptr_t)task->inputs);
	(void)json_array_append_new(r->tasks, o);
	(void)map_set_n(&r->by_id, task->run->id.b, sizeof(task->run->id.b), o, NULL);
	return o;
}

void record_task(struct record *r, const struct session_task *task)
{
	json_t *o = map_get_n(&r->by_id, task->run->id.b, sizeof(task->run->id.b));

	if (o == NULL) {
		o = new_task(r, task);
	}
	(void)json_object_set_new(o, "name", json_string(task->name));
	(void)json_object_set_new(o, "run_count", json_integer(task->run->run_count));
	(void)json_object_set_new(o, "start_time", time_json(task->run->start_us));
	(void)json_object_set_new(o, "end_time", time_json(task->run->end_us));
	(void)json_array_append_new(json_object_get(o, "states"),
				    state_json(task->state));
}

void record_child(struct record *r, const struct uuid *task_run, const char *text)
{
	json_t *o = map_get_n(&r->by_id, task_run->b, sizeof(task_run->b));
	json_t *child = json_loads(text, 0, NULL);

	if (o != NULL && child != NULL) {
		(void)json_object_set(o, "child", child);
	}
	json_decref(child);
}

void record_tags(struct record *r, const json_t *tags)
{
	(void)json_object_set_new(r->run, "tags",
				  json_deep_copy((json_t *)(uintptr_t)tags));
}

char *record_finish(struct record *r, const struct run_state *state, int run_count,
		    const json_t *result)
{
	(void)json_object_set_new(r->run, "state",
				  state->type != STATE_NONE ? state_json(state)
							    : json_null());
	(void)json_object_set_new(r->run, "run_count", json_integer(run_count));
	(void)json_object_set(r->run, "states", r->states);
	(void)json_object_set(r->run, "tasks", r->tasks);
	(void)json_object_set(r->run, "logs", r->logs);
	if (r->logs_dropped > 0) {
		(void)json_object_set_new(r->run, "logs_dropped",
					  json_integer((json_int_t)r->logs_dropped));
	}
	(void)json_object_set_new(
	    r->run, "result",
	    result != NULL ? json_incref((json_t *)(uintptr_t)result) : json_null());
	return json_text(r->run);
}
