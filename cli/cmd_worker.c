/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_worker.c - wf worker: ls, drain, start (hands over to wf-worker).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/spec.h"

extern char **environ;

struct worker_conf {
	char *pool, *output;
};

/* A server that is not ours knows less, and only pool by pool. */
static int add_plain(struct cli *cli, const char *pool, json_t *into, struct error *err)
{
	char *enc = url_encode(pool),
	     *path = xasprintf("/work_pools/%s/workers/filter", enc);
	json_t *list = NULL, *w;
	size_t i;
	int rc = client_filter(cli, path, NULL, 0, &list, err);

	if (rc == -ERR_NOT_FOUND) {
		rc = err_set(err, ERR_NOT_FOUND, "Work pool '%s' not found!", pool);
	} else if (rc == 0) {
		json_array_foreach (list, i, w) {
			json_object_set_new(w, "work_pool_name", json_string(pool));
		}
		json_array_extend(into, list);
	}
	json_decref(list);
	free(path);
	free(enc);
	return rc;
}

static int all_plain(struct cli *cli, json_t *into, struct error *err)
{
	json_t *pools = NULL, *p;
	size_t i;
	int rc = client_filter(cli, "/work_pools/filter", NULL, 0, &pools, err);

	if (rc == 0) {
		json_array_foreach (pools, i, p) {
			rc = add_plain(cli, member(p, "name"), into, err);
			if (rc < 0) {
				break;
			}
		}
	}
	json_decref(pools);
	return rc;
}

/* Appends the workers of POOL ("": of all), each with its pool's name. */
static int add_workers(struct cli *cli, const char *pool, json_t *into,
		       struct error *err)
{
	char *enc = url_encode(pool);
	json_t *list = NULL;
	int rc = client_get(cli, &list, err, "/wf/v1/workers%s%s",
			    pool[0] != '\0' ? "?work_pool_name=" : "", enc);

	if (rc == -ERR_NOT_FOUND) {
		rc = pool[0] != '\0' ? add_plain(cli, pool, into, err)
				     : all_plain(cli, into, err);
	} else if (rc == 0 && pool[0] != '\0' && json_array_size(list) == 0) {
		rc = add_plain(cli, pool, into, err); /* is there such a pool? */
	} else if (rc == 0) {
		json_array_extend(into, list);
	}
	json_decref(list);
	free(enc);
	return rc;
}

static const char *standing(const json_t *w)
{
	const json_t *m = json_object_get(w, "metadata");

	if (strcmp(member(w, "status"), "ONLINE") != 0) {
		return "OFFLINE";
	}
	return strcmp(member(m, "state"), "draining") == 0 ||
		       json_is_true(json_object_get(w, "drain_requested"))
		   ? "DRAINING"
		   : "ONLINE";
}

/* "3/8", or "" when the worker does not tell. */
static void slots_text(const json_t *m, char *buf, size_t size)
{
	const json_t *used = json_object_get(m, "slots_used");

	buf[0] = '\0';
	if (json_is_integer(used)) {
		(void)snprintf(buf, size, "%lld/%lld", json_integer_value(used),
			       json_integer_value(json_object_get(m, "slots_limit")));
	}
}

static void load_text(const json_t *m, char *buf, size_t size)
{
	const json_t *load = json_object_get(m, "load");

	buf[0] = '\0';
	if (json_is_number(load)) {
		(void)snprintf(buf, size, "%.2f", json_number_value(load));
	}
}

static void ls_row(struct table *t, const json_t *w)
{
	const json_t *m = json_object_get(w, "metadata");
	char beat[64], renewal[64], text[48];
	const char *status = standing(w);

	relative_time(w, "last_heartbeat_time", beat, sizeof(beat));
	relative_time(m, "last_renewal", renewal, sizeof(renewal));
	table_cell(t, TONE_PLAIN, "%s", member(w, "name"));
	table_cell(t, TONE_LINK, "%s", member(w, "work_pool_name"));
	table_cell(t,
		   strcmp(status, "ONLINE") == 0     ? TONE_OK
		   : strcmp(status, "DRAINING") == 0 ? TONE_WARN
						     : TONE_DIM,
		   "%s", status);
	table_cell(t, TONE_PLAIN, "%s", member(m, "version"));
	slots_text(m, text, sizeof(text));
	table_cell(t, TONE_PLAIN, "%s", text);
	load_text(m, text, sizeof(text));
	table_cell(t, TONE_PLAIN, "%s", text);
	table_cell(t, TONE_DIM, "%s", renewal);
	table_cell(t, TONE_DIM, "%s", beat);
	if (json_integer_value(json_object_get(m, "deaths")) > 0) {
		table_cell(t, TONE_WARN, "%lld, last: %s",
			   json_integer_value(json_object_get(m, "deaths")),
			   member(m, "last_death"));
	} else {
		table_cell(t, TONE_DIM, "%s", "");
	}
}

static void ls_table(struct cli *cli, const json_t *list)
{
	static const char *const columns[] = {
	    "Name", "Work Pool",    "Status",         "Version", "Slots",
	    "Load", "Last Renewal", "Last Heartbeat", "Deaths"};
	struct table *t = table_new(cli, "Workers");
	size_t i;
	json_t *w;

	for (i = 0; i < ARRAY_LEN(columns); i++) {
		table_column(t, columns[i]);
	}
	json_array_foreach (list, i, w) {
		ls_row(t, w);
	}
	table_print(t);
	table_free(t);
}

static int worker_ls(struct cli *cli, const void *conf, const struct opts *opts,
		     struct error *err)
{
	const struct worker_conf *c = conf;
	json_t *list;
	int json = want_json(c->output, err), rc;

	(void)opts;
	if (json < 0) {
		return json;
	}
	list = json_array();
	rc = add_workers(cli, c->pool, list, err);
	if (rc == 0 && json) {
		print_json(list);
	} else if (rc == 0 && json_array_size(list) == 0) {
		say(cli, TONE_PLAIN,
		    "No workers found. Start one with `wf-worker --pool NAME`.");
	} else if (rc == 0) {
		ls_table(cli, list);
	}
	json_decref(list);
	return rc;
}

/* The pool of the worker NAME, owned; it is needed only when the name is not enough. */
static int find_pool(struct cli *cli, const char *name, char **ret_pool,
		     struct error *err)
{
	json_t *list = json_array(), *w;
	const char *pool = NULL;
	size_t i, n = 0;
	int rc = add_workers(cli, "", list, err);

	json_array_foreach (list, i, w) {
		if (strcmp(member(w, "name"), name) == 0) {
			pool = member(w, "work_pool_name");
			n++;
		}
	}
	if (rc == 0 && n == 0) {
		rc = err_set(err, ERR_NOT_FOUND,
			     "There is no worker '%s': `wf worker ls` shows them.",
			     name);
	} else if (rc == 0 && n > 1) {
		rc = err_set(err, ERR_USAGE,
			     "%zu pools have a worker '%s': say which with --pool.", n,
			     name);
	} else if (rc == 0) {
		*ret_pool = xstrdup(pool);
	}
	json_decref(list);
	return rc;
}

static int worker_drain(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	const struct worker_conf *c = conf;
	char *pool = c->pool[0] != '\0' ? xstrdup(c->pool) : NULL;
	char *enc_pool, *enc_name = url_encode(opts->args[0]);
	int rc = pool != NULL ? 0 : find_pool(cli, opts->args[0], &pool, err);

	if (rc == 0) {
		enc_pool = url_encode(pool);
		rc = client_post(cli, NULL, NULL, err,
				 "/wf/v1/work_pools/%s/workers/%s/drain", enc_pool,
				 enc_name);
		free(enc_pool);
	}
	if (rc == 0) {
		say(cli, TONE_OK,
		    "Worker '%s' of work pool '%s' takes no more runs; it ends when "
		    "its "
		    "last one has.",
		    opts->args[0], pool);
	}
	free(enc_name);
	free(pool);
	return rc;
}

/* Everything behind `wf worker start` goes to wf-worker as it is. */
static int worker_start(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	char **argv = xcalloc((size_t)opts->nargs + 2, sizeof(*argv));
	int rc;

	(void)cli;
	(void)conf;
	argv[0] = cli_find_program("wf-worker", err);
	if (argv[0] == NULL) {
		rc = -err->code;
	} else {
		for (int i = 0; i < opts->nargs; i++) {
			argv[i + 1] = opts->args[i];
		}
		rc = proc_exec(argv, environ, err);
	}
	free(argv[0]);
	free(argv);
	return rc;
}

static const struct opt ls_opts[] = {
    CLI_STR(struct worker_conf, pool, "pool", 'p', "POOL",
	    "Only workers of this pool."),
    CLI_OUTPUT(struct worker_conf, output),
};

static const struct opt drain_opts[] = {
    CLI_STR(struct worker_conf, pool, "pool", 'p', "POOL",
	    "The worker's pool, when several have a worker of that name."),
};
static const char *const drain_args[] = {"NAME"};

CLI_SPEC(ls_spec, "wf worker ls", "[options]", "List workers.", ls_opts,
	 struct worker_conf, 0, NULL);
CLI_SPEC(drain_spec, "wf worker drain", "NAME [options]",
	 "Let a worker take no more runs, finish those that it has, and end.",
	 drain_opts, struct worker_conf, 1, drain_args);
static const struct opt_spec start_spec = {
    .program = "wf worker start",
    .usage = "--pool NAME [options of wf-worker]",
    .about = "Start a worker: the same as wf-worker, whose --help has the options.",
    .examples = "  wf worker start --pool tutorial-process-pool\n",
    .conf_size = sizeof(struct worker_conf),
    .max_args = -1,
    .raw = 1};

static const struct command commands[] = {
    {"ls", "list", &ls_spec, worker_ls},
    {"drain", NULL, &drain_spec, worker_drain},
    {"start", NULL, &start_spec, worker_start},
};

const struct command_group group_worker = {
    .name = "worker",
    .alias = "workers",
    .summary = "List, start and drain workers.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
