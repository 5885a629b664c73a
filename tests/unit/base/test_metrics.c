/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics.c - the text exposition.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "base/metrics.h"

static struct metric get = {.name = "wf_t_requests_total",
			    .help = "Requests.",
			    .type = METRIC_COUNTER,
			    .labels = "method=\"GET\""};
static struct metric depth = {
    .name = "wf_t_depth", .help = "Depth.", .type = METRIC_GAUGE};
static struct metric post = {.name = "wf_t_requests_total",
			     .help = "Requests.",
			     .type = METRIC_COUNTER,
			     .labels = "method=\"POST\""};
static struct metric took = {.name = "wf_t_took_seconds",
			     .help = "Time.",
			     .type = METRIC_HISTOGRAM,
			     .labels = "op=\"x\""};

static double read_seven(void *arg)
{
	return *(double *)arg;
}

static void expect(const char *text, const char *line)
{
	cr_assert_not_null(strstr(text, line), "no \"%s\" in:\n%s", line, text);
}

Test(metrics, families_stay_together)
{
	struct buf b;

	metric_register(&get);
	metric_register(&depth);
	metric_register(&post);
	metric_register(&get); /* again: no effect */
	metric_add(&get, 2);
	metric_add(&get, 1);
	metric_set(&depth, -4);
	buf_init(&b);
	metrics_write(&b);
	cr_assert_str_eq(b.data, "# HELP wf_t_requests_total Requests.\n"
				 "# TYPE wf_t_requests_total counter\n"
				 "wf_t_requests_total{method=\"GET\"} 3\n"
				 "wf_t_requests_total{method=\"POST\"} 0\n"
				 "# HELP wf_t_depth Depth.\n"
				 "# TYPE wf_t_depth gauge\n"
				 "wf_t_depth -4\n");
	buf_release(&b);
}

Test(metrics, a_gauge_may_be_computed_when_asked)
{
	static double seven = 7.5;
	static struct metric m = {.name = "wf_t_seven",
				  .type = METRIC_GAUGE,
				  .read = read_seven,
				  .arg = &seven};
	struct buf b;

	metric_register(&m);
	buf_init(&b);
	metrics_write(&b);
	expect(b.data, "wf_t_seven 7.5\n");
	buf_release(&b);
}

Test(metrics, a_histogram_is_cumulative_in_seconds)
{
	struct buf b;

	metric_register(&took);
	metric_observe_us(&took, 100);        /* below the first bound */
	metric_observe_us(&took, 250);        /* on it */
	metric_observe_us(&took, 1500);       /* in (1 ms, 2 ms] */
	metric_observe_us(&took, 3600000000); /* beyond all */
	buf_init(&b);
	metrics_write(&b);
	expect(b.data, "wf_t_took_seconds_bucket{op=\"x\",le=\"0.00025\"} 2\n");
	expect(b.data, "wf_t_took_seconds_bucket{op=\"x\",le=\"0.001\"} 2\n");
	expect(b.data, "wf_t_took_seconds_bucket{op=\"x\",le=\"0.002\"} 3\n");
	expect(b.data, "wf_t_took_seconds_bucket{op=\"x\",le=\"4.096\"} 3\n");
	expect(b.data, "wf_t_took_seconds_bucket{op=\"x\",le=\"+Inf\"} 4\n");
	expect(b.data, "wf_t_took_seconds_sum{op=\"x\"} 3600.00185\n");
	expect(b.data, "wf_t_took_seconds_count{op=\"x\"} 4\n");
	buf_release(&b);
}
