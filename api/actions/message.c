/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - send-notification and call-webhook: block, templates, requests. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/actions/actions_priv.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"

#define IDEMPOTENCY        "Idempotency-Key:"
#define NOTIFY_TIMEOUT_MS  8000
#define WEBHOOK_TIMEOUT_MS 5000
#define BODY_SHOWN         1000
#define ANSWER_MAX         ((size_t)1 << 20)
#define LOG_MAX            4000

/* ---- sends ---- */

struct send *send_add(struct job *j, const char *method, const char *url)
{
	struct send *s;

	if (j->send_n == ACTIONS_SENDS) {
		return &j->sends[j->send_n - 1];
	}
	j->sends = xreallocarray(j->sends, j->send_n + 1, sizeof(*j->sends));
	s = &j->sends[j->send_n++];
	*s = (struct send){.method = xstrdup(method), .url = xstrdup(url)};
	return s;
}

void send_header(struct send *s, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	if (s->header_n + 1 >= ARRAY_LEN(s->headers)) {
		return;
	}
	buf_init(&b);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	s->headers[s->header_n++] = buf_take(&b, NULL);
}

void send_json(struct send *s, json_t *body)
{
	free(s->body);
	s->body = json_text(body);
	json_decref(body);
	if (s->content_type == NULL) {
		s->content_type = xstrdup("application/json");
	}
}

static WF_PRINTF(2, 3) void note(struct job *j, const char *fmt, ...)
{
	const char *before =
	    json_string_value(json_object_get(j->details, "notification_log"));
	struct buf b;
	va_list ap;

	buf_init(&b);
	if (before != NULL) {
		buf_addf(&b, "%s\n", before);
	}
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (b.len > LOG_MAX) {
		buf_truncate(&b, LOG_MAX);
	}
	(void)json_object_set_new(j->details, "notification_log", json_string(b.data));
	buf_release(&b);
}

/* ---- the block ---- */

static const char *slug_of(const struct job *j)
{
	const char *slug = json_string_value(
	    json_object_get(json_object_get(j->block, "block_type"), "slug"));

	return slug != NULL ? slug : "";
}

static const json_t *data_of(const struct job *j)
{
	return json_object_get(j->block, "data");
}

static int can_notify(const json_t *block)
{
	json_t *item;
	size_t i;

	json_array_foreach (
	    json_object_get(json_object_get(block, "block_schema"), "capabilities"), i,
	    item) {
		if (strcmp(json_string_value(item), "notify") == 0) {
			return 1;
		}
	}
	return 0;
}

static void relate_block(struct job *j)
{
	const char *id = json_string_value(json_object_get(j->block, "id"));
	const char *name = json_string_value(json_object_get(j->block, "name"));
	char *block = xasprintf("prefect.block-document.%s", id != NULL ? id : "");
	char *type = xasprintf("prefect.block-type.%s", slug_of(j));

	(void)json_array_append_new(
	    j->related, json_pack("{s:s, s:s, s:s}", "prefect.resource.id", block,
				  "prefect.resource.role", "block",
				  "prefect.resource.name", name != NULL ? name : ""));
	(void)json_array_append_new(j->related,
				    json_pack("{s:s, s:s}", "prefect.resource.id", type,
					      "prefect.resource.role", "block-type"));
	j->loaded = json_pack("{s:s, s:s, s:s}", "slug", slug_of(j), "id",
			      id != NULL ? id : "", "name", name != NULL ? name : "");
	free(block);
	free(type);
}

static int is_webhook(const struct job *j)
{
	return strcmp(j->type, "call-webhook") == 0;
}

static void deliver(struct job *j);

static void on_block(struct job *j, int rc, const struct httpc_resp *resp,
		     const struct error *err)
{
	const char *what = is_webhook(j) ? "webhook" : "notification";
	char *texts;

	if (rc < 0 || resp->status == 503 || resp->status == 429) {
		job_retry(j, "the API did not answer: %s",
			  rc < 0 ? err->msg : "it is busy");
		return;
	}
	if (resp->status != 200) {
		job_failed(j, "The %s block was invalid: the API answered %d: %.*s",
			   what, resp->status, 200, resp->body);
		return;
	}
	j->block = json_parse(resp->body, resp->len, ACTIONS_JSON_MAX, NULL);
	relate_block(j);
	if (is_webhook(j) ? strcmp(slug_of(j), "webhook") != 0
			  : !can_notify(j->block)) {
		job_failed(j, "The referenced block was not a %s block", what);
		return;
	}
	texts = params_texts(j->action);
	context_fetch(j, texts, deliver);
	free(texts);
}

static void load_block(struct job *j)
{
	const char *id =
	    json_string_value(json_object_get(j->action, "block_document_id"));
	char path[160];

	(void)snprintf(path, sizeof(path), "/block_documents/%s?include_secrets=true",
		       id != NULL ? id : "");
	job_request(j, "GET", path, NULL, on_block);
}

void message_notify(struct job *j)
{
	load_block(j);
}

void message_webhook(struct job *j)
{
	load_block(j);
}

/* ---- delivery ---- */

static char *render(struct job *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j->action, key));
	struct error err = {0};
	struct buf b;

	buf_init(&b);
	if (context_render(j, text != NULL ? text : "", &b, &err) < 0) {
		buf_release(&b);
		(void)json_object_set_new(j->details, "template_error",
					  json_string(err.msg));
		(void)json_object_set_new(j->details, "template_source",
					  json_string(text != NULL ? text : ""));
		job_failed(j, "Template rendering failed: %.400s", err.msg);
		return NULL;
	}
	return buf_take(&b, NULL);
}

static unsigned int flags_of(const struct job *j, const struct send *s)
{
	const json_t *data = data_of(j);

	return (json_is_false(json_object_get(data, "allow_private_urls"))
		    ? HTTPC_PUBLIC_ONLY
		    : 0u) |
	       (json_is_false(json_object_get(data, "verify")) ? HTTPC_NO_VERIFY : 0u) |
	       (s->no_redirect ? HTTPC_NO_REDIRECT : 0u);
}

static int is_good(const struct send *s, const struct httpc_resp *resp)
{
	size_t i;

	if (s->any_status) {
		return 1;
	}
	if (s->ok[0] == 0) {
		return resp->status >= 200 && resp->status < 300;
	}
	for (i = 0; i < ARRAY_LEN(s->ok) && s->ok[i] != 0; i++) {
		if (s->ok[i] == resp->status) {
			return s->ok_body == NULL ||
			       strcmp(s->ok_body, resp->body) == 0;
		}
	}
	return 0;
}

static void send_next(struct job *j);

static void finish(struct job *j)
{
	int is_custom = strcmp(slug_of(j), "custom-webhook") == 0;
	const char *log =
	    json_string_value(json_object_get(j->details, "notification_log"));

	if (log == NULL) {
		job_done(j);
	} else if (is_custom) {
		job_retry(j, "%.600s", log);
	} else {
		job_failed(j, "Notification failed");
	}
}

static void on_webhook(struct job *j, const struct httpc_resp *resp)
{
	json_t *headers = json_object();
	struct buf b;

	if (resp->content_type != NULL) {
		(void)json_object_set_new(headers, "content-type",
					  json_string(resp->content_type));
	}
	buf_init(&b);
	if (resp->len > BODY_SHOWN) {
		buf_add(&b, resp->body, BODY_SHOWN / 2 - 2);
		buf_adds(&b, "...");
		buf_add(&b, resp->body + resp->len - (BODY_SHOWN / 2 - 1),
			BODY_SHOWN / 2 - 1);
	} else {
		buf_add(&b, resp->body, resp->len);
	}
	(void)json_object_set_new(j->details, "status_code",
				  json_integer(resp->status));
	(void)json_object_set_new(j->details, "response_body",
				  json_stringn_nocheck(b.data, b.len));
	(void)json_object_set_new(j->details, "response_headers", headers);
	buf_release(&b);
	job_done(j);
}

/* TEXT without path and query of the address that it names: they hold the secret of
 * many services, and everybody who may read events reads this.  Owned. */
static char *without_path(const char *text)
{
	const char *host = strstr(text, "://");
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
	const char *end = path != NULL ? strstr(path, ": ") : NULL;

	return end != NULL && end - path > 1
		   ? xasprintf("%.*s/...%s", (int)(path - text), text, end)
		   : xstrdup(text);
}

static void not_sent(struct job *j, const char *why)
{
	char *shown = without_path(why);

	j->send_at++;
	job_end_turn(j);
	if (is_webhook(j)) {
		job_failed(j, "Webhook call failed: %.600s", shown);
	} else {
		note(j, "%s", shown);
		send_next(j);
	}
	free(shown);
}

static void on_sent(struct job *j, int rc, const struct httpc_resp *resp,
		    const struct error *err)
{
	const struct send *s = &j->sends[j->send_at];

	if (rc < 0) {
		not_sent(j, err->msg);
		return;
	}
	j->send_at++;
	job_end_turn(j);
	if (is_webhook(j)) {
		on_webhook(j, resp);
		return;
	}
	if (!is_good(s, resp)) {
		note(j, "%s: the service answered %d: %.200s", slug_of(j), resp->status,
		     resp->body);
	}
	send_next(j);
}

static void send_now(struct job *j)
{
	struct send *s = &j->sends[j->send_at];
	struct httpc_spec spec = {
	    .method = s->method,
	    .url = s->url,
	    .headers = (const char *const *)s->headers,
	    .body = s->body,
	    .body_len = s->body != NULL ? strlen(s->body) : 0,
	    .content_type = s->content_type,
	    .timeout_ms = is_webhook(j) ? WEBHOOK_TIMEOUT_MS : NOTIFY_TIMEOUT_MS,
	    .max_body = ANSWER_MAX,
	    .flags = flags_of(j, s),
	};
	double timeout = json_number_value(json_object_get(data_of(j), "timeout"));
	struct error err = {0};

	if (timeout > 0 && timeout <= 60) {
		spec.timeout_ms = (int64_t)(timeout * 1000);
	}
	if (job_send(j, &spec, on_sent, &err) < 0) {
		not_sent(j, err.msg);
	}
}

/* Who gets it twice, after a crash between its sending and our COMMIT, can tell. */
static void add_idempotency_key(struct job *j)
{
	struct send *s = &j->sends[j->send_at];
	const char *key = json_string_value(json_object_get(j->body, "invocation"));
	size_t i;

	for (i = 0; i < s->header_n; i++) {
		if (strncasecmp(s->headers[i], IDEMPOTENCY, strlen(IDEMPOTENCY)) == 0) {
			return; /* the user's own */
		}
	}
	if (key != NULL && j->send_n == 1) {
		send_header(s, IDEMPOTENCY " %s", key);
	} else if (key != NULL) {
		send_header(s, IDEMPOTENCY " %s.%zu", key, j->send_at);
	}
}

static void send_next(struct job *j)
{
	struct error err = {0};
	struct url url = {0};
	char *origin;

	if (j->send_at == j->send_n) {
		finish(j);
		return;
	}
	if (url_parse(j->sends[j->send_at].url, &url, &err) < 0) {
		url_release(&url);
		not_sent(j, err.msg);
		return;
	}
	origin = url_origin(&url);
	url_release(&url);
	add_idempotency_key(j);
	job_wait_turn(j, origin, send_now);
	free(origin);
}

static void add_headers(struct send *s, const json_t *headers)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)headers, name, value) {
		if (json_is_string(value)) {
			if (strcasecmp(name, "content-type") == 0) {
				free(s->content_type);
				s->content_type = xstrdup(json_string_value(value));
			} else {
				send_header(s, "%s: %s", name,
					    json_string_value(value));
			}
		}
	}
}

static void deliver_webhook(struct job *j)
{
	const json_t *data = data_of(j);
	const char *method = json_string_value(json_object_get(data, "method"));
	const char *url = json_string_value(json_object_get(data, "url"));
	char *payload = render(j, "payload");
	struct send *s;

	if (payload == NULL) {
		return;
	}
	if (url == NULL) {
		free(payload);
		job_failed(j, "The webhook block was invalid: it has no url");
		return;
	}
	s = send_add(j, method != NULL ? method : "POST", url);
	s->any_status = 1;
	s->no_redirect = 1;
	s->body = payload;
	s->content_type = xstrdup("");
	add_headers(s, json_object_get(data, "headers"));
	send_next(j);
}

static void deliver(struct job *j)
{
	struct error err = {0};

	if (is_webhook(j)) {
		deliver_webhook(j);
		return;
	}
	j->subject = render(j, "subject");
	if (j->subject == NULL) {
		return;
	}
	j->text = render(j, "body");
	if (j->text == NULL) {
		return;
	}
	if (strcmp(slug_of(j), "email") == 0) {
		email_send(j, data_of(j));
		return;
	}
	if (notify_build(j, slug_of(j), data_of(j), j->subject, j->text, &err) < 0) {
		job_failed(j, "The notification block was invalid: %.400s", err.msg);
		return;
	}
	send_next(j);
}
