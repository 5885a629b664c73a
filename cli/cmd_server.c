/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_server.c - wf server: start (hands over to wf-api), stop, status.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/data_home.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd_server.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/spec.h"

#define STOP_WAIT_MS 30000

extern char **environ;

struct server_conf {
	char *host, *data_dir, *database_url, *redis_url, *log_level, *log_format,
	    *output;
	int64_t port, timeout;
	int background, services, wait;
	/* of `prefect server start`; see theirs[] */
	int64_t keep_alive, workers;
	int analytics_on, analytics_off, ui, scheduler, late_runs;
};

static void add(char **argv, size_t *n, const char *flag, const char *value)
{
	if (value[0] != '\0') {
		argv[(*n)++] = xstrdup(flag);
		argv[(*n)++] = xstrdup(value);
	}
}

void cmd_server_url(const char *variable, const char *url)
{
	if (url[0] != '\0') {
		opts_env_set(variable, url);
	}
}

/* What has no counterpart here is refused; the rest (no analytics are sent, there is
 * one process, connections are kept alive) is as it is. */
static int check_theirs(const struct server_conf *c, struct error *err)
{
	if (c->workers != 1) {
		return err_set(
		    err, ERR_UNSUPPORTED,
		    "--workers %lld: the server is one process that needs no "
		    "others.",
		    (long long)c->workers);
	}
	if (!c->scheduler || !c->late_runs) {
		return err_set(err, ERR_UNSUPPORTED,
			       "--no-%s: services are not switched off one by one; "
			       "--no-services leaves them all to another server.",
			       !c->scheduler ? "scheduler" : "late-runs");
	}
	return 0;
}

static int server_start(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	const struct server_conf *c = conf;
	char *argv[24] = {NULL};
	char port[24];
	size_t n = 1;
	int rc;

	(void)cli;
	(void)opts;
	cmd_server_url("WF_DATABASE_URL", c->database_url);
	cmd_server_url("WF_REDIS_URL", c->redis_url);
	if (check_theirs(c, err) < 0) {
		return -err->code;
	}
	argv[0] = cli_find_program("wf-api", err);
	if (argv[0] == NULL) {
		return -err->code;
	}
	(void)snprintf(port, sizeof(port), "%lld", (long long)c->port);
	add(argv, &n, "--host", c->host);
	add(argv, &n, "--port", c->port >= 0 ? port : "");
	add(argv, &n, "--data-dir", c->data_dir);
	add(argv, &n, "--log-level", c->log_level);
	add(argv, &n, "--log-format", c->log_format);
	if (c->background) {
		argv[n++] = xstrdup("--background");
	}
	if (!c->services) {
		argv[n++] = xstrdup("--no-services");
	}
	rc = proc_exec(argv, environ, err);
	for (size_t i = 0; i < n; i++) {
		free(argv[i]);
	}
	return rc;
}

static char *data_dir(const struct server_conf *c)
{
	return c->data_dir[0] != '\0' ? xstrdup(c->data_dir) : session_data_dir();
}

/* The pid that holds the lock of DIR, 0 when nobody does. */
static pid_t lock_holder(const char *dir)
{
	char *path = xasprintf("%s/lock", dir);
	struct buf b;
	pid_t pid = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	buf_init(&b);
	if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK &&
	    buf_read_fd(&b, fd, 64, NULL) == 0) {
		pid = (pid_t)strtol(b.data, NULL, 10);
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	buf_release(&b);
	free(path);
	return pid;
}

static int server_stop(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	char *dir = data_dir(conf);
	pid_t pid = lock_holder(dir);
	int64_t end_ms = clock_mono_ms() + STOP_WAIT_MS;
	int rc = 0;

	(void)opts;
	if (pid <= 0) {
		say(cli, TONE_PLAIN, "No server runs on %s.", dir);
		free(dir);
		return 0;
	}
	rc = proc_signal_pid(pid, 15, err);
	while (rc == 0 && lock_holder(dir) == pid) {
		if (clock_mono_ms() > end_ms) {
			rc = err_set(
			    err, ERR_TIMEOUT,
			    "The server (pid %d) does not stop; its log is in %s/log.",
			    (int)pid, dir);
			break;
		}
		(void)usleep(20000);
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Server stopped.");
	}
	free(dir);
	return rc;
}

/* The URL of the server that runs on DIR, when one does. */
static void use_dir(struct cli *cli, const char *dir)
{
	char *url = data_home_url(dir);

	if (url != NULL) {
		free(cli->api_url);
		cli->api_url = url;
		cli->api_url_source = "the data folder";
	}
}

/* RC: of the last look.  Without a server the JSON says so and the exit status is 1. */
static int status_json(struct cli *cli, int rc)
{
	json_t *version = NULL, *v;

	if (rc == 0) {
		(void)client_get(cli, &version, NULL, "/admin/version");
	}
	v = json_pack("{s:s, s:s, s:o}", "status",
		      rc == 0 ? "available" : "unavailable", "api_url", cli->api_url,
		      "server_version", version != NULL ? version : json_null());
	print_json(v);
	json_decref(v);
	return rc == 0 ? 0 : 1;
}

static int server_status(struct cli *cli, const void *conf, const struct opts *opts,
			 struct error *err)
{
	const struct server_conf *c = conf;
	int64_t end_ms = !c->wait          ? 0
			 : c->timeout == 0 ? INT64_MAX
					   : clock_mono_ms() + c->timeout * 1000;
	json_t *ready = NULL;
	int json = want_json(c->output, err), rc;

	(void)opts;
	if (json < 0) {
		return json;
	}
	do {
		if (c->data_dir[0] != '\0') {
			if (lock_holder(c->data_dir) <= 0) {
				rc = err_set(err, ERR_UNAVAILABLE,
					     "No server runs on %s.", c->data_dir);
				continue;
			}
			use_dir(cli, c->data_dir);
		}
		rc = client_get(cli, &ready, err, "/ready");
	} while (rc < 0 && clock_mono_ms() < end_ms && usleep(100000) == 0);
	json_decref(ready);
	if (json) {
		return status_json(cli, rc);
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Server is healthy: %s", cli->api_url);
	}
	return rc;
}

/* Known from `prefect server start`: taken, and refused where it would matter. */
#define THEIRS(member, nm, kind, dflt)                                            \
	{                                                                         \
		.name = (nm), .type = (kind), OPT_AT(struct server_conf, member), \
		.def = (dflt), .metavar = "N", .help = "Known from prefect.",     \
		.flags = OPT_F_FLAGONLY | OPT_F_HIDDEN                            \
	}

static const struct opt start_opts[] = {
    CLI_STR(struct server_conf, host, "host", 0, "ADDRESS",
	    "Where to listen; 127.0.0.1 when not given."),
    CLI_INT(struct server_conf, port, "port", 0, "-1", "PORT",
	    "Port; 4200 when not given, 0 chooses a free one."),
    CLI_STR(struct server_conf, data_dir, "data-dir", 0, "DIR",
	    "Folder of the data; $WF_DATA_DIR or ~/.local/share/wf when not given."),
    CLI_STR(struct server_conf, database_url, "database-url", 0, "URL",
	    "Database; SQLite in the data folder when not given."),
    CLI_STR(struct server_conf, redis_url, "redis-url", 0, "URL",
	    "Redis; a private redis-server when not given."),
    CLI_STR(struct server_conf, log_level, "log-level", 0, "LEVEL",
	    "error, warn, info or debug."),
    CLI_STR(struct server_conf, log_format, "log-format", 0, "FORMAT", "text or json."),
    CLI_BOOL(struct server_conf, background, "background", 'b',
	     "Return when the server is ready; it goes on."),
    {.name = "services",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct server_conf, services),
     .def = "true",
     .help = "Do without background services: another server runs them.",
     .flags = OPT_F_FLAGONLY},
    THEIRS(keep_alive, "keep-alive-timeout", OPT_TYPE_INT, NULL),
    THEIRS(workers, "workers", OPT_TYPE_INT, "1"),
    THEIRS(analytics_on, "analytics-on", OPT_TYPE_BOOL, NULL),
    THEIRS(analytics_off, "analytics-off", OPT_TYPE_BOOL, NULL),
    THEIRS(ui, "ui", OPT_TYPE_BOOL, "true"),
    THEIRS(scheduler, "scheduler", OPT_TYPE_BOOL, "true"),
    THEIRS(late_runs, "late-runs", OPT_TYPE_BOOL, "true"),
};
static const struct opt stop_opts[] = {
    CLI_STR(struct server_conf, data_dir, "data-dir", 0, "DIR", "Folder of the data."),
};
static const struct opt status_opts[] = {
    CLI_STR(struct server_conf, data_dir, "data-dir", 0, "DIR",
	    "Ask the server of this folder."),
    CLI_BOOL(struct server_conf, wait, "wait", 0, "Wait until it is healthy."),
    CLI_INT(struct server_conf, timeout, "timeout", 't', "0", "SECONDS",
	    "How long to wait; 0 for ever."),
    CLI_OUTPUT(struct server_conf, output),
};

CLI_SPEC(start_spec, "wf server start", "[options]", "Start the server.", start_opts,
	 struct server_conf, 0, NULL);
CLI_SPEC(stop_spec, "wf server stop", "[options]", "Stop the server of this machine.",
	 stop_opts, struct server_conf, 0, NULL);
CLI_SPEC(status_spec, "wf server status", "[options]",
	 "Say whether the server is healthy.", status_opts, struct server_conf, 0,
	 NULL);

static const struct command commands[] = {
    {"database", NULL, &server_database_spec, server_database_run},
    {"start", NULL, &start_spec, server_start},
    {"status", NULL, &status_spec, server_status},
    {"stop", NULL, &stop_spec, server_stop},
};

const struct command_group group_server = {
    .name = "server",
    .summary = "Start, stop and check the server.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
