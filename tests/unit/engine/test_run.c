/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_run.c - real processes: wf-engine run --offline.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "child.h"

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define FILE_ARG  "t.flow.yaml"

static void expect_result(const struct child *c, const char *want)
{
	char *got = json_text(json_object_get(c->record, "result"));

	cr_expect_str_eq(got, want);
	free(got);
}

Test(run, two_tasks_in_a_chain)
{
	struct child c;

	child_init(
	    &c,
	    "  repo-facts:\n    params: {project: {type: string, default: acme}}\n"
	    "    tasks:\n      read_facts:\n"
	    "        run: |\n          printf '{\"p\": \"%s\", \"stars\": 12157}\\n' "
	    "\"$WF_IN_project\"\n"
	    "        with: {project: \"{{ params.project }}\"}\n        outputs: json\n"
	    "      double:\n        run: echo $((2 * WF_IN_stars))\n"
	    "        with: {stars: \"{{ tasks.read_facts.stars }}\"}\n"
	    "        outputs: json\n    return: \"{{ tasks.double }}\"\n");
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(c.status, 0);
	cr_expect_str_eq(child_flow(&c), "Completed: All states completed.");
	expect_result(&c, "24314");
	cr_expect_str_eq(child_states(&c, "read_facts-0"), "Pending,Running,Completed");
	cr_expect(child_logged(&c, "20 prefect.engine - Created flow run '"));
	cr_expect(child_logged(&c, " - Created task run 'double-0' for task 'double'"));
	cr_expect(child_logged(&c, " - Executing 'double-0' immediately..."));
	cr_expect(
	    child_logged(&c, "20 Task run 'double-0' - Finished in state Completed()"));
	cr_expect(child_logged(
	    &c, " - Finished in state Completed('All states completed.')"));
	child_run(&c, ARGS(FILE_ARG, "-p", "project=7"));
	cr_expect_eq(c.status, 1);
	cr_expect_not_null(strstr(child_flow(&c),
				  "Failed: Validation of flow parameters failed with "
				  "error: parameter 'project'"));
	cr_expect_eq(json_array_size(json_object_get(c.record, "tasks")), 0);
	child_release(&c);
}

Test(run, failures_say_what_happened)
{
	static const struct {
		const char *task, *message, *states;
	} cases[] = {
	    {"exit-0", "Command exited with code 3", "Pending,Running,Failed"},
	    {"killed-0", "Command was killed by signal 9 (SIGKILL)",
	     "Pending,Running,Failed"},
	    {"nosuch-0",
	     "Command could not be started: no-such-program-here: No such file or "
	     "directory",
	     "Pending,Running,Failed"},
	    {"badjson-0", "the output is not valid JSON: ", "Pending,Running,Failed"},
	    {"badfile-0", "WF_RESULT is not valid JSON: ", "Pending,Running,Failed"},
	    {"nofile-0", "the output file ", "Pending,Running,Failed"},
	    {"undef-0", "with.x: params.o.zip is undefined", "Pending,Failed"},
	    {"badcmd-0", "cmd[1]: ", "Pending,Running,Failed"},
	    {"slow-0", "Task run exceeded timeout of 0.2 second(s)",
	     "Pending,Running,TimedOut"},
	};
	struct child c;
	size_t i;

	child_init(
	    &c, "  f:\n    params: {o: {type: object, default: {}}}\n    tasks:\n"
		"      exit: {run: exit 3}\n      killed: {run: kill -9 $$}\n"
		"      nosuch: {cmd: [no-such-program-here]}\n"
		"      badjson: {run: \"echo '{1'\", outputs: json}\n"
		"      badfile: {run: \"echo '{1' > $WF_RESULT\"}\n"
		"      nofile: {run: \"true\", outputs: {file: missing.txt}}\n"
		"      undef: {run: x, with: {x: \"{{ params.o.zip }}\"}, retries: 2}\n"
		"      badcmd: {cmd: [x, \"{{ params.o | upper }}\"], retries: 2}\n"
		"      slow: {run: sleep 5, timeout_seconds: 0.2}\n");
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(c.status, 1);
	cr_expect_str_eq(child_flow(&c), "Failed: 9/9 states failed.");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_str_eq(child_states(&c, cases[i].task), cases[i].states,
				 "%s: %s", cases[i].task,
				 child_states(&c, cases[i].task));
		cr_expect_eq(strncmp(child_message(&c, cases[i].task), cases[i].message,
				     strlen(cases[i].message)),
			     0, "%s: %s", cases[i].task,
			     child_message(&c, cases[i].task));
	}
	child_release(&c);
}

Test(run, outputs_become_results)
{
	struct child c;

	child_init(
	    &c, "  f:\n    tasks:\n"
		"      json: {run: 'echo \"[1, 2]\"', outputs: json}\n"
		"      text: {run: \"printf 'a\\\\nb\\\\n\\\\n'\", outputs: text}\n"
		"      lines: {run: \"printf 'a\\\\nb\\\\n'\", outputs: lines}\n"
		"      none: {run: echo x}\n"
		"      file: {run: 'echo 5 > \"$WF_RESULT\"; echo no', outputs: json}\n"
		"      event: {run: 'echo ''{\"result\":{\"k\":1}}'' >&3; echo no', "
		"outputs: text}\n"
		"      made: {run: printf abc > made.txt, outputs: {file: made.txt}}\n"
		"    return: {j: \"{{ tasks.json }}\", t: \"{{ tasks.text }}\", l: "
		"\"{{ tasks.lines "
		"}}\", n: \"{{ tasks.none }}\", f: \"{{ tasks.file }}\", e: \"{{ "
		"tasks.event }}\", "
		"s: \"{{ tasks.made['$file'].size }}\", h: \"{{ "
		"tasks.made['$file'].sha256 }}\"}\n");
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(c.status, 0, "%s", child_flow(&c));
	expect_result(
	    &c,
	    "{\"j\":[1,2],\"t\":\"a\\nb\",\"l\":[\"a\",\"b\"],\"n\":null,\"f\":5,\"e\":"
	    "{\"k\":1},"
	    "\"s\":3,\"h\":"
	    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}");
	child_release(&c);
}

Test(run, the_command_gets_its_data)
{
	struct child c;

	child_init(
	    &c,
	    "  f:\n    env: {A: flow, B: \"{{ params.n }}\"}\n    params: {n: "
	    "{default: 7}}\n"
	    "    tasks:\n      t:\n        with: {list: [1, \"{{ params.n }}\"], text: "
	    "\"a b\", "
	    "nothing: null}\n        env: {A: task, C: \"{{ env.B }}-{{ with.text "
	    "}}\"}\n"
	    "        run: |\n          printf '%s\\n' \"$WF_IN_list\" \"$WF_IN_text\" "
	    "\"[$WF_IN_nothing]\" \"$A\" \"$B\" \"$C\" \"$WF_ATTEMPT\" \"$(cat "
	    "\"$WF_INPUTS\")\" "
	    "\"${#WF_TASK_RUN_ID}\" \"${#WF_FLOW_RUN_ID}\" \"$WF_TASK_RUN_NAME\" "
	    "\"$0\"\n"
	    "        outputs: lines\n    return: \"{{ tasks.t }}\"\n");
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(c.status, 0, "%s", child_flow(&c));
	expect_result(&c, "[\"[1,7]\",\"a b\",\"[]\",\"task\",\"7\",\"7-a "
			  "b\",\"1\",\"{\\\"list\\\":[1,7],"
			  "\\\"text\\\":\\\"a "
			  "b\\\",\\\"nothing\\\":null}\",\"36\",\"36\",\"t-0\",\"t\"]");
	child_release(&c);
}

Test(run, prints_become_log_lines)
{
	struct child c;

	child_init(
	    &c, "  f:\n    log_prints: true\n    tasks:\n      loud:\n        run: |\n"
		"          echo \"Stars \xf0\x9f\x8c\xa0 : 12157  \"\n          echo "
		"careful >&2\n"
		"          printf 'no newline at the end'\n"
		"          echo '{\"log\": {\"level\": \"ERROR\", \"message\": \"from "
		"fd 3\"}}' >&3\n"
		"          echo 'junk' >&3\n"
		"      quiet: {run: echo nobody hears this, log_prints: false}\n"
		"      tail: {run: echo why >&2; exit 1, log_prints: false, "
		"allow_failure: true}\n");
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(c.status, 0);
	cr_expect(
	    child_logged(&c, "20 Task run 'loud-0' - Stars \xf0\x9f\x8c\xa0 : 12157"));
	cr_expect(child_logged(&c, "30 Task run 'loud-0' - careful"));
	cr_expect(child_logged(&c, "20 Task run 'loud-0' - no newline at the end"));
	cr_expect(child_logged(&c, "40 Task run 'loud-0' - from fd 3"));
	cr_expect(child_logged(
	    &c, "30 Task run 'loud-0' - A line on descriptor 3 was ignored"));
	cr_expect_not(child_logged(&c, "nobody hears this"));
	cr_expect(
	    child_logged(&c, "40 Task run 'tail-0' - Standard error ended with:\nwhy"));
	child_release(&c);
}

Test(run, tasks_may_name_themselves_and_raise_states)
{
	struct child c;

	child_init(&c, "  f:\n    tasks:\n"
		       "      named: {run: 'echo ''{\"name\": \"by-itself\"}'' >&3'}\n"
		       "      flood: {run: 'echo ''{\"state\": {\"type\": \"FAILED\", "
		       "\"name\": \"Flooded\", "
		       "\"message\": \"water\", \"retriable\": false}}'' >&3', "
		       "retries: 3, allow_failure: true}\n"
		       "      fine: {run: 'echo ''{\"state\": {\"type\": "
		       "\"COMPLETED\", \"name\": \"Great\", "
		       "\"data\": 9}}'' >&3; exit 1'}\n"
		       "      tmpl: {run: \"true\", with: {n: 7}, task_run_name: "
		       "\"n{n:>3}-of-{flow.name}\", "
		       "name: Nice Name}\n    return: \"{{ tasks.fine }}\"\n");
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(c.status, 0, "%s", child_flow(&c));
	cr_expect_str_eq(child_states(&c, "by-itself"), "Pending,Running,Completed");
	cr_expect_str_eq(child_states(&c, "flood-0"), "Pending,Running,Flooded");
	cr_expect_str_eq(child_message(&c, "flood-0"), "water");
	cr_expect_str_eq(child_states(&c, "fine-0"), "Pending,Running,Great");
	cr_expect_str_eq(child_states(&c, "n  7-of-f"), "Pending,Running,Completed");
	cr_expect(
	    child_logged(&c, "Created task run 'n  7-of-f' for task 'Nice Name'"));
	expect_result(&c, "9");
	child_release(&c);
}

Test(run, a_stubborn_group_is_killed_after_the_grace)
{
	struct child c;
	int64_t began_ms = clock_mono_ms(), took_ms;

	child_init(&c, "  f:\n    tasks:\n      deaf:\n        run: |\n"
		       "          trap '' TERM\n          while :; do sleep 0.1; done\n"
		       "        timeout_seconds: 0.3\n        grace_seconds: 0.3\n");
	child_run(&c, ARGS(FILE_ARG));
	took_ms = clock_mono_ms() - began_ms;
	cr_expect_str_eq(child_states(&c, "deaf-0"), "Pending,Running,TimedOut");
	cr_expect(took_ms >= 600 && took_ms < 5000, "%lld", (long long)took_ms);
	child_release(&c);
}

Test(run, retries_wait_as_told)
{
	struct child c;

	child_init(
	    &c,
	    "  f:\n    retries: 1\n    tasks:\n      stair:\n"
	    "        run: test \"$WF_ATTEMPT\" -ge 3\n        retries: 2\n"
	    "        retry_delay_seconds: [0.1, 0.2]\n"
	    "      kept: {run: echo x >> count.txt}\n"
	    "      brittle: {run: test \"$WF_IN_n\" -ge 2, needs: [kept, stair], with: "
	    "{n: \"{{ flow_run.run_count }}\"}}\n");
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(c.status, 0, "%s", child_flow(&c));
	cr_expect_str_eq(
	    child_states(&c, "stair-0"),
	    "Pending,Running,AwaitingRetry,Retrying,AwaitingRetry,Retrying,Completed");
	cr_expect_str_eq(child_states(&c, "kept-1"), "Pending,Cached");
	cr_expect_str_eq(child_states(&c, "brittle-0"), "Pending,Running,Failed");
	cr_expect_str_eq(child_states(&c, "brittle-1"), "Pending,Running,Completed");
	cr_expect_eq(json_integer_value(json_object_get(c.record, "run_count")), 2);
	cr_expect(child_logged(
	    &c, "Received non-final state 'AwaitingRetry' when proposing final "
		"state 'Failed' and will attempt to run again..."));
	child_release(&c);
}

Test(run, a_background_process_does_not_hold_the_task)
{
	struct child c;
	int64_t began_ms = clock_mono_ms();

	child_init(
	    &c,
	    "  f:\n    tasks:\n      a: {run: 'sleep 30 & echo hi', outputs: text}\n"
	    "    return: \"{{ tasks.a }}\"\n");
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(c.status, 0);
	expect_result(&c, "\"hi\"");
	cr_expect_lt(clock_mono_ms() - began_ms, 4000);
	child_release(&c);
}

Test(run, an_interrupt_crashes_the_run_and_leaves_nothing)
{
	struct child c;
	char path[100];
	pid_t pid;
	int i;

	child_init(
	    &c,
	    "  f:\n    tasks:\n      a: {run: 'echo $$ > pid.txt; exec sleep 60'}\n");
	pid = child_start(&c, ARGS("run", "--offline", "-q", FILE_ARG), -1);
	(void)snprintf(path, sizeof(path), "%s/pid.txt", c.dir);
	for (i = 0; i < 1000 && access(path, R_OK) != 0; i++) {
		(void)usleep(5000);
	}
	(void)usleep(50000);
	cr_assert_eq(kill(pid, SIGINT), 0);
	cr_expect_eq(child_wait(pid), 1);
	{
		FILE *f = fopen(path, "re");
		int task = 0;

		cr_assert_not_null(f);
		/* NOLINTNEXTLINE(cert-err34-c): our own file, any number will do */
		cr_assert_eq(fscanf(f, "%d", &task), 1);
		(void)fclose(f);
		cr_expect_eq(kill(task, 0), -1, "the task lives");
	}
	child_release(&c);
}

static void make_old(const char *path)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	cr_assert_eq(utimensat(AT_FDCWD, path, old, 0), 0);
}

Test(run, the_folder_of_a_killed_run_is_swept_by_the_next)
{
	struct child c;
	char path[200], file[220];
	int held;

	child_init(&c, "  f:\n    tasks:\n      a: {run: \"true\"}\n");
	(void)snprintf(path, sizeof(path), "%s/wf-run-dead00", c.dir);
	(void)snprintf(file, sizeof(file), "%s/x.out", path);
	cr_assert_eq(mkdir(path, 0700), 0);
	(void)close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	make_old(path);
	held = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_eq(flock(held, LOCK_EX), 0);
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(access(file, F_OK), 0, "a living owner's folder was touched");
	(void)close(held);
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_eq(access(path, F_OK), -1, "the dead owner's folder is still there");
	child_release(&c);
}

Test(run, two_hundred_tasks)
{
	struct child c;
	struct buf b;
	int i;

	buf_init(&b);
	buf_adds(&b, "  f:\n    tasks:\n");
	for (i = 0; i < 200; i++) {
		buf_addf(&b, "      t%d: {cmd: [/bin/true]}\n", i);
	}
	child_init(&c, b.data);
	child_run(&c, ARGS(FILE_ARG));
	cr_expect_str_eq(child_flow(&c), "Completed: All states completed.");
	cr_expect_eq(json_array_size(json_object_get(c.record, "tasks")), 200);
	child_release(&c);
	buf_release(&b);
}

Test(run, plain_output_is_log_lines_on_stderr_and_the_result_on_stdout)
{
	struct child c;

	child_init(&c, "  f:\n    tasks:\n      a: {run: echo 5, outputs: json}\n"
		       "    return: \"{{ tasks.a }}\"\n");
	child_exec(&c, ARGS("run", "--offline", FILE_ARG));
	cr_expect_str_eq(c.out, "5\n");
	cr_expect_not_null(
	    strstr(c.err, " | INFO    | prefect.engine - Created flow run '"));
	cr_expect_not_null(strstr(c.err,
				  " | INFO    | Task run 'a-0' - Finished in state "
				  "Completed()\n"));
	cr_expect_null(strchr(c.err, '\033'));
	child_exec(&c, ARGS("run", "--offline", "--quiet", FILE_ARG));
	cr_expect_str_eq(c.err, "");
	child_release(&c);
}

Test(run, other_commands)
{
	struct child c;

	child_init(&c, "  f:\n    params: {n: {type: integer}}\n    tags: [t]\n"
		       "    tasks: {a: {run: x}}\n  g:\n    tasks: {a: {run: x}}\n");
	child_exec(&c, ARGS("check", FILE_ARG));
	cr_expect_eq(c.status, 0);
	cr_expect_str_eq(c.out,
			 "t.flow.yaml:f: ok, 1 task\nt.flow.yaml:g: ok, 1 task\n");
	child_exec(&c, ARGS("schema", "t.flow.yaml:f"));
	cr_expect_eq(json_array_size(json_object_get(c.record, "required")), 1);
	child_exec(&c, ARGS("list", FILE_ARG));
	cr_expect_eq(json_array_size(c.record), 2);
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(c.record, 0),
							   "entrypoint")),
			 "t.flow.yaml:f");
	child_exec(&c, ARGS("run", "--offline", FILE_ARG));
	cr_expect_eq(c.status, 64);
	cr_expect_not_null(strstr(c.err, "has 2 flows; say which one"));
	child_exec(&c, ARGS("run", "--offline", "t.flow.yaml:ff"));
	cr_expect_eq(c.status, 2);
	child_exec(&c, ARGS("run", "--offline", "none.yaml"));
	cr_expect_eq(c.status, 2);
	cr_expect_not_null(strstr(c.err, "none.yaml"));
	child_exec(&c, ARGS("rnu"));
	cr_expect_eq(c.status, 64);
	child_release(&c);
}
