/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_filter.h - the LogFilter of /logs/out, matched in memory.  Pure.
 *
 * Unlike event filters an empty any_ list matches nothing (server-contract 1.5).
 */
#ifndef API_EVENTS_LOG_FILTER_H
#define API_EVENTS_LOG_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "api/events/text_query.h"

struct http_invalid;

struct log_filter {
	json_t *root; /* owned */
	int any;      /* operator or_ */
	int has_ge, has_le;
	int64_t level_ge, level_le;
	int64_t before_us, after_us;         /* TIME_NONE: not given */
	const json_t *flow_runs, *task_runs; /* arrays, or NULL */
	int task_run_null;                   /* -1: not given */
	struct text_query query;
};

size_t log_filter_decode(struct log_filter *f, json_t *obj, const char *loc,
			 struct http_invalid *v);
void log_filter_release(struct log_filter *f);
/* LOG as it is sent to clients. */
int log_filter_matches(const struct log_filter *f, const json_t *log);

#endif
