/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - `GET /health` for probes: does this worker still look for work?
 */
#ifndef WORKER_HEALTH_H
#define WORKER_HEALTH_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct health;
struct worker;

#define HEALTH_CONNECTIONS_MAX 32
#define HEALTH_HEAD_MAX        8192 /* a request's head */
#define HEALTH_WAIT_MS         5000 /* for a request */
#define HEALTH_QUERIES         30 /* query intervals without a look for work: unhealthy */

/*
 * Listens on HOST (a numeric address or "localhost") and PORT (0: a free one).  Healthy
 * while W->looked_ms is younger than HEALTH_QUERIES query intervals.  NULL and ERR on
 * failure.
 */
struct health *health_new(struct worker *w, const char *host, int port,
			  struct error *err);
void health_free(struct health *h); /* accepts NULL */
int health_port(const struct health *h);

/*
 * The answer to the request whose head is REQUEST, for a worker that looked for work
 * AGE_MS ago: pure.  Returns the length of OUT.
 */
int health_answer(const char *request, int64_t age_ms, int64_t query_ms, char *out,
		  size_t size);

#endif
