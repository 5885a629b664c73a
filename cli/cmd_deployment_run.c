/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_deployment_run.c - wf deployment run: creates a flow run, perhaps follows it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/deployment.h"
#include "cli/output.h"
#include "cli/spec.h"
#include "cli/watch.h"

struct drun_conf {
	struct opt_list param, job_variable, tag;
	char *id, *params, *start_in, *start_at, *name, *output;
	int watch;
	int64_t watch_timeout;
};

/* "2 hours", "90s", "1 day 3 hours", "in 5 minutes": seconds. */
static int parse_duration(const char *text, int64_t *ret_us, struct error *err)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
	const char *p = text;
	int64_t total = 0;
	int any = 0;

	while (*p != '\0') {
		char *end;
		double n;
		size_t u;

		while (*p != '\0' && !isdigit((unsigned char)*p)) {
			p++;
		}
		if (*p == '\0') {
			break;
		}
		n = strtod(p, &end);
		while (*end == ' ') {
			end++;
		}
		for (u = 0; u < ARRAY_LEN(units); u++) {
			if (tolower((unsigned char)*end) == units[u].unit[0]) {
				break;
			}
		}
		if (u == ARRAY_LEN(units) || n < 0 || n > 1e9) {
			any = 0;
			break;
		}
		total += (int64_t)(n * (double)units[u].seconds * 1e6);
		any = 1;
		for (p = end; isalpha((unsigned char)*p); p++) {
		}
	}
	if (!any) {
		return err_set(err, ERR_USAGE,
			       "Unable to parse '%s' as a duration; say for example '2 "
			       "hours' or '90s'.",
			       text);
	}
	*ret_us = total;
	return 0;
}

static int start_time(const struct drun_conf *c, int64_t *ret_at_us, struct error *err)
{
	int64_t in_us = 0;
	int rc = 0;

	*ret_at_us = clock_wall_us();
	if (c->start_in[0] != '\0' && c->start_at[0] != '\0') {
		return err_set(err, ERR_USAGE,
			       "Only one of `--start-in` or `--start-at` can be set.");
	}
	if (c->start_in[0] != '\0') {
		rc = parse_duration(c->start_in, &in_us, err);
		*ret_at_us += in_us;
	} else if (c->start_at[0] != '\0') {
		rc = time_parse(c->start_at, ret_at_us, NULL, NULL, err);
		if (rc < 0) {
			rc = err_wrap(err, "--start-at");
		}
	}
	return rc;
}

/* Names of parameters that the deployment's schema does not know. */
static int check_params(const json_t *dep, const json_t *params, struct error *err)
{
	const json_t *schema = json_object_get(dep, "parameter_openapi_schema");
	const json_t *props = json_object_get(schema, "properties");
	const char *key;
	json_t *v;
	struct buf known;
	int rc = 0;

	if (!json_is_object(props)) {
		return 0;
	}
	buf_init(&known);
	json_object_foreach ((json_t *)(uintptr_t)props, key, v) {
		buf_addf(&known, "%s'%s'", known.len > 0 ? ", " : "", key);
	}
	json_object_foreach ((json_t *)(uintptr_t)params, key, v) {
		if (json_object_get(props, key) == NULL) {
			rc = err_set(err, ERR_USAGE,
				     "Unknown parameter '%s'. The flow takes: %s.", key,
				     known.len > 0 ? known.data : "none");
			break;
		}
	}
	buf_release(&known);
	return rc;
}

static json_t *run_body(const struct drun_conf *c, json_t *params, json_t *vars,
			int64_t at_us)
{
	char when[TIME_TEXT_SIZE];
	json_t *tags = json_array(), *body;

	for (size_t i = 0; i < c->tag.count; i++) {
		json_array_append_new(tags, json_string(c->tag.items[i]));
	}
	body =
	    json_pack("{s:O, s:{}, s:{s:s, s:{s:s}}, s:o, s:O}", "parameters", params,
		      "context", "state", "type", "SCHEDULED", "state_details",
		      "scheduled_time", time_format(at_us, when, sizeof(when)), "tags",
		      tags, "job_variables", vars);
	if (c->name[0] != '\0') {
		json_object_set_new(body, "name", json_string(c->name));
	}
	return body;
}

static void created(struct cli *cli, const json_t *run, const json_t *params,
		    int64_t at_us)
{
	char when[TIME_TEXT_SIZE], relative[64];
	char *p = json_text(params);
	int64_t now_us = clock_wall_us();

	say(cli, TONE_OK, "Created flow run '%s'.", member(run, "name"));
	say(cli, TONE_PLAIN, "└── UUID: %s", member(run, "id"));
	say(cli, TONE_PLAIN, "└── Parameters: %s", p);
	say(cli, TONE_PLAIN, "└── Scheduled start time: %s (%s)",
	    time_format_log(at_us, 0, when, sizeof(when)),
	    at_us <= now_us + CLOCK_US_PER_S
		? "now"
		: time_format_relative(at_us, now_us, relative, sizeof(relative)));
	say(cli, TONE_DIM, "    Why does it wait?  wf explain %s", member(run, "id"));
	free(p);
}

static int create_run(struct cli *cli, const struct drun_conf *c, const json_t *dep,
		      const char *name, json_t **ret_run, struct error *err)
{
	json_t *params = NULL, *vars = NULL;
	int64_t at_us;
	int rc = params_parse(&c->param, c->params, &params, err);

	if (rc == 0) {
		rc = params_parse(&c->job_variable, NULL, &vars, err);
	}
	if (rc == 0) {
		rc = check_params(dep, params, err);
	}
	if (rc == 0) {
		rc = start_time(c, &at_us, err);
	}
	if (rc == 0) {
		if (c->output[0] == '\0') {
			say(cli, TONE_PLAIN, "Creating flow run for deployment '%s'...",
			    name);
		}
		rc = client_post(cli, run_body(c, params, vars, at_us), ret_run, err,
				 "/deployments/%s/create_flow_run", member(dep, "id"));
	}
	if (rc == 0 && c->output[0] == '\0') {
		created(cli, *ret_run, params, at_us);
	} else if (rc == 0) {
		print_json(*ret_run);
	}
	json_decref(params);
	json_decref(vars);
	return rc;
}

int deployment_run(struct cli *cli, const void *conf, const struct opts *opts,
		   struct error *err)
{
	const struct drun_conf *c = conf;
	const char *name = opts->nargs > 0 ? opts->args[0] : c->id;
	json_t *dep = NULL, *run = NULL;
	int rc = want_json(c->output, err);

	if (rc >= 0) {
		rc = client_deployment(cli, opts->nargs > 0 ? opts->args[0] : NULL,
				       c->id, &dep, err);
	}
	if (rc == 0) {
		rc = create_run(cli, c, dep, name, &run, err);
	}
	if (rc == 0 && c->watch) {
		rc = watch_run(cli, member(run, "id"), c->watch_timeout * 1000, err);
	}
	json_decref(run);
	json_decref(dep);
	return rc;
}

static const struct opt run_opts[] = {
    CLI_LIST(struct drun_conf, param, "param", 'p', "KEY=VALUE",
	     "A parameter; the value is JSON, or else text. Repeatable."),
    CLI_STR(struct drun_conf, params, "params", 0, "JSON",
	    "All parameters as one JSON object; '-' reads it from stdin."),
    CLI_LIST(struct drun_conf, job_variable, "job-variable", 'j', "KEY=VALUE",
	     "A job variable, for example env.FOO=bar. Repeatable."),
    CLI_STR(struct drun_conf, start_in, "start-in", 0, "DURATION",
	    "Start later, for example '2 hours'."),
    CLI_STR(struct drun_conf, start_at, "start-at", 0, "TIME",
	    "Start at a time, for example 2026-12-24T18:00:00+01:00."),
    CLI_LIST(struct drun_conf, tag, "tag", 't', "TAG",
	     "A tag for the run. Repeatable."),
    CLI_STR(struct drun_conf, name, "flow-run-name", 0, "NAME", "A name for the run."),
    CLI_BOOL(struct drun_conf, watch, "watch", 'w',
	     "Follow the run; succeeds when it completes."),
    CLI_INT(struct drun_conf, watch_timeout, "watch-timeout", 0, "0", "SECONDS",
	    "Stop watching after so many seconds."),
    CLI_STR(struct drun_conf, id, "id", 0, "ID", "The deployment by its id."),
    CLI_OUTPUT(struct drun_conf, output),
};
static const char *const name_arg[] = {"FLOW/DEPLOYMENT"};

const struct opt_spec deployment_run_spec = {
    .program = "wf deployment run",
    .usage = "[FLOW/DEPLOYMENT] [options]",
    .about = "Run a deployment.",
    .examples = "  wf deployment run hello/hello -p name=world --watch\n"
		"  wf deployment run etl/nightly --start-in '2 hours'\n",
    .opts = run_opts,
    .count = sizeof(run_opts) / sizeof(run_opts[0]),
    .conf_size = sizeof(struct drun_conf),
    .max_args = 1,
    .arg_names = name_arg,
};
