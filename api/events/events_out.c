/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events_out.c - /events/out: filter, backfill, live; each event once.
 *
 *   (open) --filter--> BACKFILL --last page--> LIVE
 *
 * While pages are read, live events wait in a list; ids sent by the backfill are
 * remembered for a while, since an event can be read before its COMMIT is announced.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/db/pred.h"
#include "api/events/hub.h"
#include "api/events/hub_priv.h"
#include "api/events/live.h"
#include "api/http/http.h"
#include "api/http/ws.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define SEEN_MAX         20000
#define SEEN_MS          10000
#define BACKLOG_PAUSE    (1u << 20) /* no further page while this much is unwritten */
#define RESUME_MS        20
#define SLOW_CODE        1013
#define NAMES_IN_SQL_MAX 100

struct waiting {
	STAILQ_ENTRY(waiting) link;
	struct uuid id;
	char *text;
	size_t len;
};

struct page {
	struct event_sub *s; /* its filter does not change while a page is read */
	int64_t from_us;
	struct uuid from_id;
	int first;
	/* results */
	struct buf frames; /* live.h: id (16 bytes) and text by turns */
	size_t rows;
	int64_t last_us;
	struct uuid last_id;
};

static void next_page(struct event_sub *s);

/* ---- life ---- */

static void sub_free(struct event_sub *s)
{
	struct waiting *w;

	while ((w = STAILQ_FIRST(&s->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->waiting, link);
		free(w->text);
		free(w);
	}
	event_filter_release(&s->filter);
	map_release(&s->seen);
	free(s);
}

static void send_text(struct event_sub *s, const char *text, size_t len)
{
	if (s->conn != NULL && ws_send(s->conn, text, len) < 0) {
		ws_close(s->conn, SLOW_CODE,
			 "Events are arriving faster than they are read");
	}
}

/* ---- backfill, in a database thread ---- */

/* "[a, b]" narrows by an index where it can; the filter itself decides afterwards. */
static void narrow(struct db_pred *pred, enum sql_frag frag, const json_t *list)
{
	struct db_arg args[NAMES_IN_SQL_MAX];
	size_t i, n = json_array_size(list);

	if (n == 0 || n > NAMES_IN_SQL_MAX) {
		return;
	}
	for (i = 0; i < n; i++) {
		args[i] = db_a_text(json_string_value(json_array_get(list, i)));
	}
	pred_add_list(pred, frag, args, n);
}

static struct db_pred *page_pred(const struct page *p)
{
	const struct event_filter *f = &p->s->filter;
	struct db_pred *pred = pred_new();

	if (p->first) {
		pred_add(pred, FRAG_E_SINCE, DB_ARGS(db_a_time(p->from_us)), 1);
	} else {
		pred_add(pred, FRAG_E_AFTER,
			 DB_ARGS(db_a_time(p->from_us), db_a_time(p->from_us),
				 db_a_uuid(&p->from_id)),
			 3);
	}
	if (f->until_us != TIME_NONE) {
		pred_add(pred, FRAG_E_UNTIL, DB_ARGS(db_a_time(f->until_us)), 1);
	}
	narrow(pred, FRAG_E_NAME_ANY, f->name);
	narrow(pred, FRAG_E_RESOURCE_ANY, f->has_resource ? f->resource.id : NULL);
	return pred;
}

/* The ReceivedEvent of the present row; columns as event.sql says. */
static void write_event(struct buf *out, const struct db_rows *r)
{
	struct uuid id, follows;
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_time(&w, "occurred", db_time(r, 1));
	jsonw_str(&w, "event", db_text(r, 3));
	jsonw_raw(&w, "resource", db_text(r, 4));
	jsonw_raw(&w, "related", db_text(r, 5));
	jsonw_raw(&w, "payload", db_text(r, 6));
	jsonw_uuid(&w, "id", db_uuid(r, 0, &id) ? &id : NULL);
	jsonw_uuid(&w, "follows", db_uuid(r, 7, &follows) ? &follows : NULL);
	jsonw_time(&w, "received", db_time(r, 2));
	jsonw_obj_end(&w);
}

static void take_row(struct page *p, const struct db_rows *r, struct buf *text)
{
	json_t *event;

	p->last_us = db_time(r, 1);
	(void)db_uuid(r, 0, &p->last_id);
	p->rows++;
	buf_reset(text);
	buf_adds(text, "{\"type\":\"event\",\"event\":");
	write_event(text, r);
	buf_addc(text, '}');
	event = json_parse(text->data, text->len, text->len, NULL);
	if (event != NULL &&
	    event_filter_matches(&p->s->filter, json_object_get(event, "event"),
				 p->last_us)) {
		live_add(&p->frames, (const char *)p->last_id.b, sizeof(p->last_id.b));
		live_add(&p->frames, text->data, text->len);
	}
	json_decref(event);
}

static int read_page(struct tx *tx, void *arg, struct error *err)
{
	struct page *p = arg;
	struct db_pred *pred = page_pred(p);
	struct db_rows *rows = NULL;
	struct buf text;
	int rc;

	buf_reset(&p->frames);
	p->rows = 0;
	buf_init(&text);
	rc = db_select(tx->c, SQL_EVENT_LIST, NULL, 0, pred, FRAG_E_BY_TIME_ASC,
		       HUB_PAGE, -1, &rows, err);
	while (rc >= 0 && (rc = db_next(rows, err)) == 1) {
		take_row(p, rows, &text);
	}
	db_rows_free(rows);
	buf_release(&text);
	pred_free(pred);
	return rc;
}

/* ---- on the loop ---- */

static int was_seen(const struct event_sub *s, const struct uuid *id)
{
	return map_get_n(&s->seen, id->b, sizeof(id->b)) != NULL;
}

static void go_live(struct event_sub *s)
{
	struct waiting *w;

	s->live = 1;
	s->seen_until_ms = loop_now_ms(s->hub->api->loop) + SEEN_MS;
	while ((w = STAILQ_FIRST(&s->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->waiting, link);
		if (!was_seen(s, &w->id)) {
			send_text(s, w->text, w->len);
		}
		free(w->text);
		free(w);
	}
	s->waiting_count = 0;
}

static void send_page(struct event_sub *s, const struct page *p)
{
	const char *id, *text;
	size_t at = 0, id_len, len;

	while (live_next(&p->frames, &at, &id, &id_len) &&
	       live_next(&p->frames, &at, &text, &len)) {
		(void)map_set_n(&s->seen, id, id_len, s,
				NULL); /* full: sent twice at worst */
		send_text(s, text, len);
	}
}

static void wait_for_room(struct event_sub *s)
{
	loop_timer_in(s->hub->timer, RESUME_MS);
}

static void on_page(int rc, struct tx *tx, const struct error *err, void *arg)
{
	struct page *p = arg;
	struct event_sub *s = p->s;

	(void)tx;
	s->reading = 0;
	if (s->conn == NULL) {
		sub_free(s);
	} else if (rc < 0) {
		ws_close(s->conn, 1011, "The events could not be read: %s", err->msg);
	} else {
		send_page(s, p);
		s->from_us = p->last_us;
		s->from_id = p->last_id;
		if (p->rows < HUB_PAGE) {
			go_live(s);
		} else if (ws_backlog(s->conn) > BACKLOG_PAUSE) {
			wait_for_room(s);
		} else {
			next_page(s);
		}
	}
	buf_release(&p->frames);
	free(p);
}

static void next_page(struct event_sub *s)
{
	struct page *p = xcalloc(1, sizeof(*p));

	p->s = s;
	p->from_us = s->from_us;
	p->from_id = s->from_id;
	p->first = uuid_is_nil(&s->from_id);
	buf_init(&p->frames);
	if (tx_run(s->hub->api, DB_READ, read_page, p, on_page, NULL) < 0) {
		buf_release(&p->frames);
		free(p);
		wait_for_room(s); /* the database is busy */
		return;
	}
	s->reading = 1;
}

void event_sub_resume(struct event_sub *s)
{
	if (s->filtering && !s->live && !s->reading && s->conn != NULL &&
	    ws_backlog(s->conn) <= BACKLOG_PAUSE) {
		next_page(s);
	}
}

static void wait_live(struct event_sub *s, const struct live_event *e)
{
	struct waiting *w;

	if (s->waiting_count >= HUB_WAITING_MAX) {
		ws_close(s->conn, SLOW_CODE,
			 "Events are arriving faster than they are read");
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->id = e->id;
	w->text = xmemdup(e->text, e->len);
	w->len = e->len;
	STAILQ_INSERT_TAIL(&s->waiting, w, link);
	s->waiting_count++;
}

void event_sub_offer(struct event_sub *s, const struct live_event *e)
{
	if (!s->filtering || s->conn == NULL ||
	    !event_filter_matches(&s->filter, e->event, e->occurred_us)) {
		return;
	}
	if (!s->live) {
		wait_live(s, e);
		return;
	}
	if (map_count(&s->seen) > 0 &&
	    loop_now_ms(s->hub->api->loop) > s->seen_until_ms) {
		map_release(&s->seen);
		map_init(&s->seen, SEEN_MAX);
	}
	if (!was_seen(s, &e->id)) {
		send_text(s, e->text, e->len);
	}
}

/* ---- the endpoint ---- */

static void on_open(struct ws_conn *c)
{
	struct event_sub *s = xcalloc(1, sizeof(*s));

	s->hub = ws_api(c)->hub;
	s->conn = c;
	STAILQ_INIT(&s->waiting);
	map_init(&s->seen, SEEN_MAX);
	TAILQ_INSERT_TAIL(&s->hub->events, s, link);
	ws_set_ctx(c, s);
}

static void start(struct event_sub *s, const json_t *message)
{
	const json_t *backfill = json_object_get(message, "backfill");
	int64_t now_us = loop_wall_us(s->hub->api->loop);

	s->filtering = 1;
	if (json_is_false(backfill)) {
		go_live(s);
		return;
	}
	s->from_us = now_us - HUB_BACKFILL_US;
	if (s->filter.since_us != TIME_NONE && s->filter.since_us > s->from_us) {
		s->from_us = s->filter.since_us;
	}
	next_page(s);
}

static void on_message(struct ws_conn *c, const char *data, size_t len)
{
	struct event_sub *s = ws_ctx(c);
	struct http_invalid *v;
	json_t *m;

	if (s->filtering) {
		return; /* one filter per socket; what follows is of no interest */
	}
	m = hub_filter_message(c, data, len);
	if (m == NULL) {
		return;
	}
	v = http_invalid_new();
	event_filter_release(&s->filter);
	if (event_filter_decode(&s->filter, json_object_get(m, "filter"), "filter", v) >
	    0) {
		hub_close_invalid(c, "filter", v);
	} else {
		start(s, m);
	}
	http_invalid_free(v);
	json_decref(m);
}

static void on_close(struct ws_conn *c)
{
	struct event_sub *s = ws_ctx(c);

	s->conn = NULL;
	TAILQ_REMOVE(&s->hub->events, s, link);
	if (!s->reading) {
		sub_free(s);
	}
}

const struct ws_endpoint events_out_socket[] = {
    {.pattern = "/events/out",
     .on_open = on_open,
     .on_message = on_message,
     .on_close = on_close},
    {.pattern = NULL},
};
