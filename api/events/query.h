/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.h - stored events that match an EventFilter.
 *
 * SQL narrows by times, names, ids and primary resources, which is exact for most
 * filters; the rest (related resources, labels, text, exclusions) is decided per row in
 * memory.
 */
#ifndef API_EVENTS_QUERY_H
#define API_EVENTS_QUERY_H

#include <stdint.h>

#include "api/events/filter.h"

struct db_pred;
struct db_rows;
struct error;
struct tx;

#define EVENT_SCAN_MAX 500000 /* rows one query looks at; totals stop there */

/* Columns of the rows. */
enum {
	EVENT_ID,
	EVENT_OCCURRED,
	EVENT_RECEIVED,
	EVENT_NAME,
	EVENT_RESOURCE,
	EVENT_RELATED,
	EVENT_PAYLOAD,
	EVENT_FOLLOWS
};

/* True when SQL alone decides. */
int event_query_is_exact(const struct event_filter *f);
/* Owned: pred_free(). */
struct db_pred *event_query_pred(const struct event_filter *f);
/* Calls FN for each match in the filter's order; stops when FN returns other than 0 (1:
 * enough, negative: an error).  Returns 0 or a negative code. */
typedef int (*event_row_fn)(const struct db_rows *r, void *arg);
int event_query_scan(struct tx *tx, const struct event_filter *f, event_row_fn fn,
		     void *arg, struct error *err);
struct event_page {
	int64_t limit, offset; /* limit -1: all */
};
/* The page of an exact filter, and its total. */
int event_query_page(struct tx *tx, const struct event_filter *f,
		     const struct event_page *page, event_row_fn fn, void *arg,
		     struct error *err);
int event_query_count(struct tx *tx, const struct event_filter *f, int64_t *ret_count,
		      struct error *err);

#endif
