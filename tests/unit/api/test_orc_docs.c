/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_orc_docs.c - docs/orchestration.md and docs/states.md say what the tables say.
 *
 * The generated part stands between two marker lines.  To renew it:
 *	WF_DOCS_OUT=/tmp/docs build/tests/unit/test_api --filter orc_docs
 * and copy what is in /tmp/docs between the markers.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/orchestration/rules.h"
#include "base/buf.h"
#include "base/error.h"
#include "proto/frame.h"
#include "tests/unit/api/orc_table.h"

#define TYPES 10
#define BEGIN "<!-- generated: begin -->\n"
#define END   "<!-- generated: end -->\n"

static const char *type_name(int type)
{
	return type == 0 ? "(none)" : state_type_text(type);
}

/* "FAILED, CRASHED", "any", "any but PENDING". */
static void types_text(struct buf *b, unsigned int mask)
{
	unsigned int missing = ORC_ALL & ~mask;
	unsigned int shown = mask;
	const char *sep = "";

	if (missing == 0) {
		buf_adds(b, "any");
		return;
	}
	if (mask == ORC_TERMINAL) {
		buf_adds(b, "terminal");
		return;
	}
	if (__builtin_popcount(missing) <= 3) {
		buf_adds(b, "any but ");
		shown = missing;
	}
	for (int t = 0; t < TYPES; t++) {
		if ((shown & ORC_BIT(t)) != 0) {
			buf_addf(b, "%s%s", sep, type_name(t));
			sep = ", ";
		}
	}
}

static void policy_text(struct buf *b, enum orc_policy policy)
{
	const struct orc_rules *p = orc_rules_of(policy);

	buf_addf(b,
		 "### %s\n\n| # | rule | from | to | what it does "
		 "|\n|---|---|---|---|---|\n",
		 p->name);
	for (size_t i = 0; p->rules[i] != NULL; i++) {
		const struct orc_rule *r = p->rules[i];

		buf_addf(b, "| %zu | %s | ", i + 1, r->name);
		types_text(b, r->from);
		buf_adds(b, " | ");
		types_text(b, r->to);
		buf_addf(b, " | %s |\n", r->does);
	}
	buf_addc(b, '\n');
}

/* What a plain proposal of TO meets when a run of FROM has a deployment. */
static const char *pair_text(int from, int to)
{
	static const char *const mark[] = {"", "yes", "no (reject)", "wait",
					   "no (abort)"};
	struct orc_facts facts = {.concurrency_limit = -1, .deployment_exists = 1};
	struct orc_state current = {.type = 0}, proposed;
	struct orc_decision d;
	struct orc_run run;
	const char *text;

	orc_run_init(&run);
	run.has_deployment = 1;
	if (from != 0) {
		orc_state_init(&current, from, NULL, NULL);
		current.at_us = T_NOW - 1;
	}
	orc_state_init(&proposed, to, NULL, NULL);
	orc_decide(ORC_CORE_FLOW, &run, &(struct orc_view){&current, &facts, T_NOW},
		   &proposed, &d);
	text = d.status == ORC_REJECT && d.writes ? state_type_text(d.state.type)
						  : mark[d.status];
	orc_decision_release(&d);
	orc_state_release(&current);
	orc_state_release(&proposed);
	orc_run_release(&run);
	return text;
}

static void states_text(struct buf *b)
{
	buf_adds(b, "| from \\ to |");
	for (int to = 1; to < TYPES; to++) {
		buf_addf(b, " %s |", type_name(to));
	}
	buf_adds(b, "\n|---|");
	for (int to = 1; to < TYPES; to++) {
		buf_adds(b, "---|");
	}
	buf_addc(b, '\n');
	for (int from = 0; from < TYPES; from++) {
		buf_addf(b, "| %s |", type_name(from));
		for (int to = 1; to < TYPES; to++) {
			buf_addf(b, " %s |", pair_text(from, to));
		}
		buf_addc(b, '\n');
	}
}

static void write_out(const char *name, const struct buf *b)
{
	const char *dir = getenv("WF_DOCS_OUT");
	char path[512];
	FILE *f;

	if (dir == NULL) {
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (f != NULL) {
		fwrite(b->data, 1, b->len, f);
		fclose(f);
	}
}

static void check(const char *name, struct buf *want)
{
	const char *dir = getenv("srcdir");
	char path[512];
	struct buf doc;
	struct error err = {0};
	const char *begin, *end;

	write_out(name, want);
	snprintf(path, sizeof(path), "%s/docs/%s", dir != NULL ? dir : ".", name);
	buf_init(&doc);
	cr_assert_eq(buf_read_file(&doc, path, 1u << 20, &err), 0, "%s", err.msg);
	begin = strstr(doc.data, BEGIN);
	end = strstr(doc.data, END);
	cr_assert(begin != NULL && end != NULL, "%s has no markers", path);
	begin += sizeof(BEGIN) - 1;
	cr_expect(end - begin == (long)want->len &&
		      memcmp(begin, want->data, want->len) == 0,
		  "docs/%s does not say what the tables say: see the head of this file",
		  name);
	buf_release(&doc);
	buf_release(want);
}

Test(orc_docs, policies_are_documented)
{
	struct buf b;

	buf_init(&b);
	for (int p = ORC_CORE_FLOW; p <= ORC_MINIMAL_TASK; p++) {
		policy_text(&b, (enum orc_policy)p);
	}
	check("orchestration.md", &b);
}

Test(orc_docs, pairs_of_states_are_documented)
{
	struct buf b;

	buf_init(&b);
	states_text(&b);
	check("states.md", &b);
}
