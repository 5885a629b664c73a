/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub.c - fan-out.
 */
#include "api/events/hub.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/events/hub_priv.h"
#include "api/events/live.h"
#include "api/http/http.h"
#include "api/http/ws.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define FRAME_MAX (16u << 20)
#define RESUME_MS 20

static void on_timer(void *arg)
{
	struct hub *h = arg;
	struct event_sub *s;
	int more = 0;

	TAILQ_FOREACH (s, &h->events, link) {
		event_sub_resume(s);
		more |= s->filtering && !s->live;
	}
	if (more) {
		loop_timer_in(h->timer, RESUME_MS);
	}
}

struct hub *hub_new(struct api *api)
{
	struct hub *h = xcalloc(1, sizeof(*h));

	h->api = api;
	TAILQ_INIT(&h->events);
	TAILQ_INIT(&h->logs);
	h->ingest = ingest_new(api);
	h->timer = loop_timer_new(api->loop, on_timer, h);
	return h;
}

void hub_free(struct hub *h)
{
	if (h != NULL) {
		ingest_free(h->ingest);
		loop_timer_free(h->timer);
		free(h);
	}
}

static void publish_event(struct hub *h, const char *json, size_t len, struct buf *text)
{
	struct live_event e = {0};
	struct event_sub *s;
	json_t *event = json_parse(json, len, FRAME_MAX, NULL);

	if (event == NULL ||
	    json_get_time(event, "occurred", &e.occurred_us, NULL) != 1 ||
	    json_get_uuid(event, "id", &e.id, NULL) != 1) {
		log_error("a stored event cannot be read back, ignoring");
		json_decref(event);
		return;
	}
	buf_reset(text);
	buf_adds(text, "{\"type\":\"event\",\"event\":");
	buf_add(text, json, len);
	buf_addc(text, '}');
	e.event = event;
	e.text = text->data;
	e.len = text->len;
	TAILQ_FOREACH (s, &h->events, link) {
		event_sub_offer(s, &e);
	}
	json_decref(event);
}

static void publish_log(struct hub *h, const char *json, size_t len, struct buf *text)
{
	json_t *log = json_parse(json, len, FRAME_MAX, NULL);
	struct log_sub *s;

	buf_reset(text);
	buf_adds(text, "{\"type\":\"log\",\"log\":");
	buf_add(text, json, len);
	buf_addc(text, '}');
	TAILQ_FOREACH (s, &h->logs, link) {
		if (log != NULL) {
			log_sub_offer(s, log, text->data, text->len);
		}
	}
	json_decref(log);
}

void hub_publish(struct hub *h, const struct buf *events, const struct buf *logs)
{
	const char *json;
	struct buf text;
	size_t at, len;

	buf_init(&text);
	for (at = 0; !TAILQ_EMPTY(&h->events) && live_next(events, &at, &json, &len);) {
		publish_event(h, json, len, &text);
	}
	for (at = 0; !TAILQ_EMPTY(&h->logs) && live_next(logs, &at, &json, &len);) {
		publish_log(h, json, len, &text);
	}
	buf_release(&text);
}

/* ---- messages that both kinds of subscribers send ---- */

json_t *hub_filter_message(struct ws_conn *c, const char *data, size_t len)
{
	json_t *m = json_parse(data, len, FRAME_MAX, NULL);
	const char *type = json_string_value(json_object_get(m, "type"));

	if (type == NULL || strcmp(type, "filter") != 0) {
		ws_close(c, 1002, "Expected 'filter' message");
		json_decref(m);
		return NULL;
	}
	return m;
}

void hub_close_invalid(struct ws_conn *c, const char *what,
		       const struct http_invalid *v)
{
	char text[256];

	http_invalid_describe(v, text, sizeof(text));
	ws_close(c, 1002, "Invalid %s: %s", what, text);
}
