/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - the requests of Slack, Teams, web hooks and blocks.  A mail goes out from
 * a child process: see mail.c.
 */
#include "engine/change/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "engine/change/mail.h"
#include "engine/change/notify_priv.h"
#include "engine/expr/tmpl.h"
#include "engine/plan_handler.h"

#define MAX_HEADERS    64
#define RETRY_AFTER_MS 1000

static void end(struct notify *n, int rc, const char *why)
{
	notify_fn fn = n->fn;
	void *arg = n->arg;

	notify_free(n);
	fn(rc, why, arg);
}

void notify_free(struct notify *n)
{
	size_t i;

	loop_timer_free(n->timer);
	free(n->method);
	free(n->url);
	free(n->content_type);
	for (i = 0; i < n->header_count; i++) {
		free(n->headers[i]);
	}
	buf_release(&n->body);
	free(n);
}

static void send_again(void *arg);

static void on_answer(int rc, const struct httpc_resp *resp, const struct error *err,
		      void *arg)
{
	struct notify *n = arg;
	char why[300];

	n->req = NULL;
	if (n->cancelled) {
		notify_free(n);
		return;
	}
	if (rc == 0 && resp->status >= 200 && resp->status < 300) {
		end(n, 0, "");
		return;
	}
	if (n->retries_left > 0) {
		n->retries_left--;
		loop_timer_in(n->timer, RETRY_AFTER_MS);
		return;
	}
	if (rc < 0) {
		(void)snprintf(why, sizeof(why), "%.280s", err->msg);
	} else {
		(void)snprintf(why, sizeof(why), "HTTP %d from %s: %.120s",
			       resp->status, n->where, resp->body);
	}
	end(n, -ERR_UNAVAILABLE, why);
}

static int send_now(struct notify *n, struct error *err)
{
	struct httpc_spec spec = {
	    .method = n->method,
	    .url = n->url,
	    .headers = (const char *const *)n->headers,
	    .body = n->body.len > 0 ? n->body.data : NULL,
	    .body_len = n->body.len,
	    .content_type = n->content_type,
	    .timeout_ms = (int64_t)(n->timeout_s * 1000),
	    .max_body = 65536,
	};

	return httpc_send(n->http, &spec, on_answer, n, &n->req, err);
}

static void send_again(void *arg)
{
	struct notify *n = arg;
	struct error err;

	if (send_now(n, &err) < 0) {
		end(n, -ERR_UNAVAILABLE, err.msg);
	}
}

/* ---- building ---- */

int notify_text(const struct tmpl *t, const struct expr_scope *scope, const char *what,
		char **ret_text, struct error *err)
{
	struct buf b;
	int rc;

	if (t == NULL) {
		return 0;
	}
	buf_init(&b);
	rc = tmpl_eval_text(t, scope, &b, err);
	if (rc == 0) {
		free(*ret_text);
		*ret_text = buf_take(&b, NULL);
	} else {
		rc = err_wrap(err, "%s", what);
	}
	buf_release(&b);
	return rc;
}

/* METHOD ORIGIN for messages: never a path, which may be a secret. */
static void note_where(struct notify *n)
{
	const char *host = strstr(n->url, "://");
	size_t len = host != NULL ? (size_t)(host + 3 - n->url) : 0;

	len += strcspn(n->url + len, "/?#");
	(void)snprintf(n->where, sizeof(n->where), "%.*s", (int)MIN_OF(len, 150u),
		       n->url);
}

static void put_json(struct notify *n, json_t *body)
{
	char *text = json_text(body);

	buf_adds(&n->body, text);
	free(text);
	json_decref(body);
}

static int slack(struct notify *n, const struct notify_spec *spec, struct error *err)
{
	char *text = xstrdup(spec->default_text), *channel = NULL, *user = NULL;
	json_t *body;
	int rc = notify_text(spec->what->text, spec->scope, "text", &text, err);

	if (rc == 0) {
		rc = notify_text(spec->what->channel, spec->scope, "channel", &channel,
				 err);
	}
	if (rc == 0) {
		rc = notify_text(spec->what->username, spec->scope, "username", &user,
				 err);
	}
	if (rc == 0) {
		body = json_object();
		if (spec->what->plain) {
			(void)json_object_set_new(body, "text", json_string(text));
		} else {
			(void)json_object_set_new(body, "mrkdwn", json_true());
			(void)json_object_set_new(
			    body, "attachments",
			    json_pack("[{s:s, s:s, s:s, s:f}]", "text", text, "color",
				      "#3AA3E3", "footer", "wf", "ts",
				      (double)clock_wall_us() / 1e6));
		}
		if (channel != NULL) {
			(void)json_object_set_new(body, "channel",
						  json_string(channel));
		}
		if (user != NULL) {
			(void)json_object_set_new(body, "username", json_string(user));
		}
		put_json(n, body);
	}
	free(text);
	free(channel);
	free(user);
	return rc;
}

static json_t *teams_card(const char *text)
{
	json_t *content =
	    json_pack("{s:s, s:s, s:s, s:[{s:s, s:s, s:b}]}", "$schema",
		      "http://adaptivecards.io/schemas/adaptive-card.json", "type",
		      "AdaptiveCard", "version", "1.4", "body", "type", "TextBlock",
		      "text", text, "wrap", 1);

	return json_pack("{s:s, s:[{s:s, s:n, s:o}]}", "type", "message", "attachments",
			 "contentType", "application/vnd.microsoft.card.adaptive",
			 "contentUrl", "content", content);
}

static int teams(struct notify *n, const struct notify_spec *spec, struct error *err)
{
	char *text = xstrdup(spec->default_text);
	int rc = notify_text(spec->what->text, spec->scope, "text", &text, err);

	if (rc == 0) {
		put_json(n, teams_card(text));
	}
	free(text);
	return rc;
}

static int webhook_headers(struct notify *n, const struct notify_spec *spec,
			   struct error *err)
{
	size_t i;

	for (i = 0; i < spec->what->headers.count && n->header_count < MAX_HEADERS;
	     i++) {
		const struct plan_pair *p = &spec->what->headers.items[i];
		char *value = NULL;

		if (notify_text(p->value, spec->scope, p->name, &value, err) < 0) {
			return -ERR_INVALID;
		}
		if (value == NULL || strpbrk(value, "\r\n") != NULL) {
			free(value);
			return err_set(err, ERR_INVALID,
				       "the header %s has a line break", p->name);
		}
		if (strcasecmp(p->name, "content-type") == 0) {
			free(n->content_type);
			n->content_type = value;
			continue;
		}
		n->headers[n->header_count++] = xasprintf("%s: %s", p->name, value);
		free(value);
	}
	return 0;
}

static int webhook(struct notify *n, const struct notify_spec *spec, struct error *err)
{
	char *text = NULL;
	json_t *v = NULL;

	if (webhook_headers(n, spec, err) < 0 ||
	    notify_text(spec->what->method, spec->scope, "method", &n->method, err) <
		0) {
		return -ERR_INVALID;
	}
	if (spec->what->json != NULL) {
		if (tmpl_eval(spec->what->json, spec->scope, &v, err) < 0) {
			return err_wrap(err, "json");
		}
		put_json(n, v);
		return 0;
	}
	if (notify_text(spec->what->body, spec->scope, "body", &text, err) < 0) {
		return -ERR_INVALID;
	}
	if (text != NULL) {
		buf_adds(&n->body, text);
		if (n->content_type == NULL) {
			n->content_type = xstrdup("text/plain; charset=utf-8");
		}
	}
	free(text);
	return 0;
}

static int prepare(struct notify *n, const struct notify_spec *spec, struct error *err)
{
	if (spec->what->kind == PLAN_BLOCK) {
		return notify_block(n, spec, err);
	}
	if (notify_text(spec->what->url, spec->scope, "url", &n->url, err) < 0) {
		return -ERR_INVALID;
	}
	switch (spec->what->kind) {
	case PLAN_SLACK:
		return slack(n, spec, err);
	case PLAN_TEAMS:
		return teams(n, spec, err);
	case PLAN_WEBHOOK:
		return webhook(n, spec, err);
	case PLAN_EMAIL:
	case PLAN_BLOCK:
		break;
	}
	return 0;
}

static void on_mail(int rc, const char *why, void *arg)
{
	struct notify *n = arg;

	n->mail = NULL;
	if (n->cancelled) {
		notify_free(n);
	} else {
		end(n, rc, why);
	}
}

int notify_start(const struct notify_spec *spec, struct notify **ret_notify,
		 struct error *err)
{
	struct notify *n = xcalloc(1, sizeof(*n));
	int rc;

	n->fn = spec->fn;
	n->arg = spec->arg;
	n->http = spec->http;
	n->retries_left = spec->what->retries;
	n->timeout_s =
	    spec->what->timeout_s > 0 ? spec->what->timeout_s : PLAN_NOTIFY_TIMEOUT_S;
	n->method = xstrdup("POST");
	n->timer = loop_timer_new(spec->loop, send_again, n);
	buf_init(&n->body);
	if (spec->what->kind == PLAN_EMAIL ||
	    (spec->block_type != NULL && strncmp(spec->block_type, "email", 5) == 0)) {
		rc = mail_start(spec, n->timeout_s, on_mail, n, &n->mail, err);
	} else {
		rc = prepare(n, spec, err);
		if (rc == 0) {
			note_where(n);
			rc = send_now(n, err);
		}
	}
	if (rc < 0) {
		notify_free(n);
		return rc;
	}
	*ret_notify = n;
	return 0;
}

void notify_cancel(struct notify *n)
{
	n->cancelled = 1;
	if (n->mail != NULL) {
		mail_stop(n->mail);
	} else if (n->req != NULL) {
		httpc_cancel(n->req);
	} else {
		notify_free(n);
	}
}
