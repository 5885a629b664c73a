/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_store.h - one log line: a row in the present transaction and a frame for live
 * subscribers after COMMIT.  Used by POST /logs/ and by the updates of our own workers.
 */
#ifndef API_ROUTES_LOG_STORE_H
#define API_ROUTES_LOG_STORE_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct tx;
struct uuid;

struct log_line {
	const char *name;    /* of the logger */
	int64_t level;       /* 10 debug ... 50 critical */
	const char *message; /* LEN bytes; NUL bytes are left out */
	size_t len;
	int64_t timestamp_us;
	const struct uuid *flow_run_id; /* or NULL */
	const struct uuid *task_run_id; /* or NULL */
};
int log_store(struct tx *tx, const struct log_line *line, struct error *err);

#endif
