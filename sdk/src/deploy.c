/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deploy.c - deploy and serve: `wf` and `wf-worker` do the work, for this program.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"
#include "sdk/src/commands.h"
#include "sdk/src/registry.h"

#define WORDS_MAX 64

extern char **environ;

static char *literal(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* PROGRAM:FLOW with the absolute path of this program; NULL after a message. */
static char *entrypoint(const char *name)
{
	char self[PATH_MAX];
	const wf_flow *def = NULL;
	struct error err;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0 || registry_find(name, &def, &err) < 0) {
		(void)fprintf(stderr, "%s\n",
			      n <= 0 ? "cannot find out my own path" : err.msg);
		return NULL;
	}
	self[n] = '\0';
	return xasprintf("%s:%s", self, registry_flow_name(def));
}

static char *tool(const char *name)
{
	char *path = proc_find_program(name);

	if (path == NULL) {
		(void)fprintf(stderr, "%s is neither beside this program nor in PATH\n",
			      name);
	}
	return path;
}

/* FLOW stands first, when it does not begin with a dash. */
static const char *flow_word(int *argc, char ***argv)
{
	const char *name = NULL;

	if (*argc > 1 && (*argv)[1][0] != '-') {
		name = (*argv)[1];
		(*argc)--;
		(*argv)++;
	}
	return name;
}

int command_deploy(int argc, char **argv)
{
	char *words[WORDS_MAX + 4], *entry;
	const char *name;
	struct error err;
	int n = 0, i;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		(void)puts("Usage: deploy [FLOW] -n NAME --pool POOL [options of `wf "
			   "deploy`]");
		return 0;
	}
	name = flow_word(&argc, &argv);
	entry = entrypoint(name);
	words[n++] = tool("wf");
	if (entry == NULL || words[0] == NULL || argc > WORDS_MAX) {
		return 64;
	}
	words[n++] = literal("deploy");
	words[n++] = entry;
	for (i = 1; i < argc; i++) {
		words[n++] = argv[i];
	}
	words[n] = NULL;
	(void)proc_exec(words, environ, &err);
	(void)fprintf(stderr, "%s\n", err.msg);
	return err_exit_status(err.code);
}

struct words {
	char *const *argv;
};

static int exec_words(void *arg)
{
	const struct words *w = arg;
	struct error err;

	(void)proc_exec(w->argv, environ, &err);
	(void)fprintf(stderr, "%s\n", err.msg);
	return 70;
}

/* Runs ARGV to its end; its exit status. */
static int run_tool(char *const *argv)
{
	struct words w = {argv};
	struct error err;
	int status = 0;
	pid_t pid = proc_fork_fn(exec_words, &w, &err);

	if (pid < 0 || proc_fn_wait(pid, 1, &status, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 70;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 70;
}

/* A pool of its own, the deployment in it, and a worker here. */
int command_serve(int argc, char **argv)
{
	const char *name;
	char *entry, *pool, *wf = tool("wf"), *worker = tool("wf-worker");
	struct error err;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		(void)puts(
		    "Usage: serve [FLOW]\n\nMakes the deployment FLOW/served in a "
		    "pool of its own and works for it from here.");
		return 0;
	}
	name = flow_word(&argc, &argv);
	entry = entrypoint(name);
	if (entry == NULL || wf == NULL || worker == NULL) {
		return 64;
	}
	pool = xasprintf("served-%s", strrchr(entry, ':') + 1);
	{
		char *make[] = {wf,
				literal("work-pool"),
				literal("create"),
				pool,
				literal("--type"),
				literal("process"),
				literal("--overwrite"),
				NULL};
		char *deploy[] = {wf,
				  literal("deploy"),
				  entry,
				  literal("-n"),
				  literal("served"),
				  literal("--pool"),
				  pool,
				  NULL};
		char *work[] = {worker, literal("--pool"), pool, NULL};
		int rc = run_tool(make);

		if (rc == 0) {
			rc = run_tool(deploy);
		}
		if (rc != 0) {
			return rc;
		}
		(void)proc_exec(work, environ, &err);
	}
	(void)fprintf(stderr, "%s\n", err.msg);
	return err_exit_status(err.code);
}
