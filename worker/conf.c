/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.c - the options of wf-worker: those of `prefect worker start`, and ours.
 */
#include "worker/conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/data_home.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "worker/worker.h"

#define RUNS_PER_CPU 4 /* default slots: starts are paced, hosts survive a backlog */

static const struct opt options[] = {
    {.name = "pool",
     .letter = 'p',
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, pool),
     .env = {"WF_POOL", "PREFECT_WORKER_POOL_NAME"},
     .metavar = "NAME",
     .help = "The work pool to serve.",
     .flags = OPT_F_REQUIRED},
    {.name = "name",
     .letter = 'n',
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, name),
     .def = "",
     .env = {"WF_WORKER_NAME"},
     .metavar = "NAME",
     .help = "Name of this worker; made up when not given."},
    {.name = "work-queue",
     .letter = 'q',
     .type = OPT_TYPE_LIST,
     OPT_AT(struct worker_conf, queues),
     .env = {"WF_WORK_QUEUES"},
     .metavar = "NAME",
     .help = "Serve only this work queue. Repeatable; all when not given."},
    {.name = "type",
     .letter = 't',
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, type),
     .def = "process",
     .metavar = "TYPE",
     .help = "Type of the worker: process."},
    {.name = "limit",
     .letter = 'l',
     .type = OPT_TYPE_INT,
     OPT_AT(struct worker_conf, limit),
     .def = "0",
     .min = 0,
     .max = 10000,
     .env = {"WF_WORKER_LIMIT"},
     .metavar = "N",
     .help = "At most N runs at a time; four per CPU when not given."},
    {.name = "prefetch-seconds",
     .type = OPT_TYPE_INT,
     OPT_AT(struct worker_conf, prefetch_s),
     .def = "10",
     .min = 0,
     .max = 3600,
     .env = {"WF_WORKER_PREFETCH_SECONDS", "PREFECT_WORKER_PREFETCH_SECONDS"},
     .metavar = "N",
     .help = "Take runs so many seconds before they are due."},
    {.name = "run-once",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct worker_conf, run_once),
     .help = "Take what is due, wait for it, leave.",
     .flags = OPT_F_FLAGONLY},
    {.name = "with-healthcheck",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct worker_conf, with_healthcheck),
     .help = "Answer GET /health on the address and port below.",
     .flags = OPT_F_FLAGONLY},
    {.name = "webserver-host",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, webserver_host),
     .def = "0.0.0.0",
     .env = {"WF_WORKER_WEBSERVER_HOST", "PREFECT_WORKER_WEBSERVER_HOST"},
     .metavar = "ADDRESS",
     .help = "Address of --with-healthcheck."},
    {.name = "webserver-port",
     .type = OPT_TYPE_INT,
     OPT_AT(struct worker_conf, webserver_port),
     .def = "8080",
     .min = 0,
     .max = 65535,
     .env = {"WF_WORKER_WEBSERVER_PORT", "PREFECT_WORKER_WEBSERVER_PORT"},
     .metavar = "PORT",
     .help = "Port of --with-healthcheck; 0 chooses a free one."},
    {.name = "install-policy",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, install_policy),
     .def = "prompt",
     .metavar = "POLICY",
     .help = "Accepted for compatibility: there is nothing to install.",
     .flags = OPT_F_FLAGONLY},
    {.name = "base-job-template",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, base_job_template),
     .def = "",
     .metavar = "FILE",
     .help = "JSON for the pool, when this worker creates it.",
     .flags = OPT_F_FLAGONLY},
    {.name = "create-pool-if-not-found",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct worker_conf, create_pool),
     .def = "true",
     .help = "Do not create the pool when it does not exist."},
    {.name = "drain-timeout",
     .type = OPT_TYPE_MS,
     OPT_AT(struct worker_conf, drain_ms),
     .def = "300s",
     .max = 7LL * 86400 * 1000,
     .env = {"WF_WORKER_DRAIN_TIMEOUT"},
     .metavar = "TIME",
     .help = "After SIGTERM, how long running runs may go on."},
    {.name = "cancel-grace",
     .type = OPT_TYPE_MS,
     OPT_AT(struct worker_conf, cancel_grace_ms),
     .def = "30s",
     .min = 1,
     .max = 3600LL * 1000,
     .env = {"WF_CANCEL_GRACE_SECONDS"},
     .metavar = "TIME",
     .help = "Between asking a cancelled run to end and killing it."},
    {.name = "cgroup",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, cgroup),
     .def = "auto",
     .env = {"WF_CGROUP"},
     .metavar = "FOLDER",
     .help = "Where each run gets a control group (v2): a folder, auto (what systemd "
	     "delegated) or off."},
    {.name = "python",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, python),
     .def = "",
     .env = {"WF_PYTHON"},
     .metavar = "PATH",
     .help = "Python that has Prefect, for Python flows; python3 when not given."},
    {.name = "pyhost",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct worker_conf, pyhost),
     .def = "true",
     .env = {"WF_PYHOST"},
     .help = "Start a new interpreter for each Python flow run."},
    {.name = "pyhost-preload",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, pyhost_preload),
     .def = "",
     .env = {"WF_PYHOST_PRELOAD"},
     .metavar = "MODULES",
     .help = "Libraries, with commas, that are imported once for all Python runs."},
    {.name = "data-dir",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, data_dir),
     .def = "",
     .env = {"WF_DATA_DIR"},
     .metavar = "DIR",
     .help = "Folder of the journal; ~/.local/share/wf when not given."},
    {.name = "api-url",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, api_url),
     .def = "",
     .env = {"WF_API_URL", "PREFECT_API_URL"},
     .metavar = "URL",
     .help = "The API; a server of this machine when not given."},
    {.name = "redis-url",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, redis_url),
     .def = "",
     .env = {"WF_REDIS_URL"},
     .metavar = "URL",
     .help = "Redis; told by the API when not given.",
     .flags = OPT_F_SECRET},
    {.name = "auth",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, auth),
     .def = "",
     .env = {"WF_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"},
     .metavar = "USER:PASSWORD",
     .help = "Credentials for the API.",
     .flags = OPT_F_SECRET},
    {.name = "api-key",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, api_key),
     .def = "",
     .env = {"WF_API_KEY", "PREFECT_API_KEY"},
     .metavar = "KEY",
     .help = "API key, sent as a bearer token.",
     .flags = OPT_F_SECRET},
    {.name = "mode",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, mode),
     .def = "auto",
     .env = {"WF_WORKER_MODE"},
     .metavar = "MODE",
     .help = "auto, redis or rest: how runs are taken.",
     .flags = OPT_F_HIDDEN},
    {.name = "slots-fd",
     .type = OPT_TYPE_INT,
     OPT_AT(struct worker_conf, slots_fd),
     .def = "-1",
     .min = -1,
     .max = 1023,
     .metavar = "FD",
     .help = "Socket to the wf-agent that started this worker.",
     .flags = OPT_F_HIDDEN | OPT_F_FLAGONLY},
    {.name = "run-table",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, run_table),
     .def = "",
     .metavar = "FILE",
     .help = "Where that agent looks for our runs when we are dead.",
     .flags = OPT_F_HIDDEN | OPT_F_FLAGONLY},
    {.name = "query-seconds",
     .type = OPT_TYPE_INT,
     OPT_AT(struct worker_conf, query_s),
     .def = "10",
     .min = 1,
     .max = 3600,
     .env = {"WF_WORKER_QUERY_SECONDS", "PREFECT_WORKER_QUERY_SECONDS"},
     .metavar = "N",
     .help = "Without Redis, ask for runs every N seconds."},
    {.name = "redis-patience",
     .type = OPT_TYPE_MS,
     OPT_AT(struct worker_conf, redis_patience_ms),
     .def = "20s",
     .min = 1,
     .max = 24LL * 3600 * 1000,
     .env = {"WF_REDIS_PATIENCE"},
     .metavar = "TIME",
     .help = "When Redis is away for longer, ask the API for runs until it is back."},
    {.name = "heartbeat-seconds",
     .type = OPT_TYPE_INT,
     OPT_AT(struct worker_conf, heartbeat_s),
     .def = "30",
     .min = 1,
     .max = 3600,
     .env = {"WF_WORKER_HEARTBEAT_SECONDS", "PREFECT_WORKER_HEARTBEAT_SECONDS"},
     .metavar = "N",
     .help = "Tell the API every N seconds that this worker lives."},
    {.name = "log-level",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, log_level),
     .def = "info",
     .env = {"WF_LOG_LEVEL"},
     .metavar = "LEVEL",
     .help = "error, warn, info or debug."},
    {.name = "log-format",
     .type = OPT_TYPE_STR,
     OPT_AT(struct worker_conf, log_format),
     .def = "text",
     .env = {"WF_LOG_FORMAT"},
     .metavar = "FORMAT",
     .help = "text, json or syslog."},
};

const struct opt_spec worker_spec = {
    .program = "wf-worker",
    .usage = "--pool NAME [options]",
    .about =
	"Serves one work pool on this host: takes its flow runs, starts and supervises "
	"a process for each. The first SIGTERM or SIGINT drains, the second stops the "
	"runs, the third leaves at once.",
    .examples =
	"  wf-worker --pool tutorial-process-pool\n"
	"  PREFECT_API_URL=http://10.0.0.5:4200/api wf-worker -p etl -q nightly -l 8\n",
    .opts = options,
    .count = ARRAY_LEN(options),
    .conf_size = sizeof(struct worker_conf),
};

static void replace(char **field, char *value)
{
	free(*field);
	*field = value;
}

static int check_words(const struct worker_conf *c, struct error *err)
{
	if (strcmp(c->type, "process") != 0) {
		return err_set(
		    err, ERR_UNSUPPORTED,
		    "Worker type '%s' is not supported: wf-worker runs processes. "
		    "Use `prefect worker start --type %s` for it.",
		    c->type, c->type);
	}
	if (strcmp(c->install_policy, "always") != 0 &&
	    strcmp(c->install_policy, "if-not-present") != 0 &&
	    strcmp(c->install_policy, "never") != 0 &&
	    strcmp(c->install_policy, "prompt") != 0) {
		return err_set(err, ERR_USAGE,
			       "--install-policy is always, if-not-present, never or "
			       "prompt, not '%s'.",
			       c->install_policy);
	}
	if (strpbrk(c->name, "/%") != NULL) {
		return err_set(err, ERR_USAGE,
			       "A worker's name has no '/' and no '%%': '%s'.",
			       c->name);
	}
	if (strcmp(c->mode, "auto") != 0 && strcmp(c->mode, "redis") != 0 &&
	    strcmp(c->mode, "rest") != 0) {
		return err_set(err, ERR_USAGE,
			       "--mode is auto, redis or rest, not '%s'.", c->mode);
	}
	return 0;
}

int worker_conf_finish(struct worker_conf *c, struct error *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct uuid id;
	char text[UUID_TEXT_SIZE];
	size_t len;
	int rc;

	if (c->name[0] == '\0') {
		uuid_v4(&id);
		replace(&c->name,
			xasprintf("ProcessWorker %s", uuid_format(&id, text)));
	}
	rc = check_words(c, err);
	if (c->limit == 0) {
		c->limit = RUNS_PER_CPU * (cpus > 0 ? cpus : 1);
	}
	if (c->data_dir[0] == '\0') {
		replace(&c->data_dir, data_home());
	}
	if (rc == 0 && c->api_url[0] == '\0') {
		free(c->api_url);
		rc = data_home_need_url(c->data_dir, &c->api_url, err);
		if (rc < 0) {
			c->api_url = xstrdup("");
		}
	}
	for (len = strlen(c->api_url); len > 0 && c->api_url[len - 1] == '/'; len--) {
		c->api_url[len - 1] = '\0';
	}
	return rc;
}
