/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_proc_plain.c - processes without a loop: functions, detached programs, look-up.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/proc.h"

static char sh_name[] = "sh", sh_c[] = "-c";

static int stuck_task(void *arg)
{
	(void)arg;
	for (;;) {
		pause();
	}
	return 0;
}

static int exit_seven(void *arg)
{
	(void)arg;
	return 7;
}

Test(proc_plain, fork_fn_and_wait)
{
	struct error err;
	pid_t pid = proc_fork_fn(exit_seven, NULL, &err);
	int status = 0;

	cr_assert_gt(pid, 0, "%s", err.msg);
	cr_assert_eq(proc_fn_wait(pid, 1, &status, &err), 1);
	cr_assert_eq(WEXITSTATUS(status), 7);
	cr_assert_lt(proc_fn_wait(pid, 1, &status, &err), 0, "it is reaped already");
	pid = proc_fork_fn(stuck_task, NULL, &err);
	cr_assert_eq(proc_fn_wait(pid, 0, &status, &err), 0);
	cr_assert_eq(proc_fn_signal(pid, SIGKILL, &err), 0);
	cr_assert_eq(proc_fn_wait(pid, 1, &status, &err), 1);
	cr_assert_eq(WTERMSIG(status), SIGKILL);
}

Test(proc_plain, a_detached_process_has_its_own_session)
{
	char file[] = "/tmp/wf-test-detached-XXXXXX", *env[] = {NULL};
	char script[] = "ps -o pid=,sid= -p $$",
	     *argv[] = {sh_name, sh_c, script, NULL};
	char text[64] = "";
	int fd = mkstemp(file), status, pid, sid;
	struct error err;
	pid_t got;

	got = proc_spawn_detached(argv, env, fd, &err);
	cr_assert_gt(got, 0, "%s", err.msg);
	cr_assert_eq(waitpid(got, &status, 0), got);
	cr_assert_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
	cr_assert_eq(sscanf(text, "%d %d", &pid, &sid), 2);
	cr_assert_eq(pid, got);
	cr_assert_eq(sid, got);
	close(fd);
	unlink(file);
}

Test(proc_plain, a_detached_process_that_cannot_start_is_an_error)
{
	char name[] = "no-such-program-at-all", *argv[] = {name, NULL}, *env[] = {NULL};
	struct error err;

	cr_assert_eq(proc_spawn_detached(argv, env, 2, &err), -ERR_NOT_FOUND);
	cr_assert_str_eq(err.msg, "start no-such-program-at-all: exec: "
				  "No such file or directory");
	cr_assert_eq(proc_exec(argv, env, &err), -ERR_NOT_FOUND);
}

Test(proc_plain, programs_are_found_in_our_folder_or_in_the_path)
{
	char *a = proc_find_program("test_base"), *b = proc_find_program("sh"),
	     *c = proc_find_program("no-such-program-at-all");

	cr_assert_not_null(a);
	cr_assert_not_null(strstr(a, "tests/unit/test_base"));
	cr_assert_not_null(b);
	cr_assert_null(c);
	free(a);
	free(b);
}
