/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_type.c - names of the state types.
 */
#include "proto/frame.h"

#include <string.h>

#include "base/compiler.h"

static const struct state_type {
	const char *text, *default_name;
	int terminal;
} types[] = {
    [WF__CONTROL__STATE_TYPE__SCHEDULED] = {"SCHEDULED", "Scheduled", 0},
    [WF__CONTROL__STATE_TYPE__PENDING] = {"PENDING", "Pending", 0},
    [WF__CONTROL__STATE_TYPE__RUNNING] = {"RUNNING", "Running", 0},
    [WF__CONTROL__STATE_TYPE__COMPLETED] = {"COMPLETED", "Completed", 1},
    [WF__CONTROL__STATE_TYPE__FAILED] = {"FAILED", "Failed", 1},
    [WF__CONTROL__STATE_TYPE__CANCELLED] = {"CANCELLED", "Cancelled", 1},
    [WF__CONTROL__STATE_TYPE__CRASHED] = {"CRASHED", "Crashed", 1},
    [WF__CONTROL__STATE_TYPE__PAUSED] = {"PAUSED", "Paused", 0},
    [WF__CONTROL__STATE_TYPE__CANCELLING] = {"CANCELLING", "Cancelling", 0},
};

static const struct state_type *type_get(int type)
{
	if (type < 1 || (size_t)type >= ARRAY_LEN(types)) {
		return NULL;
	}
	return &types[type];
}

const char *state_type_text(int type)
{
	const struct state_type *t = type_get(type);
	return t != NULL ? t->text : NULL;
}

int state_type_parse(const char *text)
{
	for (size_t i = 1; i < ARRAY_LEN(types); i++) {
		if (text != NULL && strcmp(types[i].text, text) == 0) {
			return (int)i;
		}
	}
	return WF__CONTROL__STATE_TYPE__STATE_TYPE_UNSPECIFIED;
}

int state_type_is_terminal(int type)
{
	const struct state_type *t = type_get(type);
	return t != NULL && t->terminal;
}

const char *state_type_default_name(int type)
{
	const struct state_type *t = type_get(type);
	return t != NULL ? t->default_name : NULL;
}
