/* SPDX-License-Identifier: Apache-2.0 */
/* received.c - see received.h. */
#include "api/events/received.h"

#include "api/db/db.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/jsonw.h"

#define EVENT_TEXT_MAX ((size_t)4 << 20)

json_t *received_event(const struct received_parts *p)
{
	struct jsonw w;
	struct buf b;
	json_t *out;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_time(&w, "occurred", p->occurred_us);
	jsonw_str(&w, "event", p->name);
	jsonw_raw(&w, "resource", p->resource);
	jsonw_raw(&w, "related", p->related);
	jsonw_raw(&w, "payload", p->payload);
	jsonw_uuid(&w, "id", &p->id);
	jsonw_uuid(&w, "follows", p->has_follows ? &p->follows : NULL);
	jsonw_time(&w, "received", p->received_us);
	jsonw_obj_end(&w);
	out = json_parse(b.data, b.len, EVENT_TEXT_MAX, NULL);
	buf_release(&b);
	return out;
}

static void take(const struct db_rows *r, void *arg)
{
	struct received_parts p = {
	    .occurred_us = db_time(r, 1),
	    .received_us = db_time(r, 2),
	    .name = db_text(r, 3),
	    .resource = db_text(r, 4),
	    .related = db_text(r, 5),
	    .payload = db_text(r, 6),
	};

	(void)db_uuid(r, 0, &p.id);
	p.has_follows = db_uuid(r, 7, &p.follows);
	*(json_t **)arg = received_event(&p);
}

json_t *received_by_id(struct tx *tx, const struct uuid *id, struct error *err)
{
	json_t *out = NULL;

	(void)db_one(tx->c, SQL_EVENT_BY_ID, DB_ARGS(db_a_uuid(id)), 1, take, &out,
		     err);
	return out;
}
