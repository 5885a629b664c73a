/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.c - DeploymentCreate out of options, project entry and flow.
 */
#include "cli/deploy/body.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/deploy/describe.h"
#include "cli/deploy/project.h"
#include "cli/output.h"

#define STEP_SET_DIRECTORY "prefect.deployments.steps.set_working_directory"

static json_t *text_or_null(const char *a, const char *b, const char *c)
{
	const char *s = a[0] != '\0' ? a : b[0] != '\0' ? b : c;

	return s[0] != '\0' ? json_string(s) : json_null();
}

/* Lists of texts; a single text is a list of one. */
static json_t *strings(const json_t *v)
{
	if (json_is_string(v)) {
		return json_pack("[O]", v);
	}
	return json_is_array(v) ? json_deep_copy(v) : json_array();
}

static json_t *tags(const struct deploy_conf *c, const json_t *dep, const json_t *flow)
{
	json_t *out;

	if (c->tag.count > 0) {
		out = json_array();
		for (size_t i = 0; i < c->tag.count; i++) {
			json_array_append_new(out, json_string(c->tag.items[i]));
		}
		return out;
	}
	return strings(
	    json_object_get(json_object_get(dep, "tags") != NULL ? dep : flow, "tags"));
}

static int parameters(const struct deploy_conf *c, const json_t *dep, json_t *body,
		      struct error *err)
{
	json_t *over = NULL;
	const json_t *base = json_object_get(dep, "parameters");
	int rc = params_parse(&c->param, c->params, &over, err);

	if (rc == 0) {
		json_t *merged =
		    json_is_object(base) ? json_deep_copy(base) : json_object();

		json_object_update(merged, over);
		json_object_set_new(body, "parameters", merged);
	}
	json_decref(over);
	return rc;
}

/* Job variables of the entry's work_pool, with the options' on top ("env.X" goes into
 * env). */
static int job_variables(const struct deploy_conf *c, const json_t *pool, json_t *body,
			 struct error *err)
{
	const json_t *base = json_object_get(pool, "job_variables");
	json_t *out = json_is_object(base) ? json_deep_copy(base) : json_object();
	json_t *over = NULL, *v, *env;
	const char *key;
	int rc = params_parse(&c->job_variable, NULL, &over, err);

	json_object_foreach (over, key, v) {
		if (strncmp(key, "env.", 4) == 0) {
			env = json_object_get(out, "env");
			if (!json_is_object(env)) {
				env = json_object();
				json_object_set_new(out, "env", env);
			}
			json_object_set(env, key + 4, v);
		} else {
			json_object_set(out, key, v);
		}
	}
	json_object_set_new(body, "job_variables", out);
	json_decref(over);
	return rc;
}

static int concurrency(const struct deploy_conf *c, const json_t *dep, json_t *body,
		       struct error *err)
{
	const json_t *v = json_object_get(dep, "concurrency_limit");
	const json_t *limit = json_is_object(v) ? json_object_get(v, "limit") : v;
	const char *strategy = c->collision_strategy[0] != '\0'
				   ? c->collision_strategy
				   : member(v, "collision_strategy");
	json_t *options = json_object();

	if (strategy[0] != '\0' && strcmp(strategy, "ENQUEUE") != 0 &&
	    strcmp(strategy, "CANCEL_NEW") != 0) {
		json_decref(options);
		return err_set(err, ERR_USAGE,
			       "collision_strategy is ENQUEUE or CANCEL_NEW, not '%s'.",
			       strategy);
	}
	if (strategy[0] != '\0') {
		json_object_set_new(options, "collision_strategy",
				    json_string(strategy));
	}
	if (json_is_object(v) && json_object_get(v, "grace_period_seconds") != NULL) {
		json_object_set(options, "grace_period_seconds",
				json_object_get(v, "grace_period_seconds"));
	}
	if (c->concurrency_limit > 0) {
		json_object_set_new(body, "concurrency_limit",
				    json_integer(c->concurrency_limit));
	} else if (json_is_integer(limit)) {
		json_object_set_new(body, "concurrency_limit", json_deep_copy(limit));
	}
	if (json_object_size(options) > 0) {
		json_object_set(body, "concurrency_options", options);
	}
	json_decref(options);
	return 0;
}

static void pull_steps(const struct project *p, const json_t *dep, json_t *body)
{
	const json_t *own = json_object_get(dep, "pull");
	const json_t *steps = json_is_array(own) ? own : p->pull;

	if (json_is_array(steps)) {
		json_object_set_new(body, "pull_steps", json_deep_copy(steps));
	} else {
		json_object_set_new(body, "pull_steps",
				    json_pack("[{s:{s:s}}]", STEP_SET_DIRECTORY,
					      "directory", p->folder));
	}
}

static int add_schedule(json_t *into, json_t *entry, struct error *err)
{
	json_t *s = NULL;
	int rc = body_schedule(entry, &s, err);

	if (rc == 0) {
		json_array_append_new(into, s);
	}
	json_decref(entry);
	return rc;
}

static int option_schedules(const struct deploy_conf *c, json_t *into,
			    struct error *err)
{
	const json_t *zone =
	    c->timezone[0] != '\0' ? json_string(c->timezone) : json_null();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->cron.count; i++) {
		rc = add_schedule(
		    into,
		    json_pack("{s:s, s:O}", "cron", c->cron.items[i], "timezone", zone),
		    err);
	}
	for (size_t i = 0; rc == 0 && i < c->interval.count; i++) {
		json_t *e =
		    json_pack("{s:f, s:O}", "interval",
			      strtod(c->interval.items[i], NULL), "timezone", zone);

		if (c->anchor_date[0] != '\0') {
			json_object_set_new(e, "anchor_date",
					    json_string(c->anchor_date));
		}
		rc = add_schedule(into, e, err);
	}
	for (size_t i = 0; rc == 0 && i < c->rrule.count; i++) {
		rc = add_schedule(into,
				  json_pack("{s:s, s:O}", "rrule", c->rrule.items[i],
					    "timezone", zone),
				  err);
	}
	json_decref((json_t *)(uintptr_t)zone);
	return rc;
}

static int schedules(const struct deploy_conf *c, const json_t *dep, json_t *body,
		     struct error *err)
{
	const json_t *many = json_object_get(dep, "schedules");
	const json_t *one = json_object_get(dep, "schedule");
	json_t *out = json_array(), *e;
	size_t i;
	int rc = 0;

	if (json_is_array(many) && json_is_object(one)) {
		rc = err_set(err, ERR_INVALID,
			     "Give 'schedules' or 'schedule', not both.");
	} else if (c->cron.count + c->interval.count + c->rrule.count > 0) {
		rc = option_schedules(c, out, err);
	} else if (json_is_object(one)) {
		rc = add_schedule(out, json_deep_copy(one), err);
	}
	json_array_foreach (many, i, e) {
		if (rc == 0 &&
		    c->cron.count + c->interval.count + c->rrule.count == 0) {
			rc = add_schedule(out, json_incref(e), err);
			if (rc < 0) {
				rc = err_wrap(err, "schedule %zu", i + 1);
			}
		}
	}
	json_object_set_new(body, "schedules", out);
	return rc;
}

static void set_texts(const struct deploy_conf *c, const json_t *dep,
		      const json_t *flow, const json_t *pool, json_t *body)
{
	const char *version = c->version[0] != '\0' ? c->version
			      : member(dep, "version")[0] != '\0'
				  ? member(dep, "version")
				  : member(flow, "version");

	json_object_set_new(body, "name", json_string(member(dep, "name")));
	json_object_set_new(body, "description",
			    text_or_null(c->description, member(dep, "description"),
					 member(flow, "description")));
	json_object_set_new(body, "version", text_or_null(version, "", ""));
	if (version[0] != '\0') {
		json_object_set_new(body, "version_info",
				    json_pack("{s:s, s:s}", "type", "prefect:simple",
					      "version", version));
	}
	json_object_set_new(body, "entrypoint",
			    json_string(member(flow, "entrypoint")));
	json_object_set_new(body, "path", json_null());
	json_object_set_new(body, "work_pool_name",
			    text_or_null(c->pool, member(pool, "name"), ""));
	json_object_set_new(
	    body, "work_queue_name",
	    text_or_null(c->queue, member(pool, "work_queue_name"), ""));
}

int body_build(const struct deploy_conf *c, const struct project *p, const json_t *dep,
	       const json_t *flow, json_t **ret_body, struct error *err)
{
	const json_t *pool = json_object_get(dep, "work_pool");
	const json_t *schema = json_object_get(flow, "parameter_openapi_schema");
	const json_t *enforce = json_object_get(dep, "enforce_parameter_schema");
	json_t *body = json_object();
	int rc;

	set_texts(c, dep, flow, pool, body);
	json_object_set_new(body, "tags", tags(c, dep, flow));
	json_object_set_new(body, "paused",
			    json_boolean(json_is_true(json_object_get(dep, "paused"))));
	json_object_set_new(body, "enforce_parameter_schema",
			    json_boolean(c->enforce && !json_is_false(enforce)));
	json_object_set_new(body, "parameter_openapi_schema",
			    json_is_object(schema) ? json_deep_copy(schema)
						   : json_object());
	pull_steps(p, dep, body);
	rc = parameters(c, dep, body, err);
	if (rc == 0) {
		rc = job_variables(c, pool, body, err);
	}
	if (rc == 0) {
		rc = concurrency(c, dep, body, err);
	}
	if (rc == 0) {
		rc = schedules(c, dep, body, err);
	}
	if (rc < 0) {
		json_decref(body);
		return rc;
	}
	*ret_body = body;
	return 0;
}
