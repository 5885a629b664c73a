/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_test.c - wf-engine test: the tests of flow files, without a server and by a clock
 * that waits for nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/rundir.h"
#include "engine/cmd/load_file.h"
#include "engine/main.h"
#include "engine/plan.h"
#include "engine/runner.h"
#include "engine/tryout/tests.h"
#include "engine/tryout/tryout.h"
#include "engine/yaml/load.h"

#define FLOW_END   ".flow.yaml"
#define TEST_END   ".test.yaml"
#define RECORD_MAX (256u << 20)
#define LINES_MAX  10 /* of the log of a test that failed */

struct test_conf {
	int tap;
};

static const struct opt test_opts[] = {
    {.name = "tap",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct test_conf, tap),
     .help = "Print TAP (Test Anything Protocol) for other programs.",
     .flags = OPT_F_FLAGONLY},
};
static const char *const test_args[] = {"FILE..."};
const struct opt_spec test_spec = {
    .program = "wf-engine test",
    .usage = "FILE... [options]",
    .about = "Runs the tests of flow files: those under 'tests' in FILE and in "
	     "NAME.test.yaml beside NAME.flow.yaml. Nothing is recorded, nobody is "
	     "notified, delays and stubs take no time. Exit status: 0 all passed, 1 "
	     "some failed, 2 a file is not valid or has no tests.",
    .examples = "wf-engine test orders.flow.yaml",
    .opts = test_opts,
    .count = ARRAY_LEN(test_opts),
    .conf_size = sizeof(struct test_conf),
    .min_args = 1,
    .max_args = 1000,
    .arg_names = test_args,
};

struct tests_of { /* one file that has `tests` */
	const char *path;
	struct buf text;
	struct ynode *root;
	struct test_cases cases;
};
struct suite {
	int tap;
	size_t number, failed;
	const struct plan_file *file;
};

/* ---- one test ---- */

static void set_env(const json_t *env, int set, json_t *old)
{
	const char *name, *before;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)env, name, v) {
		if (set) {
			before = opts_env(name);
			(void)json_object_set_new(old, name,
						  before != NULL ? json_string(before)
								 : json_null());
			opts_env_set(name, json_string_value(v));
		} else {
			opts_env_set(name,
				     json_string_value(json_object_get(old, name)));
		}
	}
}

static char *run_case(const struct suite *s, const struct test_case *c,
		      struct error *err)
{
	const struct plan_flow *flow = plan_find(s->file, c->flow, err);
	struct rundir dir = {NULL, -1};
	struct tryout t = {.flow = flow, .params = c->params, .stubs = c->stubs};
	json_t *old = json_object();
	char *text = NULL;

	if (flow != NULL && rundir_open(&dir, opts_env("TMPDIR"), err) == 0) {
		t.store = dir.path;
		set_env(c->env, 1, old);
		text = tryout_run(&t, err);
		set_env(c->env, 0, old);
		rundir_close(&dir);
	}
	json_decref(old);
	return text;
}

/* TEXT with PREFIX before each line. */
static void print_lines(const char *text, const char *prefix)
{
	const char *end;

	for (; *text != '\0'; text = *end == '\0' ? end : end + 1) {
		end = strchrnul(text, '\n');
		(void)printf("%s%.*s\n", prefix, (int)(end - text), text);
	}
}

static void print_log(const json_t *doc, const char *prefix)
{
	const json_t *logs = json_object_get(doc, "logs");
	size_t n = json_array_size(logs), i = n > LINES_MAX ? n - LINES_MAX : 0;

	if (n > 0) {
		(void)printf("%sits log ended with:\n", prefix);
	}
	for (; i < n; i++) {
		(void)printf("%s  %s\n", prefix,
			     json_string_value(
				 json_object_get(json_array_get(logs, i), "message")));
	}
}

static void judge(struct suite *s, const struct tests_of *t, const struct test_case *c)
{
	const char *prefix = s->tap ? "# " : "       ";
	struct error err = {.msg = ""};
	char *text = run_case(s, c, &err);
	json_t *doc =
	    text != NULL ? json_parse(text, strlen(text), RECORD_MAX, &err) : NULL;
	struct diags d;
	struct loader l = {.d = &d};
	struct buf out;
	int good;

	diags_init(&d, t->path, t->text.data, t->text.len);
	buf_init(&out);
	if (doc != NULL) {
		expect_check(&l, c, doc);
	} else {
		diag_node(&d, c->key, "%s", err.msg);
	}
	good = d.count == 0;
	s->number++;
	s->failed += !good;
	if (s->tap) {
		(void)printf("%sok %zu - %s: %s\n", good ? "" : "not ", s->number,
			     t->path, c->key->text);
	} else {
		(void)printf("%s  %s: %s\n", good ? "ok   " : "FAIL ", t->path,
			     c->key->text);
	}
	if (!good) {
		diags_print(&d, &out);
		print_lines(out.data, prefix);
		print_log(doc, prefix);
	}
	(void)fflush(stdout);
	buf_release(&out);
	diags_release(&d);
	json_decref(doc);
	free(text);
}

/* ---- files ---- */

/* The tests of PATH, read again with their places. */
static int read_tests(struct tests_of *t, const char *path, struct plan_file *file)
{
	struct diags d;
	struct loader l = {.d = &d, .file = file};
	const struct ynode *n;
	struct error err;
	struct buf out;
	int rc = 0;

	*t = (struct tests_of){.path = path};
	buf_init(&t->text);
	if (buf_read_file(&t->text, path, YAML_MAX_BYTES, &err) < 0) {
		(void)fprintf(stderr, "wf-engine test: %s\n", err.msg);
		return RUNNER_UNUSABLE;
	}
	diags_init(&d, path, t->text.data, t->text.len);
	if (yaml_parse(t->text.data, t->text.len, &d, &t->root) == 0) {
		n = ymap_get(t->root, "tests");
		if (n != NULL) {
			tests_load(&l, n, &t->cases);
		}
	}
	if (d.count > 0) {
		buf_init(&out);
		diags_print(&d, &out);
		(void)fputs(out.data, stderr);
		buf_release(&out);
		rc = RUNNER_UNUSABLE;
	}
	diags_release(&d);
	return rc;
}

static int run_tests(struct suite *s, const char *path, struct plan_file *file)
{
	struct tests_of t;
	size_t i;
	int rc = read_tests(&t, path, file);

	for (i = 0; rc == 0 && i < t.cases.count; i++) {
		judge(s, &t, &t.cases.items[i]);
	}
	tests_release(&t.cases);
	ynode_free(t.root);
	buf_release(&t.text);
	return rc;
}

static int ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), k = strlen(end);

	return n > k && strcmp(path + n - k, end) == 0;
}

/* PATH with another end, owned. */
static char *beside(const char *path, const char *end, const char *other)
{
	return xasprintf("%.*s%s", (int)(strlen(path) - strlen(end)), path, other);
}

static int run_file(struct suite *s, const char *arg)
{
	int only = ends_with(arg, TEST_END);
	char *path = only ? beside(arg, TEST_END, FLOW_END) : xstrdup(arg);
	char *more = only                        ? xstrdup(arg)
		     : ends_with(path, FLOW_END) ? beside(path, FLOW_END, TEST_END)
						 : NULL;
	const struct plan_flow *flow = NULL;
	struct plan_file *file = NULL;
	size_t before = s->number;
	int rc = load_file(path, &file, &flow);

	s->file = file;
	if (rc == 0 && !only) {
		rc = run_tests(s, path, file);
	}
	if (rc == 0 && more != NULL && (only || access(more, F_OK) == 0)) {
		rc = run_tests(s, more, file);
	}
	if (rc == 0 && s->number == before) {
		(void)fprintf(stderr,
			      "wf-engine test: %s has no tests: write them under "
			      "'tests:', there or in NAME.test.yaml beside it\n",
			      arg);
		rc = RUNNER_UNUSABLE;
	}
	plan_free(file);
	free(path);
	free(more);
	return rc;
}

static int run_all(const struct test_conf *conf, const struct opts *opts)
{
	struct suite s = {.tap = conf->tap};
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < (size_t)opts->nargs; i++) {
		rc = run_file(&s, opts->args[i]);
	}
	if (s.tap) {
		(void)printf("1..%zu\n", s.number);
	} else if (s.number > 0) {
		(void)printf("%zu passed, %zu failed\n", s.number - s.failed, s.failed);
	}
	return rc != 0 ? rc : s.failed > 0 ? RUNNER_FAILED : 0;
}

int cmd_test(int argc, char **argv)
{
	struct test_conf conf = {0};
	struct opts opts;
	struct error err;
	int rc = 0;

	if (opts_load(&test_spec, argc, argv, NULL, &conf, &opts, &err) < 0) {
		(void)fprintf(stderr, "wf-engine test: %s\n", err.msg);
		return err_exit_status(err.code);
	}
	if (opts.want_help || opts.want_version) {
		opts_help(&test_spec, stdout);
	} else {
		rc = run_all(&conf, &opts);
	}
	opts_release(&test_spec, &conf, &opts);
	return rc;
}
