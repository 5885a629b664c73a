/* SPDX-License-Identifier: Apache-2.0 */
/*
 * background.c - see background.h.
 *
 * The new process holds the data directory's lock from its first moment on and
 * publishes the url file when it answers; so "lock free again" means that it died.
 */
#include "api/server/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/server/datadir.h"
#include "api/server/options.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/data_home.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"

#define READY_MS   150000 /* a long recovery of the append-only file is allowed for */
#define GRACE_MS   3000   /* to take the lock */
#define POLL_MS    20
#define LOG_TAIL   4096
#define EXIT_START 70

extern char **environ;

static int answers(const char *url)
{
	char *health = xasprintf("%s/health", url);
	struct httpc_spec spec = {.method = "GET", .url = health, .timeout_ms = 2000};
	struct httpc_answer a = {0};
	int ok = httpc_call(&spec, &a, NULL) == 0 && a.status == 200;

	httpc_answer_release(&a);
	free(health);
	return ok;
}

static void print_tail(const char *path, off_t from)
{
	char text[LOG_TAIL + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ssize_t n;

	if (fd < 0) {
		return;
	}
	from = end - from > LOG_TAIL ? end - LOG_TAIL : from;
	n = pread(fd, text, LOG_TAIL, from);
	text[n > 0 ? n : 0] = '\0';
	(void)fputs(text, stderr);
	(void)close(fd);
}

/* argv without --background and without URLs, with an absolute program. */
static char **child_argv(int argc, char **argv)
{
	char **out = xcalloc((size_t)argc + 1, sizeof(*out));
	int i, n = 0;

	out[n++] = proc_find_program("wf-api");
	for (i = 1; i < argc; i++) {
		int used = server_conf_is_url(argv[i]);

		if (used > 0) {
			i += used - 1;
		} else if (strcmp(argv[i], "--background") != 0) {
			out[n++] = argv[i];
		}
	}
	return out;
}

/* They may hold passwords, and everybody can read the arguments of a process. */
static void urls_to_environment(const struct server_conf *conf)
{
	if (conf->api.database_url != NULL && conf->api.database_url[0] != '\0') {
		opts_env_set("WF_DATABASE_URL", conf->api.database_url);
	}
	if (conf->api.redis_url != NULL && conf->api.redis_url[0] != '\0') {
		opts_env_set("WF_REDIS_URL", conf->api.redis_url);
	}
}

static void say_how_to_stop(const char *data_dir)
{
	char *usual = data_home();
	int other = usual == NULL || strcmp(usual, data_dir) != 0;

	(void)fflush(stdout);
	(void)fprintf(
	    stderr,
	    "wf-api runs in the background; end it with `wf server stop%s%s`.\n",
	    other ? " --data-dir " : "", other ? data_dir : "");
	free(usual);
}

static int wait_ready(struct loop *loop, const char *data_dir)
{
	int64_t start = clock_mono_ms(), waited;
	char *url;
	int seen = 0, used, ok;

	for (;;) {
		url = data_home_url(data_dir);
		used = datadir_is_used(data_dir, NULL);
		ok = url != NULL && used && answers(url);
		if (ok) {
			(void)printf("%s\n", url);
			(void)fflush(stdout);
			say_how_to_stop(data_dir);
		}
		free(url);
		if (ok) {
			return 0;
		}
		seen |= used;
		waited = clock_mono_ms() - start;
		if ((!used && (seen || waited > GRACE_MS)) || waited > READY_MS) {
			return -ERR_UNAVAILABLE;
		}
		loop_turn(loop, POLL_MS);
	}
}

static int open_log(const char *data_dir, char **ret_path, struct error *err)
{
	char *dir = xasprintf("%s/log", data_dir);
	int fd = -1;

	*ret_path = xasprintf("%s/wf-api.log", dir);
	if (mkdir_p(dir, 0700, err) == 0) {
		fd = open(*ret_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0) {
			err_errno(err, "open %s", *ret_path);
		}
	}
	free(dir);
	return fd;
}

static int refuse_running(const char *data_dir, long pid)
{
	char *url = data_home_url(data_dir);

	(void)fprintf(
	    stderr,
	    "wf-api: a server (pid %ld%s%s) already runs on %s; stop it with `wf "
	    "server stop`\n",
	    pid, url != NULL ? ", " : "", url != NULL ? url : "", data_dir);
	free(url);
	return err_exit_status(ERR_CONFLICT);
}

int background_start(const struct server_conf *conf, int argc, char **argv)
{
	const char *data_dir = conf->api.data_dir;
	struct error err = {0};
	char *log_path = NULL, **args;
	struct loop *loop;
	off_t from;
	int fd, rc;
	long pid;

	if (datadir_is_used(data_dir, &pid)) {
		return refuse_running(data_dir, pid);
	}
	fd = open_log(data_dir, &log_path, &err);
	if (fd < 0) {
		fatal(err_exit_status(err.code), "%s", err.msg);
	}
	from = lseek(fd, 0, SEEK_END);
	args = child_argv(argc, argv);
	urls_to_environment(conf);
	if (args[0] == NULL || proc_spawn_detached(args, environ, fd, &err) < 0) {
		fatal(EXIT_START, "cannot start wf-api: %s",
		      args[0] != NULL ? err.msg : "the program is not in PATH");
	}
	loop = loop_new(&err);
	if (loop == NULL) {
		fatal(EXIT_START, "%s", err.msg);
	}
	rc = wait_ready(loop, data_dir);
	loop_free(loop);
	if (rc < 0) {
		(void)fprintf(stderr, "wf-api: the server did not start; end of %s:\n",
			      log_path);
		print_tail(log_path, from);
	}
	(void)close(fd);
	free(args[0]);
	free(args);
	free(log_path);
	return rc < 0 ? EXIT_START : 0;
}
