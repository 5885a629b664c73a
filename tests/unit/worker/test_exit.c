/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_exit.c - what the end of a process means.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/proc.h"
#include "worker/exit.h"
#include "worker/oom.h"

#define EXITED(n)   .status = (n) << 8
#define SIGNALED(n) .status = (n)

static const struct {
	const char *what;
	struct proc_exit exit;
	struct exit_facts facts;
	enum exit_verdict verdict;
	const char *message; /* part of it; "": empty */
} cases[] = {
    {"reported, ended well", {EXITED(0)}, {.concluded = 1}, EXIT_CONCLUDED, ""},
    {"reported, then crashed",
     {SIGNALED(SIGSEGV)},
     {.concluded = 1},
     EXIT_CONCLUDED,
     ""},
    {"lost wins over all",
     {EXITED(1)},
     {.lost = 1, .concluded = 1, .cancelling = 1},
     EXIT_LOST,
     ""},
    {"never started",
     {.spawn_errno = ENOENT, .spawn_step = "exec"},
     {0},
     EXIT_CRASHED,
     "Flow run could not start: "},
    {"never started, cancelled meanwhile",
     {.spawn_errno = EACCES, .spawn_step = "chdir"},
     {.cancelling = 1},
     EXIT_CRASHED,
     "Flow run could not start: "},
    {"out of memory",
     {SIGNALED(SIGKILL), .max_rss_kb = 300 << 10},
     {.oom = OOM_CGROUP},
     EXIT_CRASHED,
     "probably by the kernel for want of memory in its control group; its peak was "
     "300 MB."},
    {"killed, but nothing ran out of memory",
     {SIGNALED(SIGKILL)},
     {.oom = OOM_NO},
     EXIT_CRASHED,
     "or by hand."},
    {"used up its CPU time",
     {SIGNALED(SIGXCPU)},
     {.cpu_limit_s = 2, .oom = OOM_MACHINE},
     EXIT_CRASHED,
     "(job variable cpu_limit: 2 s)"},
    {"cancelled",
     {SIGNALED(SIGTERM), .reason = PROC_STOP_CANCEL},
     {.cancelling = 1},
     EXIT_CANCELLED,
     ""},
    {"cancelled, ended by itself", {EXITED(0)}, {.cancelling = 1}, EXIT_CANCELLED, ""},
    {"stuck",
     {SIGNALED(SIGKILL), .reason = PROC_STOP_STUCK},
     {0},
     EXIT_CRASHED,
     "The engine sent no heartbeat and was stopped ("},
    {"too long",
     {SIGNALED(SIGTERM), .reason = PROC_STOP_TIMEOUT},
     {0},
     EXIT_CRASHED,
     "The process ran too long and was stopped ("},
    {"worker goes down",
     {SIGNALED(SIGTERM), .reason = PROC_STOP_SHUTDOWN},
     {.draining = 1},
     EXIT_CRASHED,
     "The worker was shut down before the run ended ("},
    {"said nothing",
     {EXITED(0)},
     {0},
     EXIT_SILENT,
     "Process exited without reporting a final state."},
    {"failed",
     {EXITED(1)},
     {0},
     EXIT_CRASHED,
     "Process exited with status code: 1. It ended with a general error."},
    {"no command",
     {EXITED(127)},
     {0},
     EXIT_CRASHED,
     "Process exited with status code: 127. Its command was not found."},
    {"not executable", {EXITED(126)}, {0}, EXIT_CRASHED, "is not executable."},
    {"killed",
     {SIGNALED(SIGKILL)},
     {0},
     EXIT_CRASHED,
     "Process exited with status code: -9. It was killed (SIGKILL)"},
    {"crashed",
     {SIGNALED(SIGSEGV)},
     {0},
     EXIT_CRASHED,
     "Process exited with status code: -11. It crashed (SIGSEGV)."},
    {"aborted", {SIGNALED(SIGABRT)}, {0}, EXIT_CRASHED, "It aborted (SIGABRT)."},
    {"unknown",
     {EXITED(42)},
     {0},
     EXIT_CRASHED,
     "Process exited with status code: 42. Its exit status is not one that we know."},
};

Test(exit_judge, follows_its_table)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char message[512] = "untouched";
		enum exit_verdict v = exit_judge(&cases[i].exit, &cases[i].facts,
						 message, sizeof(message));

		cr_expect_eq(v, cases[i].verdict, "%s: %d", cases[i].what, (int)v);
		if (cases[i].message[0] == '\0') {
			cr_expect_str_empty(message, "%s: %s", cases[i].what, message);
		} else {
			cr_expect_not_null(strstr(message, cases[i].message), "%s: %s",
					   cases[i].what, message);
		}
	}
}

Test(exit_judge, a_message_is_cut_not_overrun)
{
	const struct proc_exit e = {EXITED(1)};
	const struct exit_facts f = {0};
	char message[16];

	memset(message, 'x', sizeof(message));
	cr_assert_eq(exit_judge(&e, &f, message, 10), EXIT_CRASHED);
	cr_assert_eq(strlen(message), 9);
	cr_assert_eq(message[10], 'x');
}
