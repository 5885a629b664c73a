/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_event_filter.c - a filter, a line feed, an event: what passes the checks can be
 * matched.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/event_check.h"
#include "api/events/filter.h"
#include "api/events/log_filter.h"
#include "api/http/http.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(json_t *filter, const json_t *event)
{
	struct http_invalid *v = http_invalid_new();
	struct event_filter f;
	struct log_filter l;

	if (event_filter_decode(&f, filter, "filter", v) == 0 &&
	    event_check(event, "", v) == 0) {
		(void)event_filter_matches(&f, event, 0);
	}
	event_filter_release(&f);
	http_invalid_free(v);
	v = http_invalid_new();
	if (log_filter_decode(&l, filter, "filter", v) == 0) {
		(void)log_filter_matches(&l, event);
	}
	log_filter_release(&l);
	http_invalid_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t len = nl != NULL ? (size_t)(nl - data) : size;
	json_t *filter = json_parse((const char *)data, len, size, NULL);
	json_t *event =
	    nl != NULL ? json_parse((const char *)nl + 1, size - len - 1, size, NULL)
		       : NULL;

	if (filter != NULL && event != NULL) {
		match(filter, event);
	}
	json_decref(filter);
	json_decref(event);
	return 0;
}
