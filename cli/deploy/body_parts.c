/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body_parts.c - schedules and automations of a deployment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "cli/client.h"
#include "cli/deploy/body.h"

#define TRIGGER_DEPTH_MAX 16

static const char *const schedule_keys[] = {
    "cron",   "interval",   "rrule", "timezone", "anchor_date",       "day_or",
    "active", "parameters", "slug",  "replaces", "max_scheduled_runs"};
/* Those that are inside of "schedule" at the API. */
static const char *const inner_keys[] = {"cron", "rrule", "timezone", "anchor_date",
					 "day_or"};

/* "HH:MM:SS"; 1 when TEXT is that. */
static int clock_seconds(const char *text, double *ret_s)
{
	char *end;
	long h = strtol(text, &end, 10), m;
	double sec;

	if (end == text || *end != ':') {
		return 0;
	}
	text = end + 1;
	m = strtol(text, &end, 10);
	if (end == text || *end != ':') {
		return 0;
	}
	text = end + 1;
	sec = strtod(text, &end);
	if (end == text || *end != '\0') {
		return 0;
	}
	*ret_s = (double)h * 3600.0 + (double)m * 60.0 + sec;
	return 1;
}

/* Seconds of a number, "HH:MM:SS", or ISO 8601 "PT1H30M". */
static int interval_seconds(const json_t *v, double *ret_s, struct error *err)
{
	const char *s = json_string_value(v);

	if (json_is_number(v) && json_number_value(v) > 0) {
		*ret_s = json_number_value(v);
		return 0;
	}
	if (s != NULL && clock_seconds(s, ret_s)) {
		return *ret_s > 0
			   ? 0
			   : err_set(err, ERR_INVALID, "interval must be positive");
	}
	if (s != NULL && s[0] == 'P') {
		double total = 0;
		int in_time = 0;

		for (const char *p = s + 1; *p != '\0';) {
			char *end;
			double x;

			if (*p == 'T') {
				in_time = 1;
				p++;
				continue;
			}
			x = strtod(p, &end);
			if (end == p || strchr("WDHMS", *end) == NULL || *end == '\0') {
				total = 0;
				break;
			}
			total += x * (*end == 'W'              ? 604800
				      : *end == 'D'            ? 86400
				      : *end == 'H'            ? 3600
				      : *end == 'M' && in_time ? 60
				      : *end == 'S'            ? 1
							       : 0);
			p = end + 1;
		}
		if (total > 0) {
			*ret_s = total;
			return 0;
		}
	}
	return err_set(
	    err, ERR_INVALID,
	    "interval is a number of seconds, HH:MM:SS or an ISO 8601 duration");
}

static int check_schedule(const json_t *entry, struct error *err)
{
	const char *key;
	json_t *v;
	int kinds = 0;

	if (!json_is_object(entry)) {
		return err_set(err, ERR_INVALID, "a schedule is a mapping");
	}
	json_object_foreach ((json_t *)(uintptr_t)entry, key, v) {
		const char *near =
		    opts_nearest(key, schedule_keys, ARRAY_LEN(schedule_keys));

		if (near == NULL || strcmp(near, key) != 0) {
			return err_set(err, ERR_INVALID, "unknown key '%s'%s%s%s", key,
				       near != NULL ? "; did you mean '" : "",
				       near != NULL ? near : "",
				       near != NULL ? "'?" : "");
		}
	}
	for (size_t i = 0; i < 3; i++) {
		kinds += json_object_get(entry, schedule_keys[i]) != NULL;
	}
	return kinds == 1
		   ? 0
		   : err_set(err, ERR_INVALID,
			     "exactly one of cron, interval and rrule is needed");
}

int body_schedule(const json_t *entry, json_t **ret_schedule, struct error *err)
{
	json_t *inner, *out, *v;
	const char *const outer[] = {"active", "parameters", "slug", "replaces",
				     "max_scheduled_runs"};
	double seconds = 0;
	int rc = check_schedule(entry, err);

	if (rc < 0) {
		return rc;
	}
	inner = json_object();
	v = json_object_get(entry, "interval");
	if (v != NULL) {
		rc = interval_seconds(v, &seconds, err);
		if (rc < 0) {
			json_decref(inner);
			return rc;
		}
		json_object_set_new(inner, "interval", json_real(seconds));
	}
	for (size_t i = 0; i < ARRAY_LEN(inner_keys); i++) {
		v = json_object_get(entry, inner_keys[i]);
		if (v != NULL && !json_is_null(v)) {
			json_object_set(inner, inner_keys[i], v);
		}
	}
	out = json_pack("{s:o, s:b}", "schedule", inner, "active", 1);
	for (size_t i = 0; i < ARRAY_LEN(outer); i++) {
		v = json_object_get(entry, outer[i]);
		if (v != NULL) {
			json_object_set(out, outer[i], v);
		}
	}
	*ret_schedule = out;
	return 0;
}

/* What the API wants to be told is told, also of triggers inside. */
static void complete_trigger(json_t *t, int depth)
{
	json_t *inner;
	size_t i;

	if (json_object_get(t, "type") == NULL) {
		const char *type = json_object_get(t, "triggers") == NULL  ? "event"
				   : json_object_get(t, "require") != NULL ? "compound"
									   : "sequence";

		json_object_set_new(t, "type", json_string(type));
	}
	if (strcmp(member(t, "type"), "event") == 0 &&
	    json_object_get(t, "posture") == NULL) {
		json_object_set_new(t, "posture", json_string("Reactive"));
	}
	if (json_object_get(t, "triggers") != NULL &&
	    json_object_get(t, "within") == NULL) {
		json_object_set_new(t, "within", json_null());
	}
	json_array_foreach (json_object_get(t, "triggers"), i, inner) {
		if (json_is_object(inner) && depth < TRIGGER_DEPTH_MAX) {
			complete_trigger(inner, depth + 1);
		}
	}
}

/* A trigger of a project file as the API wants it: complete, its own keys only. */
static json_t *trigger_json(const json_t *trigger)
{
	static const char *const not_trigger[] = {"name",          "description",
						  "enabled",       "parameters",
						  "job_variables", "schedule_after"};
	json_t *t = json_deep_copy(trigger);

	for (size_t i = 0; i < ARRAY_LEN(not_trigger); i++) {
		json_object_del(t, not_trigger[i]);
	}
	complete_trigger(t, 0);
	return t;
}

json_t *body_automation(const json_t *trigger, const char *name, size_t at,
			const char *id, const char *owner)
{
	json_t *action = json_pack("{s:s, s:s, s:s}", "type", "run-deployment",
				   "source", "selected", "deployment_id", id);
	const char *const passed[] = {"parameters", "job_variables", "schedule_after"};
	char *title = member(trigger, "name")[0] != '\0'
			  ? xstrdup(member(trigger, "name"))
			  : xasprintf("%s__automation_%zu", name, at + 1);
	json_t *out;

	for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
		json_t *v = json_object_get(trigger, passed[i]);

		if (v != NULL) {
			json_object_set(action, passed[i], v);
		}
	}
	out = json_pack("{s:s, s:s, s:b, s:o, s:[o], s:s}", "name", title,
			"description", member(trigger, "description"), "enabled",
			!json_is_false(json_object_get(trigger, "enabled")), "trigger",
			trigger_json(trigger), "actions", action, "owner_resource",
			owner);
	free(title);
	return out;
}
