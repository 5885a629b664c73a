/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.c - running wf-engine.
 */
#include "child.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

extern char **environ;

#define ARGS_MAX 16

static char *program(void)
{
	const char *dir = getenv("builddir");
	char path[4096], *full;

	(void)snprintf(path, sizeof(path), "%s/wf-engine", dir != NULL ? dir : ".");
	full = realpath(path, NULL);
	cr_assert_not_null(full, "build wf-engine first: %s", path);
	return full;
}

void child_init(struct child *c, const char *flows)
{
	char path[128];
	FILE *f;

	memset(c, 0, sizeof(*c));
	(void)strcpy(c->dir, "/tmp/wf-engine-test-XXXXXX");
	cr_assert_not_null(mkdtemp(c->dir));
	(void)snprintf(path, sizeof(path), "%s/t.flow.yaml", c->dir);
	f = fopen(path, "we");
	cr_assert_not_null(f);
	(void)fprintf(f, "version: 1\nflows:\n%s", flows);
	(void)fclose(f);
}

static void clear(struct child *c)
{
	free(c->out);
	free(c->err);
	json_decref(c->record);
	c->out = c->err = NULL;
	c->record = NULL;
}

void child_release(struct child *c)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(c->dir);

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (*e->d_name == '.') {
			continue;
		}
		cr_expect_neq(strncmp(e->d_name, "wf-run-", 7), 0, "left behind: %s",
			      e->d_name);
		(void)snprintf(path, sizeof(path), "%s/%s", c->dir, e->d_name);
		(void)unlink(path);
	}
	if (d != NULL) {
		(void)closedir(d);
	}
	(void)rmdir(c->dir);
	clear(c);
}

static pid_t spawn(struct child *c, const char *const *args, int out, int err, int fd)
{
	char *argv[ARGS_MAX], *path = program(), tmp[100], *env[256];
	char control[] = "WF_CONTROL_FD=3";
	posix_spawn_file_actions_t fa;
	size_t n = 0, i;
	pid_t pid;

	argv[n++] = path;
	for (i = 0; args[i] != NULL && n < ARGS_MAX - 1; i++) {
		argv[n++] = (char *)(uintptr_t)args[i];
	}
	argv[n] = NULL;
	for (i = 0, n = 0; environ[i] != NULL && n < 250; i++) {
		if (strncmp(environ[i], "TMPDIR=", 7) != 0 &&
		    strncmp(environ[i], "PREFECT_", 8) != 0 &&
		    strncmp(environ[i], "WF_", 3) != 0) {
			env[n++] = environ[i];
		}
	}
	(void)snprintf(tmp, sizeof(tmp), "TMPDIR=%s", c->dir);
	env[n++] = tmp;
	if (fd >= 0) {
		env[n++] = control;
	}
	env[n] = NULL;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addchdir_np(&fa, c->dir);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	posix_spawn_file_actions_adddup2(&fa, err, 2);
	if (fd >= 0) {
		posix_spawn_file_actions_adddup2(&fa, fd, 3);
	}
	cr_assert_eq(posix_spawn(&pid, path, &fa, NULL, argv, env), 0);
	posix_spawn_file_actions_destroy(&fa);
	free(path);
	return pid;
}

pid_t child_start(struct child *c, const char *const *args, int fd)
{
	return spawn(c, args, 2, 2, fd);
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_wait(pid_t pid)
{
	int64_t until_ms = clock_mono_ms() + 20000;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_mono_ms() > until_ms) {
			(void)kill(pid, SIGKILL);
			cr_assert_fail("wf-engine did not end");
		}
		(void)usleep(2000);
	}
	return status_of(status);
}

static char *slurp(int fd)
{
	struct buf b;

	buf_init(&b);
	(void)lseek(fd, 0, SEEK_SET);
	cr_assert_eq(buf_read_fd(&b, fd, 64u << 20, NULL), 0);
	(void)close(fd);
	return buf_take(&b, NULL);
}

static int scratch(void)
{
	FILE *f = tmpfile();
	int fd = dup(fileno(f));

	(void)fclose(f);
	return fd;
}

void child_exec(struct child *c, const char *const *args)
{
	int out = scratch(), err = scratch();

	clear(c);
	c->status = child_wait(spawn(c, args, out, err, -1));
	c->out = slurp(out);
	c->err = slurp(err);
	c->record = json_loads(c->out, JSON_DECODE_ANY, NULL);
}

void child_run(struct child *c, const char *const *args)
{
	const char *all[ARGS_MAX] = {"run", "--offline", "-o", "json", NULL};
	size_t n = 4, i;

	for (i = 0; args[i] != NULL && n < ARGS_MAX - 1; i++) {
		all[n++] = args[i];
	}
	child_exec(c, all);
	cr_assert_not_null(c->record, "status %d\n%s\n%s", c->status, c->out, c->err);
}

const json_t *child_task(const struct child *c, const char *name)
{
	const json_t *tasks = json_object_get(c->record, "tasks");
	size_t i;

	for (i = 0; i < json_array_size(tasks); i++) {
		const json_t *t = json_array_get(tasks, i);

		if (strcmp(json_string_value(json_object_get(t, "name")), name) == 0) {
			return t;
		}
	}
	return NULL;
}

const char *child_states(const struct child *c, const char *name)
{
	static char text[512];
	const json_t *states = json_object_get(child_task(c, name), "states");
	size_t i;

	*text = '\0';
	for (i = 0; i < json_array_size(states); i++) {
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			       i > 0 ? "," : "",
			       json_string_value(
				   json_object_get(json_array_get(states, i), "name")));
	}
	return text;
}

const char *child_message(const struct child *c, const char *name)
{
	const json_t *states = json_object_get(child_task(c, name), "states");
	const char *m = json_string_value(json_object_get(
	    json_array_get(states, json_array_size(states) - 1), "message"));

	return m != NULL ? m : "";
}

int child_logged(const struct child *c, const char *text)
{
	const json_t *logs = json_object_get(c->record, "logs");
	char line[4096];
	size_t i;

	for (i = 0; i < json_array_size(logs); i++) {
		const json_t *l = json_array_get(logs, i);

		(void)snprintf(
		    line, sizeof(line), "%lld %s - %s",
		    (long long)json_integer_value(json_object_get(l, "level")),
		    json_string_value(json_object_get(l, "source")),
		    json_string_value(json_object_get(l, "message")));
		if (strstr(line, text) != NULL) {
			return 1;
		}
	}
	return 0;
}

const char *child_flow(const struct child *c)
{
	static char text[1024];
	const json_t *state = json_object_get(c->record, "state");
	const char *message = json_string_value(json_object_get(state, "message"));

	(void)snprintf(text, sizeof(text), "%s: %s",
		       json_string_value(json_object_get(state, "name")),
		       message != NULL ? message : "");
	return text;
}
