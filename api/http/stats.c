/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - what is counted about requests: by route and status, and the time taken.
 */
#include <stdlib.h>
#include <string.h>

#include "api/http/http_priv.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/metrics.h"

#define STATUSES_MAX 16 /* per route; what comes after is counted as "other" */

struct status_count {
	int status;
	struct metric metric;
};

struct route_stats {
	struct route_stats *next;
	char *method, *pattern;
	struct metric time;
	struct status_count *counts[STATUSES_MAX];
	size_t count;
};

struct metric http_connections = {.name = "wf_http_connections_open",
				  .help = "Connections, sockets included.",
				  .type = METRIC_GAUGE};
struct metric http_slow_cut = {.name = "wf_http_slow_clients_total",
			       .help =
				   "Connections ended since a request took too long "
				   "to arrive.",
			       .type = METRIC_COUNTER};
struct metric http_accept_paused = {.name = "wf_http_accept_pauses_total",
				    .help =
					"Times that accepting stopped: limit, or no "
					"descriptors.",
				    .type = METRIC_COUNTER};

static struct route_stats *all;

void http_metrics_register(void)
{
	metric_register(&http_connections);
	metric_register(&http_slow_cut);
	metric_register(&http_accept_paused);
}

struct route_stats *route_stats_get(const char *method, const char *pattern)
{
	struct route_stats *s;

	for (s = all; s != NULL; s = s->next) {
		if (strcmp(s->method, method) == 0 &&
		    strcmp(s->pattern, pattern) == 0) {
			return s;
		}
	}
	s = xcalloc(1, sizeof(*s));
	s->method = xstrdup(method);
	s->pattern = xstrdup(pattern);
	s->time.name = "wf_http_request_seconds";
	s->time.help = "From the whole request to the answer.";
	s->time.type = METRIC_HISTOGRAM;
	s->time.labels = xasprintf("method=\"%s\",route=\"%s\"", method, pattern);
	s->next = all;
	all = s;
	return s;
}

void route_stats_count(struct route_stats *s, int status, int64_t us)
{
	struct status_count *c;
	size_t i;

	for (i = 0; i < s->count && s->counts[i]->status != status; i++) {
	}
	if (i == STATUSES_MAX) {
		i--;
	} else if (i == s->count) {
		if (i == 0) {
			metric_register(&s->time); /* routes in use only */
		}
		c = xcalloc(1, sizeof(*c));
		c->status = status;
		c->metric.name = "wf_http_requests_total";
		c->metric.help = "Requests answered.";
		c->metric.type = METRIC_COUNTER;
		c->metric.labels = xasprintf("method=\"%s\",route=\"%s\",status=\"%d\"",
					     s->method, s->pattern, status);
		s->counts[s->count++] = c;
		metric_register(&c->metric);
	}
	metric_add(&s->counts[i]->metric, 1);
	metric_observe_us(&s->time, us);
}
