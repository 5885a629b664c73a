/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - states as values: making, copying, reading and writing their details.
 */
#include "api/orchestration/orchestration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "proto/frame.h"

void orc_state_init(struct orc_state *s, int type, const char *name,
		    const char *message)
{
	const char *text = name;

	*s = (struct orc_state){
	    .type = type, .at_us = TIME_NONE, .details = json_object()};
	if (text == NULL) {
		text = state_type_default_name(type);
	}
	(void)snprintf(s->name, sizeof(s->name), "%s", text != NULL ? text : "");
	if (message != NULL) {
		s->message = xstrdup(message);
	}
}

void orc_state_copy(struct orc_state *dst, const struct orc_state *src)
{
	*dst = *src;
	dst->message = src->message != NULL ? xstrdup(src->message) : NULL;
	dst->data = json_deep_copy(src->data);
	dst->details =
	    src->details != NULL ? json_deep_copy(src->details) : json_object();
}

void orc_state_release(struct orc_state *s)
{
	if (s == NULL) {
		return;
	}
	free(s->message);
	json_decref(s->data);
	json_decref(s->details);
	*s = (struct orc_state){.type = 0};
}

void orc_run_init(struct orc_run *r)
{
	*r = (struct orc_run){
	    .empirical_policy = json_object(),
	    .start_us = TIME_NONE,
	    .end_us = TIME_NONE,
	    .expected_start_us = TIME_NONE,
	    .next_scheduled_us = TIME_NONE,
	};
}

void orc_run_release(struct orc_run *r)
{
	if (r == NULL) {
		return;
	}
	json_decref(r->empirical_policy);
	r->empirical_policy = NULL;
}

void orc_decision_release(struct orc_decision *d)
{
	if (d != NULL) {
		orc_state_release(&d->state);
	}
}

const char *orc_detail_str(const struct orc_state *s, const char *key)
{
	return json_string_value(json_object_get(s->details, key));
}

void orc_detail_set_str(struct orc_state *s, const char *key, const char *text)
{
	if (text == NULL) {
		json_object_del(s->details, key);
	} else {
		json_object_set_new(s->details, key, json_string(text));
	}
}

int64_t orc_detail_time(const struct orc_state *s, const char *key)
{
	const char *text = orc_detail_str(s, key);
	int64_t at_us;

	if (text == NULL || time_parse(text, &at_us, NULL, NULL, NULL) < 0) {
		return TIME_NONE;
	}
	return at_us;
}

void orc_detail_set_time(struct orc_state *s, const char *key, int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	if (at_us == TIME_NONE) {
		json_object_del(s->details, key);
		return;
	}
	orc_detail_set_str(s, key, time_format(at_us, text, sizeof(text)));
}

int orc_detail_true(const struct orc_state *s, const char *key)
{
	return json_is_true(json_object_get(s->details, key));
}

int orc_state_has_result(const struct orc_state *s)
{
	const char *type = json_string_value(json_object_get(s->data, "type"));

	return json_is_object(s->data) &&
	       (type == NULL || strcmp(type, "unpersisted") != 0);
}
