/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_worker.c - wf-engine as a worker starts it: the run's facts come over the socket.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/main.h"
#include "engine/runner.h"
#include "engine/session/session.h"

extern char **environ;

/* A TERM that follows a Cancel is part of it; a TERM alone crashes the run. */
static void on_term(int signo, void *arg)
{
	(void)signo;
	if (!runner_is_stopping(arg)) {
		runner_crash(arg, "Execution was aborted by a termination signal.");
	}
}

int cmd_exec(const char *dir, const char *entrypoint, int fd)
{
	const char *colon = strrchr(entrypoint, ':');
	char *path = xstrndup(entrypoint, colon != NULL ? (size_t)(colon - entrypoint)
							: strlen(entrypoint));
	char word[] = "engine", *argv[] = {path, word, NULL};
	struct error err;

	if (*dir == '\0' || chdir(dir) == 0) {
		(void)proc_exec(argv, environ, &err);
	}
	free(path);
	return cmd_worker(fd); /* it says what is wrong with the program */
}

int cmd_worker(int fd)
{
	return cmd_worker_builtin(NULL, fd);
}

int cmd_worker_builtin(const struct builtin *b, int fd)
{
	struct error err;
	struct loop *loop;
	struct loop_signal *sigterm;
	struct session_spec spec = {.events = &runner_session_events};
	struct runner *r;
	void *attached = NULL;
	int rc;

	if (fd < 3 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
		(void)fputs("wf-engine: WF_CONTROL_FD names no open descriptor\n",
			    stderr);
		return 64;
	}
	loop = loop_new(&err);
	if (loop == NULL || proc_init(loop, &err) < 0) {
		(void)fprintf(stderr, "wf-engine: %s\n", err.msg);
		loop_free(loop);
		return 70;
	}
	r = runner_new(loop, environ);
	spec.loop = loop;
	spec.arg = r;
	sigterm = loop_signal_new(loop, SIGTERM, on_term, r);
	if (b != NULL) {
		attached = b->attach(r, loop, NULL);
	}
	runner_start(r, control_session_new(&spec, fd), NULL, NULL);
	rc = loop_run(loop);
	(void)proc_kill_strays(); /* what left its group (setsid) ends with the run */
	proc_fini();
	runner_free(r);
	if (b != NULL) {
		b->detach(attached);
	}
	loop_signal_free(sigterm);
	loop_free(loop);
	return rc;
}
