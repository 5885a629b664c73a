/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_units.c - the scheduler in virtual time: maps, handlers, hooks, transactions.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sim.h"

static void expect(struct sim *s, const char *want)
{
	cr_expect_str_eq(s->out.data, want, "got:\n%s\nwant:\n%s", s->out.data, want);
}

static void start_and_run(struct sim *s)
{
	sim_event(s, SCHED_EV_START, NULL);
	sim_run(s, 1000000000);
}

Test(units, items_of_a_map_run_as_there_is_room)
{
	struct sim s;

	sim_init(
	    &s,
	    "    task_runner: {max_workers: 2}\n    tasks:\n"
	    "      m: {run: x, for_each: {x: [1]}}\n      z: {run: x, needs: [m]}\n");
	s.items = 3;
	start_and_run(&s);
	expect(&s, "0 flow proposes Running()\n0 m.0 Pending()\n0 m.1 Pending()\n"
		   "0 m.2 Pending()\n0 m.0 Running()\n0 m.1 Running()\n"
		   "10 m.0 Completed()\n10 m.2 Running()\n10 m.1 Completed()\n"
		   "20 m.2 Completed()\n20 z Pending()\n20 z Running()\n"
		   "30 z Completed()\n"
		   "30 flow proposes Completed('All states completed.')\n"
		   "30 end Completed\n");
	cr_expect_eq(s.max_running, 2);
	sim_release(&s);
}

Test(units, max_parallel_limits_one_map)
{
	struct sim s;

	sim_init(
	    &s, "    tasks:\n      m: {run: x, for_each: {x: [1]}, max_parallel: 2}\n");
	s.items = 7;
	start_and_run(&s);
	cr_expect_eq(s.max_running, 2);
	cr_expect_eq(s.now.ms, 40);
	sim_release(&s);
}

Test(units, a_failing_item_blocks_what_is_behind)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      m: {run: x, for_each: {x: [1]}}\n"
		     "      z: {run: x, needs: [m]}\n");
	s.items = 2;
	sim_script(&s, "m", "fail:5");
	start_and_run(&s);
	cr_expect(strstr(s.out.data, "z NotReady(") != NULL, "%s", s.out.data);
	cr_expect(strstr(s.out.data, "Failed('2/3 states failed.')") != NULL, "%s",
		  s.out.data);
	sim_release(&s);
}

Test(units, an_empty_map_is_over_at_once)
{
	struct sim s;

	sim_init(&s, "    tasks:\n      m: {run: x, for_each: {x: []}}\n"
		     "      z: {run: x, needs: [m]}\n");
	start_and_run(&s);
	cr_expect(strstr(s.out.data, "10 z Completed()") != NULL, "%s", s.out.data);
	sim_release(&s);
}

Test(units, handlers_are_asked_and_hooks_run)
{
	struct sim s;

	sim_init(&s, "    state_handlers: [{run: x}]\n    tasks:\n      a:\n"
		     "        run: x\n        retries: 1\n"
		     "        retry_delay_seconds: 1\n"
		     "        state_handlers: [{run: x}]\n"
		     "        hooks: {on_completion: [{run: x}]}\n");
	sim_script(&s, "a", "fail:5 ok:5");
	start_and_run(&s);
	expect(&s, "0 flow consults\n0 flow proposes Running()\n0 a Pending()\n"
		   "0 a consults\n0 a Running()\n5 a consults\n"
		   "5 a AwaitingRetry(type=SCHEDULED) +1000ms\n1005 a consults\n"
		   "1005 a Retrying(type=RUNNING)\n1010 a consults\n"
		   "1010 a Completed()\n1010 a hooks\n1010 flow consults\n"
		   "1010 flow proposes Completed('All states completed.')\n"
		   "1010 end Completed\n");
	sim_release(&s);
}

Test(units, a_transaction_is_rolled_back_in_reverse)
{
	struct sim s;

	sim_init(&s, "    transactions: {t: {tasks: [a, b, c]}}\n    tasks:\n"
		     "      a: {run: x}\n      b: {run: x, needs: [a]}\n"
		     "      c: {run: x, needs: [b]}\n");
	sim_script(&s, "c", "fail:5");
	start_and_run(&s);
	cr_expect(
	    strstr(s.out.data,
		   "25 b rolls back\n25 b RolledBack('Task rolled back as part of "
		   "transaction', type=COMPLETED)\n25 a rolls back\n") != NULL,
	    "%s", s.out.data);
	sim_release(&s);
}

/* ---- size ---- */

static void new_id(struct uuid *ret_id, int64_t now_us, void *arg)
{
	(void)now_us;
	memset(ret_id, 0, sizeof(*ret_id));
	memcpy(ret_id->b, arg, sizeof(size_t));
	++*(size_t *)arg;
}

static double draw(void *arg)
{
	(void)arg;
	return 0;
}

/* Answers everything at once; the number of runs that began, the most units at a time.
 */
static size_t run_all(struct sched *s, size_t items, size_t *ret_units)
{
	struct sched_now now = {.us = 1000000000000000LL};
	struct sched_event ev = {.type = SCHED_EV_START};
	struct sched_action a;
	size_t runs = 0;

	sched_event(s, &ev, now);
	while (sched_take(s, &a)) {
		ev = (struct sched_event){.task = a.task, .verdict = SCHED_OK};
		switch ((int)a.type) {
		case SCHED_ACT_PROPOSE:
			ev.type = SCHED_EV_ANSWER;
			ev.answer = SCHED_ACCEPT;
			break;
		case SCHED_ACT_EXPAND:
			ev.type = SCHED_EV_EXPANDED;
			ev.count = items;
			break;
		case SCHED_ACT_CREATE:
			ev.type = SCHED_EV_PREPARED;
			*ret_units = MAX_OF(*ret_units, a.task);
			break;
		case SCHED_ACT_RUN:
			ev.type = SCHED_EV_ATTEMPT;
			runs++;
			break;
		default:
			ev.type = (enum sched_event_type)0;
			break;
		}
		sched_action_release(&a);
		if (ev.type != 0) {
			sched_event(s, &ev, now);
		}
	}
	return runs;
}

static struct plan_file *load(const char *text)
{
	struct plan_file *file = NULL;
	struct buf report;

	buf_init(&report);
	cr_assert_eq(plan_parse("big", text, strlen(text), &file, &report), 0, "%s",
		     report.data);
	buf_release(&report);
	return file;
}

Test(units, a_million_items_need_few_units)
{
	struct plan_file *file =
	    load("version: 1\nflows:\n  f:\n    tasks:\n      m: {run: x, for_each: "
		 "{x: [1]}}\n");
	size_t ids = 0, most = 0;
	struct sched_config config = {.new_id = new_id, .random = draw, .arg = &ids};
	struct sched *s = sched_new(file->flows[0], &config);

	cr_expect_eq(run_all(s, 1000000, &most), 1000000);
	cr_expect_leq(most, 1000, "%zu units", most);
	sched_free(s);
	plan_free(file);
}

Test(units, a_wide_graph_is_linear)
{
	struct buf text;
	struct plan_file *file;
	size_t i, ids = 0, most = 0;
	struct sched_config config = {.new_id = new_id, .random = draw, .arg = &ids};
	struct sched *s;

	buf_init(&text);
	buf_adds(&text, "version: 1\nflows:\n  f:\n    tasks:\n");
	for (i = 0; i < 20000; i++) {
		buf_addf(&text, "      t%zu: {run: x%s", i, i > 0 ? ", needs: [t" : "");
		if (i > 0) {
			buf_addf(&text, "%zu]", (i - 1) / 2);
		}
		buf_adds(&text, "}\n");
	}
	file = load(text.data);
	s = sched_new(file->flows[0], &config);
	cr_expect_eq(run_all(s, 0, &most), 20000);
	sched_free(s);
	plan_free(file);
	buf_release(&text);
}
