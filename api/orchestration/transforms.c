/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transforms.c - what every written state does to its run (server-contract 4.2, in
 * order).
 */
#include <string.h>

#include "api/orchestration/rules.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "proto/frame.h"

#define RUNNING   WF__CONTROL__STATE_TYPE__RUNNING
#define SCHEDULED WF__CONTROL__STATE_TYPE__SCHEDULED

/* 1: states of a run never share an instant, and grow */
static void unique_timestamp(struct orc_ctx *c)
{
	if (c->from != 0 && c->proposed->at_us <= c->current->at_us) {
		c->proposed->at_us = c->current->at_us + 1;
	}
}

/* 3 and 4 */
static void start_and_end(struct orc_ctx *c)
{
	struct orc_run *r = c->run;
	int ends = state_type_is_terminal(c->proposed->type);

	if (c->proposed->type == RUNNING && r->start_us == TIME_NONE) {
		r->start_us = c->proposed->at_us;
	}
	if (ends && r->end_us == TIME_NONE) {
		r->end_us = c->proposed->at_us;
		if (r->start_us == TIME_NONE) {
			r->start_us = c->proposed->at_us;
		}
	}
	if (!ends && c->from != 0 && state_type_is_terminal(c->from)) {
		r->end_us = TIME_NONE;
	}
}

/* 5 */
static void run_time(struct orc_ctx *c)
{
	if (c->from == RUNNING) {
		c->run->total_run_time_us += c->proposed->at_us - c->current->at_us;
	}
}

/* 6 and 7 */
static void scheduled_times(struct orc_ctx *c)
{
	int64_t due = orc_detail_time(c->proposed, "scheduled_time");
	int scheduled = c->proposed->type == SCHEDULED;

	if (c->run->expected_start_us == TIME_NONE) {
		c->run->expected_start_us = scheduled ? due : c->proposed->at_us;
	}
	if (scheduled) {
		c->run->next_scheduled_us = due;
	} else if (c->from == SCHEDULED) {
		c->run->next_scheduled_us = TIME_NONE;
	}
}

/* 8 and the details part of 9 */
static void own_ids(struct orc_ctx *c, int task)
{
	char text[UUID_TEXT_SIZE];

	uuid_format(&c->run->id, text);
	orc_detail_set_str(c->proposed, task ? "task_run_id" : "flow_run_id", text);
	if (task && !uuid_is_nil(&c->facts->parent_flow_run_id)) {
		uuid_format(&c->facts->parent_flow_run_id, text);
		orc_detail_set_str(c->proposed, "flow_run_id", text);
	}
	if (!task && c->run->has_parent_task) {
		uuid_format(&c->run->parent_task_run_id, text);
		orc_detail_set_str(c->proposed, "task_run_id", text);
	}
}

static int in_process(const json_t *policy)
{
	const char *type = json_string_value(json_object_get(policy, "retry_type"));

	return type != NULL && strcmp(type, "in_process") == 0;
}

static int ends_retry(const struct orc_state *s)
{
	return state_type_is_terminal(s->type) ||
	       (s->type == SCHEDULED && strcmp(s->name, "AwaitingRetry") != 0);
}

/* 9 and 10 */
static void count_and_resume(struct orc_ctx *c, int task)
{
	json_t *policy = c->run->empirical_policy;
	int resuming = json_is_true(json_object_get(policy, "resuming"));

	if (c->proposed->type == RUNNING && (task || !resuming)) {
		c->run->run_count++;
	}
	if (!task && (c->proposed->type == RUNNING ||
		      state_type_is_terminal(c->proposed->type))) {
		json_object_del(policy, "resuming");
	}
	/* an in-process retry ends with its process: workers may take the run again */
	if (!task && in_process(policy) && ends_retry(c->proposed)) {
		json_object_del(policy, "retry_type");
	}
}

void orc_transform(struct orc_ctx *c, int task)
{
	unique_timestamp(c);
	start_and_end(c);
	run_time(c);
	scheduled_times(c);
	own_ids(c, task);
	count_and_resume(c, task);
}

unsigned int orc_delivery(const struct orc_run *run, const struct orc_state *from,
			  const struct orc_state *to, int fenced)
{
	int kept = in_process(run->empirical_policy);
	int64_t due = orc_detail_time(to, "scheduled_time");

	if (to->type == SCHEDULED) {
		if (kept || (from->type == SCHEDULED &&
			     orc_detail_time(from, "scheduled_time") == due)) {
			return 0;
		}
		return ORC_FX_ENQUEUE;
	}
	if (to->type == WF__CONTROL__STATE_TYPE__CANCELLING) {
		return ORC_FX_CANCEL_RUNNING;
	}
	if (from->type == SCHEDULED) {
		return kept || (fenced && to->type == WF__CONTROL__STATE_TYPE__PENDING)
			   ? 0
			   : ORC_FX_DEQUEUE;
	}
	/* ended by somebody without a lease: an owner that has one must stop, and what
	 * was counted for a worker that has none counts no more */
	if (state_type_is_terminal(to->type) && !fenced && from->type != 0 &&
	    !state_type_is_terminal(from->type) &&
	    (run->fence > 0 || from->type != WF__CONTROL__STATE_TYPE__PAUSED)) {
		return ORC_FX_CANCEL_RUNNING;
	}
	return 0;
}
