/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_flow_run.c - wf flow-run: ls, inspect, cancel, delete, retry.  Logs are in
 * cmd_flow_run_logs.c, watching in watch.c.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/uuid.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/flow_run.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/spec.h"
#include "cli/watch.h"

struct run_conf {
	struct opt_list flow_name, state, state_type;
	char *output;
	int64_t limit, timeout;
};

static int not_found(int rc, const char *id, struct error *err)
{
	return rc == -ERR_NOT_FOUND
		   ? err_set(err, ERR_NOT_FOUND, "Flow run '%s' not found!", id)
		   : rc;
}

static int check_id(struct cli *cli, const char *id, struct error *err)
{
	struct uuid u;

	if (uuid_parse(id, &u) < 0) {
		cli->usage = 1;
		return err_set(
		    err, ERR_USAGE,
		    "'%s' is not a flow run id. List runs with `wf flow-run ls`.", id);
	}
	return 0;
}

int flow_run_read(struct cli *cli, const char *id, json_t **ret_run, struct error *err)
{
	int rc = check_id(cli, id, err);

	return rc < 0 ? rc
		      : not_found(client_get(cli, ret_run, err, "/flow_runs/%s", id),
				  id, err);
}

static json_t *list_json(const struct opt_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->count; i++) {
		json_array_append_new(a, json_string(l->items[i]));
	}
	return a;
}

/* Known names are title-cased as people type them: "completed", "awaitingretry". */
static json_t *state_names(const struct opt_list *l)
{
	static const char *const known[] = {
	    "Scheduled",  "Late",     "AwaitingRetry", "AwaitingConcurrencySlot",
	    "Resuming",   "Pending",  "Submitting",    "Running",
	    "Retrying",   "Paused",   "Suspended",     "Completed",
	    "Cached",     "Failed",   "TimedOut",      "Crashed",
	    "Cancelling", "Cancelled"};
	json_t *a = json_array();

	for (size_t i = 0; i < l->count; i++) {
		const char *name = l->items[i];

		for (size_t k = 0; k < ARRAY_LEN(known); k++) {
			if (strcasecmp(known[k], name) == 0) {
				name = known[k];
			}
		}
		json_array_append_new(a, json_string(name));
	}
	return a;
}

static json_t *upper_list(const struct opt_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->count; i++) {
		char *s = xstrdup(l->items[i]);

		for (char *p = s; *p != '\0'; p++) {
			*p = (char)toupper((unsigned char)*p);
		}
		json_array_append_new(a, json_string(s));
		free(s);
	}
	return a;
}

static int check_types(const struct run_conf *c, struct error *err)
{
	static const char *const types[] = {
	    "SCHEDULED", "PENDING", "RUNNING", "COMPLETED",  "FAILED",
	    "CANCELLED", "CRASHED", "PAUSED",  "CANCELLING",
	};

	for (size_t i = 0; i < c->state_type.count; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(types) &&
		       strcasecmp(types[k], c->state_type.items[i]) != 0) {
			k++;
		}
		if (k == ARRAY_LEN(types)) {
			return err_set(
			    err, ERR_USAGE,
			    "Invalid state type '%s'. Options are SCHEDULED, PENDING, "
			    "RUNNING, COMPLETED, FAILED, CANCELLED, CRASHED, PAUSED, "
			    "CANCELLING.",
			    c->state_type.items[i]);
		}
	}
	return 0;
}

static json_t *ls_filter(const struct run_conf *c)
{
	json_t *body = json_pack("{s:s}", "sort", "EXPECTED_START_TIME_DESC");
	json_t *state = json_object();

	if (c->flow_name.count > 0) {
		json_object_set_new(
		    body, "flows",
		    json_pack("{s:{s:o}}", "name", "any_", list_json(&c->flow_name)));
	}
	if (c->state.count > 0) {
		json_object_set_new(state, "name",
				    json_pack("{s:o}", "any_", state_names(&c->state)));
	}
	if (c->state_type.count > 0) {
		json_object_set_new(
		    state, "type",
		    json_pack("{s:o}", "any_", upper_list(&c->state_type)));
	}
	if (json_object_size(state) > 0) {
		json_object_set_new(body, "flow_runs",
				    json_pack("{s:O}", "state", state));
	}
	json_decref(state);
	return body;
}

/* id -> name of the flows of RUNS, in one request. */
static int flow_names(struct cli *cli, const json_t *runs, json_t **ret_names,
		      struct error *err)
{
	json_t *ids = json_object(), *any = json_array(), *flows = NULL, *each, *body;
	const char *key;
	size_t i;
	int rc;

	json_array_foreach (runs, i, each) {
		json_object_set_new(ids, member(each, "flow_id"), json_true());
	}
	json_object_foreach (ids, key, each) {
		json_array_append_new(any, json_string(key));
	}
	body = json_pack("{s:{s:{s:o}}}", "flows", "id", "any_", any);
	rc = client_filter(cli, "/flows/filter", body, 0, &flows, err);
	if (rc == 0) {
		json_object_clear(ids);
		json_array_foreach (flows, i, each) {
			json_object_set_new(ids, member(each, "id"),
					    json_string(member(each, "name")));
		}
		*ret_names = json_incref(ids);
	}
	json_decref(flows);
	json_decref(body);
	json_decref(ids);
	return rc;
}

static void ls_table(struct cli *cli, const json_t *runs, const json_t *names)
{
	struct table *t = table_new(cli, "Flow Runs");
	size_t i;
	json_t *r;

	table_column(t, "ID");
	table_column(t, "Flow");
	table_column(t, "Name");
	table_column(t, "State");
	table_column(t, "When");
	json_array_foreach (runs, i, r) {
		const json_t *state = json_object_get(r, "state");
		char when[64];

		relative_time(state, "timestamp", when, sizeof(when));
		table_cell(t, TONE_LINK, "%s", member(r, "id"));
		table_cell(t, TONE_PLAIN, "%s", member(names, member(r, "flow_id")));
		table_cell(t, TONE_PLAIN, "%s", member(r, "name"));
		table_cell(t, tone_of_state(member(r, "state_type")), "%s",
			   member(r, "state_name"));
		table_cell(t, TONE_DIM, "%s", when);
	}
	table_print(t);
	table_free(t);
}

static int run_ls(struct cli *cli, const void *conf, const struct opts *opts,
		  struct error *err)
{
	const struct run_conf *c = conf;
	json_t *body, *runs = NULL, *names = NULL;
	int json = want_json(c->output, err), rc;

	(void)opts;
	if (json < 0) {
		return json;
	}
	if (check_types(c, err) < 0) {
		return -err->code;
	}
	body = ls_filter(c);
	rc =
	    client_filter(cli, "/flow_runs/filter", body, (size_t)c->limit, &runs, err);
	json_decref(body);
	if (rc == 0 && json) {
		print_json(runs);
	} else if (rc == 0 && json_array_size(runs) == 0) {
		say(cli, TONE_PLAIN, "No flow runs found.");
	} else if (rc == 0) {
		rc = flow_names(cli, runs, &names, err);
		if (rc == 0) {
			ls_table(cli, runs, names);
		}
	}
	json_decref(names);
	json_decref(runs);
	return rc;
}

/* What its processes used, for people: nothing when the server does not know. */
static void add_usage(struct cli *cli, json_t *run)
{
	json_t *usage = NULL;

	if (client_get(cli, &usage, NULL, "/wf/v1/flow_runs/%s/usage",
		       member(run, "id")) == 0 &&
	    json_integer_value(json_object_get(usage, "processes")) > 0) {
		json_object_set(run, "usage", usage);
	}
	json_decref(usage);
}

static int run_inspect(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	const struct run_conf *c = conf;
	json_t *run = NULL;
	int json = want_json(c->output, err), rc;

	rc = json < 0 ? json : flow_run_read(cli, opts->args[0], &run, err);
	if (rc == 0 && json) {
		print_json(run);
	} else if (rc == 0) {
		add_usage(cli, run);
		print_object(cli, run);
	}
	json_decref(run);
	return rc;
}

static int run_cancel(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	const char *id = opts->args[0];
	json_t *answer = NULL;
	int rc = check_id(cli, id, err);

	(void)conf;
	if (rc < 0) {
		return rc;
	}
	rc = client_post(
	    cli, json_pack("{s:{s:s}, s:b}", "state", "type", "CANCELLING", "force", 0),
	    &answer, err, "/flow_runs/%s/set_state", id);
	rc = not_found(rc, id, err);
	if (rc == 0 && strcmp(member(answer, "status"), "ABORT") == 0) {
		rc = err_set(err, ERR_CONFLICT,
			     "Flow run '%s' was unable to be cancelled. Reason: '%s'",
			     id, member(json_object_get(answer, "details"), "reason"));
	} else if (rc == 0) {
		say(cli, TONE_OK,
		    "Flow run '%s' was successfully scheduled for cancellation.", id);
	}
	json_decref(answer);
	return rc;
}

static int run_delete(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	const char *id = opts->args[0];
	int rc;

	(void)conf;
	rc = check_id(cli, id, err);
	if (rc < 0) {
		return rc;
	}
	if (!confirm(cli, 1, "Are you sure you want to delete flow run '%s'?", id)) {
		return err_set(err, ERR_CANCELED, "Deletion aborted.");
	}
	rc = not_found(client_delete(cli, err, "/flow_runs/%s", id), id, err);
	if (rc == 0) {
		say(cli, TONE_OK, "Successfully deleted flow run '%s'.", id);
	}
	return rc;
}

/* The run called NAME_OR_ID; an ambiguous name lists the candidates. */
static int run_find(struct cli *cli, const char *name_or_id, json_t **ret_run,
		    struct error *err)
{
	struct uuid u;
	json_t *body, *list = NULL;
	int rc;

	if (uuid_parse(name_or_id, &u) == 0) {
		return flow_run_read(cli, name_or_id, ret_run, err);
	}
	body = json_pack("{s:{s:{s:[s]}}}", "flow_runs", "name", "any_", name_or_id);
	rc = client_filter(cli, "/flow_runs/filter", body, 20, &list, err);
	json_decref(body);
	if (rc == 0 && json_array_size(list) == 0) {
		rc =
		    err_set(err, ERR_NOT_FOUND, "Flow run '%s' not found!", name_or_id);
	} else if (rc == 0 && json_array_size(list) > 1) {
		rc = err_set(
		    err, ERR_CONFLICT,
		    "%zu flow runs are called '%s': name the one by its id, e.g. %s.",
		    json_array_size(list), name_or_id,
		    member(json_array_get(list, 0), "id"));
	} else if (rc == 0) {
		*ret_run = json_incref(json_array_get(list, 0));
	}
	json_decref(list);
	return rc;
}

static int run_retry(struct cli *cli, const void *conf, const struct opts *opts,
		     struct error *err)
{
	json_t *run = NULL, *answer = NULL;
	int rc = run_find(cli, opts->args[0], &run, err);

	(void)conf;
	if (rc < 0) {
		return rc;
	}
	if (!flow_run_is_final(member(run, "state_type"))) {
		rc = err_set(err, ERR_CONFLICT,
			     "Flow run '%s' is in state '%s' and cannot be retried: "
			     "only finished runs can.",
			     member(run, "name"), member(run, "state_name"));
	} else if (member(run, "deployment_id")[0] == '\0') {
		rc = err_set(err, ERR_UNSUPPORTED,
			     "Flow run '%s' has no deployment: run its flow again, for "
			     "example with "
			     "`wf flow run FILE:NAME`.",
			     member(run, "name"));
	} else {
		rc = client_post(cli,
				 json_pack("{s:{s:s, s:s, s:s}, s:b}", "state", "type",
					   "SCHEDULED", "name", "Scheduled", "message",
					   "Retried via CLI", "force", 1),
				 &answer, err, "/flow_runs/%s/set_state",
				 member(run, "id"));
	}
	if (rc == 0) {
		say(cli, TONE_OK, "Flow run '%s' has been scheduled for retry.",
		    member(run, "name"));
	}
	json_decref(answer);
	json_decref(run);
	return rc;
}

static int run_watch(struct cli *cli, const void *conf, const struct opts *opts,
		     struct error *err)
{
	const struct run_conf *c = conf;
	json_t *run = NULL;
	int rc = flow_run_read(cli, opts->args[0], &run, err);

	json_decref(run);
	return rc < 0 ? rc : watch_run(cli, opts->args[0], c->timeout * 1000, err);
}

int flow_run_is_final(const char *type)
{
	return strcmp(type, "COMPLETED") == 0 || strcmp(type, "FAILED") == 0 ||
	       strcmp(type, "CANCELLED") == 0 || strcmp(type, "CRASHED") == 0;
}

static const struct opt ls_opts[] = {
    CLI_LIST(struct run_conf, flow_name, "flow-name", 0, "NAME",
	     "Only runs of this flow."),
    CLI_LIST(struct run_conf, state, "state", 0, "NAME", "Only runs in this state."),
    CLI_LIST(struct run_conf, state_type, "state-type", 0, "TYPE",
	     "Only runs in a state of this type."),
    CLI_INT(struct run_conf, limit, "limit", 0, "15", "N", "At most N runs."),
    CLI_OUTPUT(struct run_conf, output),
};
static const struct opt output_opts[] = {CLI_OUTPUT(struct run_conf, output)};
static const struct opt watch_opts[] = {
    CLI_INT(struct run_conf, timeout, "timeout", 0, "0", "SECONDS",
	    "Stop watching after so many seconds."),
};
static const char *const id_arg[] = {"ID"};

CLI_SPEC(ls_spec, "wf flow-run ls", "[options]", "List flow runs.", ls_opts,
	 struct run_conf, 0, NULL);
CLI_SPEC(inspect_spec, "wf flow-run inspect", "ID [options]", "Show a flow run.",
	 output_opts, struct run_conf, 1, id_arg);
CLI_SPEC0(cancel_spec, "wf flow-run cancel", "ID", "Cancel a flow run.",
	  struct run_conf, 1, id_arg);
CLI_SPEC0(delete_spec, "wf flow-run delete", "ID", "Delete a flow run and its logs.",
	  struct run_conf, 1, id_arg);
CLI_SPEC0(retry_spec, "wf flow-run retry", "ID", "Run a finished flow run again.",
	  struct run_conf, 1, id_arg);
CLI_SPEC(watch_spec, "wf flow-run watch", "ID [options]",
	 "Follow a flow run until it ends; succeeds when it completes.", watch_opts,
	 struct run_conf, 1, id_arg);

static const struct command commands[] = {
    {"ls", "list", &ls_spec, run_ls},
    {"inspect", NULL, &inspect_spec, run_inspect},
    {"logs", NULL, &flow_run_logs_spec, flow_run_logs},
    {"watch", NULL, &watch_spec, run_watch},
    {"cancel", NULL, &cancel_spec, run_cancel},
    {"delete", NULL, &delete_spec, run_delete},
    {"retry", NULL, &retry_spec, run_retry},
};

const struct command_group group_flow_run = {
    .name = "flow-run",
    .alias = "flow-runs",
    .summary = "List, follow, cancel and retry flow runs.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
