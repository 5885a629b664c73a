/* SPDX-License-Identifier: Apache-2.0 */
/*
 * automation_trigger.c - triggers of automations: event, compound, sequence.
 */
#include "api/routes/automation_body.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/decode_priv.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/uuid.h"

#define PROACTIVE_MIN_S 10.0

static const char *const postures[] = {"Reactive", "Proactive", NULL};

struct walk {
	struct http_invalid *v;
	int depth;
};

/* "PT1H30M", "P1DT2S": days, hours, minutes, seconds. */
static int iso_duration(const char *s, double *ret)
{
	static const char units[] = "DHMS";
	static const double factors[] = {86400, 3600, 60, 1};
	double sum = 0;
	int in_time = 0, parts = 0;

	if (*s++ != 'P') {
		return -ERR_INVALID;
	}
	while (*s != '\0') {
		const char *unit;
		char *end;
		double n;

		if (*s == 'T') {
			in_time = 1;
			s++;
			continue;
		}
		if (!isdigit((unsigned char)*s)) {
			return -ERR_INVALID;
		}
		n = strtod(s, &end);
		unit = *end == '\0' ? NULL : strchr(units, *end);
		if (unit == NULL || (in_time == (unit == units))) {
			return -ERR_INVALID;
		}
		sum += n * factors[unit - units];
		parts++;
		s = end + 1;
	}
	*ret = sum;
	return parts > 0 ? 0 : -ERR_INVALID;
}

int duration_decode(const json_t *v, double *ret_seconds)
{
	if (json_is_number(v)) {
		*ret_seconds = json_number_value(v);
		return isfinite(*ret_seconds) ? 0 : -ERR_INVALID;
	}
	return json_is_string(v) ? iso_duration(json_string_value(v), ret_seconds)
				 : -ERR_INVALID;
}

static void add(const struct walk *w, const char *type, const char *loc,
		const char *name, const json_t *input, const char *msg)
{
	char at[DECODE_LOC_MAX];

	decode_join(at, sizeof(at), loc, name);
	http_invalid_add(w->v, type, *name == '\0' ? loc : at, input, msg);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A set of strings, sorted and without doubles; absent: []. */
static json_t *text_set(const struct walk *w, const json_t *in, const char *loc,
			const char *name)
{
	json_t *list = json_object_get(in, name);
	json_t *out = json_array();
	const char **texts;
	json_t *item;
	size_t i, n = 0;

	if (list == NULL) {
		return out;
	}
	if (!json_is_array(list)) {
		add(w, "set_type", loc, name, list, "Input should be a valid set");
		return out;
	}
	texts = calloc(json_array_size(list) + 1, sizeof(*texts));
	if (texts == NULL) {
		return out;
	}
	json_array_foreach (list, i, item) {
		if (json_is_string(item)) {
			texts[n++] = json_string_value(item);
		} else {
			add(w, "string_type", loc, name, item,
			    "Input should be a valid string");
		}
	}
	qsort(texts, n, sizeof(*texts), compare_texts);
	for (i = 0; i < n; i++) {
		if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0) {
			(void)json_array_append_new(out, json_string(texts[i]));
		}
	}
	free(texts);
	return out;
}

/* Label -> text or list of texts. */
static int is_specification(const json_t *v)
{
	const char *key;
	json_t *value, *item;
	size_t i;

	if (!json_is_object(v)) {
		return 0;
	}
	json_object_foreach ((json_t *)(uintptr_t)v, key, value) {
		if (json_is_string(value)) {
			continue;
		}
		if (!json_is_array(value)) {
			return 0;
		}
		json_array_foreach (value, i, item) {
			if (!json_is_string(item)) {
				return 0;
			}
		}
	}
	return 1;
}

static json_t *specification(const struct walk *w, const json_t *in, const char *loc,
			     const char *name, int list_ok)
{
	json_t *v = json_object_get(in, name);
	json_t *item;
	size_t i;
	int ok = v == NULL || is_specification(v);

	if (list_ok && json_is_array(v)) {
		ok = 1;
		json_array_foreach (v, i, item) {
			ok = ok && is_specification(item);
		}
	}
	if (!ok) {
		add(w, "dict_type", loc, name, v, "Input should be a valid dictionary");
	}
	return v == NULL || !ok ? json_object() : json_incref(v);
}

static json_t *new_id(void)
{
	char text[UUID_TEXT_SIZE];
	struct uuid id;

	uuid_v4(&id);
	return json_string(uuid_format(&id, text));
}

static double event_within(const struct walk *w, const json_t *in, const char *loc,
			   const char *posture)
{
	const json_t *v = json_object_get(in, "within");
	int proactive = posture != NULL && strcmp(posture, "Proactive") == 0;
	double s = 0;

	if (v != NULL && duration_decode(v, &s) < 0) {
		add(w, "value_error", loc, "within", v,
		    "Value error, `within` should be a valid timedelta");
		return 0;
	}
	if (proactive && s == 0) {
		return PROACTIVE_MIN_S;
	}
	if (proactive && s < PROACTIVE_MIN_S) {
		add(w, "value_error", loc, "", in,
		    "Value error, `within` for Proactive triggers must be greater than "
		    "or "
		    "equal to 10 seconds");
	} else if (s < 0) {
		add(w, "greater_than_equal", loc, "within", v,
		    "Input should be greater than or equal to 0");
	}
	return s;
}

struct event_trigger {
	const char *posture;
	int64_t threshold;
};
static const struct field event_fields[] = {
    FIELD(struct event_trigger, posture, F_STR, .flags = F_REQUIRED,
	  .choices = postures),
    FIELD(struct event_trigger, threshold, F_INT, .flags = F_NOT_NULL),
};

static json_t *event_complete(const struct walk *w, const json_t *in, const char *loc)
{
	struct event_trigger t = {.threshold = 1};
	json_t *out = json_object();

	(void)decode_object(in, event_fields, ARRAY_LEN(event_fields), 0, loc, &t, NULL,
			    w->v);
	(void)json_object_set_new(out, "type", json_string("event"));
	(void)json_object_set_new(out, "id", new_id());
	(void)json_object_set_new(out, "match", specification(w, in, loc, "match", 0));
	(void)json_object_set_new(out, "match_related",
				  specification(w, in, loc, "match_related", 1));
	(void)json_object_set_new(out, "after", text_set(w, in, loc, "after"));
	(void)json_object_set_new(out, "expect", text_set(w, in, loc, "expect"));
	(void)json_object_set_new(out, "for_each", text_set(w, in, loc, "for_each"));
	(void)json_object_set_new(out, "posture",
				  json_string(t.posture != NULL ? t.posture : ""));
	(void)json_object_set_new(out, "threshold", json_integer(t.threshold));
	(void)json_object_set_new(out, "within",
				  json_real(event_within(w, in, loc, t.posture)));
	return out;
}

static json_t *complete(struct walk *w, json_t *in, const char *loc);

static json_t *children_complete(struct walk *w, const json_t *in, const char *loc)
{
	json_t *list = json_object_get(in, "triggers");
	json_t *out = json_array();
	char head[DECODE_LOC_MAX], at[DECODE_LOC_MAX], index[24];
	json_t *item;
	size_t i;

	if (list == NULL) {
		add(w, "missing", loc, "triggers", in, "Field required");
		return out;
	}
	if (!json_is_array(list) || json_array_size(list) > TRIGGERS_MAX) {
		add(w, "list_type", loc, "triggers", list,
		    "Input should be a valid list of at most 200 triggers");
		return out;
	}
	decode_join(head, sizeof(head), loc, "triggers");
	json_array_foreach (list, i, item) {
		(void)snprintf(index, sizeof(index), "%zu", i);
		decode_join(at, sizeof(at), head, index);
		(void)json_array_append_new(out, complete(w, item, at));
	}
	return out;
}

static json_t *composite_within(const struct walk *w, const json_t *in, const char *loc)
{
	const json_t *v = json_object_get(in, "within");
	double s = 0;

	if (v == NULL) {
		add(w, "missing", loc, "within", in, "Field required");
	} else if (!json_is_null(v) && duration_decode(v, &s) < 0) {
		add(w, "time_delta_parsing", loc, "within", v,
		    "Input should be a valid timedelta");
	}
	return v == NULL || json_is_null(v) ? json_null() : json_real(s);
}

static json_t *compound_require(const struct walk *w, const json_t *in, const char *loc,
				size_t children)
{
	const json_t *v = json_object_get(in, "require");
	const char *s = json_string_value(v);
	int64_t n = json_is_integer(v) ? json_integer_value(v) : 0;

	if (v == NULL) {
		add(w, "missing", loc, "require", in, "Field required");
		return json_null();
	}
	if (s != NULL && (strcmp(s, "any") == 0 || strcmp(s, "all") == 0)) {
		return json_string(s);
	}
	if (s != NULL) {
		char *end;

		n = strtoll(s, &end, 10);
		if (end == s || *end != '\0') {
			add(w, "literal_error", loc, "require", v,
			    "Input should be 'any' or 'all'");
			return json_null();
		}
	} else if (!json_is_integer(v)) {
		add(w, "int_type", loc, "require", v,
		    "Input should be a valid integer");
		return json_null();
	}
	if (n < 1) {
		add(w, "value_error", loc, "", in,
		    "Value error, require must be at least 1");
	} else if ((size_t)n > children) {
		add(w, "value_error", loc, "", in,
		    "Value error, require must be less than or equal to the number of "
		    "triggers");
	}
	return json_integer(n);
}

static json_t *composite_complete(struct walk *w, const json_t *in, const char *loc,
				  int compound)
{
	json_t *out = json_object();
	json_t *children = children_complete(w, in, loc);

	(void)json_object_set_new(out, "type",
				  json_string(compound ? "compound" : "sequence"));
	(void)json_object_set_new(out, "id", new_id());
	(void)json_object_set_new(out, "triggers", children);
	(void)json_object_set_new(out, "within", composite_within(w, in, loc));
	if (compound) {
		(void)json_object_set_new(
		    out, "require",
		    compound_require(w, in, loc, json_array_size(children)));
	}
	return out;
}

static json_t *complete(struct walk *w, json_t *in, const char *loc)
{
	const json_t *given = json_object_get(in, "type");
	const char *type = json_string_value(given);
	json_t *out = NULL;

	if (!json_is_object(in)) {
		decode_not_an_object(loc, in, w->v);
		return json_object();
	}
	if (++w->depth > TRIGGER_DEPTH_MAX) {
		add(w, "value_error", loc, "", NULL,
		    "Value error, triggers are nested deeper than 8");
		w->depth--;
		return json_object();
	}
	if (given == NULL) {
		type = json_object_get(in, "triggers") == NULL  ? "event"
		       : json_object_get(in, "require") == NULL ? "sequence"
								: "compound";
	}
	if (type != NULL && strcmp(type, "event") == 0) {
		out = event_complete(w, in, loc);
	} else if (type != NULL &&
		   (strcmp(type, "compound") == 0 || strcmp(type, "sequence") == 0)) {
		out = composite_complete(w, in, loc, *type == 'c');
	} else {
		add(w, "literal_error", loc, "type", given,
		    "Input should be 'event', 'compound' or 'sequence'");
	}
	w->depth--;
	return out != NULL ? out : json_object();
}

json_t *trigger_complete(json_t *in, const char *loc, struct http_invalid *v)
{
	struct walk w = {.v = v};

	return complete(&w, in, loc);
}
