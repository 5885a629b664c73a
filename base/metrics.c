/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - registry of static metrics and their text exposition.
 *
 * Metrics of one name that differ in their labels are written as one family, whatever
 * the order in which they were registered, since the text format demands it.
 */
#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct metric *all; /* in order of registration, families together */

void metric_register(struct metric *m)
{
	struct metric **at, **after = NULL;

	pthread_mutex_lock(&lock);
	for (at = &all; *at != NULL; at = &(*at)->next) {
		if (*at == m) {
			pthread_mutex_unlock(&lock);
			return;
		}
		if (strcmp((*at)->name, m->name) == 0) {
			after = &(*at)->next;
		}
	}
	at = after != NULL ? after : at;
	m->next = *at;
	*at = m;
	pthread_mutex_unlock(&lock);
}

void metric_add(struct metric *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t v)
{
	atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

/* Upper bounds in microseconds: 1/4 ms, 1/2 ms, 1 ms, ...; the last bucket is
 * unbounded. */
static int64_t bucket_bound_us(int i)
{
	return (int64_t)250 << i;
}

void metric_observe_us(struct metric *m, int64_t us)
{
	int i = 0;

	while (i < METRIC_BUCKETS - 1 && us > bucket_bound_us(i)) {
		i++;
	}
	atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->sum_us, us, memory_order_relaxed);
}

static void write_histogram(struct buf *out, struct metric *m)
{
	const char *labels = m->labels != NULL ? m->labels : "";
	const char *comma = labels[0] != '\0' ? "," : "";
	const char *open = labels[0] != '\0' ? "{" : "",
		   *close = *open != '\0' ? "}" : "";
	int64_t count = 0;
	int i;

	for (i = 0; i < METRIC_BUCKETS; i++) {
		count += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
		buf_addf(out, "%s_bucket{%s%sle=\"", m->name, labels, comma);
		if (i < METRIC_BUCKETS - 1) {
			buf_addf(out, "%.12g", (double)bucket_bound_us(i) / 1e6);
		} else {
			buf_adds(out, "+Inf");
		}
		buf_addf(out, "\"} %" PRId64 "\n", count);
	}
	buf_addf(out, "%s_sum%s%s%s %.12g\n", m->name, open, labels, close,
		 (double)atomic_load_explicit(&m->sum_us, memory_order_relaxed) / 1e6);
	buf_addf(out, "%s_count%s%s%s %" PRId64 "\n", m->name, open, labels, close,
		 count);
}

static void write_value(struct buf *out, struct metric *m)
{
	buf_adds(out, m->name);
	if (m->labels != NULL && m->labels[0] != '\0') {
		buf_addf(out, "{%s}", m->labels);
	}
	if (m->read != NULL) {
		buf_addf(out, " %.12g\n", m->read(m->arg));
	} else {
		buf_addf(out, " %" PRId64 "\n",
			 atomic_load_explicit(&m->value, memory_order_relaxed));
	}
}

void metrics_write(struct buf *out)
{
	static const char *const types[] = {
	    [METRIC_COUNTER] = "counter",
	    [METRIC_GAUGE] = "gauge",
	    [METRIC_HISTOGRAM] = "histogram",
	};
	const char *family = "";
	struct metric *m;

	pthread_mutex_lock(&lock);
	for (m = all; m != NULL; m = m->next) {
		if (strcmp(family, m->name) != 0) {
			family = m->name;
			buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", family,
				 m->help != NULL ? m->help : "", family,
				 types[m->type]);
		}
		if (m->type == METRIC_HISTOGRAM) {
			write_histogram(out, m);
		} else {
			write_value(out, m);
		}
	}
	pthread_mutex_unlock(&lock);
}
