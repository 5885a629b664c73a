/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_loader.c - what is wrong with a file, and where: exact lines.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/plan.h"

#define HEAD "version: 1\nflows:\n  f:\n"
#define TASK HEAD "    tasks:\n      a:\n"

struct wrong {
	const char *text;  /* the file */
	const char *first; /* the first line of the report, without "x.flow.yaml:" */
};

static const struct wrong wrongs[] = {
    {"", "1:1: error: the file is empty"},
    {"a: [1", "2:1: error: not valid YAML: did not find expected ',' or ']' while "
	      "parsing a flow "
	      "sequence"},
    {"- 1\n", "1:1: error: the file must be a mapping, not a list"},
    {"version: 2\nflows: {f: {tasks: {a: {run: x}}}}\n",
     "1:10: error: 'version' must be 1, not the number 2"},
    {"flows: {f: {tasks: {a: {run: x}}}}\n",
     "1:1: error: the file has no key 'version' (write version: 1)"},
    {"version: 1\nflow: {}\n", "1:1: error: the file has no key 'flows'"},
    {"version: 1\nversion: 1\n", "1:1: error: the file has no key 'flows'"},
    {HEAD "    tasks: {a: {run: x}}\n    tags: [1]\n",
     "5:12: error: 'tags' must be text, not the number 1; put it in quotes"},
    {HEAD "    description: 5\n    tasks: {a: {run: x}}\n",
     "4:18: error: 'description' must be text, not the number 5; put it in quotes"},
    {HEAD "    descripton: x\n    tasks: {a: {run: x}}\n",
     "4:5: error: unknown key 'descripton' of a flow; did you mean 'description'?"},
    {HEAD "    log_prints: yes\n    tasks: {a: {run: x}}\n",
     "4:17: error: 'log_prints' must be true or false; 'yes' is text in YAML 1.2"},
    {HEAD "    retry_delay_seconds: [1]\n    tasks: {a: {run: x}}\n",
     "4:26: error: 'retry_delay_seconds' of a flow must be a number (a list of delays "
     "is a "
     "feature of tasks)"},
    {HEAD "    task_runner: {max_workers: 0}\n    tasks: {a: {run: x}}\n",
     "4:32: error: 'max_workers' must be between 1 and 1024, not 0"},
    {HEAD "    hooks: {on_failed: []}\n    tasks: {a: {run: x}}\n",
     "4:13: error: unknown key 'on_failed' of 'hooks'; did you mean "
     "'on_failure'?"},
    {HEAD "    description: x\n", "3:3: error: the flow 'f' has no 'tasks'"},
    {HEAD "    tasks: {}\n",
     "4:12: error: 'tasks' must be a mapping of at least one task, not an empty one"},
    {"version: 1\nflows:\n  a/b:\n    tasks: {a: {run: x}}\n",
     "3:3: error: 'a/b' cannot name a flow: it must not be empty or contain / % & < >"},
    {TASK "        retires: 3\n        run: x\n",
     "6:9: error: unknown key 'retires' of a task; did you mean 'retries'?"},
    {TASK "        retries: \"3\"\n        run: x\n",
     "6:18: error: 'retries' must be a whole number, not the text \"3\""},
    {TASK "        retries: -1\n        run: x\n",
     "6:18: error: 'retries' must be between 0 and 10000, not -1"},
    {TASK "        run: x\n        run: y\n",
     "7:9: error: the key 'run' is given twice"},
    {TASK "        run: x\n        cmd: [y]\n",
     "5:7: error: the task 'a' needs exactly one of 'run' and 'cmd', or one of "
     "'uses', 'pause' and 'suspend'"},
    {TASK "        description: x\n",
     "5:7: error: the task 'a' needs exactly one of 'run' and 'cmd'"},
    {TASK "        cmd: echo\n", "6:14: error: 'cmd' must be a list of texts (program "
				 "first), not the text \"echo\""},
    {TASK "        run: x\n        outputs: jsno\n",
     "7:18: error: 'outputs' must be json, text, lines, none or {file: PATH}, not the "
     "text "
     "\"jsno\"; did you mean 'json'?"},
    {TASK "        run: x\n        retry_delay_seconds: [1, x]\n",
     "7:34: error: 'retry_delay_seconds' must be a number, not the text \"x\""},
    {TASK "        run: x\n        retry_delay_seconds: {exponential: 1}\n",
     "7:30: error: 'retry_delay_seconds' as a mapping is {exponential_backoff: "
     "SECONDS}"},
    {TASK "        run: echo {{ params.n }}\n",
     "6:19: error: 'run' takes no {{ }}: give the value a name in 'with' and use "
     "\"$WF_IN_name\" in the script (or use 'cmd')"},
    {TASK "        run: |\n          true\n          echo {{tasks.b}}\n",
     "8:16: error: 'run' takes no {{ }}: give the value a name in 'with' and use "
     "\"$WF_IN_name\" in the script (or use 'cmd')"},
    {TASK "        for_each: [1]\n        run: x\n",
     "6:19: error: for_each must be a mapping, not a list"},
    {TASK "        uses: other\n", "6:15: error: the file has no flow 'other'"},
    {TASK "        run: x\n        with: {a-b: 1}\n",
     "7:16: error: 'a-b' cannot name an input: use letters, digits and _"},
    {TASK "        run: x\n        env: {A B: 1}\n",
     "7:15: error: 'A B' cannot be the name of a variable"},
    {TASK "        run: x\n        with: {x: \"{{ params.n }}\"}\n",
     "7:30: error: the flow has no parameter 'n'"},
    {TASK "        run: x\n        with: {x: \"{{ tasks.bb }}\"}\n",
     "7:29: error: the flow has no task 'bb'"},
    {TASK "        run: x\n        with: {x: \"{{ with.x }}\"}\n",
     "7:23: error: 'with' cannot be used here"},
    {TASK "        run: x\n        with: {x: \"{{ item.x }}\"}\n",
     "7:23: error: 'item' is known only in a task with 'for_each'"},
    {TASK "        run: x\n        with: {x: \"{{ 1 + }}\"}\n",
     "7:25: error: unexpected character"},
    {TASK "        run: x\n        with: {x: \"{{ 1\"}\n",
     "7:20: error: '{{' has no closing '}}'"},
    {TASK "        run: x\n        with: {x: \"{{ 'a' | uppr }}\"}\n",
     "7:29: error: unknown filter 'uppr'; did you mean 'upper'?"},
    {TASK "        run: x\n        if: maybe\n",
     "7:13: error: 'if' must be an expression: write if: \"{{ ... }}\""},
    {TASK "        run: x\n        needs: [a]\n",
     "5:7: error: the tasks wait for each other in a circle: a -> a"},
    {TASK "        run: x\n        needs: [c]\n      b: {run: x, needs: [a]}\n"
	  "      c: {run: x, needs: [b]}\n",
     "5:7: error: the tasks wait for each other in a circle: a -> c -> b -> a"},
    {TASK "        run: x\n        needs: [befroe]\n      before: {run: x}\n",
     "7:17: error: the flow has no task 'befroe'; did you mean 'before'?"},
    {TASK "        run: x\n        task_run_name: \"{x\"\n",
     "7:25: error: '{' has no closing '}'"},
    {HEAD
     "    flow_run_name: \"{nam}\"\n    params: {name: {}}\n    tasks: {a: {run: x}}\n",
     "4:20: error: '{nam}' is no parameter of the flow; did you mean 'name'?"},
    {HEAD "    params: {n: {type: strin}}\n    tasks: {a: {run: x}}\n",
     "4:24: error: unknown type 'strin' (string, integer, number, boolean, array, "
     "object, "
     "date-time or enum); did you mean 'string'?"},
    {HEAD "    params: {n: {type: integer, default: x}}\n    tasks: {a: {run: x}}\n",
     "4:42: error: the default does not fit: parameter 'n': must be of type integer, "
     "not the "
     "text \"x\""},
    {HEAD "    defaults: {run: x}\n    tasks: {a: {run: x}}\n",
     "4:16: error: unknown key 'run' of 'defaults'"},
    {"version: 1\nflows: *nothing\n",
     "2:8: error: no anchor is named 'nothing' (or it is not finished yet)"},
    {"version: 1\n---\nversion: 1\n", "3:1: error: a file holds one document"},
};

static const char *first_line(const char *text)
{
	static char line[600];
	struct plan_file *file = NULL;
	struct buf report;
	const char *from;
	size_t len;

	buf_init(&report);
	if (plan_parse("x.flow.yaml", text, strlen(text), &file, &report) == 0) {
		plan_free(file);
		buf_release(&report);
		return "no error";
	}
	from = report.data + strlen("x.flow.yaml:");
	len = strcspn(from, "\n");
	memcpy(line, from, MIN_OF(len, sizeof(line) - 1));
	line[MIN_OF(len, sizeof(line) - 1)] = '\0';
	buf_release(&report);
	return line;
}

Test(loader, errors_have_a_place_and_a_hint)
{
	size_t i;

	for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const char *got = first_line(wrongs[i].text);

		cr_expect_str_eq(got, wrongs[i].first,
				 "case %zu\n%s\ngot:  %s\nwant: %s", i, wrongs[i].text,
				 got, wrongs[i].first);
	}
}

Test(loader, all_errors_are_reported_with_source_and_caret)
{
	static const char text[] =
	    HEAD "    retires: 1\n    tasks:\n      a: {rnu: x}\n";
	static const char want[] =
	    "x.flow.yaml:4:5: error: unknown key 'retires' of a flow; did you mean "
	    "'retries'?\n"
	    "    4 |     retires: 1\n"
	    "      |     ^~~~~~~\n"
	    "x.flow.yaml:6:7: error: the task 'a' needs exactly one of 'run' and "
	    "'cmd'\n"
	    "    6 |       a: {rnu: x}\n"
	    "      |       ^\n"
	    "x.flow.yaml:6:11: error: unknown key 'rnu' of a task; did you mean "
	    "'run'?\n"
	    "    6 |       a: {rnu: x}\n"
	    "      |           ^~~\n";
	struct plan_file *file = NULL;
	struct buf report;

	buf_init(&report);
	cr_assert_lt(plan_parse("x.flow.yaml", text, strlen(text), &file, &report), 0);
	cr_expect_str_eq(report.data, want);
	buf_release(&report);
}

static struct plan_file *load_ok(const char *text)
{
	struct plan_file *file = NULL;
	struct buf report;

	buf_init(&report);
	cr_assert_eq(plan_parse("x.flow.yaml", text, strlen(text), &file, &report), 0,
		     "%s", report.data);
	buf_release(&report);
	return file;
}

Test(loader, a_flow_has_what_the_file_says)
{
	struct plan_file *file = load_ok(
	    HEAD
	    "    description: d\n    retries: 3\n    retry_delay_seconds: 0.5\n"
	    "    tags: [x, y, x]\n    defaults: {retries: 2, tags: [d], env: {A: "
	    "\"1\", B: \"2\"}}\n"
	    "    tasks:\n      a: {run: x, retries: 0, env: {A: \"3\"}, tags: [t]}\n"
	    "      b: {cmd: [y, 5], needs: [a], with: {v: \"{{ tasks.a }}\"}}\n"
	    "      c: {run: z, retry_delay_seconds: {exponential_backoff: 10}}\n");
	const struct plan_flow *f = file->flows[0];

	cr_expect_str_eq(f->name, "f");
	cr_expect_eq(f->retries, 3);
	cr_expect_eq(f->retry_delay_s, 1);
	cr_expect_eq(f->tags.count, 2);
	cr_expect_eq(f->max_workers, PLAN_DEFAULT_WORKERS);
	cr_assert_eq(f->count, 3);
	cr_expect_eq(f->tasks[0]->retries, 0);
	cr_expect_eq(f->tasks[1]->retries, 2);
	cr_expect_eq(f->tasks[0]->env.count, 2);
	cr_expect_eq(f->tasks[0]->tags.count, 2);
	cr_expect_eq(f->tasks[1]->upstream.count, 1);
	cr_expect_eq(f->tasks[0]->downstream.count, 1);
	cr_expect_eq(f->tasks[2]->delays.count, PLAN_MAX_DELAYS);
	cr_expect_eq((int)f->tasks[2]->delays.seconds[2], 40);
	cr_expect_eq(strlen(file->version), 32);
	plan_free(file);
}

Test(loader, merge_keys_and_anchors_work)
{
	struct plan_file *file =
	    load_ok("version: 1\nflows:\n  f:\n    tasks:\n      a: &base {run: x, "
		    "retries: 1}\n"
		    "      b:\n        <<: *base\n        retries: 5\n"
		    "      c: {<<: [*base], tags: [t]}\n");

	cr_expect_eq(file->flows[0]->tasks[1]->retries, 5);
	cr_expect_str_eq(file->flows[0]->tasks[1]->script, "x");
	cr_expect_eq(file->flows[0]->tasks[2]->retries, 1);
	plan_free(file);
}

Test(loader, a_billion_laughs_stop_at_the_limit)
{
	struct buf text, report;
	struct plan_file *file = NULL;
	int i, k;

	buf_init(&text);
	buf_init(&report);
	buf_adds(&text, "a: &l0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (i = 1; i < 12; i++) {
		buf_addf(&text, "b%d: &l%d [", i, i);
		for (k = 0; k < 10; k++) {
			buf_addf(&text, "%s*l%d", k > 0 ? ", " : "", i - 1);
		}
		buf_adds(&text, "]\n");
	}
	cr_expect_lt(plan_parse("x", text.data, text.len, &file, &report), 0);
	cr_expect_not_null(strstr(report.data, "aliases make the file too large"));
	buf_release(&text);
	buf_release(&report);
}

Test(loader, deep_nesting_is_refused)
{
	struct buf text, report;
	struct plan_file *file = NULL;
	int i;

	buf_init(&text);
	buf_init(&report);
	for (i = 0; i < 100; i++) {
		buf_addc(&text, '[');
	}
	cr_expect_lt(plan_parse("x", text.data, text.len, &file, &report), 0);
	cr_expect_not_null(strstr(report.data, "nested too deeply"));
	buf_release(&text);
	buf_release(&report);
}

Test(loader, ten_thousand_tasks_in_a_chain_and_a_fan)
{
	struct buf text;
	struct plan_file *file;
	int i;

	buf_init(&text);
	buf_adds(&text, "version: 1\nflows:\n  f:\n    tasks:\n      t0: {run: x}\n");
	for (i = 1; i < 10000; i++) {
		buf_addf(&text, "      t%d: {run: x, needs: [t0, t%d]}\n", i, i - 1);
	}
	file = load_ok(text.data);
	cr_expect_eq(file->flows[0]->count, 10000);
	cr_expect_eq(file->flows[0]->tasks[0]->downstream.count, 9999);
	plan_free(file);
	buf_release(&text);
}
