/* SPDX-License-Identifier: Apache-2.0 */
/* trigger_run.c - see trigger_run.h. */
#include "tests/unit/api/trigger_run.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/timefmt.h"

int64_t run_us(double at)
{
	return RUN_BASE_US + (int64_t)llround(at * 1e6);
}

static void bucket_name(const struct trigger_bucket *b, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%s %s", uuid_str(&b->trigger), b->key);
}

static void on_bucket_put(void *arg, const struct trigger_bucket *b)
{
	struct trigger_run *r = arg;
	char name[512], id[UUID_TEXT_SIZE], trigger[UUID_TEXT_SIZE];

	bucket_name(b, name, sizeof(name));
	(void)json_object_set_new(
	    r->buckets, name,
	    json_pack("{s:s, s:s, s:I, s:I, s:I, s:s?}", "trigger",
		      uuid_format(&b->trigger, trigger), "key", b->key, "start",
		      (json_int_t)b->start_us, "end", (json_int_t)b->end_us, "count",
		      (json_int_t)b->count, "event",
		      b->has_event ? uuid_format(&b->last_event, id) : NULL));
}

static void on_bucket_delete(void *arg, const struct trigger_bucket *b)
{
	struct trigger_run *r = arg;
	char name[512];

	bucket_name(b, name, sizeof(name));
	cr_expect_eq(json_object_del(r->buckets, name), 0, "no stored bucket %s", name);
}

static void on_child_put(void *arg, const struct trigger_child *c)
{
	struct trigger_run *r = arg;

	(void)json_object_set_new(
	    r->children, uuid_str(&c->child),
	    json_pack("{s:s, s:I, s:o}", "parent", uuid_str(&c->parent), "fired",
		      (json_int_t)c->fired_us, "firing", json_deep_copy(c->firing)));
}

static void on_child_delete(void *arg, const struct trigger_child *c)
{
	struct trigger_run *r = arg;

	cr_expect_eq(json_object_del(r->children, uuid_str(&c->child)), 0);
}

static void on_park(void *arg, const struct trigger_event *e)
{
	struct trigger_run *r = arg;

	(void)json_object_set_new(r->parked, uuid_str(&e->id),
				  json_integer(e->received_us));
}

static void on_unpark(void *arg, const struct uuid *id)
{
	struct trigger_run *r = arg;

	cr_expect_eq(json_object_del(r->parked, uuid_str(id)), 0);
}

static void on_fire(void *arg, const json_t *automation, const json_t *firing)
{
	struct trigger_run *r = arg;

	cr_expect(json_equal(automation, r->automation));
	(void)json_array_append_new(r->firings, json_deep_copy(firing));
}

static void on_loop(void *arg, const json_t *automation, int64_t until_us)
{
	struct trigger_run *r = arg;

	(void)automation;
	(void)until_us;
	r->loops++;
}

static json_t *on_event_by_id(void *arg, const struct uuid *id)
{
	struct trigger_run *r = arg;

	return json_incref(json_object_get(r->events, uuid_str(id)));
}

static struct triggers *start(struct trigger_run *r)
{
	const struct triggers_conf conf = {0};
	const struct trigger_sink sink = {
	    .bucket_put = on_bucket_put,
	    .bucket_delete = on_bucket_delete,
	    .child_put = on_child_put,
	    .child_delete = on_child_delete,
	    .park = on_park,
	    .unpark = on_unpark,
	    .fire = on_fire,
	    .loop = on_loop,
	    .event_by_id = on_event_by_id,
	    .arg = r,
	};

	return triggers_new(&conf, &sink);
}

static void set(struct trigger_run *r, double at)
{
	struct error err = {0};

	cr_assert_eq(triggers_set(r->t, r->automation, run_us(at), &err), 0, "%s",
		     err.msg);
}

void run_open(struct trigger_run *r, const json_t *trigger)
{
	*r = (struct trigger_run){0};
	r->automation = json_pack("{s:s, s:s, s:b, s:o, s:[{s:s}]}", "id",
				  "11111111-1111-4111-8111-111111111111", "name", "a",
				  "enabled", 1, "trigger", json_deep_copy(trigger),
				  "actions", "type", "do-nothing");
	r->events = json_object();
	r->buckets = json_object();
	r->children = json_object();
	r->parked = json_object();
	r->firings = json_array();
	r->t = start(r);
	set(r, -1);
}

void run_close(struct trigger_run *r)
{
	triggers_free(r->t);
	json_decref(r->automation);
	json_decref(r->events);
	json_decref(r->buckets);
	json_decref(r->children);
	json_decref(r->parked);
	json_decref(r->firings);
}

/* "a1" -> an id that is the same in the whole scenario. */
static void short_id(const char *name, struct uuid *ret)
{
	uuid_from_bytes(ret, name, strlen(name));
}

static json_t *time_json(double at)
{
	char text[TIME_TEXT_SIZE];

	return json_string(time_format(run_us(at), text, sizeof(text)));
}

void run_event(struct trigger_run *r, const json_t *in, double at)
{
	const char *id = json_string_value(json_object_get(in, "id"));
	const char *follows = json_string_value(json_object_get(in, "follows"));
	const json_t *occurred = json_object_get(in, "occurred");
	double when = occurred != NULL ? json_number_value(occurred) : at;
	json_t *json = json_deep_copy(in);
	struct trigger_event e = {
	    .occurred_us = run_us(when),
	    .received_us = run_us(at),
	    .name = json_string_value(json_object_get(json, "event")),
	    .resource_id = json_string_value(json_object_get(
		json_object_get(json, "resource"), "prefect.resource.id")),
	    .json = json,
	};

	if (id != NULL) {
		short_id(id, &e.id);
	} else {
		uuid_v4(&e.id);
	}
	if (follows != NULL) {
		short_id(follows, &e.follows);
		e.has_follows = 1;
	}
	(void)json_object_set_new(json, "id", json_string(uuid_str(&e.id)));
	(void)json_object_set_new(json, "occurred", time_json(when));
	(void)json_object_set(r->events, uuid_str(&e.id), json);
	if (strcmp(e.name, "prefect.log.write") != 0) { /* the feed leaves them out */
		triggers_event(r->t, &e, run_us(at));
	}
	triggers_flush(r->t);
	json_decref(json);
}

int64_t run_tick(struct trigger_run *r, double at)
{
	int64_t next = triggers_tick(r->t, run_us(at));

	triggers_flush(r->t);
	return next;
}

void run_enable(struct trigger_run *r, int enabled, double at)
{
	(void)json_object_set_new(r->automation, "enabled", json_boolean(enabled));
	set(r, at);
}

static void new_ids(json_t *trigger)
{
	struct uuid id;
	json_t *child;
	size_t i;

	uuid_v4(&id);
	(void)json_object_set_new(trigger, "id", json_string(uuid_str(&id)));
	json_array_foreach (json_object_get(trigger, "triggers"), i, child) {
		new_ids(child);
	}
}

void run_put(struct trigger_run *r, double at)
{
	new_ids(json_object_get(r->automation, "trigger"));
	set(r, at);
}

static void load_buckets(struct trigger_run *r)
{
	struct trigger_bucket b = {0};
	const char *name, *event;
	json_t *v;

	(void)json_get_uuid(r->automation, "id", &b.automation, NULL);
	json_object_foreach (r->buckets, name, v) {
		event = json_string_value(json_object_get(v, "event"));
		(void)json_get_uuid(v, "trigger", &b.trigger, NULL);
		b.key = json_string_value(json_object_get(v, "key"));
		b.start_us = json_integer_value(json_object_get(v, "start"));
		b.end_us = json_integer_value(json_object_get(v, "end"));
		b.count = json_integer_value(json_object_get(v, "count"));
		b.has_event = event != NULL && uuid_parse(event, &b.last_event) == 0;
		triggers_load_bucket(r->t, &b);
	}
}

void run_restart(struct trigger_run *r, double at)
{
	const char *id;
	json_t *v;

	triggers_free(r->t);
	r->t = start(r);
	set(r, at);
	load_buckets(r);
	json_object_foreach (r->children, id, v) {
		struct trigger_child c = {
		    .fired_us = json_integer_value(json_object_get(v, "fired")),
		    .firing = json_object_get(v, "firing"),
		};

		(void)json_get_uuid(r->automation, "id", &c.automation, NULL);
		(void)uuid_parse(id, &c.child);
		triggers_load_child(r->t, &c);
	}
	json_object_foreach (r->parked, id, v) {
		json_t *json = json_object_get(r->events, id);
		const char *follows =
		    json_string_value(json_object_get(json, "follows"));
		struct trigger_event e = {.json = json,
					  .received_us = json_integer_value(v),
					  .has_follows = 1};

		(void)uuid_parse(id, &e.id);
		short_id(follows, &e.follows);
		(void)json_get_time(json, "occurred", &e.occurred_us, NULL);
		triggers_load_parked(r->t, &e);
	}
}
