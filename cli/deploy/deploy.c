/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deploy.c - wf deploy: from a project file or options to deployments at the API.
 *
 * Per deployment: fill templates, describe the flow, build the body, POST /flows/ and
 * /deployments/ (an upsert), replace its automations.  The same order and texts as
 * `prefect deploy` (worker-and-engine 7.2).
 */
#include "cli/deploy.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/deploy/body.h"
#include "cli/deploy/describe.h"
#include "cli/deploy/project.h"
#include "cli/deploy/template.h"
#include "cli/output.h"
#include "cli/spec.h"

#define SELECTED_MAX 1000

/* Deployments to make: borrowed entries of the project. */
struct selection {
	json_t *items; /* array of objects */
};

static int name_matches(const json_t *dep, const char *pattern)
{
	const char *slash = strchr(pattern, '/');

	return fnmatch(slash != NULL ? slash + 1 : pattern, member(dep, "name"), 0) ==
	       0;
}

static void list_names(const struct project *p, struct buf *out)
{
	size_t i;
	json_t *d;

	json_array_foreach (p->deployments, i, d) {
		buf_addf(out, "%s'%s'", i > 0 ? ", " : "", member(d, "name"));
	}
}

static int no_match(const struct project *p, const char *pattern, struct error *err)
{
	struct buf known;
	int rc;

	buf_init(&known);
	list_names(p, &known);
	rc = err_set(err, ERR_NOT_FOUND,
		     "No deployment called '%s' in %s. There are: %s.", pattern,
		     p->file != NULL ? p->file
				     : "this folder (no wf.yaml or prefect.yaml)",
		     known.len > 0 ? known.data : "none");
	buf_release(&known);
	return rc;
}

static int select_named(const struct deploy_conf *c, const struct project *p,
			json_t *into, struct error *err)
{
	for (size_t n = 0; n < c->name.count; n++) {
		size_t i, before = json_array_size(into);
		json_t *d;

		json_array_foreach (p->deployments, i, d) {
			if (name_matches(d, c->name.items[n])) {
				json_array_append(into, d);
			}
		}
		if (json_array_size(into) == before) {
			return no_match(p, c->name.items[n], err);
		}
	}
	return 0;
}

/* With an entrypoint: one deployment out of the options (a project entry of the same
 * name is its base). */
static int select_entrypoint(const struct deploy_conf *c, const struct project *p,
			     const char *entrypoint, json_t *into, struct error *err)
{
	const char *name = c->name.count > 0 ? c->name.items[0] : "default";
	json_t *dep = NULL, *d;
	size_t i;

	if (c->name.count > 1) {
		return err_set(err, ERR_USAGE, "Only one --name with an entrypoint.");
	}
	json_array_foreach (p->deployments, i, d) {
		if (strcmp(member(d, "name"), name) == 0) {
			dep = json_deep_copy(d);
			break;
		}
	}
	if (dep == NULL) {
		dep = json_pack("{s:s}", "name", name);
	}
	json_object_set_new(dep, "entrypoint", json_string(entrypoint));
	json_array_append_new(into, dep);
	return 0;
}

static int select_all(const struct deploy_conf *c, const struct project *p,
		      const struct opts *opts, json_t *into, struct error *err)
{
	if (c->all && (c->name.count > 0 || opts->nargs > 0)) {
		return err_set(err, ERR_USAGE, "Give --all or names, not both.");
	}
	if (opts->nargs > 0) {
		return select_entrypoint(c, p, opts->args[0], into, err);
	}
	if (c->name.count > 0) {
		return select_named(c, p, into, err);
	}
	if (c->all || json_array_size(p->deployments) == 1) {
		json_array_extend(into, p->deployments);
	}
	if (json_array_size(into) == 0) {
		struct buf known;
		int rc;

		buf_init(&known);
		list_names(p, &known);
		rc = known.len > 0
			 ? err_set(err, ERR_USAGE,
				   "%s has several deployments (%s): name some with "
				   "-n, or --all.",
				   p->file, known.data)
			 : err_set(err, ERR_USAGE,
				   "Nothing to deploy: there is no wf.yaml or "
				   "prefect.yaml with "
				   "deployments here. Give an entrypoint, for example\n"
				   "  wf deploy hello.flow.yaml:hello -n hello --pool "
				   "my-pool");
		buf_release(&known);
		return rc;
	}
	return json_array_size(into) > SELECTED_MAX
		   ? err_set(err, ERR_TOO_LARGE, "More than %d deployments.",
			     SELECTED_MAX)
		   : 0;
}

/* The pool must be there: a deployment without it would wait for ever. */
static int check_pool(struct cli *cli, const json_t *body, struct error *err)
{
	const char *pool = member(body, "work_pool_name");
	json_t *p = NULL;
	int rc;

	if (pool[0] == '\0') {
		return 0;
	}
	rc = client_get(cli, &p, err, "/work_pools/%s", pool);
	if (rc == -ERR_NOT_FOUND) {
		rc = err_set(err, ERR_NOT_FOUND,
			     "Work pool '%s' not found. Create it with `wf work-pool "
			     "create %s`.",
			     pool, pool);
	}
	json_decref(p);
	return rc;
}

/* Triggers of the command line stand in place of those of the project. */
static int take_triggers(const struct deploy_conf *c, json_t *dep, struct error *err)
{
	json_t *list = json_array(), *t = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->trigger.count; i++) {
		rc = project_value(c->trigger.items[i], &t, err);
		if (rc < 0) {
			rc = err_wrap(err, "Failed to parse trigger '%s'",
				      c->trigger.items[i]);
		} else if (json_is_array(json_object_get(t, "triggers"))) {
			json_array_extend(list, json_object_get(t, "triggers"));
		} else if (json_is_array(t)) {
			json_array_extend(list, t);
		} else {
			json_array_append(list, t);
		}
		json_decref(t);
		t = NULL;
	}
	if (rc == 0 && c->trigger.count > 0) {
		json_object_set(dep, "triggers", list);
	}
	json_decref(list);
	return rc;
}

/* What `wf work-pool create --set-as-default` has kept. */
static void default_pool(const struct cli *cli, json_t *body)
{
	if (member(body, "work_pool_name")[0] == '\0' && cli->default_pool != NULL) {
		json_object_set_new(body, "work_pool_name",
				    json_string(cli->default_pool));
	}
}

static int set_triggers(struct cli *cli, const json_t *dep, const char *id,
			struct error *err)
{
	const json_t *triggers = json_object_get(dep, "triggers");
	char *owner = xasprintf("prefect.deployment.%s", id);
	size_t i;
	json_t *t;
	int rc = client_delete(cli, err, "/automations/owned-by/%s", owner);

	if (rc == 0) {
		json_array_foreach (triggers, i, t) {
			json_t *a =
			    body_automation(t, member(dep, "name"), i, id, owner);

			rc = client_post(cli, a, NULL, err, "/automations/");
			if (rc < 0) {
				rc = err_wrap(err, "trigger %zu of deployment '%s'",
					      i + 1, member(dep, "name"));
				break;
			}
		}
	}
	free(owner);
	return rc;
}

static int post_deployment(struct cli *cli, json_t *body, const char *flow_name,
			   json_t **ret_made, struct error *err)
{
	json_t *flow = NULL;
	int rc = client_post(
	    cli, json_pack("{s:s, s:[], s:{}}", "name", flow_name, "tags", "labels"),
	    &flow, err, "/flows/");

	if (rc == 0) {
		json_object_set(body, "flow_id", json_object_get(flow, "id"));
		rc =
		    client_post(cli, json_incref(body), ret_made, err, "/deployments/");
	}
	json_decref(flow);
	return rc;
}

static void say_made(struct cli *cli, const json_t *made, const char *flow_name,
		     const char *pool)
{
	say(cli, TONE_OK, "Deployment '%s/%s' successfully created with id '%s'.",
	    flow_name, member(made, "name"), member(made, "id"));
	if (pool[0] != '\0') {
		say(cli, TONE_DIM, "  a worker:  wf-worker --pool '%s'", pool);
	}
	say(cli, TONE_DIM, "  a run:     wf deployment run '%s/%s'", flow_name,
	    member(made, "name"));
}

static int deploy_one(struct cli *cli, const struct deploy_conf *c,
		      const struct project *p, const json_t *entry, struct error *err)
{
	json_t *dep = NULL, *flow = NULL, *body = NULL, *made = NULL;
	const char *flow_name;
	int rc = template_fill(cli, entry, &dep, err);

	if (rc == 0 && member(dep, "entrypoint")[0] == '\0') {
		rc = err_set(err, ERR_USAGE, "Deployment '%s' has no entrypoint.",
			     member(dep, "name"));
	}
	if (rc == 0) {
		rc = describe_flow(member(dep, "entrypoint"), &flow, err);
	}
	if (rc == 0) {
		rc = body_build(c, p, dep, flow, &body, err);
	}
	if (rc == 0) {
		rc = take_triggers(c, dep, err);
	}
	if (rc == 0) {
		default_pool(cli, body);
		rc = check_pool(cli, body, err);
	}
	if (rc == 0) {
		flow_name = member(dep, "flow_name")[0] != '\0'
				? member(dep, "flow_name")
				: member(flow, "name");
		rc = post_deployment(cli, body, flow_name, &made, err);
		if (rc == 0) {
			rc = set_triggers(cli, dep, member(made, "id"), err);
		}
		if (rc == 0) {
			say_made(cli, made, flow_name, member(body, "work_pool_name"));
		}
	}
	if (rc < 0) {
		(void)err_wrap(err, "Deployment '%s'", member(entry, "name"));
	}
	json_decref(made);
	json_decref(body);
	json_decref(flow);
	json_decref(dep);
	return rc;
}

int deploy(struct cli *cli, const void *conf, const struct opts *opts,
	   struct error *err)
{
	const struct deploy_conf *c = conf;
	struct project p;
	json_t *selected = json_array(), *d;
	size_t i;
	int rc = project_load(c->file, &p, err);

	if (rc == 0) {
		rc = select_all(c, &p, opts, selected, err);
		json_array_foreach (selected, i, d) {
			if (rc < 0) {
				break;
			}
			rc = deploy_one(cli, c, &p, d, err);
		}
		project_release(&p);
	}
	json_decref(selected);
	return rc;
}

static const struct opt deploy_opts[] = {
    CLI_LIST(struct deploy_conf, name, "name", 'n', "NAME",
	     "A deployment of the project file (may hold *), or the name to give. "
	     "Repeatable."),
    CLI_BOOL(struct deploy_conf, all, "all", 0, "All deployments of the project file."),
    CLI_STR(struct deploy_conf, file, "prefect-file", 0, "FILE",
	    "The project file; wf.yaml or prefect.yaml when not given."),
    CLI_STR(struct deploy_conf, pool, "pool", 'p', "POOL", "The work pool."),
    CLI_STR(struct deploy_conf, queue, "work-queue", 'q', "QUEUE", "The work queue."),
    CLI_STR(struct deploy_conf, description, "description", 'd', "TEXT",
	    "A description."),
    CLI_STR(struct deploy_conf, version, "version", 0, "TEXT", "A version."),
    CLI_LIST(struct deploy_conf, tag, "tag", 't', "TAG", "A tag. Repeatable."),
    CLI_LIST(struct deploy_conf, param, "param", 0, "KEY=VALUE",
	     "A default parameter. Repeatable."),
    CLI_STR(struct deploy_conf, params, "params", 0, "JSON", "Default parameters."),
    CLI_LIST(struct deploy_conf, job_variable, "job-variable", 'j', "KEY=VALUE",
	     "A job variable, for example env.FOO=bar. Repeatable."),
    CLI_LIST(struct deploy_conf, cron, "cron", 0, "CRON",
	     "A cron schedule. Repeatable."),
    CLI_LIST(struct deploy_conf, interval, "interval", 0, "SECONDS",
	     "An interval schedule. Repeatable."),
    CLI_LIST(struct deploy_conf, rrule, "rrule", 0, "RRULE", "An RRULE schedule."),
    CLI_STR(struct deploy_conf, anchor_date, "anchor-date", 0, "TIME",
	    "Anchor of interval schedules."),
    CLI_STR(struct deploy_conf, timezone, "timezone", 0, "ZONE",
	    "Time zone of the schedules, for example Europe/Berlin."),
    CLI_LIST(struct deploy_conf, trigger, "trigger", 0, "JSON|FILE",
	     "A trigger instead of those of the project file. Repeatable."),
    CLI_INT(struct deploy_conf, concurrency_limit, "concurrency-limit", 0, "-1", "N",
	    "At most N runs at a time."),
    CLI_STR(struct deploy_conf, collision_strategy, "collision-strategy", 0, "NAME",
	    "ENQUEUE or CANCEL_NEW when the limit is reached."),
    {.name = "enforce-parameter-schema",
     .type = OPT_TYPE_BOOL,
     OPT_AT(struct deploy_conf, enforce),
     .def = "true",
     .help = "Do not check parameters of runs against the flow's schema.",
     .flags = OPT_F_FLAGONLY},
};
static const char *const entrypoint_arg[] = {"ENTRYPOINT"};

const struct opt_spec deploy_spec = {
    .program = "wf deploy",
    .usage = "[ENTRYPOINT] [options]",
    .about = "Deploy flows: from wf.yaml, prefect.yaml, or an entrypoint.",
    .examples =
	"  wf deploy --all\n"
	"  wf deploy hello.flow.yaml:hello -n hello --pool my-pool\n"
	"  wf deploy flows.py:etl -n nightly --pool my-pool --cron '0 3 * * *'\n",
    .opts = deploy_opts,
    .count = ARRAY_LEN(deploy_opts),
    .conf_size = sizeof(struct deploy_conf),
    .max_args = 1,
    .arg_names = entrypoint_arg,
};
