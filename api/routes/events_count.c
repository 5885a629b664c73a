/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events_count.c - POST /events/count-by/{day|time|event|resource}.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/query.h"
#include "api/http/http.h"
#include "api/routes/events_filter.h"
#include "api/routes/req.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define BUCKETS_MAX 1000
#define BUCKETS_ALL (BUCKETS_MAX + 1) /* a span that begins within the first */
#define GROUPS_MAX  10000
#define PIVOT_US    (1711929600LL * 1000000LL) /* Monday, 2024-04-01 UTC */

static const char *const countables[] = {"day", "time", "event", "resource", NULL};
static const char *const units[] = {"week", "day", "hour", "minute", "second", NULL};
static const int64_t unit_us[] = {604800000000, 86400000000, 3600000000, 60000000,
				  1000000};

struct count {
	struct req_arg base;
	json_t *filter;
	const char *time_unit;
	double time_interval;
	const char *countable;
	struct event_filter f;
};
static const struct field count_fields[] = {
    FIELD(struct count, filter, F_OBJ, .flags = F_REQUIRED | F_MODEL),
    FIELD(struct count, time_unit, F_STR, .flags = F_NOT_NULL, .choices = units),
    FIELD(struct count, time_interval, F_REAL, .flags = F_NOT_NULL),
};

static void count_free(void *arg)
{
	struct count *a = arg;

	event_filter_release(&a->f);
	req_arg_free(a);
}

/* ---- by event or resource ---- */

struct group {
	char *value, *label;
	int64_t count, first_us, last_us;
};

struct groups {
	struct map by_value;
	struct group **list;
	size_t count;
	int by_resource;
};

static char *label_of(const json_t *resource, const char *id)
{
	const char *s =
	    json_string_value(json_object_get(resource, "prefect.resource.name"));

	if (s == NULL) {
		s = json_string_value(json_object_get(resource, "prefect.name"));
	}
	return xstrdup(s != NULL ? s : id);
}

static struct group *group_get(struct groups *g, const char *value)
{
	struct group *x = map_get(&g->by_value, value);

	if (x == NULL && g->count < GROUPS_MAX) {
		x = xcalloc(1, sizeof(*x));
		x->value = xstrdup(value);
		x->first_us = INT64_MAX;
		x->last_us = INT64_MIN;
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
		g->list = xreallocarray(g->list, g->count + 1, sizeof(*g->list));
		g->list[g->count++] = x;
		(void)map_set(&g->by_value, value, x, NULL);
	}
	return x;
}

static int on_group_row(const struct db_rows *r, void *arg)
{
	struct groups *g = arg;
	int64_t at_us = db_time(r, EVENT_OCCURRED);
	const char *value = db_text(r, EVENT_NAME);
	json_t *resource = NULL;
	struct group *x;

	if (g->by_resource) {
		resource = json_parse(db_text(r, EVENT_RESOURCE),
				      db_len(r, EVENT_RESOURCE), 1u << 20, NULL);
		value =
		    json_string_value(json_object_get(resource, "prefect.resource.id"));
	}
	x = value == NULL ? NULL : group_get(g, value);
	if (x != NULL) {
		x->count++;
		x->first_us = MIN_OF(x->first_us, at_us);
		if (at_us >= x->last_us) { /* the newest event names it */
			x->last_us = at_us;
			free(x->label);
			x->label =
			    g->by_resource ? label_of(resource, value) : xstrdup(value);
		}
	}
	json_decref(resource);
	return 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a;
	const struct group *y = *(struct group *const *)b;

	if (x->count != y->count) {
		return x->count < y->count ? 1 : -1;
	}
	return strcmp(x->label, y->label);
}

static void write_bucket(struct jsonw *w, const struct group *x)
{
	jsonw_obj(w, NULL);
	jsonw_str(w, "value", x->value);
	jsonw_str(w, "label", x->label);
	jsonw_int(w, "count", x->count);
	jsonw_time(w, "start_time", x->first_us);
	jsonw_time(w, "end_time", x->last_us);
	jsonw_obj_end(w);
}

static int group_work(struct tx *tx, void *arg, struct error *err)
{
	const struct count *a = arg;
	struct groups g = {.by_resource = strcmp(a->countable, "resource") == 0};
	struct jsonw w;
	size_t i;
	int rc;

	map_init(&g.by_value, GROUPS_MAX);
	rc = event_query_scan(tx, &a->f, on_group_row, &g, err);
	if (g.count > 0) {
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
		qsort(g.list, g.count, sizeof(*g.list), compare_groups);
	}
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	for (i = 0; i < g.count; i++) {
		write_bucket(&w, g.list[i]);
		free(g.list[i]->value);
		free(g.list[i]->label);
		free(g.list[i]);
	}
	jsonw_arr_end(&w);
	free(g.list);
	map_release(&g.by_value);
	return rc;
}

/* ---- by time ---- */

struct buckets {
	int64_t start_us, span_us;
	int64_t count;
	int64_t counts[BUCKETS_ALL];
};

static int on_time_row(const struct db_rows *r, void *arg)
{
	struct buckets *b = arg;
	int64_t i = (db_time(r, EVENT_OCCURRED) - b->start_us) / b->span_us;

	if (i >= 0 && i < b->count) {
		b->counts[i]++;
	}
	return 0;
}

static int64_t unit_of(const struct count *a)
{
	size_t i;

	for (i = 0; units[i] != NULL; i++) {
		if (a->time_unit != NULL && strcmp(units[i], a->time_unit) == 0) {
			return unit_us[i];
		}
	}
	return unit_us[1];
}

static int64_t floor_to(int64_t at_us, int64_t span_us)
{
	int64_t rest = (at_us - PIVOT_US) % span_us;

	return at_us - (rest < 0 ? rest + span_us : rest);
}

static void plan_buckets(const struct count *a, int64_t now_us, struct buckets *b)
{
	int64_t unit = unit_of(a);
	double interval = a->time_interval;
	int64_t until_us = MIN_OF(a->f.until_us, floor_to(now_us, unit) + unit);

	b->span_us = (int64_t)(interval * (double)unit);
	b->start_us = floor_to(a->f.since_us, b->span_us);
	b->count = until_us <= b->start_us
		       ? 0
		       : (until_us - b->start_us + b->span_us - 1) / b->span_us;
	b->count = MIN_OF(b->count, BUCKETS_ALL);
}

static void write_buckets(struct jsonw *w, const struct buckets *b)
{
	char value[24], label[TIME_TEXT_SIZE];
	int64_t i;

	jsonw_arr(w, NULL);
	for (i = 0; i < b->count; i++) {
		struct group x = {
		    .value = value, .label = label, .count = b->counts[i]};

		x.first_us = b->start_us + i * b->span_us;
		x.last_us = x.first_us + b->span_us - 1;
		(void)snprintf(value, sizeof(value), "%lld", (long long)i);
		(void)time_format(x.first_us, label, sizeof(label));
		write_bucket(w, &x);
	}
	jsonw_arr_end(w);
}

/* What is asked for counts, also where it lies in the future. */
static int check_buckets(struct tx *tx, const struct count *a, struct error *err)
{
	double span_us = a->time_interval * (double)unit_of(a);
	double count = ceil((double)(a->f.until_us - a->f.since_us) / span_us);

	if (count <= BUCKETS_MAX) {
		return 0;
	}
	return tx_detail(tx, err, ERR_INVALID, 422,
			 "The given interval would create %.0f buckets, which is too "
			 "many. Please increase the interval or reduce the time range "
			 "to produce %d buckets or fewer.",
			 count, BUCKETS_MAX);
}

static int time_work(struct tx *tx, void *arg, struct error *err)
{
	const struct count *a = arg;
	struct buckets *b = xcalloc(1, sizeof(*b));
	struct jsonw w;
	int rc;

	plan_buckets(a, tx->now_us, b);
	rc = check_buckets(tx, a, err);
	if (rc == 0) {
		rc = event_query_scan(tx, &a->f, on_time_row, b, err);
	}
	if (rc == 0) {
		jsonw_init(&w, &tx->body);
		write_buckets(&w, b);
	}
	free(b);
	return rc;
}

/* The span is looked at in every case, as the reference does. */
static int checked_group_work(struct tx *tx, void *arg, struct error *err)
{
	int rc = check_buckets(tx, arg, err);

	return rc < 0 ? rc : group_work(tx, arg, err);
}

/* ---- route ---- */

static const char *countable_of(const char *name)
{
	size_t i;

	for (i = 0; countables[i] != NULL; i++) {
		if (strcmp(countables[i], name) == 0) {
			return countables[i];
		}
	}
	return NULL;
}

static void refuse_countable(struct http_invalid *v, const char *name)
{
	json_t *input = json_string(name);

	http_invalid_root(v, "path");
	http_invalid_add(v, "enum", "countable", input,
			 "Input should be 'day', 'time', 'event' or 'resource'");
	http_invalid_root(v, "body");
	json_decref(input);
}

static void check(struct count *a, struct http_invalid *v)
{
	(void)event_filter_decode(&a->f, a->filter, "filter", v);
	a->f.distinct = 0; /* all are counted */
	if (!(a->time_interval >= 0.01)) {
		http_invalid_add(v, "greater_than_equal", "time_interval", NULL,
				 "Input should be greater than or equal to 0.01");
	}
}

static void route_count(struct http_req *r)
{
	const char *countable = countable_of(http_param(r, "countable"));
	json_t *body = http_json(r, 0);
	struct http_invalid *v;
	struct count *a;

	if (body == NULL) {
		return;
	}
	a = req_arg_new(r, sizeof(*a));
	a->countable = countable;
	a->time_interval = 1;
	v = http_invalid_new();
	if (countable == NULL) {
		refuse_countable(v, http_param(r, "countable"));
	}
	(void)decode_object(body, count_fields, ARRAY_LEN(count_fields), 0, "", a, NULL,
			    v);
	check(a, v);
	if (http_invalid_count(v) > 0) {
		count_free(a);
		http_reply_invalid(r, v);
		return;
	}
	http_invalid_free(v);
	a->base.body = json_incref(body);
	events_default_times(&a->f, http_arrived_us(r));
	tx_submit(r, DB_READ,
		  strcmp(countable, "day") == 0 || strcmp(countable, "time") == 0
		      ? time_work
		      : checked_group_work,
		  a, count_free);
}

extern const struct route routes_events_count[];
const struct route routes_events_count[] = {
    {"POST", "/events/count-by/{countable}", route_count, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
