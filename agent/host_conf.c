/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_conf.c - see host_conf.h.
 */
#include "agent/host_conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/slots.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/data_home.h"
#include "base/error.h"
#include "base/mem.h"

#define RUNS_PER_CPU 4
#define WEIGHT_MAX   1000

static const struct opt options[] = {
    {.name = "pool",
     .letter = 'p',
     .type = OPT_TYPE_LIST,
     OPT_AT(struct host_conf, pools),
     .env = {"WF_AGENT_POOLS"},
     .metavar = "NAME[=WEIGHT]",
     .help = "A work pool to serve; NAME* for every pool that begins so. Repeatable.",
     .flags = OPT_F_REQUIRED,
     .group = "What is served"},
    {.name = "work-queue",
     .letter = 'q',
     .type = OPT_TYPE_LIST,
     OPT_AT(struct host_conf, queues),
     .env = {"WF_WORK_QUEUES"},
     .metavar = "NAME",
     .help = "Serve this work queue of each pool; it is created when missing. "
	     "Repeatable; all queues when neither this nor --match is given."},
    {.name = "match",
     .letter = 'm',
     .type = OPT_TYPE_LIST,
     OPT_AT(struct host_conf, matches),
     .env = {"WF_AGENT_MATCH"},
     .metavar = "PREFIX",
     .help =
	 "Serve the work queues whose name begins so; none is created. Repeatable."},
    {.name = "limit",
     .letter = 'l',
     .type = OPT_TYPE_INT,
     OPT_AT(struct host_conf, limit),
     .def = "0",
     .max = SLOTS_LIMIT_MAX,
     .env = {"WF_AGENT_LIMIT"},
     .metavar = "N",
     .help = "At most N runs at a time on this host, all pools together; four per CPU "
	     "when not given.",
     .group = "How much"},
    {.name = "max-load",
     .type = OPT_TYPE_REAL,
     OPT_AT(struct host_conf, max_load),
     .def = "0",
     .env = {"WF_AGENT_MAX_LOAD"},
     .metavar = "LOAD",
     .help = "Take no new runs while the load average of a minute is above; 0: never "
	     "mind."},
    {.name = "min-free-memory",
     .type = OPT_TYPE_BYTES,
     OPT_AT(struct host_conf, min_free_memory),
     .def = "64M",
     .env = {"WF_AGENT_MIN_FREE_MEMORY"},
     .metavar = "BYTES",
     .help = "Take no new runs while less memory is available; 0: never mind."},
    {.name = "max-memory-pressure",
     .type = OPT_TYPE_REAL,
     OPT_AT(struct host_conf, max_memory_pressure),
     .def = "20",
     .env = {"WF_AGENT_MAX_MEMORY_PRESSURE"},
     .metavar = "PERCENT",
     .help =
	 "Take no new runs while all tasks of the host stall for memory for more of "
	 "the time (PSI, where the kernel has it); 0: never mind."},
    {.name = "prefetch-seconds",
     .type = OPT_TYPE_INT,
     OPT_AT(struct host_conf, prefetch_s),
     .def = "10",
     .max = 3600,
     .env = {"WF_WORKER_PREFETCH_SECONDS", "PREFECT_WORKER_PREFETCH_SECONDS"},
     .metavar = "N",
     .help = "Take runs so many seconds before they are due."},
    {.name = "drain-timeout",
     .type = OPT_TYPE_MS,
     OPT_AT(struct host_conf, drain_ms),
     .def = "300s",
     .max = 7LL * 86400 * 1000,
     .env = {"WF_WORKER_DRAIN_TIMEOUT"},
     .metavar = "TIME",
     .help = "After SIGTERM, how long running runs may go on.",
     .group = "How it ends"},
    {.name = "cancel-grace",
     .type = OPT_TYPE_MS,
     OPT_AT(struct host_conf, cancel_grace_ms),
     .def = "30s",
     .min = 1,
     .max = 3600LL * 1000,
     .env = {"WF_CANCEL_GRACE_SECONDS"},
     .metavar = "TIME",
     .help = "Between asking a run to end and killing it."},
    {.name = "name",
     .letter = 'n',
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, name),
     .def = "",
     .env = {"WF_AGENT_NAME"},
     .metavar = "NAME",
     .help = "Name of this agent: its workers are called NAME-POOL. The host's name "
	     "when not given; it must be unique.",
     .group = "Where"},
    {.name = "config",
     .letter = 'c',
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, config),
     .def = "",
     .env = {"WF_AGENT_CONFIG"},
     .metavar = "FILE",
     .help = "More options, as NAME = VALUE (TOML); read again on SIGHUP.",
     .flags = OPT_F_NOFILE},
    {.name = "data-dir",
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, data_dir),
     .def = "",
     .env = {"WF_DATA_DIR"},
     .metavar = "DIR",
     .help = "Folder of journals and status; ~/.local/share/wf when not given."},
    {.name = "python",
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, python),
     .def = "",
     .env = {"WF_PYTHON"},
     .metavar = "PATH",
     .help = "Python that has Prefect, for Python flows; python3 when not given."},
    {.name = "api-url",
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, api_url),
     .def = "",
     .env = {"WF_API_URL", "PREFECT_API_URL"},
     .metavar = "URL",
     .help = "The API; a server of this machine when not given."},
    {.name = "redis-url",
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, redis_url),
     .def = "",
     .env = {"WF_REDIS_URL"},
     .metavar = "URL",
     .help = "Redis; told by the API when not given.",
     .flags = OPT_F_SECRET},
    {.name = "auth",
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, auth),
     .def = "",
     .env = {"WF_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"},
     .metavar = "USER:PASSWORD",
     .help = "Credentials for the API.",
     .flags = OPT_F_SECRET},
    {.name = "api-key",
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, api_key),
     .def = "",
     .env = {"WF_API_KEY", "PREFECT_API_KEY"},
     .metavar = "KEY",
     .help = "API key, sent as a bearer token.",
     .flags = OPT_F_SECRET},
    {.name = "refresh",
     .type = OPT_TYPE_MS,
     OPT_AT(struct host_conf, refresh_ms),
     .def = "30s",
     .min = 100,
     .max = 3600LL * 1000,
     .env = {"WF_AGENT_REFRESH"},
     .metavar = "TIME",
     .help = "How often to look for new pools and queues.",
     .flags = OPT_F_HIDDEN},
    {.name = "log-level",
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, log_level),
     .def = "info",
     .env = {"WF_LOG_LEVEL"},
     .metavar = "LEVEL",
     .help = "error, warn, info or debug."},
    {.name = "log-format",
     .type = OPT_TYPE_STR,
     OPT_AT(struct host_conf, log_format),
     .def = "text",
     .env = {"WF_LOG_FORMAT"},
     .metavar = "FORMAT",
     .help = "text, json or syslog."},
};

const struct opt_spec host_spec = {
    .program = "wf-agent",
    .usage = "--pool NAME [--pool NAME]... [options]",
    .about =
	"Serves several work pools on this host: one wf-worker for each, which it "
	"starts, "
	"watches and starts again, with one budget of slots that they share. The first "
	"SIGTERM or SIGINT drains, the second stops the runs, the third leaves at "
	"once. "
	"SIGHUP reads the --config file again, SIGUSR1 prints the state, SIGUSR2 takes "
	"a "
	"new version of the programs in use without ending a run.",
    .examples = "  wf-agent --pool etl --pool reports\n"
		"  wf-agent --pool etl=3 --pool 'team-*' --match nightly- --limit 16\n"
		"  wf-agent -p etl --max-load 8 --min-free-memory 2G\n",
    .opts = options,
    .count = ARRAY_LEN(options),
    .conf_size = sizeof(struct host_conf),
};

static void replace(char **field, char *value)
{
	free(*field);
	*field = value;
}

/* The file has to be known before it can be read: a first pass looks only for it.  That
 * one must not fail for want of a pool, which the file may name. */
static char *config_path(int argc, char **argv)
{
	const char *found = opts_env("WF_AGENT_CONFIG");

	for (int i = 1; i < argc; i++) {
		if ((strcmp(argv[i], "--config") == 0 || strcmp(argv[i], "-c") == 0) &&
		    i + 1 < argc) {
			found = argv[++i];
		} else if (strncmp(argv[i], "--config=", 9) == 0) {
			found = argv[i] + 9;
		} else if (strcmp(argv[i], "--") == 0) {
			break;
		}
	}
	return found != NULL && found[0] != '\0' ? xstrdup(found) : NULL;
}

int host_conf_load(int argc, char **argv, struct host_conf *conf, struct opts *ret_opts,
		   struct error *err)
{
	char *path = config_path(argc, argv);
	int rc = opts_load(&host_spec, argc, argv, path, conf, ret_opts, err);

	free(path);
	return rc;
}

void host_conf_release(struct host_conf *c, struct opts *opts)
{
	opts_release(&host_spec, c, opts);
}

int host_pool_spec_parse(const char *text, struct host_pool_spec *ret_spec,
			 struct error *err)
{
	const char *eq = strrchr(text, '=');
	size_t len = eq != NULL ? (size_t)(eq - text) : strlen(text);
	char *end;
	long weight = 1;

	if (eq != NULL) {
		weight = strtol(eq + 1, &end, 10);
		if (*end != '\0' || end == eq + 1 || weight < 1 ||
		    weight > WEIGHT_MAX) {
			return err_set(err, ERR_USAGE,
				       "--pool %s: the weight is a whole number from 1 "
				       "to %d, as in etl=3.",
				       text, WEIGHT_MAX);
		}
	}
	*ret_spec = (struct host_pool_spec){.weight = (int)weight};
	if (len > 0 && text[len - 1] == '*') {
		ret_spec->prefix = 1;
		len--;
	}
	if ((len == 0 && !ret_spec->prefix) || memchr(text, '/', len) != NULL) {
		return err_set(err, ERR_USAGE, "--pool %s: that is no pool's name.",
			       text);
	}
	ret_spec->name = xstrndup(text, len);
	return 0;
}

/* ---- finishing ---- */

static char *host_name(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') {
		return xstrdup("agent");
	}
	return xstrdup(name);
}

static int check(const struct host_conf *c, struct error *err)
{
	if (strpbrk(c->name, "/%") != NULL) {
		return err_set(err, ERR_USAGE,
			       "An agent's name has no '/' and no '%%': '%s'.",
			       c->name);
	}
	if (c->pools.count > HOST_POOLS_MAX) {
		return err_set(err, ERR_USAGE,
			       "An agent serves at most %d pools, not %zu: start "
			       "another one.",
			       HOST_POOLS_MAX, c->pools.count);
	}
	for (size_t i = 0; i < c->pools.count; i++) {
		struct host_pool_spec spec = {0};

		if (host_pool_spec_parse(c->pools.items[i], &spec, err) < 0) {
			return -err->code;
		}
		free(spec.name);
	}
	if (c->max_load < 0 || c->max_memory_pressure < 0) {
		return err_set(err, ERR_USAGE,
			       "--max-load and --max-memory-pressure are not "
			       "negative.");
	}
	return 0;
}

int host_conf_finish(struct host_conf *c, struct error *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int rc;

	if (c->name[0] == '\0') {
		replace(&c->name, host_name());
	}
	if (c->limit == 0) {
		c->limit = MIN_OF(RUNS_PER_CPU * MAX_OF(cpus, 1), SLOTS_LIMIT_MAX);
	}
	if (c->data_dir[0] == '\0') {
		replace(&c->data_dir, data_home());
	}
	rc = check(c, err);
	if (rc == 0 && c->api_url[0] == '\0') {
		free(c->api_url);
		rc = data_home_need_url(c->data_dir, &c->api_url, err);
		if (rc < 0) {
			c->api_url = xstrdup("");
		}
	}
	for (size_t len = strlen(c->api_url); len > 0 && c->api_url[len - 1] == '/';
	     len--) {
		c->api_url[len - 1] = '\0';
	}
	return rc;
}
