/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_template.c - defaults, overrides and placeholders of a job, in the order of
 * worker-and-engine 1.4.
 */
#include "worker/job_template.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "worker/placeholder.h"

static const json_t *template_config(const struct job_input *in)
{
	return json_object_get(in->base_job_template, "job_configuration");
}

/* variables.properties[*].default that are not null. */
static json_t *default_values(const struct job_input *in)
{
	const json_t *props = json_object_get(
	    json_object_get(in->base_job_template, "variables"), "properties");
	json_t *values = json_object(), *prop;
	const char *key;

	json_object_foreach ((json_t *)(uintptr_t)props, key, prop) {
		json_t *v = json_object_get(prop, "default");

		if (v != NULL && !json_is_null(v)) {
			json_object_set_new(values, key, json_deep_copy(v));
		}
	}
	return values;
}

/* OVER on top of INTO: env key by key, everything else replaced. */
static void add_overrides(json_t *into, const json_t *over)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)over, key, v) {
		json_t *env = json_object_get(into, key);

		if (strcmp(key, "env") == 0 && json_is_object(env) &&
		    json_is_object(v)) {
			json_object_update(env, v);
		} else {
			json_object_set_new(into, key, json_deep_copy(v));
		}
	}
}

/* Sets obj["a"]["b"]["c"] for "a.b.c" where nothing is there yet. */
static void set_dotted(json_t *obj, const char *path, json_t *value)
{
	const char *dot = strchr(path, '.');
	char *head;
	json_t *inner;

	if (dot == NULL) {
		if (json_object_get(obj, path) == NULL) {
			json_object_set(obj, path, value);
		}
		return;
	}
	head = xstrndup(path, (size_t)(dot - path));
	inner = json_object_get(obj, head);
	if (!json_is_object(inner)) {
		inner = json_object();
		json_object_set_new(obj, head, inner);
	}
	set_dotted(inner, dot + 1, value);
	free(head);
}

/* "env.FOO" becomes {"env": {"FOO": ...}}; the nested form wins where both are there.
 */
static json_t *expand_dotted(const json_t *obj)
{
	json_t *out = json_object(), *v;
	const char *key;

	json_object_foreach ((json_t *)(uintptr_t)obj, key, v) {
		if (strchr(key, '.') == NULL) {
			json_object_set_new(out, key, json_deep_copy(v));
		}
	}
	json_object_foreach ((json_t *)(uintptr_t)obj, key, v) {
		if (strchr(key, '.') != NULL) {
			set_dotted(out, key, v);
		}
	}
	return out;
}

static json_t *overrides(const struct job_input *in)
{
	json_t *deployment = expand_dotted(in->deployment_variables);
	json_t *run = expand_dotted(in->run_variables);

	add_overrides(deployment, run);
	json_decref(run);
	return deployment;
}

/* Job variables of ours: limits of the process. */
static const struct {
	const char *name;
	int64_t min, max;
	const char *wanted;
} limits[] = {
    {"memory_limit", 1 << 20, INT64_MAX, "bytes, or a text like 512M or 2G"},
    {"cpu_limit", 1, INT32_MAX, "whole seconds"},
    {"nice", -20, 19, "-20 to 19"},
    {"memory_max", 1 << 20, INT64_MAX, "bytes, or a text like 512M or 2G"},
    {"cpu_max", 0, 0, "a number of CPUs from 0.01 to 4096, like 1.5"},
};
enum limit { LIMIT_MEMORY, LIMIT_CPU, LIMIT_NICE, LIMIT_MEMORY_MAX, LIMIT_CPU_MAX };
#define CPU_US     100000.0 /* of each 100 ms: one CPU */
#define CPU_US_MIN 1000.0   /* the kernel's least */

/* Steps 1-5: *ret_config has placeholders, *ret_values what they stand for. */
static void assemble(const struct job_input *in, json_t **ret_config,
		     json_t **ret_values)
{
	const json_t *base = template_config(in);
	json_t *config = json_is_object(base) ? json_deep_copy(base) : json_object();
	json_t *values = default_values(in), *over = overrides(in), *env, *v;
	const char *key;

	if (json_object_size(config) == 0) { /* an empty template: the process type's */
		static const char *const names[] = {
		    "command", "env", "labels", "name", "stream_output", "working_dir"};

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			char *p = xasprintf("{{ %s }}", names[i]);

			json_object_set_new(config, names[i], json_string(p));
			free(p);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) { /* of every template */
		char *p = xasprintf("{{ %s }}", limits[i].name);

		if (json_object_get(config, limits[i].name) == NULL) {
			json_object_set_new(config, limits[i].name, json_string(p));
		}
		free(p);
	}
	env = json_object_get(values, "env");
	if (env != NULL && json_is_object(json_object_get(config, "env"))) {
		json_object_update(json_object_get(config, "env"), env);
	} else if (env != NULL) {
		json_object_set(config, "env", env);
	}
	json_object_foreach (over, key, v) {
		json_object_set(values, key, v);
	}
	env = json_object_get(over, "env");
	if (json_is_object(env)) {
		if (!json_is_object(json_object_get(config, "env"))) {
			json_object_set_new(config, "env", json_object());
		}
		json_object_update(json_object_get(config, "env"), env);
	}
	json_decref(over);
	*ret_config = config;
	*ret_values = values;
}

int job_refs(const struct job_input *in, json_t *variables, json_t *blocks,
	     struct error *err)
{
	json_t *config, *values;
	int rc;

	assemble(in, &config, &values);
	rc = placeholder_refs(config, variables, blocks, err);
	if (rc == 0) {
		rc = placeholder_refs(values, variables, blocks, err);
	}
	json_decref(config);
	json_decref(values);
	return rc;
}

static char *text_of(const json_t *v)
{
	if (json_is_string(v)) {
		return xstrdup(json_string_value(v));
	}
	return v == NULL || json_is_null(v) ? NULL : json_text(v);
}

static char *nonempty(const json_t *v)
{
	char *s = text_of(v);

	if (s != NULL && s[strspn(s, " \t\r\n")] == '\0') {
		free(s);
		return NULL;
	}
	return s;
}

/* Values as text; null stays (it removes the variable), booleans as Python writes them.
 */
static int text_map(const json_t *v, const char *what, json_t **ret_map,
		    struct error *err)
{
	json_t *out = json_object(), *each;
	const char *key;

	if (v != NULL && !json_is_null(v) && !json_is_object(v)) {
		json_decref(out);
		return err_set(err, ERR_INVALID, "job variable '%s' must be an object",
			       what);
	}
	json_object_foreach ((json_t *)(uintptr_t)v, key, each) {
		if (json_is_null(each)) {
			json_object_set_new(out, key, json_null());
		} else if (json_is_boolean(each)) {
			json_object_set_new(
			    out, key,
			    json_string(json_is_true(each) ? "True" : "False"));
		} else {
			char *s = text_of(each);

			json_object_set_new(out, key, json_string(s));
			free(s);
		}
	}
	*ret_map = out;
	return 0;
}

/* "{{ ctx.flow.name }}" and "{{ ctx.flow_run.name }}" in the job's name. */
static char *fill_name(const struct job_input *in, const json_t *name)
{
	json_t *values, *out = NULL;
	char *s = NULL;

	if (!json_is_string(name)) {
		return NULL;
	}
	values = json_object();
	json_object_set_new(values, "ctx", json_object());
	if (in->flow != NULL) {
		json_object_set_new(json_object_get(values, "ctx"), "flow",
				    json_deep_copy(in->flow));
	}
	if (in->flow_run != NULL) {
		json_object_set_new(json_object_get(values, "ctx"), "flow_run",
				    json_deep_copy(in->flow_run));
	}
	if (placeholder_fill(name, values, PLACEHOLDER_KEEP_UNSET, &out, NULL) == 0) {
		s = nonempty(out);
	}
	json_decref(out);
	json_decref(values);
	return s;
}

/* A number, as such or as text, with k, M or G for bytes; 0 when there is none. */
static int take_limit(const json_t *config, enum limit which, int64_t *ret,
		      struct error *err)
{
	char *s = nonempty(json_object_get(config, limits[which].name)), *end;
	static const char units[] = "kmgt";
	long long v;
	int shift = 0;

	*ret = 0;
	if (s == NULL) {
		return 0;
	}
	errno = 0;
	v = strtoll(s, &end, 10);
	if ((which == LIMIT_MEMORY || which == LIMIT_MEMORY_MAX) && end > s &&
	    *end != '\0') {
		const char *u = strchr(units, tolower((unsigned char)*end));

		shift = u != NULL ? 10 * (int)(u - units + 1) : 0;
		end += u != NULL;
		end += *end == 'i';
		end += *end == 'B' || *end == 'b';
	}
	if (end == s || *end != '\0' || errno != 0 || (v < 0 && shift > 0) ||
	    v > (INT64_MAX >> shift) || v * (1LL << shift) < limits[which].min ||
	    v * (1LL << shift) > limits[which].max) {
		(void)err_set(err, ERR_INVALID,
			      "job variable '%s' must be %s, not '%s'",
			      limits[which].name, limits[which].wanted, s);
		free(s);
		return -ERR_INVALID;
	}
	free(s);
	*ret = v * (1LL << shift);
	return 0;
}

static int take_cpu_max(const json_t *config, int64_t *ret_us, struct error *err)
{
	char *s = nonempty(json_object_get(config, limits[LIMIT_CPU_MAX].name)), *end;
	double us;
	int rc = 0;

	*ret_us = 0;
	if (s == NULL) {
		return 0;
	}
	us = strtod(s, &end) * CPU_US;
	if (end == s || *end != '\0' || !(us >= CPU_US_MIN && us <= 4096 * CPU_US)) {
		rc = err_set(err, ERR_INVALID, "job variable '%s' must be %s, not '%s'",
			     limits[LIMIT_CPU_MAX].name, limits[LIMIT_CPU_MAX].wanted,
			     s);
	} else {
		*ret_us = (int64_t)us;
	}
	free(s);
	return rc;
}

static int take_group(const json_t *config, struct cgroup_limits *l, struct error *err)
{
	int rc = take_limit(config, LIMIT_MEMORY_MAX, &l->memory_max, err);

	return rc == 0 ? take_cpu_max(config, &l->cpu_max_us, err) : rc;
}

static int take_limits(const json_t *config, struct proc_limits *l, struct error *err)
{
	int64_t nice = 0;
	int rc = take_limit(config, LIMIT_MEMORY, &l->address_space_bytes, err);

	if (rc == 0) {
		rc = take_limit(config, LIMIT_CPU, &l->cpu_s, err);
	}
	if (rc == 0) {
		rc = take_limit(config, LIMIT_NICE, &nice, err);
		l->nice = (int)nice;
	}
	return rc;
}

static int to_job(const struct job_input *in, const json_t *config, struct job *ret_job,
		  struct error *err)
{
	const json_t *stream = json_object_get(config, "stream_output");
	struct job j = {.stream_output = !json_is_false(stream)};
	int rc = text_map(json_object_get(config, "env"), "env", &j.env, err);

	if (rc == 0) {
		rc = text_map(json_object_get(config, "labels"), "labels", &j.labels,
			      err);
	}
	if (rc == 0) {
		rc = take_limits(config, &j.limits, err);
	}
	if (rc == 0) {
		rc = take_group(config, &j.group, err);
	}
	if (rc < 0) {
		job_release(&j);
		return rc;
	}
	j.command = nonempty(json_object_get(config, "command"));
	j.working_dir = nonempty(json_object_get(config, "working_dir"));
	j.name = fill_name(in, json_object_get(config, "name"));
	*ret_job = j;
	return 0;
}

int job_resolve(const struct job_input *in, struct job *ret_job, struct error *err)
{
	json_t *config, *values, *filled = NULL, *blocks = NULL, *whole = NULL;
	int rc;

	assemble(in, &config, &values);
	rc = placeholder_fill(config, values, PLACEHOLDER_KEEP_REFS, &filled, err);
	if (rc == 0) {
		rc = placeholder_blocks(filled, in->blocks, &blocks, err);
	}
	if (rc == 0) {
		rc = placeholder_variables(blocks, in->variables, &whole, err);
	}
	if (rc == 0) {
		rc = to_job(in, whole, ret_job, err);
	}
	json_decref(config);
	json_decref(values);
	json_decref(filled);
	json_decref(blocks);
	json_decref(whole);
	return rc;
}

void job_release(struct job *j)
{
	free(j->command);
	free(j->working_dir);
	free(j->name);
	json_decref(j->env);
	json_decref(j->labels);
	memset(j, 0, sizeof(*j));
}
