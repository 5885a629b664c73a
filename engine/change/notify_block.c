/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify_block.c - from the document of a notification block to a request.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/change/notify_priv.h"
#include "engine/plan_handler.h"

/* A member that may be a secret: {"value": ...} or the text itself. */
static const char *text_of(const json_t *data, const char *key)
{
	const json_t *v = json_object_get(data, key);

	if (json_is_object(v)) {
		v = json_object_get(v, "value");
	}
	return json_string_value(v);
}

static void put(struct notify *n, json_t *body)
{
	char *text = json_text(body);

	buf_adds(&n->body, text);
	free(text);
	json_decref(body);
}

static int url_from(struct notify *n, const json_t *data, struct error *err)
{
	const char *url = text_of(data, "url");

	if (url == NULL || *url == '\0') {
		return err_set(err, ERR_INVALID, "the block has no url");
	}
	n->url = xstrdup(url);
	return 0;
}

static int custom(struct notify *n, const json_t *data, const char *subject,
		  const char *body, struct error *err)
{
	const json_t *headers = json_object_get(data, "headers"), *v;
	const char *method = text_of(data, "method"), *key;

	if (url_from(n, data, err) < 0) {
		return -ERR_INVALID;
	}
	if (method != NULL) {
		free(n->method);
		n->method = xstrdup(method);
	}
	json_object_foreach ((json_t *)(uintptr_t)headers, key, v) {
		if (json_is_string(v) && n->header_count < 60) {
			n->headers[n->header_count++] =
			    xasprintf("%s: %s", key, json_string_value(v));
		}
	}
	if (strcmp(n->method, "GET") != 0) {
		put(n, json_pack("{s:s, s:s}", "subject", subject, "body", body));
	}
	return 0;
}

int notify_block(struct notify *n, const struct notify_spec *spec, struct error *err)
{
	char *subject = xstrdup(""), *body = xstrdup(spec->default_text);
	const char *type = spec->block_type != NULL ? spec->block_type : "";
	int rc =
	    notify_text(spec->what->subject, spec->scope, "subject", &subject, err);

	if (rc == 0) {
		rc = notify_text(spec->what->body, spec->scope, "body", &body, err);
	}
	if (rc == 0 && strcmp(type, "slack-webhook") == 0) {
		put(n,
		    json_pack("{s:b, s:[{s:s, s:s, s:s}]}", "mrkdwn", 1, "attachments",
			      "title", subject, "text", body, "color", "#3AA3E3"));
		rc = url_from(n, spec->block, err);
	} else if (rc == 0 && strcmp(type, "ms-teams-webhook") == 0) {
		put(n, json_pack("{s:s, s:s, s:s}", "type", "message", "title", subject,
				 "text", body));
		rc = url_from(n, spec->block, err);
	} else if (rc == 0 && strcmp(type, "discord-webhook") == 0) {
		n->url = xasprintf("https://discord.com/api/webhooks/%s/%s",
				   text_of(spec->block, "webhook_id"),
				   text_of(spec->block, "webhook_token"));
		put(n, json_pack("{s:s}", "content", body));
	} else if (rc == 0 && strcmp(type, "custom-webhook") == 0) {
		rc = custom(n, spec->block, subject, body, err);
	} else if (rc == 0) {
		rc = err_set(err, ERR_UNSUPPORTED,
			     "a block of the type '%.60s' cannot notify from a flow "
			     "file; use slack-webhook, ms-teams-webhook, "
			     "discord-webhook, custom-webhook or "
			     "email-server-credentials",
			     type);
	}
	free(subject);
	free(body);
	return rc;
}
