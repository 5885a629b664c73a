/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause.c - a flow that waits for somebody: wf_pause() keeps its process and looks
 * whether the run goes on, wf_suspend() ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "sdk/src/body.h"

#define PAUSE_SECONDS 3600.0
#define POLL_MS       500
#define WHY_SIZE      400
#define INPUT_MAX     (1u << 20)

struct pausing {
	const char *file;
	int line;
	wf_ctx *ctx;
	wf_json schema;
	double timeout;
	int suspend;
	const char *base, *path; /* "paused-1", "/flow_runs/ID" */
	char why[WHY_SIZE];
};

static void send_schema(struct pausing *p)
{
	json_t *answer = NULL, *body;

	if (p->schema == NULL) {
		return;
	}
	body = json_pack("{s:s, s:s}", "key", keepf("%s-schema", p->base), "value",
			 wf_text(p->schema));
	(void)rest_call("POST", keepf("%s/input", p->path), body, &answer, p->why,
			sizeof(p->why));
	json_decref(answer);
	json_decref(body);
}

/* "ACCEPT", "REJECT" (it was resumed before), or NULL after an error. */
static const char *propose(struct pausing *p, int number)
{
	char until[TIME_TEXT_SIZE];
	int64_t at_us = clock_wall_us() + (int64_t)(p->timeout * 1e6);
	json_t *details, *body, *answer = NULL;
	const char *status = NULL, *type;

	details =
	    json_pack("{s:s, s:s, s:b, s:s}", "flow_run_id", wf_run_id(wf_self(p->ctx)),
		      "pause_key", keepf("%d", number), "pause_reschedule", p->suspend,
		      "pause_timeout", time_format(at_us, until, sizeof(until)));
	if (p->schema != NULL) {
		(void)json_object_set_new(
		    details, "run_input_keyset",
		    json_pack("{s:s, s:s, s:s}", "schema", keepf("%s-schema", p->base),
			      "response", keepf("%s-response", p->base), "description",
			      keepf("%s-description", p->base)));
	}
	body = json_pack("{s:{s:s, s:s, s:o}, s:b}", "state", "type", "PAUSED", "name",
			 p->suspend ? "Suspended" : "Paused", "state_details", details,
			 "force", 0);
	(void)rest_call("POST", keepf("%s/set_state", p->path), body, &answer, p->why,
			sizeof(p->why));
	json_decref(body);
	(void)keep(answer);
	status = json_string_value(json_object_get(answer, "status"));
	type = json_string_value(
	    json_object_get(json_object_get(answer, "state"), "type"));
	if (status != NULL && strcmp(status, "REJECT") == 0 &&
	    (type == NULL || strcmp(type, "RUNNING") != 0)) {
		status = NULL;
	}
	if (status == NULL || strcmp(status, "ABORT") == 0) {
		const char *reason = json_string_value(
		    json_object_get(json_object_get(answer, "details"), "reason"));

		body_error(p->file, p->line, "the run could not be paused: %s",
			   reason != NULL ? reason : p->why);
		return NULL;
	}
	return status;
}

/* 1 when the run goes on. */
static int await(struct pausing *p)
{
	struct timespec step = {0};
	int64_t left_ms, until_ms = clock_mono_ms() + (int64_t)(p->timeout * 1000);
	const char *type;
	json_t *run;

	for (;;) {
		left_ms = MAX_OF(until_ms - clock_mono_ms(), INT64_C(1));
		step.tv_nsec = (long)MIN_OF(left_ms, POLL_MS) * 1000000L;
		(void)nanosleep(&step, NULL);
		if (rest_call("GET", p->path, NULL, &run, p->why, sizeof(p->why)) ==
		    0) {
			type =
			    json_string_value(json_object_get(keep(run), "state_type"));
			if (type != NULL && strcmp(type, "RUNNING") == 0) {
				return 1;
			}
			if (type != NULL && strcmp(type, "PAUSED") != 0) {
				body_error(p->file, p->line,
					   "the run was taken out of its pause");
				return 0;
			}
		}
		if (clock_mono_ms() >= until_ms) {
			body_error(p->file, p->line,
				   "Flow run was paused and never resumed.");
			return 0;
		}
	}
}

static wf_json input_of(struct pausing *p)
{
	json_t *answer = NULL, *v;

	if (p->schema == NULL) {
		return NULL;
	}
	(void)rest_call("GET", keepf("%s/input/%s-response", p->path, p->base), NULL,
			&answer, p->why, sizeof(p->why));
	(void)keep(answer);
	v = json_is_string(answer)
		? keep(json_parse(json_string_value(answer), json_string_length(answer),
				  INPUT_MAX, NULL))
		: answer;
	return v != NULL ? cooked(v) : cooked(keep(json_object()));
}

static wf_json pause_run(struct pausing *p)
{
	int number;
	const char *status;

	if (body_failed()) {
		return NULL;
	}
	if (p->ctx == NULL || p->ctx->task != NULL) {
		body_error(p->file, p->line, "only a flow can pause, not a task");
		return NULL;
	}
	number = ++p->ctx->pauses;
	p->timeout = p->timeout > 0 ? p->timeout : PAUSE_SECONDS;
	p->base = keepf("%s-%d", p->suspend ? "suspended" : "paused", number);
	p->path = keepf("/flow_runs/%s", wf_run_id(wf_self(p->ctx)));
	send_schema(p);
	status = propose(p, number);
	if (status == NULL) {
		return NULL;
	}
	if (strcmp(status, "ACCEPT") == 0) {
		wf_info(p->ctx, p->suspend
				    ? "Suspending the flow run: it goes on in another "
				      "process when it is resumed"
				    : "Pausing the flow run until it is resumed");
		if (p->suspend) {
			line_send(json_pack("{s:s}", "op", "leave"));
			json_decref(line_receive()); /* the process ends here */
		}
		if (!await(p)) {
			return NULL;
		}
	}
	return input_of(p);
}

wf_json wf_pause_at(const char *file, int line, wf_ctx *ctx, wf_json schema,
		    double timeout)
{
	struct pausing p = {.file = file,
			    .line = line,
			    .ctx = ctx,
			    .schema = schema,
			    .timeout = timeout};

	return pause_run(&p);
}

wf_json wf_suspend_at(const char *file, int line, wf_ctx *ctx, wf_json schema,
		      double timeout)
{
	struct pausing p = {.file = file,
			    .line = line,
			    .ctx = ctx,
			    .schema = schema,
			    .timeout = timeout,
			    .suspend = 1};

	return pause_run(&p);
}
