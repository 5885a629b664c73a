/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_work_pool.c - wf work-pool: create, ls, inspect, pause, resume, update, delete,
 * limits, preview.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/preview.h"
#include "cli/profile.h"
#include "cli/spec.h"

#define TEMPLATE_MAX (1u << 20)

struct pool_conf {
	char *type, *base_job_template, *description, *output;
	int64_t concurrency_limit, hours;
	int paused, overwrite, verbose, set_as_default, provision;
};

static int pool_error(int rc, const char *name, struct error *err)
{
	if (rc == -ERR_NOT_FOUND) {
		return err_set(
		    err, ERR_NOT_FOUND,
		    "Work pool '%s' not found!\nSee them all with `wf work-pool ls`.",
		    name);
	}
	return rc;
}

static int read_template(const char *path, json_t **ret_json, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b);
	rc = buf_read_file(&b, path, TEMPLATE_MAX, err);
	if (rc == 0) {
		*ret_json = json_parse(b.data, b.len, TEMPLATE_MAX, err);
		rc = *ret_json != NULL ? 0 : err_wrap(err, "%s", path);
	}
	buf_release(&b);
	return rc;
}

/* The default template of a type, from the server's collection of worker types. */
static int default_template(struct cli *cli, const char *type, json_t **ret_json,
			    struct error *err)
{
	json_t *all = NULL, *collection;
	const char *key;
	struct buf known;
	int rc =
	    client_get(cli, &all, err, "/collections/views/aggregate-worker-metadata");

	if (rc < 0) {
		return rc;
	}
	buf_init(&known);
	*ret_json = NULL;
	json_object_foreach (all, key, collection) {
		const char *name;
		json_t *meta;

		json_object_foreach (collection, name, meta) {
			buf_addf(&known, "%s%s", known.len > 0 ? ", " : "", name);
			if (strcmp(name, type) == 0) {
				*ret_json = json_incref(json_object_get(
				    meta, "default_base_job_configuration"));
			}
		}
	}
	if (*ret_json == NULL) {
		rc = err_set(err, ERR_USAGE,
			     "Unknown work pool type '%s'. Known types: %s.", type,
			     known.data);
	}
	buf_release(&known);
	json_decref(all);
	return rc;
}

static int pool_create_body(struct cli *cli, const struct pool_conf *c,
			    const char *name, json_t **ret_body, struct error *err)
{
	const char *type = c->type[0] != '\0' ? c->type : "process";
	json_t *tmpl = NULL;
	int rc;

	if (name[strspn(name, " \t'\"")] == '\0') {
		return err_set(err, ERR_USAGE, "Work pool name cannot be empty.");
	}
	rc = c->base_job_template[0] != '\0'
		 ? read_template(c->base_job_template, &tmpl, err)
		 : default_template(cli, type, &tmpl, err);
	if (rc < 0) {
		return rc;
	}
	*ret_body = json_pack("{s:s, s:s, s:o, s:b}", "name", name, "type", type,
			      "base_job_template", tmpl, "is_paused", c->paused);
	return 0;
}

static int pool_overwrite(struct cli *cli, const char *name, const json_t *body,
			  struct error *err)
{
	json_t *patch = json_pack("{s:O, s:O}", "base_job_template",
				  json_object_get(body, "base_job_template"),
				  "is_paused", json_object_get(body, "is_paused"));
	int rc = client_patch(cli, patch, err, "/work_pools/%s", name);

	if (rc == 0) {
		say(cli, TONE_OK, "Updated work pool '%s'", name);
	}
	return rc;
}

/* --set-as-default: `wf deploy` takes this pool when it is given none. */
static int keep_default(struct cli *cli, const char *name, struct error *err)
{
	int rc = profile_set(cli->profile, "PREFECT_DEFAULT_WORK_POOL_NAME", name, err);

	if (rc == 0) {
		say(cli, TONE_OK, "Set '%s' as the default work pool of profile '%s'.",
		    name, cli->profile);
	}
	return rc;
}

static int pool_create(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	const struct pool_conf *c = conf;
	const char *name = opts->args[0];
	char *enc = url_encode(name);
	json_t *body = NULL, *made = NULL;
	int rc;

	if (c->provision) {
		free(enc);
		return err_set(err, ERR_UNSUPPORTED,
			       "A process pool has no infrastructure to provision: its "
			       "runs are processes on the hosts of its workers.");
	}
	rc = pool_create_body(cli, c, name, &body, err);
	if (rc == 0) {
		rc = client_post(cli, json_incref(body), &made, err, "/work_pools/");
		if (rc == -ERR_CONFLICT && c->overwrite) {
			rc = pool_overwrite(cli, enc, body, err);
		} else if (rc == -ERR_CONFLICT) {
			rc = err_set(err, ERR_CONFLICT,
				     "Work pool named '%s' already exists. Use "
				     "--overwrite to update it.",
				     name);
		} else if (rc == 0) {
			say(cli, TONE_OK, "Created work pool '%s'!", name);
			say(cli, TONE_DIM,
			    "Start a worker for it:  wf-worker --pool '%s'", name);
		}
	}
	if (rc == 0 && c->set_as_default) {
		rc = keep_default(cli, name, err);
	}
	json_decref(made);
	json_decref(body);
	free(enc);
	return rc;
}

static int pool_ls(struct cli *cli, const void *conf, const struct opts *opts,
		   struct error *err)
{
	const struct pool_conf *c = conf;
	json_t *list = NULL, *p;
	size_t i;
	struct table *t;
	int json = want_json(c->output, err), rc;

	(void)opts;
	if (json < 0) {
		return json;
	}
	rc = client_filter(cli, "/work_pools/filter", NULL, 0, &list, err);
	if (rc < 0) {
		return rc;
	}
	if (json) {
		print_json(list);
	} else if (json_array_size(list) == 0) {
		say(cli, TONE_PLAIN, "No work pools found.");
	} else {
		t = table_new(cli, "Work Pools");
		table_column(t, "Name");
		table_column(t, "Type");
		table_column(t, "ID");
		table_column(t, "Concurrency Limit");
		if (c->verbose) {
			table_column(t, "Base Job Template");
		}
		json_array_foreach (list, i, p) {
			const json_t *limit = json_object_get(p, "concurrency_limit");
			char *text = json_is_integer(limit) ? json_text(limit) : NULL;

			table_cell(t, TONE_PLAIN, "%s%s", member(p, "name"),
				   json_is_true(json_object_get(p, "is_paused"))
				       ? " (**)"
				       : "");
			table_cell(t, TONE_LINK, "%s", member(p, "type"));
			table_cell(t, TONE_DIM, "%s", member(p, "id"));
			table_cell(t, TONE_PLAIN, "%s", text != NULL ? text : "None");
			free(text);
			if (c->verbose) {
				text =
				    json_text(json_object_get(p, "base_job_template"));
				table_cell(t, TONE_DIM, "%s", text);
				free(text);
			}
		}
		table_print(t);
		table_free(t);
		if (cli->width > 0) {
			say(cli, TONE_DIM, "(**) denotes a paused pool");
		}
	}
	json_decref(list);
	return 0;
}

static int pool_inspect(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	const struct pool_conf *c = conf;
	char *enc = url_encode(opts->args[0]);
	json_t *pool = NULL;
	int json = want_json(c->output, err);
	int rc = json < 0 ? json : client_get(cli, &pool, err, "/work_pools/%s", enc);

	if (rc == 0) {
		json ? print_json(pool) : print_object(cli, pool);
	}
	json_decref(pool);
	free(enc);
	return pool_error(rc, opts->args[0], err);
}

/* PATCH with BODY (taken), then the message. */
static int pool_patch(struct cli *cli, const char *name, json_t *body,
		      const char *message, struct error *err)
{
	char *enc = url_encode(name);
	int rc = client_patch(cli, body, err, "/work_pools/%s", enc);

	if (rc == 0) {
		say(cli, TONE_OK, "%s", message);
	}
	free(enc);
	return pool_error(rc, name, err);
}

static int pool_pause_set(struct cli *cli, const char *name, int paused,
			  struct error *err)
{
	char *text =
	    xasprintf("%s work pool '%s'", paused ? "Paused" : "Resumed", name);
	int rc =
	    pool_patch(cli, name, json_pack("{s:b}", "is_paused", paused), text, err);

	free(text);
	return rc;
}

static int pool_pause(struct cli *cli, const void *conf, const struct opts *opts,
		      struct error *err)
{
	(void)conf;
	return pool_pause_set(cli, opts->args[0], 1, err);
}

static int pool_resume(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	(void)conf;
	return pool_pause_set(cli, opts->args[0], 0, err);
}

static const struct opt update_opts[] = {
    CLI_STR(struct pool_conf, base_job_template, "base-job-template", 0, "FILE",
	    "JSON file with the base job template."),
    CLI_INT(struct pool_conf, concurrency_limit, "concurrency-limit", 0, NULL, "N",
	    "At most N runs of the pool at a time."),
    CLI_STR(struct pool_conf, description, "description", 0, "TEXT",
	    "What the pool is for."),
};
static const char *const name_arg[] = {"NAME"};

CLI_SPEC(update_spec, "wf work-pool update", "NAME [options]", "Change a work pool.",
	 update_opts, struct pool_conf, 1, name_arg);

static int pool_update(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	const struct pool_conf *c = conf;
	json_t *body = json_object(), *tmpl = NULL;
	char *text;
	int rc = 0;

	if (c->base_job_template[0] != '\0') {
		rc = read_template(c->base_job_template, &tmpl, err);
		json_object_set_new(body, "base_job_template", tmpl);
	}
	if (opts_given(&update_spec, opts, "concurrency-limit")) {
		json_object_set_new(body, "concurrency_limit",
				    json_integer(c->concurrency_limit));
	}
	if (c->description[0] != '\0') {
		json_object_set_new(body, "description", json_string(c->description));
	}
	if (rc == 0 && json_object_size(body) == 0) {
		rc = err_set(err, ERR_USAGE,
			     "Nothing to update: give --description, "
			     "--concurrency-limit or --base-job-template.");
	}
	if (rc < 0) {
		json_decref(body);
		return rc;
	}
	text = xasprintf("Updated work pool '%s'", opts->args[0]);
	rc = pool_patch(cli, opts->args[0], body, text, err);
	free(text);
	return rc;
}

static int pool_set_limit(struct cli *cli, const void *conf, const struct opts *opts,
			  struct error *err)
{
	char *end = NULL;
	long long n = strtoll(opts->args[1], &end, 10);
	char *text;
	int rc;

	(void)conf;
	if (end == opts->args[1] || *end != '\0' || n < 0) {
		cli->usage = 1;
		return err_set(err, ERR_USAGE,
			       "The concurrency limit must be a whole number of 0 or "
			       "more, not '%s'.",
			       opts->args[1]);
	}
	text = xasprintf("Set concurrency limit for work pool '%s' to %lld",
			 opts->args[0], n);
	rc = pool_patch(cli, opts->args[0], json_pack("{s:I}", "concurrency_limit", n),
			text, err);
	free(text);
	return rc;
}

static int pool_clear_limit(struct cli *cli, const void *conf, const struct opts *opts,
			    struct error *err)
{
	char *text =
	    xasprintf("Cleared concurrency limit for work pool '%s'", opts->args[0]);
	int rc = pool_patch(cli, opts->args[0], json_pack("{s:n}", "concurrency_limit"),
			    text, err);

	(void)conf;
	free(text);
	return rc;
}

static int pool_delete(struct cli *cli, const void *conf, const struct opts *opts,
		       struct error *err)
{
	char *enc;
	int rc;

	(void)conf;
	if (!confirm(cli, 1, "Are you sure you want to delete work pool '%s'?",
		     opts->args[0])) {
		return err_set(err, ERR_CANCELED, "Deletion aborted.");
	}
	enc = url_encode(opts->args[0]);
	rc = client_delete(cli, err, "/work_pools/%s", enc);
	free(enc);
	if (rc == 0) {
		say(cli, TONE_OK, "Deleted work pool '%s'", opts->args[0]);
	}
	return pool_error(rc, opts->args[0], err);
}

static int pool_preview(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	const struct pool_conf *c = conf;
	json_t *runs = NULL;
	int json = want_json(c->output, err), rc;

	rc = json < 0 ? json
		      : preview_read(cli, opts->args[0], NULL, c->hours, &runs, err);
	if (rc == 0) {
		preview_print(cli, NULL, runs, json);
	}
	json_decref(runs);
	return pool_error(rc, opts->args[0], err);
}

static const struct opt create_opts[] = {
    CLI_STR(struct pool_conf, type, "type", 't', "TYPE",
	    "Type of the pool; process when not given."),
    CLI_STR(struct pool_conf, base_job_template, "base-job-template", 0, "FILE",
	    "JSON file with the base job template."),
    CLI_BOOL(struct pool_conf, paused, "paused", 0, "Create the pool paused."),
    CLI_BOOL(struct pool_conf, overwrite, "overwrite", 0,
	     "Update the pool when it exists."),
    CLI_BOOL(struct pool_conf, set_as_default, "set-as-default", 0,
	     "Deploy to this pool when none is named (kept in the profile)."),
    CLI_BOOL(struct pool_conf, provision, "provision-infra", 0,
	     "Refused: a process pool has no infrastructure."),
};
static const struct opt ls_opts[] = {
    CLI_BOOL(struct pool_conf, verbose, "verbose", 'v',
	     "Show the base job template too."),
    CLI_OUTPUT(struct pool_conf, output),
};
static const struct opt output_opts[] = {CLI_OUTPUT(struct pool_conf, output)};
static const struct opt preview_opts[] = {
    CLI_INT(struct pool_conf, hours, "hours", 'h', "1", "N", "How far to look ahead."),
    CLI_OUTPUT(struct pool_conf, output),
};
static const char *const limit_args[] = {"NAME", "LIMIT"};

CLI_SPEC(create_spec, "wf work-pool create", "NAME [options]", "Create a work pool.",
	 create_opts, struct pool_conf, 1, name_arg);
CLI_SPEC(ls_spec, "wf work-pool ls", "[options]", "List work pools.", ls_opts,
	 struct pool_conf, 0, NULL);
CLI_SPEC(inspect_spec, "wf work-pool inspect", "NAME [options]", "Show a work pool.",
	 output_opts, struct pool_conf, 1, name_arg);
CLI_SPEC0(pause_spec, "wf work-pool pause", "NAME", "Pause a work pool: its runs wait.",
	  struct pool_conf, 1, name_arg);
CLI_SPEC0(resume_spec, "wf work-pool resume", "NAME", "Resume a work pool.",
	  struct pool_conf, 1, name_arg);
CLI_SPEC0(set_limit_spec, "wf work-pool set-concurrency-limit", "NAME LIMIT",
	  "Limit how many runs of a work pool run at a time.", struct pool_conf, 2,
	  limit_args);
CLI_SPEC0(clear_limit_spec, "wf work-pool clear-concurrency-limit", "NAME",
	  "Remove the limit of a work pool.", struct pool_conf, 1, name_arg);
CLI_SPEC0(delete_spec, "wf work-pool delete", "NAME",
	  "Delete a work pool and its queues.", struct pool_conf, 1, name_arg);
CLI_SPEC(preview_spec, "wf work-pool preview", "NAME [options]",
	 "Show the runs that wait in a work pool.", preview_opts, struct pool_conf, 1,
	 name_arg);

static const struct command commands[] = {
    {"create", NULL, &create_spec, pool_create},
    {"ls", "list", &ls_spec, pool_ls},
    {"inspect", NULL, &inspect_spec, pool_inspect},
    {"pause", NULL, &pause_spec, pool_pause},
    {"resume", NULL, &resume_spec, pool_resume},
    {"update", NULL, &update_spec, pool_update},
    {"set-concurrency-limit", NULL, &set_limit_spec, pool_set_limit},
    {"clear-concurrency-limit", NULL, &clear_limit_spec, pool_clear_limit},
    {"delete", NULL, &delete_spec, pool_delete},
    {"preview", NULL, &preview_spec, pool_preview},
};

const struct command_group group_work_pool = {
    .name = "work-pool",
    .alias = "work-pools",
    .summary = "Create, inspect, pause and limit work pools.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
