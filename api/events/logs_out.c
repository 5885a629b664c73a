/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs_out.c - /logs/out: a filter, then live logs.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/events/hub.h"
#include "api/events/hub_priv.h"
#include "api/http/http.h"
#include "api/http/ws.h"
#include "base/mem.h"

#define SLOW_CODE 1013

static void on_open(struct ws_conn *c)
{
	struct log_sub *s = xcalloc(1, sizeof(*s));

	s->conn = c;
	TAILQ_INSERT_TAIL(&ws_api(c)->hub->logs, s, link);
	ws_set_ctx(c, s);
}

static void on_message(struct ws_conn *c, const char *data, size_t len)
{
	struct log_sub *s = ws_ctx(c);
	struct http_invalid *v;
	json_t *m;

	if (s->filtering) {
		return;
	}
	m = hub_filter_message(c, data, len);
	if (m == NULL) {
		return;
	}
	v = http_invalid_new();
	log_filter_release(&s->filter);
	if (log_filter_decode(&s->filter, json_object_get(m, "filter"), "filter", v) >
	    0) {
		hub_close_invalid(c, "filter", v);
	} else {
		s->filtering = 1;
	}
	http_invalid_free(v);
	json_decref(m);
}

static void on_close(struct ws_conn *c)
{
	struct log_sub *s = ws_ctx(c);

	TAILQ_REMOVE(&ws_api(c)->hub->logs, s, link);
	log_filter_release(&s->filter);
	free(s);
}

void log_sub_offer(struct log_sub *s, const json_t *log, const char *text, size_t len)
{
	if (s->filtering && log_filter_matches(&s->filter, log) &&
	    ws_send(s->conn, text, len) < 0) {
		ws_close(s->conn, SLOW_CODE,
			 "Logs are arriving faster than they are read");
	}
}

const struct ws_endpoint logs_out_socket[] = {
    {.pattern = "/logs/out",
     .on_open = on_open,
     .on_message = on_message,
     .on_close = on_close},
    {.pattern = NULL},
};
