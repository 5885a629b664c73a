/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_filter.c - see log_filter.h.
 */
#include "api/events/log_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/decode.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/timefmt.h"
#include "base/uuid.h"

#define LOC_MAX 256

struct parts {
	const char *operator;
	json_t *level, *timestamp, *flow_run_id, *task_run_id, *text;
};
static const char *const operators[] = {"and_", "or_", NULL};
static const struct field part_fields[] = {
    FIELD(struct parts, operator, F_STR, .flags = F_NOT_NULL, .choices = operators),
    FIELD(struct parts, level, F_OBJ, .flags = F_MODEL),
    FIELD(struct parts, timestamp, F_OBJ, .flags = F_MODEL),
    FIELD(struct parts, flow_run_id, F_OBJ, .flags = F_MODEL),
    FIELD(struct parts, task_run_id, F_OBJ, .flags = F_MODEL),
    FIELD(struct parts, text, F_OBJ, .flags = F_MODEL),
};

/* One struct for the members of all parts. */
struct leaves {
	int64_t ge_, le_, before_, after_;
	json_t *any_;
	int is_null_;
	const char *query;
};
static const struct field level_fields[] = {FIELD(struct leaves, ge_, F_INT),
					    FIELD(struct leaves, le_, F_INT)};
static const struct field time_fields[] = {FIELD(struct leaves, before_, F_TIME),
					   FIELD(struct leaves, after_, F_TIME)};
static const struct field run_fields[] = {FIELD(struct leaves, any_, F_TAGS)};
static const struct field task_fields[] = {FIELD(struct leaves, any_, F_TAGS),
					   FIELD(struct leaves, is_null_, F_BOOL)};
static const struct field text_fields[] = {
    FIELD(struct leaves, query, F_STR, .flags = F_REQUIRED, .max = TEXT_QUERY_MAX)};

struct at {
	const char *loc;
	struct http_invalid *v;
	struct leaves leaves;
	struct decoded d;
};

static void sub(struct at *a, const json_t *obj, const struct field *fields,
		size_t count, const char *name)
{
	char loc[LOC_MAX];

	memset(&a->leaves, 0, sizeof(a->leaves));
	memset(&a->d, 0, sizeof(a->d));
	if (obj != NULL) {
		(void)snprintf(loc, sizeof(loc), "%s%s%s", a->loc,
			       a->loc[0] != '\0' ? "." : "", name);
		decode_object(obj, fields, count, 1, loc, &a->leaves, &a->d, a->v);
	}
}

size_t log_filter_decode(struct log_filter *f, json_t *obj, const char *loc,
			 struct http_invalid *v)
{
	size_t before = http_invalid_count(v);
	struct at a = {.loc = loc, .v = v};
	struct parts p = {0};

	memset(f, 0, sizeof(*f));
	f->before_us = f->after_us = TIME_NONE;
	f->task_run_null = -1;
	if (obj == NULL || json_is_null(obj)) {
		return 0;
	}
	f->root = json_incref(obj);
	decode_object(obj, part_fields, ARRAY_LEN(part_fields), 1, loc, &p, NULL, v);
	f->any = p.operator!= NULL && strcmp(p.operator, "or_") == 0;
	sub(&a, p.level, level_fields, ARRAY_LEN(level_fields), "level");
	f->has_ge = DECODED_HAS(&a.d, 0);
	f->has_le = DECODED_HAS(&a.d, 1);
	f->level_ge = a.leaves.ge_;
	f->level_le = a.leaves.le_;
	sub(&a, p.timestamp, time_fields, ARRAY_LEN(time_fields), "timestamp");
	f->before_us = DECODED_HAS(&a.d, 0) ? a.leaves.before_ : TIME_NONE;
	f->after_us = DECODED_HAS(&a.d, 1) ? a.leaves.after_ : TIME_NONE;
	sub(&a, p.flow_run_id, run_fields, ARRAY_LEN(run_fields), "flow_run_id");
	f->flow_runs = a.leaves.any_;
	sub(&a, p.task_run_id, task_fields, ARRAY_LEN(task_fields), "task_run_id");
	f->task_runs = a.leaves.any_;
	f->task_run_null = DECODED_HAS(&a.d, 1) ? a.leaves.is_null_ : -1;
	sub(&a, p.text, text_fields, ARRAY_LEN(text_fields), "text");
	if (http_invalid_count(v) == before && a.leaves.query != NULL) {
		text_query_parse(&f->query, a.leaves.query);
	}
	return http_invalid_count(v) - before;
}

void log_filter_release(struct log_filter *f)
{
	text_query_release(&f->query);
	json_decref(f->root);
	f->root = NULL;
}

static int id_in(const json_t *list, const json_t *log, const char *key)
{
	const char *text = json_string_value(json_object_get(log, key));
	struct uuid have, want;
	size_t i;
	json_t *one;

	if (text == NULL || uuid_parse(text, &have) < 0) {
		return 0;
	}
	json_array_foreach (list, i, one) {
		if (uuid_parse(json_string_value(one), &want) == 0 &&
		    uuid_equal(&have, &want)) {
			return 1;
		}
	}
	return 0;
}

static int text_hit(const struct text_query *q, const json_t *log)
{
	const char *message = json_string_value(json_object_get(log, "message"));
	const char *name = json_string_value(json_object_get(log, "name"));
	struct buf b;
	int hit;

	buf_init(&b);
	buf_addf(&b, "%s %s", message != NULL ? message : "", name != NULL ? name : "");
	text_lower(b.data);
	hit = text_query_matches(q, b.data);
	buf_release(&b);
	return hit;
}

/* Counts criteria and hits; what is not asked for counts as neither. */
struct tally {
	int asked, hit;
};

static void count(struct tally *t, int asked, int hit)
{
	t->asked += asked;
	t->hit += asked && hit;
}

int log_filter_matches(const struct log_filter *f, const json_t *log)
{
	int64_t level = json_integer_value(json_object_get(log, "level")), at = 0;
	const char *time = json_string_value(json_object_get(log, "timestamp"));
	int is_null = json_is_null(json_object_get(log, "task_run_id"));
	struct tally t = {0};

	if (time == NULL || time_parse(time, &at, NULL, NULL, NULL) < 0) {
		return 0;
	}
	/* each object of the filter is one criterion for or_ */
	count(&t, f->has_ge || f->has_le,
	      (!f->has_ge || level >= f->level_ge) &&
		  (!f->has_le || level <= f->level_le));
	count(&t, f->before_us != TIME_NONE || f->after_us != TIME_NONE,
	      (f->before_us == TIME_NONE || at <= f->before_us) &&
		  (f->after_us == TIME_NONE || at >= f->after_us));
	count(&t, f->flow_runs != NULL, id_in(f->flow_runs, log, "flow_run_id"));
	count(&t, f->task_runs != NULL || f->task_run_null >= 0,
	      (f->task_runs == NULL || id_in(f->task_runs, log, "task_run_id")) &&
		  (f->task_run_null < 0 || f->task_run_null == is_null));
	count(&t, f->query.count > 0, f->query.count > 0 && text_hit(&f->query, log));
	return t.asked == 0 || (f->any ? t.hit > 0 : t.hit == t.asked);
}
