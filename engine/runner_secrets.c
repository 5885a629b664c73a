/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_secrets.c - secrets, variables and notification blocks that a flow names: read
 * once, before the run asks to run.
 *
 * A secret is the variable WF_SECRET_<NAME> of the environment, else the block of that
 * name; what cannot be read is missing when it is used, not before.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/mem.h"
#include "engine/expr/tmpl.h"
#include "engine/runner_priv.h"

#define MASK         "********"
#define MASK_MIN     3 /* a shorter value would mask half of the log */
#define CONNECTIONS  8
#define DEFAULT_MAIL "email-server-credentials/email"

enum fetch_kind { FETCH_SECRET = 1, FETCH_VARIABLE, FETCH_BLOCK };
struct fetch {
	struct runner *r;
	enum fetch_kind kind;
	char *name;
};

struct httpc *runner_http(struct runner *r)
{
	if (r->http == NULL) {
		r->http = httpc_new(r->loop, CONNECTIONS);
	}
	return r->http;
}

static void env_name(const char *name, char *buf, size_t size)
{
	size_t i, n = (size_t)snprintf(buf, size, "WF_SECRET_%.200s", name);

	for (i = 0; i < n && i < size; i++) {
		buf[i] = isalnum((unsigned char)buf[i])
			     ? (char)toupper((unsigned char)buf[i])
			     : '_';
	}
}

/* ---- when an answer is there ---- */

static void take(struct fetch *f, const json_t *body)
{
	const json_t *data = json_object_get(body, "data");
	json_t *v;

	switch (f->kind) {
	case FETCH_SECRET:
		v = json_object_get(data, "value");
		if (v != NULL) {
			(void)json_object_set(f->r->secrets, f->name, v);
		}
		break;
	case FETCH_VARIABLE:
		v = json_object_get(body, "value");
		if (v != NULL) {
			(void)json_object_set(f->r->variables, f->name, v);
		}
		break;
	case FETCH_BLOCK:
		if (data != NULL) {
			(void)json_object_set(f->r->blocks, f->name,
					      (json_t *)(uintptr_t)data);
		}
		break;
	}
}

static void on_fetched(int status, const json_t *body, const struct error *err,
		       void *arg)
{
	struct fetch *f = arg;
	struct runner *r = f->r;

	(void)err;
	if (status >= 200 && status < 300) {
		take(f, body);
	}
	free(f->name);
	free(f);
	if (--r->fetching == 0) {
		runner_go(r);
	}
}

static void fetch(struct runner *r, enum fetch_kind kind, const char *name)
{
	struct session_call call = {.method = "GET", .done = on_fetched};
	const char *slash = strchr(name, '/');
	char *path, *escaped = url_encode(slash != NULL ? slash + 1 : name);
	struct fetch *f;

	if (kind == FETCH_VARIABLE) {
		path = xasprintf("/variables/name/%s", escaped);
	} else {
		path = xasprintf("/block_types/slug/%.*s/block_documents/name/%s"
				 "?include_secrets=true",
				 slash != NULL ? (int)(slash - name) : 6,
				 slash != NULL ? name : "secret", escaped);
	}
	f = xcalloc(1, sizeof(*f));
	f->r = r;
	f->kind = kind;
	f->name = xstrdup(name);
	call.path = path;
	call.arg = f;
	r->fetching++;
	r->session->ops->call(r->session, &call);
	free(path);
	free(escaped);
}

static void fetch_blocks(struct runner *r, const struct plan_handlers *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct plan_notify *n = list->items[i]->action.notify;
		const json_t *name =
		    n != NULL && n->block != NULL ? tmpl_get_constant(n->block) : NULL;

		if (n != NULL && n->kind == PLAN_EMAIL && n->server == NULL) {
			fetch(r, FETCH_BLOCK, DEFAULT_MAIL);
		} else if (json_is_string(name) &&
			   strchr(json_string_value(name), '/') != NULL) {
			fetch(r, FETCH_BLOCK, json_string_value(name));
		}
	}
}

static void fetch_all_blocks(struct runner *r, const struct plan_handlers *handlers,
			     const struct plan_hooks *hooks)
{
	size_t i;

	fetch_blocks(r, handlers);
	for (i = 0; hooks != NULL && i < PLAN_HOOK_KINDS; i++) {
		fetch_blocks(r, &hooks->lists[i]);
	}
}

void runner_secrets_fetch(struct runner *r)
{
	const struct plan_flow *f = r->flow;
	char name[256];
	const char *value;
	size_t i;

	r->secrets = json_object();
	r->variables = json_object();
	r->blocks = json_object();
	r->fetching = 1;
	for (i = 0; i < f->secrets.count; i++) {
		env_name(f->secrets.items[i], name, sizeof(name));
		value = envs_get(&r->env, name);
		if (value != NULL) {
			(void)json_object_set_new(r->secrets, f->secrets.items[i],
						  json_string(value));
		} else if (r->session->ops->call != NULL) {
			fetch(r, FETCH_SECRET, f->secrets.items[i]);
		}
	}
	if (r->session->ops->call != NULL) {
		for (i = 0; i < f->variables.count; i++) {
			fetch(r, FETCH_VARIABLE, f->variables.items[i]);
		}
		fetch_all_blocks(r, &f->handlers, f->hooks);
		for (i = 0; i < f->count; i++) {
			fetch_all_blocks(r, &f->tasks[i]->handlers, f->tasks[i]->hooks);
		}
	}
	if (--r->fetching == 0) {
		runner_go(r);
	}
}

/* ---- use ---- */

json_t *runner_secret(const char *name, void *arg)
{
	const struct values *v = arg;

	return json_object_get(v->runner->secrets, name);
}

json_t *runner_variable(const char *name, void *arg)
{
	const struct values *v = arg;

	return json_object_get(v->runner->variables, name);
}

static char *mask_one(char *text, const char *secret)
{
	size_t len = strlen(secret);
	const char *at = text, *hit;
	struct buf b;

	if (len < MASK_MIN || strstr(text, secret) == NULL) {
		return text;
	}
	buf_init(&b);
	while ((hit = strstr(at, secret)) != NULL) {
		buf_add(&b, at, (size_t)(hit - at));
		buf_adds(&b, MASK);
		at = hit + len;
	}
	buf_adds(&b, at);
	free(text);
	text = buf_take(&b, NULL);
	buf_release(&b);
	return text;
}

static char *mask_value(char *text, const json_t *v)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(v)) {
		return mask_one(text, json_string_value(v));
	}
	json_array_foreach (v, i, item) {
		text = mask_value(text, item);
	}
	if (json_is_object(v)) {
		json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
			text = mask_value(text, item);
		}
	}
	return text;
}

char *runner_mask(const struct runner *r, const char *text)
{
	const char *key;
	json_t *v;
	char *masked;

	if (json_object_size(r->secrets) == 0) {
		return r->parent_runner != NULL ? runner_mask(r->parent_runner, text)
						: NULL;
	}
	masked = xstrdup(text);
	json_object_foreach (r->secrets, key, v) {
		masked = mask_value(masked, v);
	}
	return masked;
}

int runner_find_block(struct runner *r, const struct plan_notify *n,
		      const struct expr_scope *scope, const json_t **ret_block,
		      const char **ret_type, struct error *err)
{
	static const struct {
		const char *type;
	} known[] = {{"slack-webhook"},
		     {"ms-teams-webhook"},
		     {"discord-webhook"},
		     {"custom-webhook"},
		     {"email-server-credentials"}};
	char *name = NULL, *slash;
	size_t i;

	if (n->kind == PLAN_EMAIL) {
		*ret_block = json_object_get(r->blocks, DEFAULT_MAIL);
		return 0;
	}
	if (n->kind != PLAN_BLOCK) {
		return 0;
	}
	if (runner_eval_text(n->block, scope, "block", &name, err) < 0) {
		return -ERR_INVALID;
	}
	*ret_block = json_object_get(r->blocks, name);
	slash = strchr(name, '/');
	for (i = 0; slash != NULL && i < ARRAY_LEN(known); i++) {
		if (strncmp(name, known[i].type, (size_t)(slash - name)) == 0) {
			*ret_type = known[i].type;
		}
	}
	if (*ret_block == NULL) {
		(void)err_set(err, ERR_NOT_FOUND,
			      "there is no block '%.100s' (written TYPE/NAME, like "
			      "slack-webhook/ops)",
			      name);
		free(name);
		return -ERR_NOT_FOUND;
	}
	free(name);
	return 0;
}
