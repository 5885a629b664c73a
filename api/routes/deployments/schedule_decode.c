/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_decode.c - schedules as clients send them.
 *
 * The reference answers one problem for each kind of schedule that the object is not;
 * clients read only the last text, so one problem is enough, with the kind's name in
 * its place.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/http/http.h"
#include "api/routes/deployments/schedule_store.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/schedule.h"

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

/* "schedule.CronSchedule.cron", or what the object seems to be. */
static void kind_loc(char *dst, size_t size, const char *loc, const json_t *raw)
{
	static const struct {
		const char *key, *model;
	} kinds[] = {
	    {"cron", "function-after[validate_timezone(), CronSchedule].cron"},
	    {"rrule", "RRuleSchedule.rrule"},
	    {"interval",
	     "function-after[validate_timezone(), IntervalSchedule].interval"}};
	char name[96] = "schedule";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (json_object_get(raw, kinds[i].key) != NULL) {
			(void)snprintf(name, sizeof(name), "schedule.%s",
				       kinds[i].model);
			break;
		}
	}
	join(dst, size, loc, name);
}

static void normalise(struct schedule_in *in, const char *loc, int64_t now_us,
		      struct http_invalid *v)
{
	struct error err = {0};
	char where[160], msg[sizeof(err.msg) + 16];

	in->schedule = schedule_normalised(in->raw, now_us, &err);
	if (in->schedule == NULL) {
		kind_loc(where, sizeof(where), loc, in->raw);
		(void)snprintf(msg, sizeof(msg), "Value error, %s", err.msg);
		http_invalid_add(v, "value_error", where, in->raw, msg);
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
