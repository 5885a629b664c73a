/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_decode.c - schedules as clients send them.
 *
 * What is no schedule is told what it lacks to be each kind of one, as the reference
 * does it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/deployments/schedule_store.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/schedule.h"

#define LOC_SIZE 256

static const struct field fields[] = {
    [SF_ACTIVE] = FIELD(struct schedule_in, active, F_BOOL),
    [SF_SCHEDULE] = {.name = "schedule",
		     .type = F_OBJ,
		     .offset = offsetof(struct schedule_in, raw)},
    [SF_MAX_RUNS] = FIELD(struct schedule_in, max_scheduled_runs, F_INT, .flags = F_GT,
			  .max = INT32_MAX),
    [SF_PARAMETERS] = FIELD(struct schedule_in, parameters, F_OBJ, .flags = F_NOT_NULL),
    [SF_SLUG] = FIELD(struct schedule_in, slug, F_STR),
    [SF_REPLACES] = FIELD(struct schedule_in, replaces, F_STR),
};

static void join(char *dst, size_t size, const char *loc, const char *name)
{
	(void)snprintf(dst, size, "%s%s%s", loc, loc[0] != '\0' ? "." : "", name);
}

/* The kinds of schedules, in the order in which the reference tries them. */
static const struct member {
	const char *model;
	const char *keys[4]; /* what it may have; the first one is required */
} members[] = {
    {"function-after[validate_timezone(), IntervalSchedule]",
     {"interval", "anchor_date", "timezone"}},
    {"function-after[validate_timezone(), CronSchedule]",
     {"cron", "timezone", "day_or"}},
    {"RRuleSchedule", {"rrule", "timezone"}},
};

static int may_have(const struct member *m, const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(m->keys) && m->keys[i] != NULL; i++) {
		if (strcmp(m->keys[i], key) == 0) {
			return 1;
		}
	}
	return 0;
}

static void member_loc(char where[LOC_SIZE], const char *loc, const struct member *m,
		       const char *key)
{
	(void)snprintf(where, LOC_SIZE, "%s%sschedule.%s.%.64s", loc,
		       loc[0] != '\0' ? "." : "", m->model, key);
}

/* Why RAW is none of this kind: a key too few, keys too many, or else WHY. */
static void not_a(const struct member *m, const char *loc, const json_t *raw,
		  const struct error *why, struct http_invalid *v)
{
	size_t before = http_invalid_count(v);
	char where[LOC_SIZE], msg[sizeof(why->msg) + 16];
	const char *key;
	json_t *value;

	if (json_object_get(raw, m->keys[0]) == NULL) {
		member_loc(where, loc, m, m->keys[0]);
		http_invalid_add(v, "missing", where, raw, "Field required");
	}
	json_object_foreach ((json_t *)(uintptr_t)raw, key, value) {
		if (!may_have(m, key)) {
			member_loc(where, loc, m, key);
			http_invalid_add(v, "extra_forbidden", where, value,
					 "Extra inputs are not permitted");
		}
	}
	if (http_invalid_count(v) == before) {
		member_loc(where, loc, m, m->keys[0]);
		(void)snprintf(msg, sizeof(msg), "Value error, %s", why->msg);
		http_invalid_add(v, "value_error", where,
				 json_object_get(raw, m->keys[0]), msg);
	}
}

static void normalise(struct schedule_in *in, const char *loc, int64_t now_us,
		      struct http_invalid *v)
{
	struct error err = {0};

	in->schedule = schedule_normalised(in->raw, now_us, &err);
	for (size_t i = 0; in->schedule == NULL && i < ARRAY_LEN(members); i++) {
		not_a(&members[i], loc, in->raw, &err, v);
	}
}

void schedule_decode(const json_t *obj, int create, const char *loc, int64_t now_us,
		     struct schedule_in *ret_in, struct http_invalid *v)
{
	struct field f[SF_REPLACES + 1];
	size_t before = http_invalid_count(v);
	char where[160];

	*ret_in = (struct schedule_in){.active = 1};
	for (size_t i = 0; i <= SF_REPLACES; i++) {
		f[i] = fields[i];
	}
	if (create) {
		f[SF_SCHEDULE].flags |= F_REQUIRED;
		f[SF_ACTIVE].flags |= F_NOT_NULL;
	}
	(void)decode_object(obj, f, SF_REPLACES + 1, 1, loc, ret_in, &ret_in->has, v);
	if (http_invalid_count(v) > before) {
		return;
	}
	if (DECODED_HAS(&ret_in->has, SF_MAX_RUNS) &&
	    ret_in->max_scheduled_runs > SCHEDULE_RUNS_MAX) {
		join(where, sizeof(where), loc, "max_scheduled_runs");
		http_invalid_add(v, "value_error", where,
				 json_object_get(obj, "max_scheduled_runs"),
				 "Value error, `max_scheduled_runs` must be less than "
				 "or equal to 50.");
	}
	if (ret_in->raw != NULL) {
		normalise(ret_in, loc, now_us, v);
	}
}

struct schedule_in *schedule_decode_list(const json_t *array, int create,
					 const char *loc, int64_t now_us,
					 size_t *ret_count, struct http_invalid *v)
{
	size_t n = json_array_size(array);
	struct schedule_in *list = xcalloc(n + 1, sizeof(*list));
	char where[120];

	*ret_count = 0;
	if (n > SCHEDULES_PER_DEPLOYMENT_MAX) {
		http_invalid_add(
		    v, "too_long", loc, NULL,
		    "List should have at most 1000 items after validation");
		return list;
	}
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(where, sizeof(where), "%s%s%zu", loc,
			       loc[0] != '\0' ? "." : "", i);
		schedule_decode(json_array_get(array, i), create, where, now_us,
				&list[i], v);
		list[i].place = (int64_t)i;
	}
	*ret_count = n;
	return list;
}

void schedule_in_release(struct schedule_in *in)
{
	json_decref(in->schedule);
	*in = (struct schedule_in){0};
}

void schedule_list_free(struct schedule_in *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++) {
		schedule_in_release(&list[i]);
	}
	free(list);
}
