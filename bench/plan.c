/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - large graphs without their processes: what the plan and its scheduling cost.
 *
 *	plan tasks COUNT    a file of COUNT tasks, two edges each: read, then scheduled
 *to the end; prints seconds to read, seconds to schedule, bytes of heap for each task
 *(plan and scheduler) plan items COUNT    a map of COUNT items: seconds, KB of resident
 *memory more than before
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "engine/plan.h"
#include "engine/sched.h"

static void new_id(struct uuid *ret_id, int64_t now_us, void *arg)
{
	(void)arg;
	uuid_v7(ret_id, now_us);
}

static double draw(void *arg)
{
	(void)arg;
	return 0;
}

/* Answers everything at once; the number of runs that began. */
static size_t run_all(struct sched *s, size_t items)
{
	struct sched_now now = {.us = clock_wall_us()};
	struct sched_event ev = {.type = SCHED_EV_START};
	struct sched_action a;
	size_t runs = 0;

	sched_event(s, &ev, now);
	while (sched_take(s, &a)) {
		ev = (struct sched_event){.task = a.task, .verdict = SCHED_OK};
		if (a.type == SCHED_ACT_PROPOSE) {
			ev.type = SCHED_EV_ANSWER;
			ev.answer = SCHED_ACCEPT;
		} else if (a.type == SCHED_ACT_EXPAND) {
			ev.type = SCHED_EV_EXPANDED;
			ev.count = items;
		} else if (a.type == SCHED_ACT_CREATE) {
			ev.type = SCHED_EV_PREPARED;
		} else if (a.type == SCHED_ACT_RUN) {
			ev.type = SCHED_EV_ATTEMPT;
			runs++;
		} else if (a.type == SCHED_ACT_RETURN) {
			ev.type = SCHED_EV_RETURNED;
		}
		sched_action_release(&a);
		if (ev.type != 0) {
			sched_event(s, &ev, now);
		}
	}
	return runs;
}

static double seconds(int64_t from_us)
{
	return (double)(clock_mono_us() - from_us) / 1e6;
}

static void write_tasks(struct buf *text, size_t count)
{
	size_t i;

	buf_adds(text, "version: 1\nflows:\n  f:\n    tasks:\n");
	for (i = 0; i < count; i++) {
		buf_addf(text, "      t%zu: {cmd: [\"true\"]", i);
		if (i > 1) {
			buf_addf(text, ", needs: [t%zu, t%zu]", i / 2, i - 1 - i % 2);
		}
		buf_adds(text, "}\n");
	}
}

static struct plan_file *read_plan(const struct buf *text)
{
	struct plan_file *file = NULL;
	struct buf report;

	buf_init(&report);
	if (plan_parse("big", text->data, text->len, &file, &report) < 0) {
		(void)fprintf(stderr, "plan: %s\n", report.data);
		exit(1);
	}
	buf_release(&report);
	return file;
}

static const struct sched_config config = {.new_id = new_id, .random = draw};

static int tasks(size_t count)
{
	struct plan_file *file;
	struct buf text;
	struct sched *s;
	size_t before, bytes;
	double read_s;
	int64_t from_us;

	buf_init(&text);
	write_tasks(&text, count);
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	from_us = clock_mono_us();
	file = read_plan(&text);
	read_s = seconds(from_us);
	from_us = clock_mono_us();
	s = sched_new(file->flows[0], &config);
	if (run_all(s, 0) != count) {
		(void)fputs("plan: not every task ran\n", stderr);
		return 1;
	}
	bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	(void)printf("%.3f %.3f %.0f\n", read_s, seconds(from_us),
		     (double)bytes / (double)count);
	sched_free(s);
	plan_free(file);
	buf_release(&text);
	return 0;
}

static long resident_kb(void)
{
	struct rusage ru;

	(void)getrusage(RUSAGE_SELF, &ru);
	return ru.ru_maxrss;
}

static int items(size_t count)
{
	static const char map[] = "version: 1\nflows:\n  f:\n    tasks:\n"
				  "      m: {run: x, for_each: {x: [1]}}\n";
	struct plan_file *file;
	struct buf text;
	struct sched *s;
	long before;
	int64_t from_us;

	buf_init(&text);
	buf_adds(&text, map);
	file = read_plan(&text);
	before = resident_kb();
	from_us = clock_mono_us();
	s = sched_new(file->flows[0], &config);
	if (run_all(s, count) != count) {
		(void)fputs("plan: not every item ran\n", stderr);
		return 1;
	}
	(void)printf("%.3f %ld\n", seconds(from_us), resident_kb() - before);
	sched_free(s);
	plan_free(file);
	buf_release(&text);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "tasks") == 0) {
		return tasks((size_t)strtol(argv[2], NULL, 10));
	}
	if (argc == 3 && strcmp(argv[1], "items") == 0) {
		return items((size_t)strtol(argv[2], NULL, 10));
	}
	(void)fputs("usage: plan tasks COUNT | plan items COUNT\n", stderr);
	return 64;
}
