/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - counters, gauges and histograms, static, registered at start; Prometheus
 * text. Names: wf_<module>_<what>_<unit>.  Counters may be bumped from any thread.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>

struct buf;

enum metric_type { METRIC_COUNTER = 1, METRIC_GAUGE, METRIC_HISTOGRAM };
#define METRIC_BUCKETS 16

struct metric {
	const char *name;
	const char *help;
	enum metric_type type;
	const char *labels;        /* constant, e.g. "kind=\"http\""; NULL: none */
	double (*read)(void *arg); /* gauges computed when asked; or NULL */
	void *arg;
	/* private */
	_Atomic int64_t value;
	_Atomic int64_t
	    buckets[METRIC_BUCKETS]; /* milliseconds, powers of two from 1/4 */
	_Atomic int64_t sum_us;
	struct metric *next;
};

void metric_register(struct metric *m); /* M is static; idempotent */
void metric_add(struct metric *m, int64_t n);
void metric_set(struct metric *m, int64_t v);
void metric_observe_us(struct metric *m, int64_t us);
void metrics_write(struct buf *out); /* text exposition 0.0.4 */

#endif
