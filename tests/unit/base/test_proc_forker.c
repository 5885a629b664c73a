/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_proc_forker.c - children that the forker makes are ours in every respect.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/proc.h"
#include "base/proc_forker.h"

struct order {
	char text[16];
	pid_t owner;
};

static struct loop *loop;
static struct proc_exit seen;
static char out[256];
static size_t out_len;
static int later; /* set when the forker is there: its children do not see it */

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	(void)p;
	(void)arg;
	cr_assert(stream == 1 && out_len + len < sizeof(out));
	memcpy(out + out_len, data, len);
	out_len += len;
}

static void on_exit_of(struct proc *p, const struct proc_exit *e, void *arg)
{
	(void)p;
	(void)arg;
	seen = *e;
	loop_stop(loop, 0);
}

/* Text that the order brought, our parent, our group. */
static int tell(void *arg)
{
	const struct order *o = arg;

	(void)printf(
	    "%s%s%s%s", o->text, getppid() == o->owner ? " child" : " stranger",
	    getpgrp() == getpid() ? " leads" : " follows", later ? " late" : "");
	return 42;
}

static int crash(void *arg)
{
	(void)arg;
	(void)raise(SIGSEGV);
	return 0;
}

static int sleep_on(void *arg)
{
	(void)arg;
	for (;;) {
		(void)pause();
	}
	return 0;
}

static struct order order = {.text = "hello"};

static struct proc_spec spec_for(int (*fn)(void *arg))
{
	order.owner = getpid();
	return (struct proc_spec){
	    .fd = {-1, PROC_FD_PIPE, -1, -1},
	    .fork_fn = fn,
	    .fork_arg = &order,
	    .lean_size = sizeof(order),
	    .limits = {.core_off = 1},
	    .output_fn = on_output,
	    .exit_fn = on_exit_of,
	};
}

static void run(const struct proc_spec *spec)
{
	struct error err;

	out_len = 0;
	memset(out, 0, sizeof(out));
	cr_assert_eq(proc_spawn(loop, spec, NULL, &err), 0, "%s", err.msg);
	cr_assert_eq(loop_run(loop), 0);
}

static void begin(void)
{
	struct error err;

	cr_assert_eq(proc_forker_start(&err), 0, "%s", err.msg);
	loop = loop_new(&err);
	cr_assert_not_null(loop);
	cr_assert_eq(proc_init(loop, &err), 0);
	cr_assert(proc_forker_ready());
	later = 1;
}

static void end(void)
{
	proc_fini();
	cr_assert_not(proc_forker_ready());
	cr_assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
		  "nothing of it is left");
	loop_free(loop);
}

Test(proc_forker, its_children_are_ours, .init = begin, .fini = end)
{
	struct proc_spec spec = spec_for(tell);

	run(&spec);
	cr_assert_eq(proc_exit_code(&seen), 42);
	cr_assert_str_eq(out, "hello child leads");
	cr_assert_eq(proc_kill_strays(), 0, "the forker is no stray");
	run(&spec);
	cr_assert_eq(proc_exit_code(&seen), 42);
}

Test(proc_forker, what_becomes_of_them, .init = begin, .fini = end)
{
	struct proc_spec spec = spec_for(crash);

	run(&spec);
	cr_assert(WIFSIGNALED(seen.status) && WTERMSIG(seen.status) == SIGSEGV);

	spec = spec_for(sleep_on);
	spec.time_limit_ms = 50;
	run(&spec);
	cr_assert_eq(seen.reason, PROC_STOP_TIMEOUT);

	spec = spec_for(tell);
	spec.cwd = "/nowhere/at/all";
	run(&spec);
	cr_assert_eq(seen.spawn_errno, ENOENT);
	cr_assert_str_eq(seen.spawn_step, "chdir");
}

static void kill_the_forker(void)
{
	char path[64], text[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	cr_assert_not_null(f);
	cr_assert_not_null(fgets(text, sizeof(text), f));
	(void)fclose(f);
	cr_assert_eq(kill((pid_t)strtol(text, NULL, 10), SIGKILL), 0);
}

Test(proc_forker, we_fork_when_it_is_gone, .init = begin, .fini = end)
{
	struct proc_spec spec = spec_for(tell);

	kill_the_forker();
	run(&spec);
	cr_assert_eq(proc_exit_code(&seen), 42);
	cr_assert_str_eq(out, "hello child leads late");
	cr_assert_not(proc_forker_ready());
}
