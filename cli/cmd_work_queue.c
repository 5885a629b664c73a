/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_work_queue.c - wf work-queue: create, ls, inspect, pause, resume, limits, delete,
 * preview, read-runs.
 *
 * A queue is named within its pool (--pool); without one it is looked up in the pool
 * default-agent-pool, as the API does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/preview.h"
#include "cli/spec.h"

struct queue_conf {
	char *pool, *match, *output;
	int64_t limit, priority, hours;
	int verbose;
};

/* " in work pool 'p'", or "". */
static char *where(const struct queue_conf *c)
{
	return c->pool[0] != '\0' ? xasprintf(" in work pool '%s'", c->pool)
				  : xstrdup("");
}

/* The queue NAME (or an id, without --pool). */
static int queue_read(struct cli *cli, const struct queue_conf *c, const char *name,
		      json_t **ret_queue, struct error *err)
{
	char *pool = url_encode(c->pool), *enc = url_encode(name), *in = where(c);
	struct uuid id;
	int rc;

	if (c->pool[0] != '\0') {
		rc = client_get(cli, ret_queue, err, "/work_pools/%s/queues/%s", pool,
				enc);
	} else if (uuid_parse(name, &id) == 0) {
		rc = client_get(cli, ret_queue, err, "/work_queues/%s", enc);
	} else {
		rc = client_get(cli, ret_queue, err, "/work_queues/name/%s", enc);
	}
	if (rc == -ERR_NOT_FOUND) {
		rc = err_set(err, ERR_NOT_FOUND, "No work queue named '%s' found%s.%s",
			     name, in,
			     c->pool[0] == '\0' ? " Name its pool with --pool." : "");
	}
	free(pool);
	free(enc);
	free(in);
	return rc;
}

static int queue_patch(struct cli *cli, const struct queue_conf *c, const char *name,
		       json_t *body, struct error *err)
{
	json_t *queue = NULL;
	int rc = queue_read(cli, c, name, &queue, err);

	if (rc == 0) {
		rc = client_patch(cli, json_incref(body), err, "/work_queues/%s",
				  member(queue, "id"));
	}
	json_decref(queue);
	json_decref(body);
	return rc;
}

#define POOL_OPT                                              \
	CLI_STR(struct queue_conf, pool, "pool", 'p', "POOL", \
		"The work pool of the queue.")

static const struct opt create_opts[] = {
    POOL_OPT,
    CLI_INT(struct queue_conf, limit, "limit", 'l', NULL, "N",
	    "At most N runs of the queue at a time."),
    CLI_INT(struct queue_conf, priority, "priority", 'q', NULL, "N",
	    "Lower numbers are served first, from 1 on."),
};
static const char *const name_arg[] = {"NAME"};

CLI_SPEC(create_spec, "wf work-queue create", "NAME [options]", "Create a work queue.",
	 create_opts, struct queue_conf, 1, name_arg);

static int queue_create(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	const struct queue_conf *c = conf;
	json_t *body = json_pack("{s:s}", "name", opts->args[0]), *made = NULL;
	char *pool = url_encode(c->pool);
	int rc;

	if (opts_given(&create_spec, opts, "limit")) {
		json_object_set_new(body, "concurrency_limit", json_integer(c->limit));
	}
	if (opts_given(&create_spec, opts, "priority")) {
		json_object_set_new(body, "priority", json_integer(c->priority));
	}
	rc = c->pool[0] != '\0'
		 ? client_post(cli, body, &made, err, "/work_pools/%s/queues", pool)
		 : client_post(cli, body, &made, err, "/work_queues/");
	if (rc == -ERR_CONFLICT) {
		rc = err_set(err, ERR_CONFLICT,
			     "Work queue with name: '%s' already exists.",
			     opts->args[0]);
	} else if (rc == -ERR_NOT_FOUND) {
		rc = err_set(err, ERR_NOT_FOUND, "Work pool with name: '%s' not found.",
			     c->pool);
	} else if (rc == 0) {
		char *limit = json_text(json_object_get(made, "concurrency_limit"));

		say(cli, TONE_OK, "Created work queue with properties:");
		say(cli, TONE_PLAIN,
		    "    name - '%s'\n    work pool - '%s'\n    id - %s\n"
		    "    concurrency limit - %s",
		    member(made, "name"), member(made, "work_pool_name"),
		    member(made, "id"), strcmp(limit, "null") == 0 ? "None" : limit);
		free(limit);
		say(cli, TONE_DIM,
		    "Start a worker for it:  wf-worker --pool '%s' --work-queue '%s'",
		    member(made, "work_pool_name"), member(made, "name"));
	}
	json_decref(made);
	free(pool);
	return rc;
}

static void queue_row(struct table *t, const json_t *q, const struct queue_conf *c)
{
	char *limit = json_text(json_object_get(q, "concurrency_limit"));
	char *priority = json_text(json_object_get(q, "priority"));

	table_cell(t, TONE_PLAIN, "%s%s", member(q, "name"),
		   json_is_true(json_object_get(q, "is_paused")) ? " (**)" : "");
	if (c->pool[0] == '\0') {
		table_cell(t, TONE_LINK, "%s", member(q, "work_pool_name"));
		table_cell(t, TONE_DIM, "%s", member(q, "id"));
	} else {
		table_cell(t, TONE_LINK, "%s", priority);
	}
	table_cell(t, TONE_PLAIN, "%s", strcmp(limit, "null") == 0 ? "None" : limit);
	if (c->verbose) {
		table_cell(t, TONE_DIM, "%s", member(q, "description"));
	}
	free(limit);
	free(priority);
}

static void queue_table(struct cli *cli, const struct queue_conf *c, const json_t *list)
{
	char *title = c->pool[0] != '\0'
			  ? xasprintf("Work Queues in Work Pool '%s'", c->pool)
			  : xstrdup("Work Queues");
	struct table *t = table_new(cli, title);
	size_t i;
	json_t *q;

	table_column(t, "Name");
	if (c->pool[0] == '\0') {
		table_column(t, "Pool");
		table_column(t, "ID");
	} else {
		table_column(t, "Priority");
	}
	table_column(t, "Concurrency Limit");
	if (c->verbose) {
		table_column(t, "Description");
	}
	json_array_foreach (list, i, q) {
		if (strncmp(member(q, "name"), c->match, strlen(c->match)) == 0) {
			queue_row(t, q, c);
		}
	}
	table_print(t);
	table_free(t);
	free(title);
	if (cli->width > 0) {
		say(cli, TONE_DIM, "(**) denotes a paused queue");
	}
}

static int queue_ls(struct cli *cli, const void *conf, const struct opts *opts,
		    struct error *err)
{
	const struct queue_conf *c = conf;
	json_t *list = NULL;
	char *pool, *path;
	int json = want_json(c->output, err), rc;

	(void)opts;
	if (json < 0) {
		return json;
	}
	pool = url_encode(c->pool);
	path = c->pool[0] != '\0' ? xasprintf("/work_pools/%s/queues/filter", pool)
				  : xstrdup("/work_queues/filter");
	rc = client_filter(cli, path, NULL, 0, &list, err);
	if (rc == -ERR_NOT_FOUND) {
		rc = err_set(err, ERR_NOT_FOUND, "No work pool found: '%s'", c->pool);
	} else if (rc == 0) {
		json ? print_json(list) : queue_table(cli, c, list);
	}
	json_decref(list);
	free(pool);
	free(path);
	return rc;
}

static int queue_inspect(struct cli *cli, const void *conf, const struct opts *opts,
			 struct error *err)
{
	const struct queue_conf *c = conf;
	json_t *queue = NULL, *status = NULL;
	int json = want_json(c->output, err), rc;

	rc = json < 0 ? json : queue_read(cli, c, opts->args[0], &queue, err);
	if (rc == 0) {
		rc = client_get(cli, &status, err, "/work_queues/%s/status",
				member(queue, "id"));
	}
	if (rc == 0) {
		json_object_set_new(queue, "status_details", json_incref(status));
		json ? print_json(queue) : print_object(cli, queue);
	}
	json_decref(status);
	json_decref(queue);
	return rc;
}

static int queue_pause(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	const struct queue_conf *c = conf;
	char *in = where(c);
	int rc;

	if (c->pool[0] == '\0' &&
	    !confirm(
		cli, 0,
		"You have not specified a work pool. Pause work queue '%s' in the pool "
		"default-agent-pool?",
		opts->args[0])) {
		rc = err_set(err, ERR_CANCELED, "Work queue pause aborted!");
	} else {
		rc = queue_patch(cli, c, opts->args[0],
				 json_pack("{s:b}", "is_paused", 1), err);
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Work queue '%s'%s paused", opts->args[0], in);
	}
	free(in);
	return rc;
}

static int queue_resume(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	char *in = where(conf);
	int rc = queue_patch(cli, conf, opts->args[0],
			     json_pack("{s:b}", "is_paused", 0), err);

	if (rc == 0) {
		say(cli, TONE_OK, "Work queue '%s'%s resumed", opts->args[0], in);
	}
	free(in);
	return rc;
}

static int queue_set_limit(struct cli *cli, const void *conf, const struct opts *opts,
			   struct error *err)
{
	char *end = NULL, *in = where(conf);
	long long n = strtoll(opts->args[1], &end, 10);
	int rc;

	if (end == opts->args[1] || *end != '\0' || n < 0) {
		cli->usage = 1;
		rc = err_set(err, ERR_USAGE,
			     "The concurrency limit must be a whole number of 0 or "
			     "more, not '%s'.",
			     opts->args[1]);
	} else {
		rc = queue_patch(cli, conf, opts->args[0],
				 json_pack("{s:I}", "concurrency_limit", n), err);
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Concurrency limit of %lld set on work queue '%s'%s",
		    n, opts->args[0], in);
	}
	free(in);
	return rc;
}

static int queue_clear_limit(struct cli *cli, const void *conf, const struct opts *opts,
			     struct error *err)
{
	char *in = where(conf);
	int rc = queue_patch(cli, conf, opts->args[0],
			     json_pack("{s:n}", "concurrency_limit"), err);

	if (rc == 0) {
		say(cli, TONE_OK, "Concurrency limits removed on work queue '%s'%s",
		    opts->args[0], in);
	}
	free(in);
	return rc;
}

static int queue_delete(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	char *in = where(conf);
	json_t *queue = NULL;
	int rc;

	if (!confirm(cli, 1, "Are you sure you want to delete work queue '%s'%s?",
		     opts->args[0], in)) {
		rc = err_set(err, ERR_CANCELED, "Deletion aborted.");
	} else {
		rc = queue_read(cli, conf, opts->args[0], &queue, err);
	}
	if (rc == 0) {
		rc = client_delete(cli, err, "/work_queues/%s", member(queue, "id"));
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Successfully deleted work queue '%s'%s",
		    opts->args[0], in);
	}
	json_decref(queue);
	free(in);
	return rc;
}

/* The runs of a queue that are due within the hours asked for: a new list. */
static int queue_runs(struct cli *cli, const struct queue_conf *c, const char *name,
		      json_t **ret_runs, struct error *err)
{
	json_t *queue = NULL;
	int rc = queue_read(cli, c, name, &queue, err);

	if (rc == 0) {
		rc = preview_read(cli, member(queue, "work_pool_name"),
				  member(queue, "name"), c->hours, ret_runs, err);
	}
	json_decref(queue);
	return rc;
}

static int queue_preview(struct cli *cli, const void *conf, const struct opts *opts,
			 struct error *err)
{
	const struct queue_conf *c = conf;
	char *in = where(c);
	char *title = xasprintf("Preview of Work Queue '%s'%s", opts->args[0], in);
	json_t *runs = NULL;
	int json = want_json(c->output, err), rc;

	rc = json < 0 ? json : queue_runs(cli, c, opts->args[0], &runs, err);
	if (rc == 0) {
		preview_print(cli, title, runs, json);
	}
	json_decref(runs);
	free(title);
	free(in);
	return rc;
}

static int queue_read_runs(struct cli *cli, const void *conf, const struct opts *opts,
			   struct error *err)
{
	const struct queue_conf *c = conf;
	char *in = where(c);
	json_t *runs = NULL;
	int json = want_json(c->output, err), rc;

	rc = json < 0 ? json : queue_runs(cli, c, opts->args[0], &runs, err);
	if (rc == 0 && !json) {
		say(cli, TONE_OK, "Read %zu runs for work queue '%s'%s",
		    json_array_size(runs), opts->args[0], in);
	}
	if (rc == 0 && (json || json_array_size(runs) > 0)) {
		preview_print(cli, NULL, runs, json);
	}
	json_decref(runs);
	free(in);
	return rc;
}

static const struct opt ls_opts[] = {
    POOL_OPT,
    CLI_STR(struct queue_conf, match, "match", 'm', "PREFIX",
	    "Only queues whose names begin so."),
    CLI_BOOL(struct queue_conf, verbose, "verbose", 'v', "Show descriptions too."),
    CLI_OUTPUT(struct queue_conf, output),
};
static const struct opt inspect_opts[] = {POOL_OPT,
					  CLI_OUTPUT(struct queue_conf, output)};
static const struct opt pool_opts[] = {POOL_OPT};
static const struct opt preview_opts[] = {
    POOL_OPT,
    CLI_INT(struct queue_conf, hours, "hours", 'h', "1", "N", "How far to look ahead."),
    CLI_OUTPUT(struct queue_conf, output),
};
static const char *const limit_args[] = {"NAME", "LIMIT"};

CLI_SPEC(ls_spec, "wf work-queue ls", "[options]", "List work queues.", ls_opts,
	 struct queue_conf, 0, NULL);
CLI_SPEC(inspect_spec, "wf work-queue inspect", "NAME [options]",
	 "Show a work queue and its health.", inspect_opts, struct queue_conf, 1,
	 name_arg);
CLI_SPEC(pause_spec, "wf work-queue pause", "NAME [options]",
	 "Pause a work queue: its runs wait.", pool_opts, struct queue_conf, 1,
	 name_arg);
CLI_SPEC(resume_spec, "wf work-queue resume", "NAME [options]", "Resume a work queue.",
	 pool_opts, struct queue_conf, 1, name_arg);
CLI_SPEC(set_limit_spec, "wf work-queue set-concurrency-limit", "NAME LIMIT [options]",
	 "Limit how many runs of a work queue run at a time.", pool_opts,
	 struct queue_conf, 2, limit_args);
CLI_SPEC(clear_limit_spec, "wf work-queue clear-concurrency-limit", "NAME [options]",
	 "Remove the limit of a work queue.", pool_opts, struct queue_conf, 1,
	 name_arg);
CLI_SPEC(delete_spec, "wf work-queue delete", "NAME [options]", "Delete a work queue.",
	 pool_opts, struct queue_conf, 1, name_arg);
CLI_SPEC(preview_spec, "wf work-queue preview", "NAME [options]",
	 "Show the runs that wait in a work queue.", preview_opts, struct queue_conf, 1,
	 name_arg);
CLI_SPEC(read_runs_spec, "wf work-queue read-runs", "NAME [options]",
	 "Count and show the runs of a work queue that are due.", inspect_opts,
	 struct queue_conf, 1, name_arg);

static const struct command commands[] = {
    {"create", NULL, &create_spec, queue_create},
    {"ls", "list", &ls_spec, queue_ls},
    {"inspect", NULL, &inspect_spec, queue_inspect},
    {"pause", NULL, &pause_spec, queue_pause},
    {"resume", NULL, &resume_spec, queue_resume},
    {"set-concurrency-limit", NULL, &set_limit_spec, queue_set_limit},
    {"clear-concurrency-limit", NULL, &clear_limit_spec, queue_clear_limit},
    {"delete", NULL, &delete_spec, queue_delete},
    {"preview", NULL, &preview_spec, queue_preview},
    {"read-runs", NULL, &read_runs_spec, queue_read_runs},
};

const struct command_group group_work_queue = {
    .name = "work-queue",
    .alias = "work-queues",
    .summary = "Create, inspect, pause and limit work queues.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
