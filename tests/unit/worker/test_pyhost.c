/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pyhost.c - templates and their children with the real wf-pyhost, but without
 * Prefect (fake_pyhost.py).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "worker/pyhost.h"

#define LIMIT_MS 30000
#define RUNS_MAX 8

static struct loop *loop;
static struct pyhost *host;
static char *folder, *program;

/* One wanted run and what became of it. */
struct want {
	struct pyhost_child *child;
	struct proc *proc;
	struct proc_exit exit;
	char why[600], out[200];
	int cold, hold, ended;
	pid_t pid;
};
static struct want wants[RUNS_MAX];

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	struct want *w = arg;
	size_t have = strlen(w->out);

	(void)p;
	(void)stream;
	(void)snprintf(w->out + have, sizeof(w->out) - have, "%.*s", (int)len, data);
}

static void on_end(struct proc *p, const struct proc_exit *exit, void *arg)
{
	struct want *w = arg;

	(void)p;
	w->exit = *exit;
	w->ended = 1;
}

static void let_go(struct want *w)
{
	const struct proc_spec spec = {.fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, -1},
				       .output_fn = on_output,
				       .exit_fn = on_end,
				       .arg = w};
	struct error err;

	cr_assert_eq(pyhost_child_go(w->child, &spec, &w->proc, &err), 0, "%s",
		     err.msg);
	w->pid = proc_pid(w->proc);
	w->child = NULL;
}

static void on_child(struct pyhost_child *child, const char *why, void *arg)
{
	struct want *w = arg;

	w->child = child;
	if (child == NULL) {
		(void)snprintf(w->why, sizeof(w->why), "%s", why);
		w->cold = 1;
	} else if (!w->hold) {
		let_go(w);
	}
}

/* Wants a run of fake_pyhost.py that does HOW; its environment has VAR besides. */
static int want(struct want *w, const char *how, const char *var)
{
	static char module[] = "fake_pyhost", path[] = "PATH=/usr/bin:/bin";
	char *python_path = xasprintf("PYTHONPATH=%s", folder), *what = xstrdup(how),
	     *mine = xstrdup(var != NULL ? var : "MINE=yes");
	char *argv[] = {module, what, NULL}, *env[] = {path, python_path, mine, NULL};
	const struct proc_spec spec = {.argv = argv, .envp = env, .cwd = "/"};
	struct error err = {0};
	int rc = pyhost_spawn(host, &spec, on_child, w, &err);

	if (rc < 0) {
		(void)snprintf(w->why, sizeof(w->why), "%s", err.msg);
		w->cold = 1;
	}
	free(python_path);
	free(what);
	free(mine);
	return rc;
}

static int is_through(const struct want *w)
{
	return w->cold || w->ended || w->child != NULL;
}

static void finish(struct want *w)
{
	int64_t until_ms = clock_mono_ms() + LIMIT_MS;

	while (!is_through(w) && clock_mono_ms() < until_ms) {
		loop_turn(loop, 100);
	}
	cr_assert(is_through(w), "nothing happened");
}

static void make_host(unsigned int forks_max)
{
	static char *none[] = {NULL};
	struct error err;

	host = pyhost_new(loop,
			  &(struct pyhost_conf){.python = "/usr/bin/python3",
						.program = program,
						.preload = "",
						.environ_ = none,
						.forks_max = forks_max},
			  &err);
	cr_assert_not_null(host);
}

static void setup(void)
{
	const char *src = getenv("srcdir");
	char *top = realpath(src != NULL ? src : ".", NULL);
	struct error err;

	folder = xasprintf("%s/tests/unit/worker", top);
	free(top);
	program = xasprintf("%s/fake_pyhost.py", folder);
	loop = loop_new(&err);
	cr_assert_eq(proc_init(loop, &err), 0, "%s", err.msg);
	make_host(0);
}

static void teardown(void)
{
	pyhost_free(host);
	proc_fini();
	loop_free(loop);
	free(folder);
	free(program);
}

TestSuite(pyhost, .init = setup, .fini = teardown, .timeout = 60);

Test(pyhost, runs_end_as_ours)
{
	static const struct {
		const char *how;
		int code;
	} cases[] = {{"fine", 0}, {"exit", 3}, {"kill", -9}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cr_assert_eq(want(&wants[i], cases[i].how, NULL), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		finish(&wants[i]);
		cr_assert(wants[i].ended, "%s", wants[i].why);
		cr_assert_eq(proc_exit_code(&wants[i].exit), cases[i].code);
		cr_assert_gt(wants[i].exit.max_rss_kb, 0);
	}
	cr_assert_str_eq(wants[0].out, "ran fine yes\n");
}

Test(pyhost, a_dropped_child_never_runs)
{
	wants[0].hold = wants[1].hold = 1;
	cr_assert_eq(want(&wants[0], "fine", NULL), 0);
	finish(&wants[0]);
	pyhost_child_drop(wants[0].child);
	wants[0].child = NULL;
	cr_assert_eq(want(&wants[1], "fine", NULL), 0);
	finish(&wants[1]);
	let_go(&wants[1]);
	finish(&wants[1]);
	cr_assert_str_eq(wants[0].out, "");
	cr_assert_str_eq(wants[1].out, "ran fine yes\n");
}

Test(pyhost, reasons_to_start_cold)
{
	static const struct {
		const char *var, *why;
	} cases[] = {
	    {"OTEL_X=1", "OpenTelemetry"},
	    {"MINE=plugins", "plugins"},
	    {"PYTHON_HOW=thread", "a thread runs in the template"},
	    {"PYTHON_HOW=dies", "it is broken"},
	    {"MINE=\xff", "UTF-8"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct want *w = &wants[i];

		/* a new environment gets a template at once only when there are few */
		(void)want(w, "fine", cases[i].var);
		finish(w);
		if (strstr(w->why, "not seen before") != NULL) {
			memset(w, 0, sizeof(*w));
			(void)want(w, "fine", cases[i].var);
			finish(w);
		}
		cr_assert(w->cold, "%s", cases[i].var);
		cr_assert_not_null(strstr(w->why, cases[i].why), "%s", w->why);
	}
	/* a failure is remembered */
	cr_assert_lt(want(&wants[5], "fine", "PYTHON_HOW=dies"), 0);
}

/* A template goes on until its successor is ready; then it leaves. */
Test(pyhost, templates_are_replaced)
{
	pyhost_free(host);
	make_host(2);
	for (int i = 0; i < RUNS_MAX; i++) {
		cr_assert_eq(want(&wants[i], "fine", NULL), 0);
		finish(&wants[i]);
		cr_assert(wants[i].ended, "%s", wants[i].why);
	}
	for (int64_t until_ms = clock_mono_ms() + LIMIT_MS;
	     proc_count() > 1 && clock_mono_ms() < until_ms;) {
		loop_turn(loop, 100);
	}
	cr_assert_eq(proc_count(), 1, "one template is left");
}
