/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test.c - wf_test_flow(): a whole run without a server, by a clock that skips waiting.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/main.h"
#include "engine/tryout/tryout.h"
#include "sdk/src/host.h"
#include "sdk/src/registry.h"

#define RECORD_MAX (256u << 20)

struct wf_report {
	json_t *doc;
};

static void *attach(struct runner *r, struct loop *loop, const struct plan_flow *flow)
{
	const wf_flow *def = NULL;
	struct host *h;

	(void)registry_find(flow->name, &def, NULL);
	h = host_new(loop, def);
	runner_set_ops(r, &host_ops, h);
	return h;
}

static void detach(void *attached)
{
	host_free(attached);
}

static int fail(const struct error *err)
{
	(void)fprintf(stderr, "wf_test_flow: %s\n", err->msg);
	return -1;
}

int wf_test_flow(const wf_flow *flow, const char *params, wf_report **ret_report)
{
	const struct plan_flow *plan;
	static const struct builtin b = {"flow", NULL, attach, detach};
	struct tryout t = {.builtin = &b};
	struct error err;
	json_t *in;
	char *text;

	*ret_report = NULL;
	if (registry_check() < 0) {
		return -1;
	}
	plan = registry_plan(flow, &err);
	if (plan == NULL) {
		return fail(&err);
	}
	params = params != NULL ? params : "{}";
	in = json_parse(params, strlen(params), RECORD_MAX, &err);
	if (in == NULL) {
		return fail(&err);
	}
	t.flow = plan;
	t.params = in;
	text = tryout_run(&t, &err);
	json_decref(in);
	if (text == NULL) {
		return fail(&err);
	}
	*ret_report = xcalloc(1, sizeof(**ret_report));
	(*ret_report)->doc = json_parse(text, strlen(text), RECORD_MAX, NULL);
	free(text);
	return 0;
}

void wf_report_free(wf_report *r)
{
	if (r != NULL) {
		json_decref(r->doc);
		free(r);
	}
}

static const char *text_of(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s != NULL ? s : "";
}

const char *wf_report_state(const wf_report *r)
{
	return r != NULL ? text_of(json_object_get(r->doc, "state"), "name") : "";
}

const char *wf_report_message(const wf_report *r)
{
	return r != NULL ? text_of(json_object_get(r->doc, "state"), "message") : "";
}

wf_json wf_report_result(const wf_report *r)
{
	return r != NULL ? cooked(json_object_get(r->doc, "result")) : NULL;
}

const char *wf_report_states(const wf_report *r, const char *task_run)
{
	json_t *t, *s;
	size_t i, k;
	struct buf b;

	if (r == NULL || task_run == NULL) {
		return NULL;
	}
	json_array_foreach (json_object_get(r->doc, "tasks"), i, t) {
		if (strcmp(text_of(t, "name"), task_run) != 0) {
			continue;
		}
		buf_init(&b);
		json_array_foreach (json_object_get(t, "states"), k, s) {
			buf_addf(&b, "%s%s", k > 0 ? " " : "", text_of(s, "name"));
		}
		return keep_text(buf_take(&b, NULL));
	}
	return NULL;
}

size_t wf_report_task_count(const wf_report *r)
{
	return r != NULL ? json_array_size(json_object_get(r->doc, "tasks")) : 0;
}

static int64_t time_of(const json_t *state)
{
	int64_t at_us = 0;

	(void)json_get_time(state, "timestamp", &at_us, NULL);
	return at_us;
}

double wf_report_seconds(const wf_report *r)
{
	const json_t *states = r != NULL ? json_object_get(r->doc, "states") : NULL;
	size_t n = json_array_size(states);

	return n < 2 ? 0
		     : (double)(time_of(json_array_get(states, n - 1)) -
				time_of(json_array_get(states, 0))) /
			   1e6;
}

bool wf_report_logged(const wf_report *r, const char *part)
{
	json_t *line;
	size_t i;

	if (r == NULL || part == NULL) {
		return false;
	}
	json_array_foreach (json_object_get(r->doc, "logs"), i, line) {
		if (strstr(text_of(line, "message"), part) != NULL) {
			return true;
		}
	}
	return false;
}
