/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_orc_pairs.c - every pair of states against what a reference server answered.
 *
 * The expectations are recordings (tests/data/orchestration), not written from the
 * code.  The few places where wf decides otherwise are listed in deviates() with their
 * reason.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "proto/frame.h"
#include "tests/unit/api/orc_table.h"

static int failures;

static int terminal(const char *token)
{
	struct orc_state s;
	int yes;

	table_state(&s, token);
	yes = state_type_is_terminal(s.type);
	orc_state_release(&s);
	return yes;
}

/*
 * design.md 3.5: the first terminal state wins unless forced; the reference lets a
 * later one overwrite it.  Returns 1 when the row is such a case.
 */
static int deviates(char **cell)
{
	return strcmp(cell[3], "0") == 0 && strcmp(cell[5], "ACCEPT") == 0 &&
	       terminal(cell[0]) && terminal(cell[1]);
}

static void joined(char *buf, size_t size, char **cell, int from, int to)
{
	buf[0] = '\0';
	for (int i = from; i < to; i++) {
		size_t used = strlen(buf);

		snprintf(buf + used, size - used, "%s%s", i > from ? "\t" : "",
			 cell[i]);
	}
}

static void check(const char *kind, char **cell, int line, const char *want,
		  const char *got)
{
	if (strcmp(want, got) != 0 && failures++ < 20) {
		fprintf(stderr,
			"%s line %d: %s -> %s [%s %s %s]\n  want %s\n  got  %s\n", kind,
			line, cell[0], cell[1], cell[2], cell[3], cell[4], want, got);
	}
}

static void settle(enum orc_policy policy, struct orc_run *run,
		   struct orc_state *current, const char *token,
		   const struct orc_facts *facts, struct orc_decision *d, int64_t now)
{
	struct orc_state proposed;

	table_state(&proposed, token);
	orc_decide(policy, run, &(struct orc_view){current, facts, now}, &proposed, d);
	orc_state_release(&proposed);
}

/* What storing does: data that says "not persisted" is not kept. */
static void store(struct orc_state *s)
{
	if (s->data != NULL && !orc_state_has_result(s)) {
		json_decref(s->data);
		s->data = NULL;
	}
}

static void flow_row(char **cell, int cells, int line)
{
	struct orc_facts facts = {.concurrency_limit = -1, .client_renews_leases = 1};
	struct orc_state none = {.type = 0};
	struct orc_decision first, d;
	struct orc_run run;
	char want[2048], got[2048];
	int64_t v;

	cr_assert_eq(cells, 20, "line %d has %d columns", line, cells);
	orc_run_init(&run);
	run.has_deployment = strcmp(cell[2], "1") == 0;
	facts.deployment_exists = run.has_deployment;
	json_object_set_new(run.empirical_policy, "pause_keys",
			    json_pack("[s]", "used"));
	json_object_set_new(run.empirical_policy, "retry_delay", json_integer(7));
	if (table_extra(cell[4], "retries", &v)) {
		json_object_set_new(run.empirical_policy, "retries", json_integer(v));
	}
	run.has_parent_task = table_extra(cell[4], "parent", &v);
	if (table_extra(cell[4], "limit", &v)) {
		facts.concurrency_limit = v;
		facts.collision_cancel_new = strstr(cell[4], "CANCEL_NEW") != NULL;
		facts.slots_taken = table_extra(cell[4], "full", &v);
	}
	settle(ORC_MINIMAL_FLOW, &run, &none, cell[0], &facts, &first, T_NOW - 1000);
	store(&first.state);
	run.has_pid = table_extra(cell[4], "pid", &v);
	settle(strcmp(cell[3], "1") == 0 ? ORC_MINIMAL_FLOW : ORC_CORE_FLOW, &run,
	       &first.state, cell[1], &facts, &d, T_NOW);
	table_outcome(got, sizeof(got), &run, &first.state, &d, 1);
	joined(want, sizeof(want), cell, 5, cells);
	if (deviates(cell)) {
		cr_expect(d.status == ORC_REJECT && !d.writes, "line %d: %s", line,
			  got);
	} else {
		check("flow_pairs.tsv", cell, line, want, got);
	}
	orc_decision_release(&first);
	orc_decision_release(&d);
	orc_run_release(&run);
}

Test(orchestration, flow_pairs_answer_as_recorded)
{
	failures = 0;
	cr_assert_gt(table_each("flow_pairs.tsv", flow_row), 1900);
	cr_assert_eq(failures, 0, "%d rows differ", failures);
}

static void task_row(char **cell, int cells, int line)
{
	struct orc_state flow, none = {.type = 0};
	struct orc_facts facts = {.concurrency_limit = -1, .flow_run_run_count = 1};
	struct orc_decision first, d;
	struct orc_run run;
	struct orc_state proposed;
	char want[2048], got[2048];
	enum orc_policy policy = ORC_CORE_TASK;
	int64_t v = 0;

	cr_assert_eq(cells, 17, "line %d has %d columns", line, cells);
	table_state(&flow, cell[2]);
	facts.parent_state = &flow;
	facts.flow_run_run_count = flow.type == WF__CONTROL__STATE_TYPE__RUNNING;
	orc_run_init(&run);
	table_extra(cell[4], "retries", &v);
	json_object_set_new(run.empirical_policy, "retries", json_integer(v));
	json_object_set_new(run.empirical_policy, "retry_delay", json_integer(7));
	settle(ORC_MINIMAL_TASK, &run, &none, cell[0], &facts, &first, T_NOW - 1000);
	store(&first.state);
	table_state(&proposed, cell[1]);
	if (strcmp(cell[3], "1") == 0) {
		policy = ORC_MINIMAL_TASK;
	} else if (strstr(cell[4], "deferred") != NULL) {
		policy = ORC_BACKGROUND_TASK;
	}
	orc_decide(policy, &run, &(struct orc_view){&first.state, &facts, T_NOW},
		   &proposed, &d);
	table_outcome(got, sizeof(got), &run, &first.state, &d, 0);
	joined(want, sizeof(want), cell, 5, cells);
	if (strstr(want, "<flow run>") != NULL) {
		cr_expect_str_eq(d.reason, "The flow is paused, new tasks can execute "
					   "after resuming flow run: "
					   "00000000-0000-0000-0000-000000000000.");
	} else {
		check("task_pairs.tsv", cell, line, want, got);
	}
	orc_decision_release(&first);
	orc_decision_release(&d);
	orc_state_release(&proposed);
	orc_state_release(&flow);
	orc_run_release(&run);
}

Test(orchestration, task_pairs_answer_as_recorded)
{
	failures = 0;
	cr_assert_gt(table_each("task_pairs.tsv", task_row), 500);
	cr_assert_eq(failures, 0, "%d rows differ", failures);
}
