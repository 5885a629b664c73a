/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events_in.c - POST /events: a list of events, all or none.
 */
#include <stdio.h>

#include <jansson.h>

#include "api/api.h"
#include "api/events/event_check.h"
#include "api/events/ingest.h"
#include "api/http/http.h"
#include "api/tx.h"
#include "base/error.h"

#define POST_MAX (8u << 20)

static int store_all(struct tx *tx, void *arg, struct error *err)
{
	const json_t *list = arg;
	int rc = 0, again;
	size_t i;
	json_t *event;

	json_array_foreach (list, i, event) {
		rc = ingest_event(tx, event, &again, err);
		if (rc < 0) {
			return rc;
		}
	}
	tx->status = 204;
	tx->empty = 1;
	return 0;
}

static void release(void *arg)
{
	json_decref(arg);
}

static void route_events_post(struct http_req *r)
{
	json_t *body = http_json_any(r), *event;
	struct http_invalid *v;
	char loc[24];
	size_t i;

	if (body == NULL) {
		return;
	}
	v = http_invalid_new();
	if (!json_is_array(body)) {
		http_invalid_add(v, "list_type", "", body,
				 "Input should be a valid list");
	}
	json_array_foreach (body, i, event) {
		(void)snprintf(loc, sizeof(loc), "%zu", i);
		(void)event_check(event, loc, v);
	}
	if (http_invalid_count(v) > 0) {
		http_reply_invalid(r, v);
		return;
	}
	http_invalid_free(v);
	tx_submit(r, DB_WRITE, store_all, json_incref(body), release);
}

extern const struct route routes_events_in[];
const struct route routes_events_in[] = {
    {"POST", "/events", route_events_post, 0, POST_MAX},
    {NULL, NULL, NULL, 0, 0},
};
