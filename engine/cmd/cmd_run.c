/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_run.c - wf-engine run: a flow run by hand, with the API or without.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/proc.h"
#include "engine/cmd/load_file.h"
#include "engine/main.h"
#include "engine/plan.h"
#include "engine/runner.h"
#include "engine/session/session.h"

#define PARAMS_MAX (1u << 20)

extern char **environ;

struct run_conf {
	char *api_url, *auth, *api_key, *name, *output, *params, *record;
	struct opt_list param, tag;
	int offline, quiet;
};

#define C struct run_conf
static const struct opt run_opts[] = {
    {.name = "api-auth",
     .type = OPT_TYPE_STR,
     OPT_AT(C, auth),
     .metavar = "USER:PASSWORD",
     .env = {"WF_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"},
     .help = "Credentials for the API.",
     .flags = OPT_F_SECRET},
    {.name = "api-key",
     .type = OPT_TYPE_STR,
     OPT_AT(C, api_key),
     .metavar = "KEY",
     .env = {"WF_API_KEY", "PREFECT_API_KEY"},
     .help = "Bearer key for the API.",
     .flags = OPT_F_SECRET},
    {.name = "api-url",
     .type = OPT_TYPE_STR,
     OPT_AT(C, api_url),
     .metavar = "URL",
     .env = {"WF_API_URL", "PREFECT_API_URL"},
     .help = "Where the run is recorded, like http://127.0.0.1:4200/api."},
    {.name = "name",
     .type = OPT_TYPE_STR,
     OPT_AT(C, name),
     .metavar = "NAME",
     .help = "Name of the flow run instead of a made-up one.",
     .flags = OPT_F_FLAGONLY},
    {.name = "offline",
     .type = OPT_TYPE_BOOL,
     OPT_AT(C, offline),
     .help = "Record nothing, ask nobody.",
     .flags = OPT_F_FLAGONLY},
    {.name = "output",
     .letter = 'o',
     .type = OPT_TYPE_STR,
     OPT_AT(C, output),
     .metavar = "json",
     .help = "Print the whole run as one JSON document at its end.",
     .flags = OPT_F_FLAGONLY},
    {.name = "param",
     .letter = 'p',
     .type = OPT_TYPE_LIST,
     OPT_AT(C, param),
     .metavar = "NAME=VALUE",
     .help = "A parameter; the value is JSON, or else text. May be repeated.",
     .flags = OPT_F_FLAGONLY},
    {.name = "params",
     .type = OPT_TYPE_STR,
     OPT_AT(C, params),
     .metavar = "JSON",
     .help = "All parameters as one JSON object.",
     .flags = OPT_F_FLAGONLY},
    {.name = "record",
     .type = OPT_TYPE_STR,
     OPT_AT(C, record),
     .metavar = "FILE",
     .help = "Also write the whole run to FILE, as -o json prints it.",
     .flags = OPT_F_FLAGONLY},
    {.name = "tag",
     .type = OPT_TYPE_LIST,
     OPT_AT(C, tag),
     .metavar = "TAG",
     .help = "A tag for the run and its task runs. May be repeated.",
     .flags = OPT_F_FLAGONLY},
    {.name = "quiet",
     .letter = 'q',
     .type = OPT_TYPE_BOOL,
     OPT_AT(C, quiet),
     .help = "Show errors only.",
     .flags = OPT_F_FLAGONLY},
};
#undef C

static const char *const run_args[] = {"FILE[:NAME]"};
const struct opt_spec run_spec = {
    .program = "wf-engine run",
    .usage = "FILE[:NAME] [-p NAME=VALUE]... [options]",
    .about =
	"Runs a flow of FILE and shows its progress. The result goes to standard "
	"output, everything else to standard error. Exit status: 0 Completed, 1 Failed "
	"or Crashed, 2 the file is not valid, 3 Cancelled, 4 left unfinished.",
    .examples = "wf-engine run hello.flow.yaml --offline\n"
		"wf-engine run hello.flow.yaml:hello -p name=marvin",
    .opts = run_opts,
    .count = ARRAY_LEN(run_opts),
    .conf_size = sizeof(struct run_conf),
    .min_args = 1,
    .max_args = 1,
    .arg_names = run_args,
};

static int one_param(json_t *params, const char *item, struct error *err)
{
	const char *eq = strchr(item, '=');
	char *name;
	json_t *v;

	if (eq == NULL || eq == item) {
		return err_set(err, ERR_USAGE, "-p needs NAME=VALUE, not '%.100s'",
			       item);
	}
	name = xstrndup(item, (size_t)(eq - item));
	v = json_parse(eq + 1, strlen(eq + 1), PARAMS_MAX, NULL);
	if (v == NULL) {
		v = json_string(eq + 1);
	}
	if (v == NULL) {
		free(name);
		return err_set(err, ERR_USAGE, "the value of -p %.100s is not UTF-8",
			       item);
	}
	(void)json_object_set_new(params, name, v);
	free(name);
	return 0;
}

static int make_params(const struct run_conf *conf, json_t **ret_params,
		       struct error *err)
{
	json_t *params = json_object();
	size_t i;
	int rc = 0;

	if (conf->params != NULL) {
		json_decref(params);
		params =
		    json_parse(conf->params, strlen(conf->params), PARAMS_MAX, err);
		if (params == NULL) {
			return err_wrap(err, "--params");
		}
		if (!json_is_object(params)) {
			rc = err_set(err, ERR_USAGE, "--params must be a JSON object");
		}
	}
	for (i = 0; i < conf->param.count && rc == 0; i++) {
		rc = one_param(params, conf->param.items[i], err);
	}
	if (rc < 0) {
		json_decref(params);
		return rc;
	}
	*ret_params = params;
	return 0;
}

static void on_signal(int signo, void *arg)
{
	runner_crash(arg, signo == SIGINT
			      ? "Execution was aborted by an interrupt signal."
			      : "Execution was aborted by a termination signal.");
}

static enum report_style choose_style(const struct run_conf *conf)
{
	const char *term = opts_env("TERM");

	if (conf->output != NULL) {
		return REPORT_JSON;
	}
	if (conf->quiet) {
		return REPORT_QUIET;
	}
	return isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0
		   ? REPORT_LIVE
		   : REPORT_LINES;
}

static int want_colour(void)
{
	const char *no = opts_env("NO_COLOR");

	return isatty(STDERR_FILENO) && (no == NULL || *no == '\0');
}

static char *make_auth(const struct run_conf *conf)
{
	if (conf->api_key != NULL && *conf->api_key != '\0') {
		return xasprintf("Bearer %s", conf->api_key);
	}
	if (conf->auth != NULL && *conf->auth != '\0') {
		char *code = base64_encode(conf->auth, strlen(conf->auth));
		char *basic = xasprintf("Basic %s", code);

		free(code);
		return basic;
	}
	return NULL;
}

static struct session *make_session(const struct session_spec *spec,
				    const struct run_conf *conf)
{
	struct session *s;
	char *auth;

	if (conf->offline || conf->api_url == NULL || *conf->api_url == '\0') {
		return offline_session_new(spec);
	}
	auth = make_auth(conf);
	s = remote_session_new(spec, conf->api_url, auth);
	free(auth);
	return s;
}

static int run_flow(const struct run_conf *conf, const struct builtin *b,
		    const struct plan_flow *flow, const json_t *params)
{
	struct error err;
	struct loop *loop = loop_new(&err);
	struct loop_signal *sigint, *sigterm;
	struct runner *r;
	struct report *report;
	struct session_spec spec = {
	    .loop = loop,
	    .events = &runner_session_events,
	    .flow = flow,
	    .parameters = params,
	    .name = conf->name,
	};
	void *attached = NULL;
	json_t *tags = json_array();
	size_t i;
	int rc;

	for (i = 0; i < conf->tag.count; i++) {
		(void)json_array_append_new(tags, json_string(conf->tag.items[i]));
	}
	spec.tags = tags;
	if (loop == NULL || proc_init(loop, &err) < 0) {
		(void)fprintf(stderr, "wf-engine: %s\n", err.msg);
		loop_free(loop);
		return 70;
	}
	r = spec.arg = runner_new(loop, environ);
	if (b != NULL) {
		attached = b->attach(r, loop, flow);
	}
	sigint = loop_signal_new(loop, SIGINT, on_signal, r);
	sigterm = loop_signal_new(loop, SIGTERM, on_signal, r);
	report = report_new(loop, choose_style(conf), want_colour(), flow);
	if (conf->record != NULL) {
		report_keep(report, conf->record, flow);
	}
	runner_start(r, make_session(&spec, conf), flow, report);
	json_decref(tags);
	rc = loop_run(loop);
	if (rc != 0) {
		/* interrupted, cancelled or failed: nothing of it stays behind, not
		 * even what left its group; a run that completed may have started a
		 * daemon */
		(void)proc_kill_strays();
	}
	proc_fini();
	runner_free(r);
	if (b != NULL) {
		b->detach(attached);
	}
	report_free(report);
	loop_signal_free(sigint);
	loop_signal_free(sigterm);
	loop_free(loop);
	return rc;
}

static int check_conf(const struct run_conf *conf, struct error *err)
{
	if (conf->output != NULL && strcmp(conf->output, "json") != 0) {
		return err_set(err, ERR_USAGE, "-o knows json only, not '%.40s'",
			       conf->output);
	}
	return 0;
}

static int run_file(const struct run_conf *conf, const char *arg)
{
	const struct plan_flow *flow = NULL;
	struct plan_file *file = NULL;
	json_t *params = NULL;
	struct error err;
	int rc = load_file(arg, &file, &flow);

	if (rc != 0) {
		return rc;
	}
	if (flow == NULL) {
		flow = plan_find(file, NULL, &err);
	}
	if (flow == NULL || check_conf(conf, &err) < 0 ||
	    make_params(conf, &params, &err) < 0) {
		(void)fprintf(stderr, "wf-engine run: %s\n", err.msg);
		rc = err_exit_status(err.code);
	} else {
		rc = run_flow(conf, NULL, flow, params);
	}
	json_decref(params);
	plan_free(file);
	return rc;
}

static int run_builtin(const struct run_conf *conf, const struct builtin *b,
		       const char *name)
{
	const struct plan_flow *flow = NULL;
	json_t *params = NULL;
	struct error err;
	int rc;

	if (b->find(name, &flow, &err) < 0 || check_conf(conf, &err) < 0 ||
	    make_params(conf, &params, &err) < 0) {
		(void)fprintf(stderr, "%s run: %s\n", b->program, err.msg);
		return err_exit_status(err.code);
	}
	rc = run_flow(conf, b, flow, params);
	json_decref(params);
	return rc;
}

static struct opt_spec builtin_spec(const struct builtin *b)
{
	struct opt_spec spec = run_spec;
	static const char *const names[] = {"FLOW"};

	spec.program = b->program;
	spec.usage = "run [FLOW] [-p NAME=VALUE]... [options]";
	spec.about = "Runs a flow of this program and shows its progress. The result "
		     "goes to standard output, everything else to standard error. Exit "
		     "status: 0 Completed, 1 Failed or Crashed, 3 Cancelled, 4 left "
		     "unfinished.";
	spec.examples = NULL;
	spec.min_args = 0;
	spec.arg_names = names;
	return spec;
}

int cmd_run_builtin(const struct builtin *b, int argc, char **argv)
{
	const struct opt_spec spec = builtin_spec(b);
	struct run_conf conf = {0};
	struct opts opts;
	struct error err;
	int rc = 0;

	if (opts_load(&spec, argc, argv, NULL, &conf, &opts, &err) < 0) {
		(void)fprintf(stderr, "%s run: %s\n", b->program, err.msg);
		return err_exit_status(err.code);
	}
	if (opts.want_help || opts.want_version) {
		opts_help(&spec, stdout);
	} else {
		rc = run_builtin(&conf, b, opts.nargs > 0 ? opts.args[0] : NULL);
	}
	opts_release(&spec, &conf, &opts);
	return rc;
}

int cmd_run(int argc, char **argv)
{
	struct run_conf conf = {0};
	struct opts opts;
	struct error err;
	int rc;

	if (opts_load(&run_spec, argc, argv, NULL, &conf, &opts, &err) < 0) {
		(void)fprintf(stderr, "wf-engine run: %s\n", err.msg);
		return err_exit_status(err.code);
	}
	if (opts.want_help || opts.want_version) {
		opts_help(&run_spec, stdout);
		rc = 0;
	} else {
		rc = run_file(&conf, opts.args[0]);
	}
	opts_release(&run_spec, &conf, &opts);
	return rc;
}
