/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_file.c - wf-engine check, schema, list: commands that only read a file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/opts.h"
#include "engine/cmd/load_file.h"
#include "engine/main.h"
#include "engine/params.h"
#include "engine/plan.h"

struct file_conf {
	int help;
};

static const char *const file_args[] = {"FILE[:NAME]"};

/* 1: go on; 0: --help was answered; negative: the exit status, negated. */
static int parse_args(const struct opt_spec *spec, int argc, char **argv,
		      struct opts *opts)
{
	struct file_conf conf = {0};
	struct error err;

	if (opts_load(spec, argc, argv, NULL, &conf, opts, &err) < 0) {
		(void)fprintf(stderr, "%s: %s\n", spec->program, err.msg);
		return -err_exit_status(err.code);
	}
	if (opts->want_help || opts->want_version) {
		opts_help(spec, stdout);
		opts_release(spec, &conf, opts);
		return 0;
	}
	return 1;
}

#define FILE_SPEC(var, prog, text)                 \
	const struct opt_spec var = {              \
	    .program = (prog),                     \
	    .usage = "FILE[:NAME]",                \
	    .about = (text),                       \
	    .conf_size = sizeof(struct file_conf), \
	    .min_args = 1,                         \
	    .max_args = 1,                         \
	    .arg_names = file_args,                \
	}
FILE_SPEC(
    check_spec, "wf-engine check",
    "Says everything that is wrong with a flow file; exit status 0 when nothing is.");
FILE_SPEC(schema_spec, "wf-engine schema",
	  "Prints the JSON Schema of a flow's parameters, as a deployment carries it.");
FILE_SPEC(list_spec, "wf-engine list",
	  "Prints the flows of a file as JSON: name, description, version, parameter "
	  "schema, tags, entrypoint.");

/* Loads argv's file; with a :NAME also finds the flow. 0, or the exit status. */
static int open_arg(const struct opt_spec *spec, int argc, char **argv,
		    struct plan_file **ret_file, const struct plan_flow **ret_flow)
{
	struct opts opts;
	struct file_conf conf = {0};
	int rc = parse_args(spec, argc, argv, &opts);

	if (rc <= 0) {
		return rc == 0 ? -1 : -rc;
	}
	rc = load_file(opts.args[0], ret_file, ret_flow);
	opts_release(spec, &conf, &opts);
	return rc;
}

int cmd_check(int argc, char **argv)
{
	const struct plan_flow *flow = NULL;
	struct plan_file *file = NULL;
	size_t i;
	int rc = open_arg(&check_spec, argc, argv, &file, &flow);

	if (rc != 0 || file == NULL) {
		return rc < 0 ? 0 : rc;
	}
	for (i = 0; i < file->count; i++) {
		if (flow == NULL || flow == file->flows[i]) {
			(void)printf("%s:%s: ok, %zu task%s\n", file->path,
				     file->flows[i]->name, file->flows[i]->count,
				     file->flows[i]->count == 1 ? "" : "s");
		}
	}
	plan_free(file);
	return 0;
}

static void print_json(json_t *v)
{
	char *text = json_dumps(v, JSON_INDENT(2));

	(void)puts(text);
	free(text);
	json_decref(v);
}

int cmd_schema(int argc, char **argv)
{
	const struct plan_flow *flow = NULL;
	struct plan_file *file = NULL;
	struct error err;
	int rc = open_arg(&schema_spec, argc, argv, &file, &flow);

	if (rc != 0 || file == NULL) {
		return rc < 0 ? 0 : rc;
	}
	if (flow == NULL) {
		flow = plan_find(file, NULL, &err);
	}
	if (flow == NULL) {
		(void)fprintf(stderr, "wf-engine schema: %s\n", err.msg);
		rc = 64;
	} else {
		print_json(params_schema(flow));
	}
	plan_free(file);
	return rc;
}

static json_t *flow_json(const struct plan_file *file, const struct plan_flow *f)
{
	json_t *o = json_pack("{s:s, s:s?, s:s, s:o}", "name", f->name, "description",
			      f->description, "version", f->version,
			      "parameter_openapi_schema", params_schema(f));
	json_t *tags = json_array();
	struct buf entrypoint;
	size_t i;

	for (i = 0; i < f->tags.count; i++) {
		(void)json_array_append_new(tags, json_string(f->tags.items[i]));
	}
	(void)json_object_set_new(o, "tags", tags);
	buf_init(&entrypoint);
	buf_addf(&entrypoint, "%s:%s", file->path, f->name);
	(void)json_object_set_new(o, "entrypoint", json_string(entrypoint.data));
	buf_release(&entrypoint);
	(void)json_object_set_new(o, "line", json_integer(f->line));
	(void)json_object_set_new(o, "tasks", json_integer((json_int_t)f->count));
	(void)json_object_set_new(o, "retries", json_integer(f->retries));
	(void)json_object_set_new(o, "retry_delay_seconds",
				  json_integer(f->retry_delay_s));
	return o;
}

int cmd_list(int argc, char **argv)
{
	const struct plan_flow *flow = NULL;
	struct plan_file *file = NULL;
	json_t *all;
	size_t i;
	int rc = open_arg(&list_spec, argc, argv, &file, &flow);

	if (rc != 0 || file == NULL) {
		return rc < 0 ? 0 : rc;
	}
	all = json_array();
	for (i = 0; i < file->count; i++) {
		if (flow == NULL || flow == file->flows[i]) {
			(void)json_array_append_new(all,
						    flow_json(file, file->flows[i]));
		}
	}
	print_json(all);
	plan_free(file);
	return 0;
}
