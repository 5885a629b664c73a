/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_proc.c - supervision, with real processes.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/proc.h"

#define MAX_OUT  262144
#define LIMIT_MS 20000 /* a test that takes longer has failed */
#define PARALLEL 200

static struct loop *loop;

/* What one process did. */
struct result {
	struct proc *proc;
	struct proc_exit exit;
	int exits; /* calls of exit_fn */
	char out[2][MAX_OUT];
	size_t len[2];
};
static struct result res;

static void setup(void)
{
	struct error err;

	loop = loop_new(&err);
	cr_assert_not_null(loop);
	cr_assert_eq(proc_init(loop, &err), 0, "%s", err.msg);
}

static void teardown(void)
{
	proc_fini();
	loop_free(loop);
}

TestSuite(proc, .init = setup, .fini = teardown, .timeout = 60);

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	struct result *r = arg;
	size_t room = MAX_OUT - 1 - r->len[stream - 1];

	cr_assert_eq(r->exits, 0, "output after the exit");
	(void)p;
	len = len < room ? len : room;
	memcpy(r->out[stream - 1] + r->len[stream - 1], data, len);
	r->len[stream - 1] += len;
}

static void on_exit_fn(struct proc *p, const struct proc_exit *exit, void *arg)
{
	struct result *r = arg;

	cr_assert_eq(p, r->proc);
	r->exit = *exit;
	r->exits++;
}

static struct proc_spec spec_of(char *const *argv)
{
	static char path[] = "PATH=/usr/bin:/bin", a[] = "A=b";
	static char *env[] = {path, a, NULL};

	return (struct proc_spec){.argv = argv,
				  .envp = env,
				  .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, -1},
				  .output_fn = on_output,
				  .exit_fn = on_exit_fn,
				  .arg = &res};
}

static void start(const struct proc_spec *spec)
{
	struct error err;

	cr_assert_eq(proc_spawn(loop, spec, &res.proc, &err), 0, "%s", err.msg);
	cr_assert_eq(res.exits, 0, "never before the call returns");
}

static void finish(void)
{
	int64_t until_ms = clock_mono_ms() + LIMIT_MS;

	while (res.exits == 0 && clock_mono_ms() < until_ms) {
		loop_turn(loop, 1000);
	}
	cr_assert_eq(res.exits, 1, "the process did not finish");
}

static char sh_name[] = "sh", sh_c[] = "-c";

/* argv of `sh -c SCRIPT`; one at a time. */
static char **sh(const char *script)
{
	static char copy[1024];
	static char *argv[] = {sh_name, sh_c, copy, NULL};

	(void)snprintf(copy, sizeof(copy), "%s", script);
	return argv;
}

static void run_sh(const char *script)
{
	struct proc_spec spec = spec_of(sh(script));

	start(&spec);
	finish();
}

/* Turns the loop until the process has written TEXT. */
static void wait_for_output(const char *text)
{
	int64_t until_ms = clock_mono_ms() + LIMIT_MS;

	while (strstr(res.out[0], text) == NULL && clock_mono_ms() < until_ms) {
		loop_turn(loop, 1000);
	}
	cr_assert_not_null(strstr(res.out[0], text), "got \"%s\"", res.out[0]);
}

static int is_alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static void wait_until_dead(pid_t pid)
{
	int64_t until_ms = clock_mono_ms() + LIMIT_MS;

	while (is_alive(pid) && clock_mono_ms() < until_ms) {
		loop_turn(loop, 10);
	}
	cr_assert_not(is_alive(pid), "process %d still lives", (int)pid);
}

/* ---- start and exit ---- */

Test(proc, exit_status_and_output_are_reported)
{
	char text[128];

	run_sh("echo out; echo err >&2; exit 3");
	cr_assert_str_eq(res.out[0], "out\n");
	cr_assert_str_eq(res.out[1], "err\n");
	cr_assert(WIFEXITED(res.exit.status));
	cr_assert_eq(proc_exit_code(&res.exit), 3);
	cr_assert_eq(res.exit.reason, PROC_STOP_NONE);
	cr_assert_not(res.exit.output_cut);
	cr_assert_null(res.exit.spawn_step);
	cr_assert_gt(res.exit.max_rss_kb, 0);
	cr_assert_geq(res.exit.ended_ms, res.exit.started_ms);
	proc_describe(&res.exit, text, sizeof(text));
	cr_assert_str_eq(text, "exit status 3");
	cr_assert_eq(proc_count(), 0);
}

Test(proc, a_signal_is_reported_with_its_name)
{
	char text[128];

	run_sh("kill -9 $$");
	cr_assert(WIFSIGNALED(res.exit.status));
	cr_assert_eq(proc_exit_code(&res.exit), -9);
	proc_describe(&res.exit, text, sizeof(text));
	cr_assert_str_eq(text, "signal 9 (SIGKILL)");
}

Test(proc, a_missing_program_names_the_step_not_exit_127)
{
	char name[] = "no-such-program-at-all", text[128];
	char *argv[] = {name, NULL};
	struct proc_spec spec = spec_of(argv);

	start(&spec);
	finish();
	cr_assert_eq(res.exit.spawn_errno, ENOENT);
	cr_assert_str_eq(res.exit.spawn_step, "exec");
	proc_describe(&res.exit, text, sizeof(text));
	cr_assert_str_eq(text, "could not start: exec: No such file or directory");
	cr_assert_eq(proc_exit_code(&res.exit), 127);
}

Test(proc, other_failing_steps_are_named_too)
{
	char file[] = "/etc/passwd";
	char *argv[] = {file, NULL};
	struct proc_spec spec = spec_of(argv);

	start(&spec);
	finish();
	cr_assert_eq(res.exit.spawn_errno, EACCES);
	cr_assert_str_eq(res.exit.spawn_step, "exec");
	memset(&res, 0, sizeof(res));
	spec = spec_of(sh("true"));
	spec.cwd = "/no/such/folder";
	start(&spec);
	finish();
	cr_assert_eq(res.exit.spawn_errno, ENOENT);
	cr_assert_str_eq(res.exit.spawn_step, "chdir");
	memset(&res, 0, sizeof(res));
	spec.cwd = NULL;
	spec.fd[0] = 999;
	start(&spec);
	finish();
	cr_assert_eq(res.exit.spawn_errno, EBADF);
	cr_assert_str_eq(res.exit.spawn_step, "dup2");
}

Test(proc, a_name_is_searched_in_the_path_of_the_new_environment)
{
	char path[] = "PATH=relative:/no/such:/usr/bin:/bin", name[] = "true";
	char *env[] = {path, NULL}, *argv[] = {name, NULL};
	struct proc_spec spec = spec_of(argv);

	spec.envp = env;
	start(&spec);
	finish();
	cr_assert_eq(res.exit.spawn_errno, 0);
	memset(&res, 0, sizeof(res));
	memcpy(path, "PATH=/no/such", sizeof("PATH=/no/such"));
	start(&spec);
	finish();
	cr_assert_eq(res.exit.spawn_errno, ENOENT);
}

/* ---- what the child inherits ---- */

Test(proc, the_environment_is_not_inherited)
{
	setenv("WF_TEST_LEAK", "1", 1);
	run_sh("/usr/bin/env | grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD=' | sort; pwd");
	cr_assert_str_eq(res.out[0], "A=b\nPATH=/usr/bin:/bin\n/\n");
}

Test(proc, descriptors_are_mapped_and_nothing_else_is_open)
{
	int in[2], three[2], i;
	char buf[16] = "";
	struct proc_spec spec =
	    spec_of(sh("cat; echo three >&3; exec ls /proc/self/fd"));

	cr_assert_eq(pipe(in), 0);
	cr_assert_eq(pipe(three), 0);
	cr_assert_geq(open("/dev/null", O_RDONLY), 0); /* without CLOEXEC, on purpose */
	cr_assert_eq(write(in[1], "in\n", 3), 3);
	close(in[1]);
	spec.fd[0] = in[0];
	spec.fd[3] = three[1];
	start(&spec);
	close(in[0]);
	close(three[1]);
	finish();
	/* 4 is ls's own look at the folder */
	cr_assert_str_eq(res.out[0], "in\n0\n1\n2\n3\n4\n");
	cr_assert_eq(read(three[0], buf, sizeof(buf)), 6);
	cr_assert_str_eq(buf, "three\n");
	i = (int)read(three[0], buf, sizeof(buf));
	cr_assert_eq(i, 0, "our copy of the write end is closed, the child is gone");
}

Test(proc, descriptors_may_be_permuted)
{
	FILE *a = tmpfile(), *b = tmpfile();
	struct proc_spec spec = spec_of(sh("cat >&2; cat <&3"));
	int keep[4], i;

	fputs("a", a);
	fputs("b", b);
	fflush(a);
	fflush(b);
	rewind(a);
	rewind(b);
	for (i = 0; i < 4; i++) {
		keep[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
	}
	/* 0 <- 3 (a), 3 <- 0 (b): each target is another's source */
	cr_assert_eq(dup2(fileno(a), 3), 3);
	cr_assert_eq(dup2(fileno(b), 0), 0);
	spec.fd[0] = 3;
	spec.fd[3] = 0;
	start(&spec);
	finish();
	for (i = 0; i < 4; i++) {
		if (keep[i] >= 0) {
			dup2(keep[i], i);
		}
	}
	cr_assert_str_eq(res.out[1], "a");
	cr_assert_str_eq(res.out[0], "b");
	fclose(a);
	fclose(b);
}

Test(proc, signals_are_back_to_their_defaults)
{
	/* not through a shell, which clears the mask itself */
	char grep[] = "grep", e[] = "-E", what[] = "^Sig(Blk|Ign)",
	     file[] = "/proc/self/status";
	char *argv[] = {grep, e, what, file, NULL};
	struct proc_spec spec = spec_of(argv);
	unsigned long long blocked = 1, ignored = 1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	start(&spec);
	finish();
	cr_assert_eq(
	    sscanf(res.out[0], "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	cr_assert_eq(blocked, 0);
	/* 32 and 33 belong to the C library, which lets nobody change them */
	cr_assert_eq(ignored & ~0x180000000ull, 0);
}

Test(proc, it_leads_its_own_group_or_session)
{
	struct proc_spec spec = spec_of(sh("ps -o pid=,pgid=,sid= -p $$"));
	int pid, pgid, sid;

	start(&spec);
	finish();
	cr_assert_eq(sscanf(res.out[0], "%d %d %d", &pid, &pgid, &sid), 3);
	cr_assert_eq(pid, res.exit.pid);
	cr_assert_eq(pgid, pid);
	cr_assert_eq(sid, getsid(0));
	memset(&res, 0, sizeof(res));
	spec.new_session = 1;
	start(&spec);
	finish();
	cr_assert_eq(sscanf(res.out[0], "%d %d %d", &pid, &pgid, &sid), 3);
	cr_assert_eq(sid, pid);
	cr_assert_eq(pgid, pid);
}

Test(proc, limits_apply_to_the_child_only)
{
	struct proc_spec spec = spec_of(sh("ulimit -n; ulimit -t; ulimit -c; nice"));

	spec.limits = (struct proc_limits){
	    .open_files = 64, .cpu_s = 100, .core_off = 1, .nice = 5};
	start(&spec);
	finish();
	cr_assert_str_eq(res.out[0], "64\n100\n0\n5\n");
}

Test(proc, a_child_that_borrows_our_memory_behaves_the_same)
{
	struct proc_spec spec = spec_of(sh("pwd; ulimit -n; cat <&3; exit 6"));
	char name[] = "no-such-program-at-all", *argv[] = {name, NULL};
	int three[2];

	cr_assert_eq(pipe(three), 0);
	cr_assert_eq(write(three[1], "three\n", 6), 6);
	close(three[1]);
	spec.share_until_exec = 1;
	spec.fd[3] = three[0];
	spec.cwd = "/tmp";
	spec.limits.open_files = 50;
	start(&spec);
	finish();
	close(three[0]);
	cr_assert_str_eq(res.out[0], "/tmp\n50\nthree\n");
	cr_assert_eq(proc_exit_code(&res.exit), 6);
	memset(&res, 0, sizeof(res));
	spec = spec_of(argv);
	spec.share_until_exec = 1;
	start(&spec);
	finish();
	cr_assert_eq(res.exit.spawn_errno, ENOENT);
	cr_assert_str_eq(res.exit.spawn_step, "exec");
	memset(&res, 0, sizeof(res));
	spec.cwd = "/no/such/folder";
	start(&spec);
	finish();
	cr_assert_str_eq(res.exit.spawn_step, "chdir");
}

/* ---- output ---- */

Test(proc, all_output_arrives_in_order_before_the_exit)
{
	char want[16];
	const char *at = res.out[0];
	int i;

	run_sh("i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done; exec true");
	for (i = 0; i < 5000; i++) {
		int n = snprintf(want, sizeof(want), "%d\n", i);

		cr_assert_eq(strncmp(at, want, (size_t)n), 0, "line %d", i);
		at += n;
	}
	cr_assert_eq(*at, '\0');
}

Test(proc, output_closed_early_does_not_end_the_process)
{
	struct proc_spec spec = spec_of(sh("exec >&- 2>&-; sleep 0.2; exit 4"));

	start(&spec);
	finish();
	cr_assert_eq(proc_exit_code(&res.exit), 4);
	cr_assert_geq(res.exit.ended_ms - res.exit.started_ms, 150);
}

/* ---- the ladder ---- */

Test(proc, stop_sends_term_and_records_why)
{
	struct proc_spec spec = spec_of(sh("echo ready; exec sleep 100"));
	char text[128];

	start(&spec);
	wait_for_output("ready");
	proc_stop(res.proc, PROC_STOP_CANCEL, -1);
	proc_stop(res.proc, PROC_STOP_SHUTDOWN, -1);
	finish();
	cr_assert_eq(res.exit.reason, PROC_STOP_CANCEL, "the first reason stays");
	cr_assert_eq(proc_exit_code(&res.exit), -SIGTERM);
	proc_describe(&res.exit, text, sizeof(text));
	cr_assert_str_eq(text, "canceled: signal 15 (SIGTERM)");
}

Test(proc, the_time_limit_kills_who_ignores_term)
{
	struct proc_spec spec =
	    spec_of(sh("trap '' TERM; echo ready; while :; do sleep 0.05; done"));
	char text[128];

	spec.time_limit_ms = 300;
	spec.kill_grace_ms = 200;
	start(&spec);
	finish();
	cr_assert_str_eq(res.out[0], "ready\n");
	cr_assert_eq(res.exit.reason, PROC_STOP_TIMEOUT);
	cr_assert_eq(proc_exit_code(&res.exit), -SIGKILL);
	cr_assert_geq(res.exit.ended_ms - res.exit.started_ms, 500);
	proc_describe(&res.exit, text, sizeof(text));
	cr_assert_str_eq(text, "timed out: signal 9 (SIGKILL)");
}

Test(proc, a_shorter_grace_wins)
{
	struct proc_spec spec =
	    spec_of(sh("trap '' TERM; echo ready; while :; do sleep 0.05; done"));

	start(&spec);
	wait_for_output("ready");
	proc_stop(res.proc, PROC_STOP_CANCEL, 60000);
	proc_stop(res.proc, PROC_STOP_SHUTDOWN, 100);
	proc_stop(res.proc, PROC_STOP_SHUTDOWN, 90000);
	finish();
	cr_assert_eq(res.exit.reason, PROC_STOP_CANCEL);
	cr_assert_eq(proc_exit_code(&res.exit), -SIGKILL);
}

Test(proc, a_stopped_process_is_ended_too)
{
	struct proc_spec spec = spec_of(sh("echo ready; kill -STOP $$; echo woken"));

	start(&spec);
	wait_for_output("ready");
	proc_stop(res.proc, PROC_STOP_CANCEL, 5000);
	finish();
	cr_assert_eq(proc_exit_code(&res.exit), -SIGTERM);
	cr_assert_leq(res.exit.ended_ms - res.exit.started_ms, 4000);
}

Test(proc, stop_right_after_start_is_not_lost)
{
	struct proc_spec spec = spec_of(sh("exec sleep 100"));

	start(&spec);
	proc_stop(res.proc, PROC_STOP_CANCEL, 3000);
	finish();
	cr_assert_eq(res.exit.reason, PROC_STOP_CANCEL);
	cr_assert(WIFSIGNALED(res.exit.status));
}

Test(proc, stop_with_no_grace_kills_at_once)
{
	struct proc_spec spec =
	    spec_of(sh("trap '' TERM; echo ready; while :; do sleep 0.05; done"));

	start(&spec);
	wait_for_output("ready");
	proc_stop(res.proc, PROC_STOP_LOST, 0);
	finish();
	cr_assert_eq(proc_exit_code(&res.exit), -SIGKILL);
}

Test(proc, the_whole_group_is_signalled)
{
	struct proc_spec spec = spec_of(sh("sleep 100 & echo $!; echo ready; wait"));
	int child;

	start(&spec);
	wait_for_output("ready");
	cr_assert_eq(sscanf(res.out[0], "%d", &child), 1);
	cr_assert(is_alive(child));
	proc_stop(res.proc, PROC_STOP_CANCEL, -1);
	finish();
	wait_until_dead(child);
}

Test(proc, one_signal_without_a_ladder)
{
	struct proc_spec spec = spec_of(sh("trap 'echo usr1; exit 9' USR1; echo ready; "
					   "while :; do sleep 0.05; done"));

	start(&spec);
	wait_for_output("ready");
	cr_assert_eq(proc_signal(res.proc, SIGUSR1), 0);
	finish();
	cr_assert_not_null(strstr(res.out[0], "usr1"));
	cr_assert_eq(proc_exit_code(&res.exit), 9);
	cr_assert_eq(res.exit.reason, PROC_STOP_NONE);
}

Test(proc, kill_all_ends_everything_at_once)
{
	struct proc_spec spec =
	    spec_of(sh("trap '' TERM; echo ready; while :; do sleep 0.05; done"));

	start(&spec);
	wait_for_output("ready");
	proc_kill_all();
	finish();
	cr_assert_eq(proc_exit_code(&res.exit), -SIGKILL);
}

/* ---- descendants ---- */

Test(proc, survivors_of_the_group_are_ended_in_the_drain_phase)
{
	struct proc_spec spec = spec_of(sh("sleep 100 >/dev/null 2>&1 & echo $!"));
	int64_t before_ms = clock_mono_ms();
	int child;

	spec.drain_ms = 60000;
	start(&spec);
	finish();
	cr_assert_lt(clock_mono_ms() - before_ms, 30000, "TERM was enough");
	cr_assert_eq(proc_exit_code(&res.exit), 0);
	cr_assert_not(res.exit.output_cut);
	cr_assert_eq(sscanf(res.out[0], "%d", &child), 1);
	wait_until_dead(child);
}

Test(proc, a_survivor_that_ignores_term_is_killed)
{
	/* the shell ignores TERM before it forks, so that there is no race */
	struct proc_spec spec =
	    spec_of(sh("trap '' TERM; sleep 100 & echo $!; exit 0"));
	int child;

	spec.drain_ms = 300;
	start(&spec);
	finish();
	cr_assert_eq(proc_exit_code(&res.exit), 0);
	cr_assert(res.exit.output_cut, "it held the output until it was killed");
	cr_assert_eq(sscanf(res.out[0], "%d", &child), 1);
	wait_until_dead(child);
}

Test(proc, a_daemon_that_holds_the_output_is_cut_off)
{
	/* $(...) ends when the daemon has its session and our output as its own */
	struct proc_spec spec =
	    spec_of(sh("exec 8>&1; p=$(setsid sh -c 'echo $$; exec sleep 100 >&8' &); "
		       "echo $p; exit 5"));
	int child;

	spec.drain_ms = 300;
	start(&spec);
	finish();
	cr_assert_eq(proc_exit_code(&res.exit), 5);
	cr_assert(res.exit.output_cut);
	cr_assert_eq(sscanf(res.out[0], "%d", &child), 1);
	cr_assert(is_alive(child), "it left the group");
	cr_assert_eq(proc_kill_strays(), 1);
	wait_until_dead(child);
}

Test(proc, orphans_are_reaped_here)
{
	int child;

	run_sh(
	    "p=$(setsid sh -c 'echo $$; exec sleep 0.2 >/dev/null 2>&1' &); echo $p");
	cr_assert_not(res.exit.output_cut);
	cr_assert_eq(sscanf(res.out[0], "%d", &child), 1);
	wait_until_dead(child); /* a zombie would still be there */
}

Test(proc, an_orphan_is_taken_over)
{
	struct proc_spec spec =
	    spec_of(sh("p=$(setsid sh -c 'echo $$; echo hello >&3; "
		       "exec sleep 100 >&3 2>&3' 2>&3 &); echo $p"));
	const int none[2] = {-1, -1};
	int fds[2], out[2], child;
	struct error err;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	spec.fd[3] = fds[1];
	start(&spec);
	finish();
	close(fds[1]);
	cr_assert_eq(sscanf(res.out[0], "%d", &child), 1);
	memset(&res, 0, sizeof(res));
	out[0] = fds[0];
	out[1] = -1;
	cr_assert_eq(proc_adopt(loop, &spec, child, out, &res.proc, &err), 0, "%s",
		     err.msg);
	cr_assert_eq(proc_adopt(loop, &spec, child, none, &res.proc, &err),
		     -ERR_NOT_FOUND, "only once");
	cr_assert_eq(proc_adopt(loop, &spec, getppid(), none, &res.proc, &err),
		     -ERR_NOT_FOUND, "no child");
	proc_stop(res.proc, PROC_STOP_CANCEL, -1);
	finish();
	cr_assert_str_eq(res.out[0], "hello\n");
	cr_assert_eq(proc_exit_code(&res.exit), -SIGTERM);
	cr_assert_eq(res.exit.reason, PROC_STOP_CANCEL);
	cr_assert_gt(res.exit.max_rss_kb, 0, "its usage is known");
}

/* ---- many ---- */

static int finished, wrong;

static void on_one_exit(struct proc *p, const struct proc_exit *exit, void *arg)
{
	(void)p;
	finished++;
	wrong += proc_exit_code(exit) != (int)(*(int *)arg % 64);
}

Test(proc, two_hundred_at_once)
{
	static int numbers[PARALLEL];
	static char scripts[PARALLEL][64];
	int64_t until_ms = clock_mono_ms() + LIMIT_MS;
	struct proc_spec spec;
	struct proc *p;
	struct error err;
	int i;

	for (i = 0; i < PARALLEL; i++) {
		char *argv[] = {sh_name, sh_c, scripts[i], NULL};

		numbers[i] = i;
		(void)snprintf(scripts[i], sizeof(scripts[i]), "exit %d", i % 64);
		spec = spec_of(argv);
		spec.fd[1] = spec.fd[2] = i % 2 == 0 ? -1 : PROC_FD_PIPE;
		spec.output_fn = NULL;
		spec.exit_fn = on_one_exit;
		spec.arg = &numbers[i];
		cr_assert_eq(proc_spawn(loop, &spec, &p, &err), 0, "%s", err.msg);
	}
	cr_assert_eq(proc_count(), PARALLEL);
	while (finished < PARALLEL && clock_mono_ms() < until_ms) {
		loop_turn(loop, 1000);
	}
	cr_assert_eq(finished, PARALLEL);
	cr_assert_eq(wrong, 0);
	cr_assert_eq(proc_count(), 0);
}

static struct result second;

static void on_first_exit(struct proc *p, const struct proc_exit *exit, void *arg)
{
	struct proc_spec spec = spec_of(sh("echo second"));
	struct error err;

	on_exit_fn(p, exit, arg);
	spec.arg = &second;
	cr_assert_eq(proc_spawn(loop, &spec, &second.proc, &err), 0);
}

Test(proc, a_process_may_be_started_from_an_exit_callback)
{
	int64_t until_ms = clock_mono_ms() + LIMIT_MS;
	struct proc_spec spec = spec_of(sh("echo first"));

	spec.exit_fn = on_first_exit;
	start(&spec);
	finish();
	while (second.exits == 0 && clock_mono_ms() < until_ms) {
		loop_turn(loop, 1000);
	}
	cr_assert_str_eq(second.out[0], "second\n");
}

static void on_exit_fini(struct proc *p, const struct proc_exit *exit, void *arg)
{
	on_exit_fn(p, exit, arg);
	proc_fini();
}

Test(proc, the_module_may_end_in_an_exit_callback)
{
	struct proc_spec spec = spec_of(sh("exec sleep 100")), quick;
	struct error err;
	pid_t pid;

	spec.exit_fn = on_one_exit;
	cr_assert_eq(proc_spawn(loop, &spec, &second.proc, &err), 0);
	pid = proc_pid(second.proc);
	quick = spec_of(sh("exit 0"));
	quick.exit_fn = on_exit_fini;
	start(&quick);
	finish();
	cr_assert_eq(finished, 0, "no callback after the end");
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

/* ---- fork without exec ---- */

static int task(void *arg)
{
	int fd = fcntl(4, F_GETFD);

	printf("task %s, fd 4 %s\n", (const char *)arg, fd < 0 ? "closed" : "open");
	return 42;
}

static char task_arg[] = "x";

Test(proc, a_function_is_supervised_like_a_program)
{
	struct proc_spec spec = spec_of(NULL);

	spec.envp = NULL;
	spec.fork_fn = task;
	spec.fork_arg = task_arg;
	start(&spec);
	finish();
	cr_assert_eq(proc_exit_code(&res.exit), 42);
	cr_assert_str_eq(res.out[0], "task x, fd 4 closed\n");
}

static int stuck_task(void *arg)
{
	(void)arg;
	for (;;) {
		pause();
	}
	return 0;
}

Test(proc, a_stuck_function_times_out)
{
	struct proc_spec spec = spec_of(NULL);

	spec.fork_fn = stuck_task;
	spec.time_limit_ms = 200;
	start(&spec);
	finish();
	cr_assert_eq(res.exit.reason, PROC_STOP_TIMEOUT);
}
