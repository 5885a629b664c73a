/* SPDX-License-Identifier: Apache-2.0 */
/* context.c - what the templates of an action see: events, firings, objects (6.2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/actions/actions_priv.h"
#include "api/api.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"

/* Objects that are read when a template names them, from the event's resources. */
static const struct object {
	const char *name, *kind, *path;
} objects[] = {
    {"flow_run", "flow-run", "/flow_runs/%s"},
    {"task_run", "task-run", "/task_runs/%s"},
    {"flow", "flow", "/flows/%s"},
    {"deployment", "deployment", "/deployments/%s"},
    {"work_queue", "work-queue", "/work_queues/%s"},
    {"concurrency_limit", "concurrency-limit", "/v2/concurrency_limits/%s"},
    {"work_pool", "work-pool", NULL}, /* by its id through a filter */
    {"variables", NULL, NULL},        /* all of them */
};
#define OBJECTS (sizeof(objects) / sizeof(objects[0]))

static void fetch_next(struct job *j);

static void keep(struct job *j, const char *name, json_t *value)
{
	(void)json_object_set_new(j->objects, name,
				  value != NULL ? value : json_null());
}

/* [{name, value}] as {name: value}. */
static json_t *variables_of(const json_t *list)
{
	json_t *out = json_object(), *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));

		if (name != NULL) {
			(void)json_object_set(out, name,
					      json_object_get(item, "value"));
		}
	}
	return out;
}

static void on_queue_status(struct job *j, int rc, const struct httpc_resp *resp,
			    const struct error *err)
{
	json_t *status = NULL;

	(void)err;
	if (rc == 0 && resp->status == 200) {
		status = json_parse(resp->body, resp->len, ACTIONS_JSON_MAX, NULL);
	}
	(void)json_object_update_missing(json_object_get(j->objects, "work_queue"),
					 status);
	json_decref(status);
	fetch_next(j);
}

static void on_object(struct job *j, int rc, const struct httpc_resp *resp,
		      const struct error *err)
{
	const struct object *o = &objects[j->next_object - 1];
	json_t *value = NULL, *first;
	char path[128];

	(void)err;
	if (rc == 0 && resp->status == 200) {
		value = json_parse(resp->body, resp->len, ACTIONS_JSON_MAX, NULL);
	}
	if (o->kind == NULL) {
		first = variables_of(value);
		json_decref(value);
		value = first;
	} else if (o->path == NULL) {
		first = json_incref(json_array_get(value, 0));
		json_decref(value);
		value = first;
	}
	keep(j, o->name, value);
	if (strcmp(o->name, "work_queue") == 0 && value != NULL) {
		(void)snprintf(path, sizeof(path), "/work_queues/%s/status",
			       json_string_value(json_object_get(value, "id")));
		job_request(j, "GET", path, NULL, on_queue_status);
		return;
	}
	fetch_next(j);
}

static void fetch_object(struct job *j, const struct object *o)
{
	char path[128];
	struct uuid id;
	json_t *body;

	if (o->kind == NULL) {
		body = json_pack("{s:i}", "limit", 200);
		job_request(j, "POST", "/variables/filter", body, on_object);
		json_decref(body);
	} else if (!target_infer(j, o->kind, &id)) {
		keep(j, o->name, NULL);
		fetch_next(j);
	} else if (o->path == NULL) {
		body = json_pack("{s:{s:{s:[s]}}}", "work_pools", "id", "any_",
				 uuid_str(&id));
		job_request(j, "POST", "/work_pools/filter", body, on_object);
		json_decref(body);
	} else {
		const char *rest = strchr(o->path + 1, '%');

		(void)snprintf(path, sizeof(path), "%.*s%s", (int)(rest - o->path),
			       o->path, uuid_str(&id));
		job_request(j, "GET", path, NULL, on_object);
	}
}

static int is_wanted(const struct job *j, const struct object *o)
{
	if (!template_mentions(j->texts, o->name) ||
	    json_object_get(j->objects, o->name) != NULL) {
		return 0;
	}
	return o->kind == NULL || json_is_object(j->event);
}

static void fetch_next(struct job *j)
{
	void (*then)(struct job * j);

	while (j->next_object < OBJECTS) {
		const struct object *o = &objects[j->next_object++];

		if (is_wanted(j, o)) {
			fetch_object(j, o);
			return;
		}
	}
	free(j->texts);
	j->texts = NULL;
	then = j->then;
	then(j);
}

void context_fetch(struct job *j, const char *texts, void (*then)(struct job *j))
{
	free(j->texts);
	j->texts = xstrdup(texts);
	j->then = then;
	j->next_object = 0;
	fetch_next(j);
}

/* ---- rendering ---- */

/* The firing and all below it, depth first; their events, own first. */
static void flatten(const json_t *firing, json_t *firings, json_t *events, int depth)
{
	json_t *item;
	size_t i;

	if (!json_is_object(firing) || depth > TEMPLATE_DEPTH_MAX) {
		return;
	}
	(void)json_array_append(firings, (json_t *)(uintptr_t)firing);
	item = json_object_get(firing, "triggering_event");
	if (json_is_object(item)) {
		(void)json_array_append(events, item);
	}
	json_array_foreach (json_object_get(firing, "triggering_firings"), i, item) {
		flatten(item, firings, events, depth + 1);
	}
}

/* A run whose state the event tells is shown in that state. */
static json_t *with_state_of_event(const struct job *j, const json_t *run,
				   const char *kind)
{
	const json_t *r = json_object_get(j->event, "resource");
	const char *id = json_string_value(json_object_get(r, "prefect.resource.id"));
	static const char *const labels[][2] = {
	    {"message", "prefect.state-message"},
	    {"name", "prefect.state-name"},
	    {"timestamp", "prefect.state-timestamp"},
	    {"type", "prefect.state-type"}};
	json_t *out, *state;
	size_t i;

	if (!json_is_object(run)) {
		return NULL;
	}
	out = json_copy((json_t *)(uintptr_t)run);
	if (id == NULL || strncmp(id, "prefect.", 8) != 0 ||
	    strncmp(id + 8, kind, strlen(kind)) != 0) {
		return out;
	}
	state = json_object();
	for (i = 0; i < ARRAY_LEN(labels); i++) {
		json_t *v = json_object_get(r, labels[i][1]);

		if (v == NULL) {
			json_decref(state);
			return out;
		}
		(void)json_object_set(state, labels[i][0], v);
	}
	(void)json_object_set_new(state, "id",
				  json_incref(json_object_get(j->event, "id")));
	(void)json_object_set_new(out, "state", state);
	return out;
}

struct context {
	struct template_var vars[16];
	struct template_context ctx;
	json_t *firings, *events, *flow_run, *task_run;
	char ui[256];
};

static void context_open(const struct job *j, struct context *c)
{
	size_t n = 0, i;
	const char *end;

	*c = (struct context){.firings = json_array(), .events = json_array()};
	flatten(j->firing, c->firings, c->events, 0);
	c->flow_run = with_state_of_event(j, json_object_get(j->objects, "flow_run"),
					  "flow-run.");
	c->task_run = with_state_of_event(j, json_object_get(j->objects, "task_run"),
					  "task-run.");
	c->vars[n++] = (struct template_var){"automation", TEMPLATE_MODEL, "automation",
					     j->automation};
	c->vars[n++] = (struct template_var){"event", TEMPLATE_EVENT, NULL, j->event};
	c->vars[n++] =
	    (struct template_var){"firing", TEMPLATE_FIRING, NULL, j->firing};
	c->vars[n++] =
	    (struct template_var){"firings", TEMPLATE_FIRINGS, NULL, c->firings};
	c->vars[n++] =
	    (struct template_var){"events", TEMPLATE_EVENTS, NULL, c->events};
	c->vars[n++] =
	    (struct template_var){"labels", TEMPLATE_LABELS, NULL,
				  json_object_get(j->firing, "triggering_labels")};
	for (i = 0; i < OBJECTS; i++) {
		const struct object *o = &objects[i];
		const json_t *v = json_object_get(j->objects, o->name);

		if (strcmp(o->name, "flow_run") == 0) {
			v = c->flow_run;
		} else if (strcmp(o->name, "task_run") == 0) {
			v = c->task_run;
		}
		c->vars[n++] = (struct template_var){
		    o->name, o->kind != NULL ? TEMPLATE_MODEL : TEMPLATE_PLAIN, o->kind,
		    v};
	}
	/* the page of the server itself: its address without /api */
	end = strstr(j->actions->api->url, "/api");
	(void)snprintf(c->ui, sizeof(c->ui), "%.*s",
		       (int)(end != NULL ? end - j->actions->api->url : 0),
		       j->actions->api->url);
	c->ctx = (struct template_context){
	    .vars = c->vars, .ui_base = c->ui, .now_us = clock_wall_us()};
}

static void context_close(struct context *c)
{
	json_decref(c->firings);
	json_decref(c->events);
	json_decref(c->flow_run);
	json_decref(c->task_run);
}

int context_render(const struct job *j, const char *text, struct buf *out,
		   struct error *err)
{
	struct template *t = NULL;
	struct context c;
	int rc;

	if (template_is_plain(text)) {
		buf_adds(out, text);
		return 0;
	}
	rc = template_parse(text, &t, NULL, err);
	if (rc == 0) {
		context_open(j, &c);
		rc = template_render(t, &c.ctx, out, err);
		context_close(&c);
	}
	template_free(t);
	return rc;
}

int context_value(const struct job *j, const char *text, json_t **ret,
		  struct error *err)
{
	struct template *t = NULL;
	struct context c;
	int rc = template_parse(text, &t, NULL, err);

	if (rc == 0 && !template_is_expression(t)) {
		rc = err_set(err, ERR_INVALID, "the text is no single expression");
	}
	if (rc == 0) {
		context_open(j, &c);
		rc = template_value(t, &c.ctx, ret, err);
		context_close(&c);
	}
	template_free(t);
	return rc;
}
