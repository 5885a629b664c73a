/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit.c - exit statuses and why they happened, in the order in which they decide.
 */
#include "worker/exit.h"

#include <signal.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/proc.h"
#include "worker/oom.h"

const char *exit_explain(int code)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
	    {1, "It ended with a general error."},
	    {-9,
	     "It was killed (SIGKILL): by the kernel for want of memory, or by hand."},
	    {-11, "It crashed (SIGSEGV)."},
	    {-6, "It aborted (SIGABRT)."},
	    {-15, "It was asked to end (SIGTERM): a shutdown or a manual cancel."},
	    {75, "It lost the run: another owner has it, or nobody answered."},
	    {125, "Its container could not be run."},
	    {126, "Its command was found but is not executable."},
	    {127, "Its command was not found."},
	    {137, "It was killed, probably for want of memory."},
	    {143, "It was asked to end (SIGTERM)."},
	    {247, "It was ended for using too much memory."},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].code == code) {
			return texts[i].text;
		}
	}
	return "Its exit status is not one that we know.";
}

enum exit_verdict exit_judge(const struct proc_exit *exit,
			     const struct exit_facts *facts, char *message, size_t size)
{
	int code = proc_exit_code(exit);
	char how[160];

	message[0] = '\0';
	if (facts->lost) {
		return EXIT_LOST;
	}
	if (facts->concluded) {
		return EXIT_CONCLUDED;
	}
	proc_describe(exit, how, sizeof(how));
	if (exit->spawn_errno != 0) {
		(void)snprintf(message, size, "Flow run could not start: %s", how);
		return EXIT_CRASHED;
	}
	if (facts->cancelling) {
		return EXIT_CANCELLED;
	}
	if (exit->reason == PROC_STOP_STUCK) {
		(void)snprintf(message, size,
			       "The engine sent no heartbeat and was stopped (%s).",
			       how);
		return EXIT_CRASHED;
	}
	if (exit->reason == PROC_STOP_TIMEOUT) {
		(void)snprintf(message, size,
			       "The process ran too long and was stopped (%s).", how);
		return EXIT_CRASHED;
	}
	if (facts->draining || exit->reason == PROC_STOP_SHUTDOWN) {
		(void)snprintf(message, size,
			       "The worker was shut down before the run ended (%s).",
			       how);
		return EXIT_CRASHED;
	}
	if (code == 0) {
		(void)snprintf(message, size,
			       "Process exited without reporting a final state.");
		return EXIT_SILENT;
	}
	if (code == -SIGXCPU && facts->cpu_limit_s > 0) {
		(void)snprintf(
		    message, size,
		    "Process exited with status code: %d. It used up its CPU "
		    "time (job variable cpu_limit: %lld s).",
		    code, (long long)facts->cpu_limit_s);
		return EXIT_CRASHED;
	}
	if (code != 0 && facts->oom == OOM_RUN) {
		(void)snprintf(message, size,
			       "Process exited with status code: %d. The kernel killed "
			       "for want of memory in the run's control group; its "
			       "peak was %lld MB.",
			       code, (long long)(exit->max_rss_kb / 1024));
		return EXIT_CRASHED;
	}
	if (code == -SIGKILL && facts->oom >= OOM_CGROUP) {
		(void)snprintf(message, size,
			       "Process exited with status code: %d. It was killed "
			       "(SIGKILL), probably by the kernel for want of memory "
			       "%s; its peak was %lld MB.",
			       code,
			       facts->oom == OOM_CGROUP ? "in its control group"
							: "of the machine",
			       (long long)(exit->max_rss_kb / 1024));
		return EXIT_CRASHED;
	}
	(void)snprintf(message, size, "Process exited with status code: %d. %s", code,
		       exit_explain(code));
	return EXIT_CRASHED;
}
