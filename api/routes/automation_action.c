/* SPDX-License-Identifier: Apache-2.0 */
/*
 * automation_action.c - actions of automations: a table of types and their fields.
 */
#include "api/routes/automation_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/decode_priv.h"
#include "api/routes/template_check.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/uuid.h"

enum value_type {
	A_UUID = 1, /* required */
	A_TARGET,   /* UUID that "source" decides about */
	A_SOURCE,
	A_OBJECT, /* or null */
	A_TEMPLATE,
	A_TEXT_OR_NULL,
	A_PAYLOAD, /* text, or an object that is kept as text */
	A_STATE,
	A_FLAG,
	A_DURATION,
};

struct action_field {
	const char *name;
	enum value_type type;
	const char *standard; /* A_TEMPLATE: NULL means required */
};

struct action_type {
	const char *name;
	struct action_field fields[6];
};

static const char *const sources[] = {"selected", "inferred", NULL};
static const char *const states[] = {"SCHEDULED",  "PENDING",   "RUNNING", "COMPLETED",
				     "FAILED",     "CANCELLED", "CRASHED", "PAUSED",
				     "CANCELLING", NULL};

#define TARGET(field)                         \
	{                                     \
		{"source", A_SOURCE, NULL},   \
		{                             \
			field, A_TARGET, NULL \
		}                             \
	}

static const struct action_type types[] = {
    {"call-webhook", {{"block_document_id", A_UUID, NULL}, {"payload", A_PAYLOAD, ""}}},
    {"cancel-flow-run", {{0}}},
    {"change-flow-run-state",
     {{"name", A_TEXT_OR_NULL, NULL},
      {"state", A_STATE, NULL},
      {"message", A_TEXT_OR_NULL, NULL},
      {"force", A_FLAG, NULL}}},
    {"delete-flow-run", {{0}}},
    {"do-nothing", {{0}}},
    {"pause-automation", TARGET("automation_id")},
    {"pause-deployment", TARGET("deployment_id")},
    {"pause-work-pool", TARGET("work_pool_id")},
    {"pause-work-queue", TARGET("work_queue_id")},
    {"resume-automation", TARGET("automation_id")},
    {"resume-deployment", TARGET("deployment_id")},
    {"resume-flow-run", {{0}}},
    {"resume-work-pool", TARGET("work_pool_id")},
    {"resume-work-queue", TARGET("work_queue_id")},
    {"run-deployment",
     {{"source", A_SOURCE, NULL},
      {"deployment_id", A_TARGET, NULL},
      {"parameters", A_OBJECT, NULL},
      {"job_variables", A_OBJECT, NULL},
      {"schedule_after", A_DURATION, NULL}}},
    {"send-notification",
     {{"block_document_id", A_UUID, NULL},
      {"subject", A_TEMPLATE, "Prefect automated notification"},
      {"body", A_TEMPLATE, NULL}}},
    {"suspend-flow-run", {{0}}},
};

struct at {
	const json_t *in;
	json_t *value; /* NULL: absent */
	const char *loc;
	const char *action_loc;
	struct http_invalid *v;
};

/* Text through the decoder of bodies; NULL after a problem. */
static const char *text_value(const struct at *a, const char *const *choices)
{
	const char *s = NULL;
	struct field f = {.name = "value", .type = F_STR, .choices = choices};
	struct decode_at d = {
	    .f = &f, .value = a->value, .loc = a->loc, .out = &s, .v = a->v};

	decode_value(&d);
	return s;
}

static json_t *missing(const struct at *a)
{
	http_invalid_add(a->v, "missing", a->loc, a->in, "Field required");
	return json_null();
}

static json_t *uuid_value(const struct at *a)
{
	char text[UUID_TEXT_SIZE];
	struct uuid id;
	struct field f = {.name = "value", .type = F_UUID};
	struct decode_at d = {
	    .f = &f, .value = a->value, .loc = a->loc, .out = &id, .v = a->v};
	size_t before = http_invalid_count(a->v);

	decode_value(&d);
	return http_invalid_count(a->v) == before ? json_string(uuid_format(&id, text))
						  : json_null();
}

static json_t *target_value(const struct at *a, const char *name)
{
	const char *source = json_string_value(json_object_get(a->in, "source"));
	int inferred = source != NULL && strcmp(source, "inferred") == 0;
	int given = a->value != NULL && !json_is_null(a->value);
	char msg[96];

	if (inferred == given) {
		(void)snprintf(msg, sizeof(msg), "Value error, %s is %s", name,
			       given ? "not allowed" : "required");
		http_invalid_add(a->v, "value_error", a->action_loc, a->in, msg);
		return json_null();
	}
	return given ? uuid_value(a) : json_null();
}

static void template_check(const struct at *a, const char *name, const char *text)
{
	struct error err = {0};
	char msg[sizeof(err.msg) + 80];
	int line;

	if (text != NULL && template_text_check(text, &line, &err) < 0) {
		(void)snprintf(msg, sizeof(msg),
			       "Value error, '%s' is not a valid template: %s", name,
			       err.msg);
		http_invalid_add(a->v, "value_error", a->loc, a->value, msg);
	}
}

static json_t *template_value(const struct at *a, const char *name)
{
	const char *text = text_value(a, NULL);

	template_check(a, name, text);
	return json_string(text);
}

static json_t *payload_value(const struct at *a, const char *name)
{
	char *text;
	json_t *out;

	if (!json_is_object(a->value)) {
		return template_value(a, name);
	}
	text = json_dumps(a->value, JSON_INDENT(2));
	template_check(a, name, text);
	out = json_string(text);
	free(text);
	return out;
}

static json_t *duration_value(const struct at *a)
{
	double s = 0;

	if (a->value != NULL && duration_decode(a->value, &s) < 0) {
		http_invalid_add(a->v, "time_delta_parsing", a->loc, a->value,
				 "Input should be a valid timedelta");
	} else if (s < 0) {
		http_invalid_add(a->v, "greater_than_equal", a->loc, a->value,
				 "Input should be greater than or equal to 0");
	}
	return json_real(s);
}

static json_t *flag_value(const struct at *a)
{
	int flag = 0;
	struct field f = {.name = "value", .type = F_BOOL};
	struct decode_at d = {
	    .f = &f, .value = a->value, .loc = a->loc, .out = &flag, .v = a->v};

	if (a->value != NULL) {
		decode_value(&d);
	}
	return json_boolean(flag);
}

static json_t *object_value(const struct at *a)
{
	if (a->value == NULL || json_is_null(a->value)) {
		return json_null();
	}
	if (!json_is_object(a->value)) {
		http_invalid_add(a->v, "dict_type", a->loc, a->value,
				 "Input should be a valid dictionary");
	}
	return json_incref(a->value);
}

static json_t *field_value(const struct at *a, const struct action_field *f)
{
	switch (f->type) {
	case A_UUID:
		return a->value == NULL ? missing(a) : uuid_value(a);
	case A_TARGET:
		return target_value(a, f->name);
	case A_SOURCE:
		return json_string(a->value == NULL ? "selected"
						    : text_value(a, sources));
	case A_OBJECT:
		return object_value(a);
	case A_TEMPLATE:
		if (a->value == NULL) {
			return f->standard == NULL ? missing(a)
						   : json_string(f->standard);
		}
		return template_value(a, f->name);
	case A_TEXT_OR_NULL:
		return a->value == NULL || json_is_null(a->value)
			   ? json_null()
			   : json_string(text_value(a, NULL));
	case A_PAYLOAD:
		return a->value == NULL ? json_string(f->standard)
					: payload_value(a, f->name);
	case A_STATE:
		return a->value == NULL ? missing(a)
					: json_string(text_value(a, states));
	case A_FLAG:
		return flag_value(a);
	case A_DURATION:
		return duration_value(a);
	}
	return json_null();
}

static const struct action_type *find_type(const char *name)
{
	size_t i;

	for (i = 0; name != NULL && i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i].name, name) == 0) {
			return &types[i];
		}
	}
	return NULL;
}

static json_t *action_complete(json_t *in, const char *loc, struct http_invalid *v)
{
	const json_t *given = json_object_get(in, "type");
	const struct action_type *type = find_type(json_string_value(given));
	const struct action_field *f;
	char at[DECODE_LOC_MAX];
	json_t *out;

	if (!json_is_object(in)) {
		decode_not_an_object(loc, in, v);
		return json_object();
	}
	if (given == NULL) { /* the reference takes the first type that fits */
		type = find_type("do-nothing");
	}
	if (type == NULL) {
		decode_join(at, sizeof(at), loc, "type");
		http_invalid_add(v, "literal_error", at, given,
				 "Input should be the type of an action, for example "
				 "'run-deployment'");
		return json_object();
	}
	out = json_object();
	(void)json_object_set_new(out, "type", json_string(type->name));
	for (f = type->fields; f->name != NULL; f++) {
		struct at a = {.in = in,
			       .value = json_object_get(in, f->name),
			       .loc = at,
			       .action_loc = loc,
			       .v = v};
		json_t *value;

		decode_join(at, sizeof(at), loc, f->name);
		value = field_value(&a, f);
		(void)json_object_set_new(out, f->name,
					  value != NULL ? value : json_null());
	}
	return out;
}

json_t *actions_complete(json_t *in, const char *loc, struct http_invalid *v)
{
	json_t *out = json_array();
	char at[DECODE_LOC_MAX], index[24];
	json_t *item;
	size_t i;

	if (json_array_size(in) > ACTIONS_MAX) {
		http_invalid_add(v, "too_long", loc, NULL,
				 "List should have at most 200 items after validation");
		return out;
	}
	json_array_foreach (in, i, item) {
		(void)snprintf(index, sizeof(index), "%zu", i);
		decode_join(at, sizeof(at), loc, index);
		(void)json_array_append_new(out, action_complete(item, at, v));
	}
	return out;
}

/* ---- loops ---- */

/* Empty, or the one label prefect.resource.id with the value prefect.flow-run.* */
static int is_every_flow_run(const json_t *spec)
{
	const json_t *v = json_object_get(spec, "prefect.resource.id");
	json_t *item;
	size_t i;

	if (json_object_size(spec) != 1 || v == NULL) {
		return json_object_size(spec) == 0;
	}
	if (json_is_string(v)) {
		return strcmp(json_string_value(v), "prefect.flow-run.*") == 0;
	}
	json_array_foreach (v, i, item) {
		if (strcmp(json_string_value(item), "prefect.flow-run.*") == 0) {
			return 1;
		}
	}
	return 0;
}

static int any_every_flow_run(const json_t *related)
{
	json_t *item;
	size_t i;

	if (!json_is_array(related)) {
		return is_every_flow_run(related);
	}
	json_array_foreach (related, i, item) {
		if (is_every_flow_run(item)) {
			return 1;
		}
	}
	return 0;
}

/* Does each new run of the deployment fire the trigger again? */
static int expects_new_runs(const json_t *trigger)
{
	static const char *const names[] = {
	    "prefect.flow-run.Scheduled", "prefect.flow-run.Pending",
	    "prefect.flow-run.Running", "prefect.flow-run.*"};
	const char *type = json_string_value(json_object_get(trigger, "type"));
	const char *posture = json_string_value(json_object_get(trigger, "posture"));
	json_t *item;
	size_t i, k;

	if (type == NULL || strcmp(type, "event") != 0 || posture == NULL ||
	    strcmp(posture, "Reactive") != 0) {
		return 0;
	}
	json_array_foreach (json_object_get(trigger, "expect"), i, item) {
		for (k = 0; k < ARRAY_LEN(names); k++) {
			if (strcmp(json_string_value(item), names[k]) == 0) {
				return 1;
			}
		}
	}
	return 0;
}

const char *automation_loop(const json_t *trigger, const json_t *actions)
{
	json_t *item;
	size_t i;

	if (!expects_new_runs(trigger)) {
		return NULL;
	}
	json_array_foreach (actions, i, item) {
		const char *type = json_string_value(json_object_get(item, "type"));
		const char *source = json_string_value(json_object_get(item, "source"));

		if (type == NULL || source == NULL ||
		    strcmp(type, "run-deployment") != 0) {
			continue;
		}
		if (strcmp(source, "inferred") == 0) {
			return "Running an inferred deployment from a flow run state "
			       "change "
			       "event will lead to an infinite loop of flow runs.  "
			       "Please "
			       "choose a specific deployment and add additional "
			       "filtering "
			       "labels to the match or match_related for this "
			       "automation's "
			       "trigger.";
		}
		if (is_every_flow_run(json_object_get(trigger, "match")) &&
		    any_every_flow_run(json_object_get(trigger, "match_related"))) {
			return "Running a selected deployment from a flow run state "
			       "change "
			       "event may lead to an infinite loop of flow runs.  "
			       "Please "
			       "include additional filtering labels on either match or "
			       "match_related to narrow down which flow runs will "
			       "trigger "
			       "this automation to exclude flow runs from the "
			       "deployment "
			       "you've selected.";
		}
	}
	return NULL;
}
