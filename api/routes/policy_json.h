/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_json.h - empirical policies of runs, and the estimates that answers compute.
 *
 * Stored policies hold only keys that differ from their default.
 */
#ifndef API_ROUTES_POLICY_JSON_H
#define API_ROUTES_POLICY_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct http_invalid;
struct jsonw;

void flow_policy_write(struct jsonw *w, const char *key, const char *stored);
void task_policy_write(struct jsonw *w, const char *key, const char *stored);
/*
 * A client's policy as it is stored: defaults dropped, max_retries and
 * retry_delay_seconds copied to their successors.  Problems go to V (may be NULL); a
 * new object.
 */
json_t *flow_policy_decode(const json_t *obj, const char *loc, struct http_invalid *v);
json_t *task_policy_decode(const json_t *obj, const char *loc, struct http_invalid *v);

struct run_times {
	int type; /* of the state; 0: none */
	int64_t start_us, expected_us, state_at_us, total_us;
};
/* server-contract 4.2, "Derived"; seconds. */
void run_estimates(const struct run_times *t, int64_t now_us, double *ret_run_time,
		   double *ret_start_delta);

#endif
