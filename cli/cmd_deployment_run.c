/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_deployment_run.c - wf deployment run: creates a flow run, perhaps follows it.
 */
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
#include "cli/when.h"

struct drun_conf {
	struct opt_list param, job_variable, tag;
	char *id, *params, *start_in, *start_at, *name, *output;
	int watch;
	int64_t watch_timeout, watch_interval;
};

static int start_time(const struct drun_conf *c, int64_t *ret_at_us, struct error *err)
{
	int64_t in_us = 0, now_us = clock_wall_us();
	int rc = 0;

	*ret_at_us = now_us;
	if (c->start_in[0] != '\0' && c->start_at[0] != '\0') {
		return err_set(
		    err, ERR_USAGE,
		    "Only one of `--start-in` or `--start-at` can be set, not both.");
	}
	if (c->start_in[0] != '\0') {
		rc = when_duration(c->start_in, &in_us, err);
		*ret_at_us += in_us;
	} else if (c->start_at[0] != '\0') {
		rc = when_instant(c->start_at, now_us, ret_at_us, err);
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
	const char *names[64] = {NULL};
	struct buf known;
	size_t n = 0;
	int rc = 0;

	if (!json_is_object(props)) {
		return 0;
	}
	buf_init(&known);
	json_object_foreach ((json_t *)(uintptr_t)props, key, v) {
		buf_addf(&known, "%s'%s'", known.len > 0 ? ", " : "", key);
		if (n < ARRAY_LEN(names)) {
			names[n++] = key;
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)params, key, v) {
		if (json_object_get(props, key) == NULL) {
			const char *near = opts_nearest(key, names, n);

			rc =
			    err_set(err, ERR_USAGE,
				    "Unknown parameter '%s'.%s%s%s The flow takes: %s.",
				    key, near != NULL ? " Did you mean '" : "",
				    near != NULL ? near : "", near != NULL ? "'?" : "",
				    known.len > 0 ? known.data : "none");
			break;
		}
	}
	buf_release(&known);
	return rc;
}

static json_t *run_body(const struct drun_conf *c, json_t *params, json_t *vars,
			const char *name, int64_t at_us)
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
	if (name != NULL) {
		json_object_set_new(body, "name", json_string(name));
	}
	return body;
}

static void created(struct cli *cli, const json_t *run, const json_t *params,
		    const json_t *vars, int64_t at_us)
{
	char when[TIME_TEXT_SIZE], relative[64];
	char *p = json_text(params), *v = json_text(vars);
	int64_t now_us = clock_wall_us();

	(void)time_format_log(at_us, 0, when, sizeof(when));
	when[strcspn(when, ".")] = '\0';
	say(cli, TONE_OK, "Created flow run '%s'.", member(run, "name"));
	say(cli, TONE_PLAIN, "└── UUID: %s", member(run, "id"));
	say(cli, TONE_PLAIN, "└── Parameters: %s", p);
	say(cli, TONE_PLAIN, "└── Job Variables: %s", v);
	say(cli, TONE_PLAIN, "└── Scheduled start time: %s UTC (%s)", when,
	    at_us <= now_us + CLOCK_US_PER_S
		? "now"
		: time_format_relative(at_us, now_us, relative, sizeof(relative)));
	free(p);
	free(v);
}

/* What is worth knowing next, unless the run is followed anyway. */
static void hints(struct cli *cli, const json_t *run)
{
	say(cli, TONE_DIM,
	    "Follow it:        wf flow-run watch %s\n"
	    "Why does it wait? wf explain %s",
	    member(run, "id"), member(run, "id"));
}

/* The value of parameter KEY (LEN bytes) in the name of a run. */
static int add_param(struct buf *b, const char *key, size_t len, const json_t *params,
		     const json_t *dep, struct error *err)
{
	char *name = xstrndup(key, len), *text;
	const json_t *v = json_object_get(params, name);
	int rc = 0;

	if (v == NULL) {
		v = json_object_get(json_object_get(dep, "parameters"), name);
	}
	if (v == NULL) {
		rc = err_set(err, ERR_USAGE,
			     "--flow-run-name needs the parameter '%s', which is not "
			     "given.",
			     name);
	} else if (json_is_string(v)) {
		buf_adds(b, json_string_value(v));
	} else {
		text = json_text(v);
		buf_adds(b, text);
		free(text);
	}
	free(name);
	return rc;
}

/* "backup-{date}" with the parameters put in; "{{" and "}}" are braces. */
static int run_name(const char *format, const json_t *params, const json_t *dep,
		    char **ret_name, struct error *err)
{
	struct buf b;
	int rc = 0;

	buf_init(&b);
	for (const char *p = format; rc == 0 && *p != '\0'; p++) {
		size_t len = strcspn(p + 1, "{}");

		if ((*p == '{' || *p == '}') && p[1] == *p) {
			buf_add(&b, p++, 1);
		} else if (*p == '{' && p[1 + len] == '}') {
			rc = add_param(&b, p + 1, len, params, dep, err);
			p += len + 1;
		} else {
			buf_add(&b, p, 1);
		}
	}
	if (rc == 0) {
		*ret_name = buf_take(&b, NULL);
	}
	buf_release(&b);
	return rc;
}

/* Says which of --params are overruled by --param. */
static void tell_overruled(struct cli *cli, const struct drun_conf *c)
{
	static const struct opt_list none = {0};
	json_t *base = NULL;
	struct buf b;

	if (c->params[0] == '\0' || c->params[0] == '-' || c->output[0] != '\0' ||
	    params_parse(&none, c->params, &base, NULL) < 0) {
		return;
	}
	buf_init(&b);
	for (size_t i = 0; i < c->param.count; i++) {
		char *key =
		    xstrndup(c->param.items[i], strcspn(c->param.items[i], "="));

		if (json_object_get(base, key) != NULL) {
			buf_addf(&b, "%s'%s'", b.len > 0 ? ", " : "", key);
		}
		free(key);
	}
	if (b.len > 0) {
		say(cli, TONE_WARN,
		    "Given by both --param and --params, --param counts: %s", b.data);
	}
	buf_release(&b);
	json_decref(base);
}

/* Everything about the run that is wanted, checked before anything is created. */
struct wish {
	json_t *params, *vars;
	char *name; /* or NULL */
	int64_t at_us;
};

static int wish_read(const struct drun_conf *c, const json_t *dep, struct wish *w,
		     struct error *err)
{
	int rc = params_parse(&c->param, c->params, &w->params, err);

	if (rc == 0) {
		rc = params_parse(&c->job_variable, NULL, &w->vars, err);
	}
	if (rc == 0) {
		rc = check_params(dep, w->params, err);
	}
	if (rc == 0 && c->name[0] != '\0') {
		rc = run_name(c->name, w->params, dep, &w->name, err);
	}
	return rc < 0 ? rc : start_time(c, &w->at_us, err);
}

static int create_run(struct cli *cli, const struct drun_conf *c, const json_t *dep,
		      const char *name, json_t **ret_run, struct error *err)
{
	struct wish w = {0};
	int rc = wish_read(c, dep, &w, err);

	if (rc == 0) {
		tell_overruled(cli, c);
		if (c->output[0] == '\0') {
			say(cli, TONE_PLAIN, "Creating flow run for deployment '%s'...",
			    name);
		}
		rc = client_post(cli, run_body(c, w.params, w.vars, w.name, w.at_us),
				 ret_run, err, "/deployments/%s/create_flow_run",
				 member(dep, "id"));
	}
	if (rc == 0 && c->output[0] == '\0') {
		created(cli, *ret_run, w.params, w.vars, w.at_us);
		if (!c->watch) {
			hints(cli, *ret_run);
		}
	} else if (rc == 0) {
		print_json(*ret_run);
	}
	json_decref(w.params);
	json_decref(w.vars);
	free(w.name);
	return rc;
}

int deployment_run(struct cli *cli, const void *conf, const struct opts *opts,
		   struct error *err)
{
	const struct drun_conf *c = conf;
	const char *name = opts->nargs > 0 ? opts->args[0] : c->id;
	json_t *dep = NULL, *run = NULL;
	int rc = want_json(c->output, err);

	if (rc >= 0 && name[0] == '\0') {
		rc = err_set(err, ERR_USAGE,
			     "Name a deployment, FLOW/DEPLOYMENT, or give its --id.");
	}
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
    CLI_STR(
	struct drun_conf, start_at, "start-at", 0, "TIME",
	"Start at a time: '5:30pm', 'tomorrow at 17:30', 2026-12-24T18:00:00+01:00."),
    CLI_LIST(struct drun_conf, tag, "tag", 't', "TAG",
	     "A tag for the run. Repeatable."),
    CLI_STR(struct drun_conf, name, "flow-run-name", 0, "NAME",
	    "A name for the run; {param} is replaced."),
    CLI_BOOL(struct drun_conf, watch, "watch", 'w',
	     "Follow the run; succeeds when it completes."),
    CLI_INT(struct drun_conf, watch_timeout, "watch-timeout", 0, "0", "SECONDS",
	    "Stop watching after so many seconds."),
    CLI_INT(struct drun_conf, watch_interval, "watch-interval", 0, NULL, "SECONDS",
	    "Accepted for compatibility: states are shown as they come."),
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
