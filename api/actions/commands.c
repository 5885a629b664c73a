/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - a table of action types: what each asks the API for (5.1, 5.4). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/actions/actions_priv.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define SUSPEND_S      3600
#define BLOCK_TEXT     400
#define PARAMETERS_MAX 524288

static json_t *json_of(const struct httpc_resp *resp)
{
	return json_parse(resp->body, resp->len, ACTIONS_JSON_MAX, NULL);
}

/* ---- answers ---- */

/* 1: the API said no, or did not answer; the job has been ended. */
static int refused(struct job *j, int rc, const struct httpc_resp *resp,
		   const struct error *err)
{
	json_t *body;
	const char *detail;

	if (rc < 0 || resp->status == 503 || resp->status == 429) {
		job_retry(j, "the API did not answer: %s",
			  rc < 0 ? err->msg : "it is busy");
		return 1;
	}
	(void)json_object_set_new(j->details, "status_code",
				  json_integer(resp->status));
	if (resp->status < 300) {
		return 0;
	}
	body = json_of(resp);
	detail = json_string_value(json_object_get(body, "detail"));
	if (resp->status == 422 || (resp->status == 409 && detail != NULL)) {
		(void)json_object_set_new(
		    j->details, "validation_error",
		    json_string(detail != NULL ? detail : resp->body));
		job_failed(j, "Validation error occurred for '%s' - %.*s", j->type,
			   BLOCK_TEXT, detail != NULL ? detail : resp->body);
	} else if (resp->status == 409) {
		job_failed(j, "Conflict (409) occurred for '%s' - %.*s", j->type,
			   BLOCK_TEXT, resp->body);
	} else {
		job_failed(j, "Unexpected status from '%s' action: %d", j->type,
			   resp->status);
	}
	json_decref(body);
	return 1;
}

static void on_plain(struct job *j, int rc, const struct httpc_resp *resp,
		     const struct error *err)
{
	if (!refused(j, rc, resp, err)) {
		job_done(j);
	}
}

/* An OrchestrationResult: accepted, or why not. */
static void on_state(struct job *j, int rc, const struct httpc_resp *resp,
		     const struct error *err)
{
	int resumes = strcmp(j->type, "resume-flow-run") == 0;
	const char *status, *reason;
	json_t *body;

	if (resumes && rc == 0 && resp->status >= 400) {
		job_retry(j, "Unexpected status from '%s' action: %d", j->type,
			  resp->status);
		return;
	}
	if (refused(j, rc, resp, err)) {
		return;
	}
	body = json_of(resp);
	status = json_string_value(json_object_get(body, "status"));
	reason = json_string_value(
	    json_object_get(json_object_get(body, "details"), "reason"));
	if (status != NULL && strcmp(status, "ACCEPT") == 0) {
		job_done(j);
	} else {
		job_failed(j, "Failed to %s: %.*s",
			   resumes ? "resume flow run" : "set state", BLOCK_TEXT,
			   reason != NULL ? reason : "no reason was given");
	}
	json_decref(body);
}

/* ---- flow runs ---- */

static void set_state(struct job *j, const struct uuid *id, json_t *state, int force)
{
	char path[128];
	json_t *body = json_pack("{s:o, s:b}", "state", state, "force", force);

	(void)snprintf(path, sizeof(path), "/flow_runs/%s/set_state", uuid_str(id));
	job_request(j, "POST", path, body, on_state);
	json_decref(body);
}

static json_t *state_of(const struct job *j, const char *type, const char *name,
			const char *verb)
{
	const char *id = json_string_value(json_object_get(j->automation, "id"));
	char *message = xasprintf("%s by Automation %s", verb, id != NULL ? id : "");
	json_t *out = json_pack("{s:s, s:s}", "type", type, "message", message);

	if (name != NULL) {
		(void)json_object_set_new(out, "name", json_string(name));
	}
	free(message);
	return out;
}

static void cancel_run(struct job *j, const struct uuid *id)
{
	set_state(j, id, state_of(j, "CANCELLING", NULL, "Cancelled"), 0);
}

static void suspend_run(struct job *j, const struct uuid *id)
{
	json_t *state = state_of(j, "PAUSED", "Suspended", "Suspended");
	char until[TIME_TEXT_SIZE];

	(void)time_format(clock_wall_us() + SUSPEND_S * CLOCK_US_PER_S, until,
			  sizeof(until));
	(void)json_object_set_new(
	    state, "state_details",
	    json_pack("{s:s, s:b}", "pause_timeout", until, "pause_reschedule", 1));
	set_state(j, id, state, 0);
}

static void change_run(struct job *j, const struct uuid *id)
{
	const char *type = json_string_value(json_object_get(j->action, "state"));
	const char *name = json_string_value(json_object_get(j->action, "name"));
	const char *message = json_string_value(json_object_get(j->action, "message"));
	json_t *state = state_of(j, type != NULL ? type : "", name, "State changed");

	if (message != NULL) {
		(void)json_object_set_new(state, "message", json_string(message));
	}
	set_state(j, id, state, json_is_true(json_object_get(j->action, "force")));
}

static void resume_run(struct job *j, const struct uuid *id)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/flow_runs/%s/resume", uuid_str(id));
	job_request(j, "POST", path, NULL, on_state);
}

static void delete_run(struct job *j, const struct uuid *id)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/flow_runs/%s", uuid_str(id));
	job_request(j, "DELETE", path, NULL, on_plain);
}

/* ---- things that are paused and resumed ---- */

static int pauses(const struct job *j)
{
	return strncmp(j->type, "pause-", 6) == 0;
}

static void patch(struct job *j, const char *path, const char *key, int value)
{
	json_t *body = json_pack("{s:b}", key, value);

	job_request(j, "PATCH", path, body, on_plain);
	json_decref(body);
}

static void pause_deployment(struct job *j, const struct uuid *id)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/deployments/%s/%s_deployment",
		       uuid_str(id), pauses(j) ? "pause" : "resume");
	job_request(j, "POST", path, NULL, on_plain);
}

static void pause_queue(struct job *j, const struct uuid *id)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/work_queues/%s", uuid_str(id));
	patch(j, path, "is_paused", pauses(j));
}

static void pause_automation(struct job *j, const struct uuid *id)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/automations/%s", uuid_str(id));
	patch(j, path, "enabled", !pauses(j));
}

static void on_pool(struct job *j, int rc, const struct httpc_resp *resp,
		    const struct error *err)
{
	const char *name;
	char *coded, *path;
	json_t *body;

	if (refused(j, rc, resp, err)) {
		return;
	}
	body = json_of(resp);
	name = json_string_value(json_object_get(json_array_get(body, 0), "name"));
	if (name == NULL) {
		const json_t *entry = json_array_get(j->related, 0);
		const char *id =
		    json_string_value(json_object_get(entry, "prefect.resource.id"));

		(void)json_object_del(j->details, "status_code");
		job_failed(j, "Work pool %s not found",
			   id != NULL ? strrchr(id, '.') + 1 : "");
		json_decref(body);
		return;
	}
	(void)json_object_set_new(json_array_get(j->related, 0),
				  "prefect.resource.name", json_string(name));
	coded = url_encode(name);
	path = xasprintf("/work_pools/%s", coded);
	patch(j, path, "is_paused", pauses(j));
	free(coded);
	free(path);
	json_decref(body);
}

static void pause_pool(struct job *j, const struct uuid *id)
{
	json_t *body =
	    json_pack("{s:{s:{s:[s]}}}", "work_pools", "id", "any_", uuid_str(id));

	job_request(j, "POST", "/work_pools/filter", body, on_pool);
	json_decref(body);
}

/* ---- running a deployment ---- */

static void on_run(struct job *j, int rc, const struct httpc_resp *resp,
		   const struct error *err)
{
	const char *id, *name;
	json_t *body, *entry;
	struct uuid uuid;

	if (refused(j, rc, resp, err)) {
		return;
	}
	body = json_of(resp);
	id = json_string_value(json_object_get(body, "id"));
	name = json_string_value(json_object_get(body, "name"));
	if (id != NULL && uuid_parse(id, &uuid) == 0) {
		entry = target_entry("flow-run", &uuid, name);
		(void)json_object_set_new(entry, "prefect.resource.role",
					  json_string("flow-run"));
		(void)json_array_append_new(j->related, entry);
	}
	json_decref(body);
	job_done(j);
}

static void deployment_path(const struct job *j, const char *rest, char *dst,
			    size_t size)
{
	const char *id = json_string_value(
	    json_object_get(json_array_get(j->related, 0), "prefect.resource.id"));

	(void)snprintf(dst, size, "/deployments/%s%s",
		       id != NULL ? strrchr(id, '.') + 1 : "", rest);
}

static json_t *run_body(struct job *j, json_t *parameters)
{
	double after = json_number_value(json_object_get(j->action, "schedule_after"));
	json_t *variables = json_object_get(j->action, "job_variables");
	char at[TIME_TEXT_SIZE];
	char *key = xasprintf(
	    "automation %s, action %lld, invocation %s",
	    json_string_value(json_object_get(j->automation, "id")),
	    (long long)json_integer_value(json_object_get(j->body, "action_index")),
	    json_string_value(json_object_get(j->body, "invocation")));
	json_t *body;

	(void)time_format(clock_wall_us() + (int64_t)(after * 1e6), at, sizeof(at));
	body = json_pack("{s:{s:s, s:{s:s}}, s:s}", "state", "type", "SCHEDULED",
			 "state_details", "scheduled_time", at, "idempotency_key", key);
	if (parameters != NULL) {
		(void)json_object_set(body, "parameters", parameters);
	}
	if (json_is_object(variables)) {
		(void)json_object_set(body, "job_variables", variables);
	}
	free(key);
	return body;
}

static void run_with_objects(struct job *j)
{
	const json_t *given = json_object_get(j->action, "parameters");
	const json_t *schema =
	    json_is_true(json_object_get(j->target, "enforce_parameter_schema"))
		? json_object_get(j->target, "parameter_openapi_schema")
		: NULL;
	json_t *parameters = NULL, *body;
	struct error err = {0};
	char path[128];
	char *text;

	if (json_is_object(given) &&
	    params_render(j, given, schema, &parameters, &err) < 0) {
		job_failed(j, "Unable to create flow run from deployment: %.*s",
			   BLOCK_TEXT, err.msg);
		return;
	}
	text = parameters != NULL ? json_text(parameters) : NULL;
	if (text != NULL && strlen(text) > PARAMETERS_MAX) {
		free(text);
		json_decref(parameters);
		job_failed(j,
			   "Unable to create flow run from deployment: the parameters "
			   "are longer than %d bytes",
			   PARAMETERS_MAX);
		return;
	}
	free(text);
	body = run_body(j, parameters);
	deployment_path(j, "/create_flow_run", path, sizeof(path));
	job_request(j, "POST", path, body, on_run);
	json_decref(parameters);
	json_decref(body);
}

static void on_deployment(struct job *j, int rc, const struct httpc_resp *resp,
			  const struct error *err)
{
	char *texts;

	if (refused(j, rc, resp, err)) {
		return;
	}
	j->target = json_of(resp);
	texts = params_texts(json_object_get(j->action, "parameters"));
	context_fetch(j, texts, run_with_objects);
	free(texts);
}

static void run_deployment(struct job *j, const struct uuid *id)
{
	char path[128];

	(void)id;
	if (json_object_size(json_object_get(j->action, "parameters")) == 0) {
		run_with_objects(j);
		return;
	}
	deployment_path(j, "", path, sizeof(path));
	job_request(j, "GET", path, NULL, on_deployment);
}

/* ---- the table ---- */

static const struct command {
	const char *type;
	const char *kind;  /* of the target; NULL: a flow run */
	const char *field; /* that chooses it; NULL: always inferred */
	const char *said;  /* "a deployment could be inferred" */
	void (*fn)(struct job *j, const struct uuid *id);
} commands[] = {
    {"run-deployment", "deployment", "deployment_id", "deployment", run_deployment},
    {"pause-deployment", "deployment", "deployment_id", "deployment", pause_deployment},
    {"resume-deployment", "deployment", "deployment_id", "deployment",
     pause_deployment},
    {"pause-work-queue", "work-queue", "work_queue_id", "work queue", pause_queue},
    {"resume-work-queue", "work-queue", "work_queue_id", "work queue", pause_queue},
    {"pause-work-pool", "work-pool", "work_pool_id", "work pool", pause_pool},
    {"resume-work-pool", "work-pool", "work_pool_id", "work pool", pause_pool},
    {"pause-automation", "automation", "automation_id", "automation", pause_automation},
    {"resume-automation", "automation", "automation_id", "automation",
     pause_automation},
    {"cancel-flow-run", NULL, NULL, "flow run", cancel_run},
    {"suspend-flow-run", NULL, NULL, "flow run", suspend_run},
    {"resume-flow-run", NULL, NULL, "flow run", resume_run},
    {"change-flow-run-state", NULL, NULL, "flow run", change_run},
    {"delete-flow-run", NULL, NULL, "flow run", delete_run},
};

static void run_command(struct job *j, const struct command *c)
{
	const char *source = json_string_value(json_object_get(j->action, "source"));
	const char *chosen =
	    c->field != NULL ? json_string_value(json_object_get(j->action, c->field))
			     : NULL;
	int inferred = source == NULL || strcmp(source, "inferred") == 0;
	struct uuid id;

	if (c->kind == NULL) {
		if (!target_flow_run(j, &id)) {
			job_failed(j, "No flow run could be inferred");
			return;
		}
	} else if (!inferred && (chosen == NULL || uuid_parse(chosen, &id) < 0)) {
		job_failed(j, "No %s was chosen", c->said);
		return;
	} else if (inferred && !json_is_object(j->event)) {
		job_failed(j, "No event to infer the %s", c->said);
		return;
	} else if (inferred && !target_infer(j, c->kind, &id)) {
		job_failed(j, "No %s could be inferred", c->said);
		return;
	}
	(void)json_array_append_new(
	    j->related,
	    target_entry(c->kind != NULL ? c->kind : "flow-run", &id, NULL));
	c->fn(j, &id);
}

void job_run(struct job *j)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(j->type, commands[i].type) == 0) {
			run_command(j, &commands[i]);
			return;
		}
	}
	if (strcmp(j->type, "send-notification") == 0) {
		message_notify(j);
	} else if (strcmp(j->type, "call-webhook") == 0) {
		message_webhook(j);
	} else if (strcmp(j->type, "do-nothing") == 0) {
		job_done(j);
	} else {
		job_failed(j, "Actions of type '%s' are not known", j->type);
	}
}
