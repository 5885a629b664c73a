/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_events.c - one NDJSON line to one event.
 */
#include "engine/task/task_events.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/task/task_proc.h"
#include "proto/frame.h"

#define TASK_NAME_MAX    1024u
#define TASK_MESSAGE_MAX 100000u /* bytes of a state's message; the rest is cut */

static int level_of(const json_t *v)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = {
	    {"DEBUG", 10}, {"INFO", 20},  {"WARNING", 30},
	    {"WARN", 30},  {"ERROR", 40}, {"CRITICAL", 50},
	};
	const char *name = json_string_value(v);
	size_t i;

	for (i = 0; name != NULL && i < ARRAY_LEN(levels); i++) {
		if (strcasecmp(name, levels[i].name) == 0) {
			return levels[i].level;
		}
	}
	if (json_is_integer(v) && json_integer_value(v) > 0 &&
	    json_integer_value(v) <= 50) {
		return (int)json_integer_value(v);
	}
	return 20;
}

static int parse_log(const json_t *v, struct task_event *e, struct error *err)
{
	const json_t *message = json_is_object(v) ? json_object_get(v, "message") : v;

	if (!json_is_string(message)) {
		return err_set(err, ERR_INVALID, "'log' needs a text 'message'");
	}
	e->type = TASK_EV_LOG;
	e->level = level_of(json_object_get(v, "level"));
	e->text = xstrdup(json_string_value(message));
	return 0;
}

static int parse_name(const json_t *v, struct task_event *e, struct error *err)
{
	size_t len = json_string_length(v);

	if (!json_is_string(v) || len == 0 || len > TASK_NAME_MAX) {
		return err_set(err, ERR_INVALID,
			       "'name' must be a text of 1 to %u bytes", TASK_NAME_MAX);
	}
	e->type = TASK_EV_NAME;
	e->text = xstrdup(json_string_value(v));
	return 0;
}

static int parse_artifact(json_t *v, struct task_event *e, struct error *err)
{
	if (!json_is_object(v) || json_object_get(v, "data") == NULL) {
		return err_set(err, ERR_INVALID,
			       "'artifact' must be an object with 'data'");
	}
	if (json_dumpb(v, NULL, 0, JSON_COMPACT) > TASK_ARTIFACT_MAX) {
		return err_set(err, ERR_TOO_LARGE, "the artifact is larger than %u MiB",
			       TASK_ARTIFACT_MAX >> 20);
	}
	e->type = TASK_EV_ARTIFACT;
	e->value = json_incref(v);
	return 0;
}

static int may_raise(int type)
{
	return type == STATE_COMPLETED || type == STATE_FAILED ||
	       type == STATE_CANCELLED;
}

static void set_message(struct run_state *state, const char *message)
{
	size_t len = message != NULL ? strlen(message) : 0;

	state_set_message(state, message);
	if (len > TASK_MESSAGE_MAX) {
		for (len = TASK_MESSAGE_MAX;
		     ((unsigned char)message[len] & 0xc0) == 0x80;) {
			len--; /* not in the middle of a character */
		}
		state->message[len] = '\0';
	}
}

static int parse_state(const json_t *v, struct task_event *e, struct error *err)
{
	const char *type = NULL, *name = NULL, *message = NULL;
	int retriable = -1, number;

	if (json_get_str(v, "type", &type, err) < 0 ||
	    json_get_str(v, "name", &name, err) < 0 ||
	    json_get_str(v, "message", &message, err) < 0 ||
	    json_get_bool(v, "retriable", &retriable, err) < 0) {
		return -ERR_INVALID;
	}
	number = type != NULL ? state_type_parse(type) : 0;
	if (!may_raise(number)) {
		return err_set(
		    err, ERR_INVALID,
		    "'state' needs the type COMPLETED, FAILED or CANCELLED, not %.40s",
		    type != NULL ? type : "nothing");
	}
	e->type = TASK_EV_STATE;
	e->state.type = (enum state_type)number;
	e->state.retriable = retriable;
	state_set_name(&e->state, name);
	set_message(&e->state, message);
	e->value = json_incref(json_object_get(v, "data"));
	return 0;
}

static int parse_emitted(json_t *v, struct task_event *e, struct error *err)
{
	const char *name = json_string_value(json_object_get(v, "event"));
	const json_t *resource = json_object_get(v, "resource");

	if (name == NULL || *name == '\0' ||
	    json_string_value(json_object_get(resource, "prefect.resource.id")) ==
		NULL) {
		return err_set(err, ERR_INVALID,
			       "'event' needs its name 'event' and a 'resource' with "
			       "prefect.resource.id");
	}
	e->type = TASK_EV_EVENT;
	e->value = json_incref(v);
	return 0;
}

static int parse_object(json_t *o, struct task_event *e, struct error *err)
{
	json_t *v;

	if ((v = json_object_get(o, "result")) != NULL) {
		e->type = TASK_EV_RESULT;
		e->value = json_incref(v);
		return 0;
	}
	if ((v = json_object_get(o, "log")) != NULL) {
		return parse_log(v, e, err);
	}
	if ((v = json_object_get(o, "name")) != NULL) {
		return parse_name(v, e, err);
	}
	if ((v = json_object_get(o, "artifact")) != NULL) {
		return parse_artifact(v, e, err);
	}
	if ((v = json_object_get(o, "state")) != NULL && json_is_object(v)) {
		return parse_state(v, e, err);
	}
	if ((v = json_object_get(o, "yield")) != NULL) {
		e->type = TASK_EV_YIELD;
		e->value = json_incref(v);
		return 0;
	}
	if ((v = json_object_get(o, "event")) != NULL && json_is_object(v)) {
		return parse_emitted(v, e, err);
	}
	return err_set(
	    err, ERR_INVALID,
	    "expected one of result, log, name, artifact, state, yield, event");
}

int task_event_parse(const char *line, size_t len, struct task_event *ret_event,
		     struct error *err)
{
	struct task_event e = {.level = 20};
	json_t *o = json_parse(line, len, TASK_EVENT_MAX, err);
	int rc;

	if (o == NULL) {
		return -ERR_INVALID;
	}
	state_init(&e.state);
	rc = json_is_object(o) ? parse_object(o, &e, err)
			       : err_set(err, ERR_INVALID, "expected a JSON object");
	json_decref(o);
	if (rc < 0) {
		task_event_release(&e);
		return rc;
	}
	*ret_event = e;
	if (e.state.name == e.state.name_buf) {
		ret_event->state.name = ret_event->state.name_buf;
	}
	return 0;
}

void task_event_release(struct task_event *e)
{
	json_decref(e->value);
	free(e->text);
	state_release(&e->state);
	e->value = NULL;
	e->text = NULL;
}
