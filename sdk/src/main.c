/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - wf_main(): the commands of a program with flows.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/proc.h"
#include "base/proc_forker.h"
#include "engine/main.h"
#include "engine/params.h"
#include "engine/plan.h"
#include "engine/runner.h"
#include "sdk/src/commands.h"
#include "sdk/src/host.h"
#include "sdk/src/registry.h"

#define EXIT_DECLARATIONS 2

static const char *program = "flow";

static int find(const char *name, const struct plan_flow **ret_flow, struct error *err)
{
	const wf_flow *def = NULL;
	int rc = registry_find(name, &def, err);

	if (rc == 0) {
		*ret_flow = registry_plan(def, err);
		rc = *ret_flow != NULL ? 0 : -ERR_INVALID;
	}
	return rc;
}

static void *attach(struct runner *r, struct loop *loop, const struct plan_flow *flow)
{
	const wf_flow *def = NULL;
	struct host *h;

	if (flow != NULL) {
		(void)registry_find(flow->name, &def, NULL);
	}
	h = host_new(loop, def);
	runner_set_ops(r, &host_ops, h);
	return h;
}

static void detach(void *attached)
{
	host_free(attached);
}

/* While this process is small; without it the engine forks all by itself. */
static void start_forker(void)
{
	struct error err;

	if (proc_forker_start(&err) < 0) {
		log_debug("%s", err.msg);
	}
}

static int run(int argc, char **argv)
{
	const struct builtin b = {program, find, attach, detach};

	start_forker();
	return cmd_run_builtin(&b, argc, argv);
}

static int engine(int argc, char **argv)
{
	const struct builtin b = {program, find, attach, detach};
	const char *fd = opts_env("WF_CONTROL_FD");
	char *end;
	long n;

	(void)argc;
	(void)argv;
	if (fd == NULL || *fd == '\0') {
		(void)fprintf(stderr,
			      "%s engine: a worker starts this, with the "
			      "control socket's number in WF_CONTROL_FD\n",
			      program);
		return 64;
	}
	n = strtol(fd, &end, 10);
	start_forker();
	return cmd_worker_builtin(&b,
				  *end == '\0' && n >= 0 && n < INT_MAX ? (int)n : -1);
}

/* What `wf deploy` wants to know, as wf-engine says it of a file. */
static json_t *describe(const struct plan_flow *flow)
{
	json_t *tags = json_array();
	size_t i;

	for (i = 0; i < flow->tags.count; i++) {
		(void)json_array_append_new(tags, json_string(flow->tags.items[i]));
	}
	return json_pack("{s:s, s:s?, s:s, s:o, s:o, s:i, s:i, s:I}", "name",
			 flow->name, "description", flow->description, "version",
			 flow->version, "parameter_openapi_schema", params_schema(flow),
			 "tags", tags, "line", flow->line, "retries", flow->retries,
			 "retry_delay_seconds", (json_int_t)flow->retry_delay_s);
}

static int list(int argc, char **argv)
{
	json_t *all = json_array();
	char *text;
	size_t i;

	(void)argc;
	(void)argv;
	for (i = 0; i < registry_flows(); i++) {
		const struct plan_flow *flow =
		    registry_plan(registry_get_flow(i), NULL);

		(void)json_array_append_new(all, describe(flow));
	}
	text = json_text(all);
	(void)puts(text);
	free(text);
	json_decref(all);
	return 0;
}

static int schema(int argc, char **argv)
{
	const struct plan_flow *flow = NULL;
	struct error err;
	json_t *v;
	char *text;

	if (find(argc > 1 ? argv[1] : NULL, &flow, &err) < 0) {
		(void)fprintf(stderr, "%s schema: %s\n", program, err.msg);
		return 64;
	}
	v = params_schema(flow);
	text = json_text(v);
	(void)puts(text);
	free(text);
	json_decref(v);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *help;
} commands[] = {
    {"run", run, "run a flow here and now"},
    {"list", list, "print the flows as JSON"},
    {"schema", schema, "print the JSON Schema of a flow's parameters"},
    {"deploy", command_deploy, "make a deployment for the workers of a pool"},
    {"serve", command_serve, "make a deployment and run it from here"},
    {"engine", engine, "run one flow run of a worker"},
};

static void usage(FILE *out)
{
	size_t i;

	(void)fprintf(out, "Usage: %s COMMAND [options]\n\nCommands:\n", program);
	for (i = 0; i < ARRAY_LEN(commands); i++) {
		(void)fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	}
	(void)fputs("\nFlows:\n", out);
	for (i = 0; i < registry_flows(); i++) {
		const wf_flow *f = registry_get_flow(i);

		(void)fprintf(out, "  %s%s%s\n", registry_flow_name(f),
			      f->description != NULL ? " - " : "",
			      f->description != NULL ? f->description : "");
	}
	(void)fputs("\nCOMMAND --help tells more.\n", out);
}

int wf_main(int argc, char **argv)
{
	const char *names[ARRAY_LEN(commands)], *slash, *near;
	size_t i;

	if (argc > 0) {
		slash = strrchr(argv[0], '/');
		program = slash != NULL ? slash + 1 : argv[0];
	}
	log_init("wf", LOG_LVL_WARN, LOG_FMT_TEXT, -1);
	if (registry_check() < 0) {
		return EXIT_DECLARATIONS;
	}
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? 64 : 0;
	}
	for (i = 0; i < ARRAY_LEN(commands); i++) {
		names[i] = commands[i].name;
		if (strcmp(argv[1], commands[i].name) == 0) {
			return commands[i].fn(argc - 1, argv + 1);
		}
	}
	near = opts_nearest(argv[1], names, ARRAY_LEN(names));
	(void)fprintf(stderr, "%s: unknown command '%s'%s%s%s\n", program, argv[1],
		      near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		      near != NULL ? "'?" : "");
	return 64;
}
