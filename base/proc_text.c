/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_text.c - what an exit means, in words and as one number.
 */
#include "base/proc.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/compiler.h"

const char *proc_stop_reason_name(enum proc_stop_reason reason)
{
	static const char *const names[] = {
	    [PROC_STOP_NONE] = "none",          [PROC_STOP_TIMEOUT] = "timed out",
	    [PROC_STOP_CANCEL] = "canceled",    [PROC_STOP_LOST] = "lease lost",
	    [PROC_STOP_STUCK] = "no heartbeat", [PROC_STOP_SHUTDOWN] = "shut down",
	};

	return (size_t)reason < ARRAY_LEN(names) ? names[reason] : "unknown";
}

void proc_describe(const struct proc_exit *exit, char *buf, size_t size)
{
	char how[64], text[128];
	const char *abbrev;
	int signo;

	if (exit->spawn_errno != 0) {
		(void)snprintf(buf, size, "could not start: %s: %s",
			       exit->spawn_step != NULL ? exit->spawn_step : "spawn",
			       strerror_r(exit->spawn_errno, text, sizeof(text)));
		return;
	}
	if (WIFSIGNALED(exit->status)) {
		signo = WTERMSIG(exit->status);
		abbrev = sigabbrev_np(signo);
		(void)snprintf(how, sizeof(how), "signal %d (SIG%s%s)", signo,
			       abbrev != NULL ? abbrev : "?",
			       WCOREDUMP(exit->status) ? ", core dumped" : "");
	} else {
		(void)snprintf(how, sizeof(how), "exit status %d",
			       WEXITSTATUS(exit->status));
	}
	if (exit->reason != PROC_STOP_NONE) {
		(void)snprintf(buf, size, "%s: %s", proc_stop_reason_name(exit->reason),
			       how);
	} else {
		(void)snprintf(buf, size, "%s", how);
	}
}

int proc_exit_code(const struct proc_exit *exit)
{
	if (exit->spawn_errno != 0) {
		return exit->spawn_errno == ENOENT ? 127 : 126;
	}
	if (WIFSIGNALED(exit->status)) {
		return -WTERMSIG(exit->status);
	}
	return WEXITSTATUS(exit->status);
}
