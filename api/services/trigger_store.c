/* SPDX-License-Identifier: Apache-2.0 */
/* trigger_store.c - the feed is read, evaluated and deleted in one transaction. */
#include "api/services/trigger_store.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/events/received.h"
#include "api/routes/automation_row.h"
#include "api/services/trigger_fire.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define AUTOMATION_TEXT_MAX ((size_t)8 << 20)
#define FIRING_TEXT_MAX     ((size_t)16 << 20)

enum { FEED_EVENT = 1, FEED_AUTOMATION };

/* ---- the sink ---- */

static void write_row(struct trigger_store *s, enum sql_id id,
		      const struct db_arg *args, size_t n)
{
	struct error err = {0};
	int rc = s->rc < 0 ? 0 : db_exec(s->tx->c, id, args, n, NULL, &err);

	if (rc < 0) {
		s->rc = rc;
		s->err = err;
	}
}

static void on_bucket_put(void *arg, const struct trigger_bucket *b)
{
	write_row(arg, SQL_TRIGGER_BUCKET_PUT,
		  DB_ARGS(db_a_uuid(&b->automation), db_a_uuid(&b->trigger),
			  db_a_text(b->key), db_a_int(b->start_us), db_a_int(b->end_us),
			  db_a_int(b->count),
			  db_a_uuid(b->has_event ? &b->last_event : NULL)),
		  7);
}

static void on_bucket_delete(void *arg, const struct trigger_bucket *b)
{
	write_row(arg, SQL_TRIGGER_BUCKET_DELETE,
		  DB_ARGS(db_a_uuid(&b->trigger), db_a_text(b->key)), 2);
}

static void on_child_put(void *arg, const struct trigger_child *c)
{
	char *text = json_text(c->firing);

	write_row(arg, SQL_TRIGGER_CHILD_PUT,
		  DB_ARGS(db_a_uuid(&c->automation), db_a_uuid(&c->parent),
			  db_a_uuid(&c->child), db_a_int(c->fired_us), db_a_text(text)),
		  5);
	free(text);
}

static void on_child_delete(void *arg, const struct trigger_child *c)
{
	write_row(arg, SQL_TRIGGER_CHILD_DELETE, DB_ARGS(db_a_uuid(&c->child)), 1);
}

static void on_park(void *arg, const struct trigger_event *e)
{
	write_row(arg, SQL_TRIGGER_PARK,
		  DB_ARGS(db_a_uuid(&e->id), db_a_int(e->received_us)), 2);
}

static void on_unpark(void *arg, const struct uuid *event)
{
	write_row(arg, SQL_TRIGGER_UNPARK, DB_ARGS(db_a_uuid(event)), 1);
}

static void on_fire(void *arg, const json_t *automation, const json_t *firing)
{
	struct trigger_store *s = arg;
	struct error err = {0};
	int rc = s->rc < 0 ? 0 : trigger_fire(s->tx, automation, firing, &err);

	s->fired++;
	if (rc < 0) {
		s->rc = rc;
		s->err = err;
	}
}

static void on_loop(void *arg, const json_t *automation, int64_t until_us)
{
	struct trigger_store *s = arg;
	struct error err = {0};
	int rc = s->rc < 0 ? 0 : trigger_held(s->tx, automation, until_us, &err);

	if (rc < 0) {
		s->rc = rc;
		s->err = err;
	}
}

static json_t *on_event_by_id(void *arg, const struct uuid *id)
{
	struct trigger_store *s = arg;

	return received_by_id(s->tx, id, NULL);
}

static int on_was_seen(void *arg, const struct uuid *id)
{
	struct trigger_store *s = arg;
	int64_t one = 0;

	return db_one_int(s->tx->c, SQL_TRIGGER_EVENT_SEEN, DB_ARGS(db_a_uuid(id)), 1,
			  &one, NULL) == 1;
}

static struct triggers *new_triggers(struct trigger_store *s)
{
	static const struct triggers_conf conf = {0};
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
	    .was_seen = on_was_seen,
	    .arg = s,
	};

	return triggers_new(&conf, &sink);
}

/* ---- loading ---- */

static json_t *automation_json(const struct db_rows *r)
{
	struct jsonw w;
	struct buf b;
	json_t *out;

	buf_init(&b);
	jsonw_init(&w, &b);
	automation_write(&w, NULL, r, 0);
	out = json_parse(b.data, b.len, AUTOMATION_TEXT_MAX, NULL);
	buf_release(&b);
	return out;
}

/* One that cannot be read is told about, and does not keep the others off. */
static void set_automation(struct trigger_store *s, const struct db_rows *r)
{
	json_t *json = automation_json(r);
	struct error err = {0};

	if (json == NULL ||
	    triggers_set(s->triggers, json, clock_wall_us(), &err) < 0) {
		log_warn("automation %s is not evaluated: %s", db_text(r, 3),
			 err.msg[0] != '\0' ? err.msg : "it is no JSON");
	}
	json_decref(json);
}

static int load_automations(struct trigger_store *s, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(s->tx->c, SQL_TRIGGER_AUTOMATIONS, NULL, 0, &r, err);

	while (rc >= 0 && (rc = db_next(r, err)) == 1) {
		set_automation(s, r);
	}
	db_rows_free(r);
	return rc;
}

static int load_buckets(struct trigger_store *s, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(s->tx->c, SQL_TRIGGER_BUCKET_ALL, NULL, 0, &r, err);

	while (rc >= 0 && (rc = db_next(r, err)) == 1) {
		struct trigger_bucket b = {
		    .key = db_text(r, 2),
		    .start_us = db_int(r, 3),
		    .end_us = db_int(r, 4),
		    .count = db_int(r, 5),
		};

		(void)db_uuid(r, 0, &b.automation);
		(void)db_uuid(r, 1, &b.trigger);
		b.has_event = db_uuid(r, 6, &b.last_event);
		triggers_load_bucket(s->triggers, &b);
	}
	db_rows_free(r);
	return rc;
}

static int load_children(struct trigger_store *s, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(s->tx->c, SQL_TRIGGER_CHILD_ALL, NULL, 0, &r, err);

	while (rc >= 0 && (rc = db_next(r, err)) == 1) {
		json_t *firing =
		    json_parse(db_text(r, 4), db_len(r, 4), FIRING_TEXT_MAX, NULL);
		struct trigger_child c = {.fired_us = db_int(r, 3), .firing = firing};

		(void)db_uuid(r, 0, &c.automation);
		(void)db_uuid(r, 1, &c.parent);
		(void)db_uuid(r, 2, &c.child);
		if (firing != NULL) {
			triggers_load_child(s->triggers, &c);
		}
		json_decref(firing);
	}
	db_rows_free(r);
	return rc;
}

static int load_parked(struct trigger_store *s, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(s->tx->c, SQL_TRIGGER_PARKED_ALL, NULL, 0, &r, err);

	while (rc >= 0 && (rc = db_next(r, err)) == 1) {
		struct received_parts p = {
		    .received_us = db_int(r, 0),
		    .occurred_us = db_int(r, 2),
		    .name = db_text(r, 3),
		    .resource = db_text(r, 4),
		    .related = db_text(r, 5),
		    .payload = db_text(r, 6),
		};
		struct trigger_event e = {.received_us = p.received_us,
					  .occurred_us = p.occurred_us};

		if (!db_uuid(r, 1, &p.id)) {
			continue; /* its event is gone: so is the reason to wait */
		}
		p.has_follows = e.has_follows = db_uuid(r, 7, &p.follows);
		e.id = p.id;
		e.follows = p.follows;
		e.json = received_event(&p);
		if (e.json != NULL) {
			triggers_load_parked(s->triggers, &e);
		}
		json_decref(e.json);
	}
	db_rows_free(r);
	return rc;
}

int trigger_store_load(struct trigger_store *s, struct tx *tx, struct error *err)
{
	int rc;

	trigger_store_drop(s);
	s->tx = tx;
	s->triggers = new_triggers(s);
	rc = load_automations(s, err);
	rc = rc < 0 ? rc : load_buckets(s, err);
	rc = rc < 0 ? rc : load_children(s, err);
	rc = rc < 0 ? rc : load_parked(s, err);
	if (rc < 0) {
		trigger_store_drop(s);
	}
	return rc;
}

void trigger_store_drop(struct trigger_store *s)
{
	triggers_free(s->triggers);
	s->triggers = NULL;
}

/* ---- the feed ---- */

struct fed {
	int64_t row;
	int kind;
	struct uuid object;
	struct received_parts parts; /* texts owned */
	char *name, *resource_id, *resource, *related, *payload;
};

static char *copy(const struct db_rows *r, int col)
{
	return xstrdup(db_text(r, col));
}

/* The texts of an event are copied when somebody may want them: also an automation
 * whose row is before it in this batch (CHANGED), and which is not loaded yet. */
static void take_event(struct trigger_store *s, const struct db_rows *r, struct fed *f,
		       int changed)
{
	f->name = copy(r, 3);
	f->resource_id = copy(r, 4);
	f->parts.id = f->object;
	f->parts.name = f->name;
	f->parts.occurred_us = db_int(r, 5);
	f->parts.received_us = db_int(r, 6);
	f->parts.has_follows = db_uuid(r, 7, &f->parts.follows);
	if (!f->parts.has_follows && !changed &&
	    !triggers_wanted(s->triggers, f->name, f->resource_id)) {
		return;
	}
	f->parts.resource = f->resource = copy(r, 8);
	f->parts.related = f->related = copy(r, 9);
	f->parts.payload = f->payload = copy(r, 10);
}

static void fed_release(struct fed *f)
{
	free(f->name);
	free(f->resource_id);
	free(f->resource);
	free(f->related);
	free(f->payload);
}

static int read_feed(struct trigger_store *s, struct fed *list, size_t *ret_count,
		     struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int changed = 0;
	int rc = db_query(s->tx->c, SQL_TRIGGER_FEED_BATCH,
			  DB_ARGS(db_a_int(TRIGGER_FEED_BATCH)), 1, &r, err);

	while (rc >= 0 && n < TRIGGER_FEED_BATCH && (rc = db_next(r, err)) == 1) {
		struct fed *f = &list[n++];

		*f = (struct fed){.row = db_int(r, 0), .kind = (int)db_int(r, 1)};
		(void)db_uuid(r, 2, &f->object);
		changed = changed || f->kind == FEED_AUTOMATION;
		if (f->kind == FEED_EVENT && !db_is_null(r, 3)) {
			take_event(s, r, f, changed);
		}
	}
	db_rows_free(r);
	*ret_count = n;
	return rc < 0 ? rc : 0;
}

static json_t *load_event(const struct trigger_event *e)
{
	const struct fed *f = e->arg;

	return f->resource != NULL ? received_event(&f->parts) : NULL;
}

static void on_automation_row(const struct db_rows *r, void *arg)
{
	set_automation(arg, r);
}

static int reload_automation(struct trigger_store *s, const struct uuid *id,
			     struct error *err)
{
	int rc = db_one(s->tx->c, SQL_AUTOMATION_BY_ID, DB_ARGS(db_a_uuid(id)), 1,
			on_automation_row, s, err);

	if (rc == 0) {
		triggers_remove(s->triggers, id);
	}
	return rc < 0 ? rc : 0;
}

static int process(struct trigger_store *s, const struct fed *f, struct error *err)
{
	struct trigger_event e = {
	    .id = f->object,
	    .follows = f->parts.follows,
	    .has_follows = f->parts.has_follows,
	    .occurred_us = f->parts.occurred_us,
	    .received_us = f->parts.received_us,
	    .name = f->name,
	    .resource_id = f->resource_id,
	    .load = load_event,
	    .arg = f,
	};
	int rc = 0;

	if (f->kind == FEED_AUTOMATION) {
		rc = reload_automation(s, &f->object, err);
	} else if (f->name != NULL) {
		triggers_event(s->triggers, &e, clock_wall_us());
	}
	return rc < 0 ? rc
		      : db_exec(s->tx->c, SQL_TRIGGER_FEED_DELETE,
				DB_ARGS(db_a_int(f->row)), 1, NULL, err);
}

int trigger_store_pass(struct trigger_store *s, struct tx *tx, int64_t *ret_next_us,
		       int *ret_more, struct error *err)
{
	struct fed *list = xcalloc(TRIGGER_FEED_BATCH, sizeof(*list));
	size_t n = 0, i;
	int rc;

	s->tx = tx;
	s->rc = 0;
	s->fired = 0;
	rc = read_feed(s, list, &n, err);
	for (i = 0; i < n; i++) {
		rc = rc < 0 ? rc : process(s, &list[i], err);
		fed_release(&list[i]);
	}
	free(list);
	if (rc == 0) {
		*ret_next_us = triggers_tick(s->triggers, clock_wall_us());
		triggers_flush(s->triggers);
		*ret_more = n == TRIGGER_FEED_BATCH;
	}
	if (rc == 0 && s->rc < 0) {
		rc = s->rc;
		if (err != NULL) {
			*err = s->err;
		}
	}
	return rc;
}
