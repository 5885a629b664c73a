/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks.c - /hooks/{slug}: a request becomes an event by the webhook's template
 * (events-and-automations 8.1).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api.h"
#include "api/events/emit.h"
#include "api/events/event_check.h"
#include "api/events/ingest.h"
#include "api/http/http.h"
#include "api/tx.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/template.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "base/uuid.h"

#define BODY_MAX ((size_t)1 << 20)

struct hook {
	char *slug, *method;
	json_t *headers, *body;
	int authorised; /* the key is right, or none is set */
	/* of the row */
	struct uuid id;
	char *name, *template;
	int has_account, found;
	/* outcome */
	char *rendered;
	struct error why;
};

static void hook_free(void *arg)
{
	struct hook *h = arg;

	free(h->slug);
	free(h->method);
	free(h->name);
	free(h->template);
	free(h->rendered);
	json_decref(h->headers);
	json_decref(h->body);
	free(h);
}

/* ---- the request ---- */

static void add_header(const char *name, const char *value, void *arg)
{
	json_t *headers = arg;
	const char *before;
	char *both;

	if (strcasecmp(name, "Authorization") == 0) {
		return;
	}
	before = json_string_value(json_object_get(headers, name));
	both = before != NULL ? xasprintf("%s, %s", before, value) : xstrdup(value);
	(void)json_object_set_new(headers, name, json_string(both));
	free(both);
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = isxdigit((unsigned char)c)
			     ? strchr(digits, tolower((unsigned char)c))
			     : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* "+" and "%XX" decoded; bytes that are not UTF-8 become '?'. */
static json_t *form_text(const char *s, size_t len)
{
	struct buf b;
	json_t *out;
	size_t i, n;

	buf_init(&b);
	for (i = 0; i < len; i++) {
		int hi = s[i] == '%' && i + 2 < len ? hex(s[i + 1]) : -1;
		int lo = hi >= 0 ? hex(s[i + 2]) : -1;

		if (lo >= 0) {
			buf_addc(&b, (char)(hi * 16 + lo));
			i += 2;
		} else {
			buf_addc(&b, (char)(s[i] == '+' ? ' ' : s[i]));
		}
	}
	for (i = 0; i < b.len; i += n) {
		n = utf8_length(b.data + i, b.len - i);
		if (n == 0) {
			b.data[i] = '?';
			n = 1;
		}
	}
	out = json_stringn(b.data, b.len);
	buf_release(&b);
	return out;
}

static json_t *form_body(const char *s, size_t len)
{
	json_t *out = json_object(), *key;
	const char *end = s + len;

	while (s < end) {
		const char *amp = memchr(s, '&', (size_t)(end - s)), *eq;

		amp = amp != NULL ? amp : end;
		eq = memchr(s, '=', (size_t)(amp - s));
		eq = eq != NULL ? eq : amp;
		key = form_text(s, (size_t)(eq - s));
		if (json_string_length(key) > 0) {
			const char *v = eq < amp ? eq + 1 : eq;

			(void)json_object_set_new(out, json_string_value(key),
						  form_text(v, (size_t)(amp - v)));
		}
		json_decref(key);
		s = amp + 1;
	}
	return out;
}

static json_t *plain_text(const char *s, size_t len)
{
	char *copy = xmemdup(s, len + 1);
	json_t *out;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = utf8_length(copy + i, len - i);
		if (n == 0) {
			copy[i] = '?';
			n = 1;
		}
	}
	out = json_stringn(copy, len);
	free(copy);
	return out;
}

static json_t *body_of(const struct http_req *r)
{
	const char *type = http_header(r, "Content-Type");
	const char *method = http_method(r), *s;
	json_t *v;
	size_t len = 0;

	s = http_body(r, &len);
	if (len == 0 || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
		return json_string("");
	}
	if (type != NULL &&
	    strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0) {
		return form_body(s, len);
	}
	v = json_parse(s, len, BODY_MAX, NULL);
	return v != NULL ? v : plain_text(s, len);
}

static int is_authorised(const struct http_req *r)
{
	const char *given = http_header(r, "Authorization");
	const char *key = http_api(r)->conf->auth_string;

	if (key == NULL || key[0] == '\0') {
		return given !=
		       NULL; /* any key, as everywhere without authentication */
	}
	return given != NULL && strncasecmp(given, "Bearer ", 7) == 0 &&
	       equal_constant_time(given + 7, strlen(given + 7), key, strlen(key));
}

/* Azure asks for a code back, without an event. */
static int answers_validation(struct http_req *r)
{
	const char *type = http_header(r, "aeg-event-type");
	const char *code;
	json_t *body, *out;
	struct buf b;
	char *text;

	if (type == NULL || strcasecmp(type, "SubscriptionValidation") != 0) {
		return 0;
	}
	body = body_of(r);
	code = json_string_value(json_object_get(
	    json_object_get(json_array_get(body, 0), "data"), "validationCode"));
	if (code != NULL) {
		out = json_pack("{s:s}", "validationResponse", code);
		text = json_text(out);
		buf_init(&b);
		buf_adds(&b, text);
		http_reply_json(r, 200, &b);
		buf_release(&b);
		free(text);
		json_decref(out);
	}
	json_decref(body);
	return code != NULL;
}

/* ---- the event ---- */

static int render(struct hook *h, int64_t now_us)
{
	json_t *method = json_string(h->method);
	const struct template_var vars[] = {
	    {"method", TEMPLATE_PLAIN, NULL, method},
	    {"headers", TEMPLATE_HEADERS, NULL, h->headers},
	    {"body", TEMPLATE_PLAIN, NULL, h->body},
	    {NULL, TEMPLATE_PLAIN, NULL, NULL},
	};
	const struct template_context ctx = {.vars = vars, .now_us = now_us};
	struct template *t = NULL;
	struct buf b;
	int rc = template_parse(h->template, &t, NULL, &h->why);

	buf_init(&b);
	rc = rc < 0 ? rc : template_render(t, &ctx, &b, &h->why);
	template_free(t);
	json_decref(method);
	h->rendered = buf_take(&b, NULL);
	return rc;
}

/* Numbers and booleans of labels become texts. */
static void mend_labels(json_t *resource)
{
	const char *key;
	void *tmp;
	json_t *v;

	json_object_foreach_safe(resource, tmp, key, v)
	{
		if (json_is_number(v) || json_is_boolean(v)) {
			char *text = json_text(v);

			(void)json_object_set_new(resource, key, json_string(text));
			free(text);
		}
	}
}

static void set_missing(json_t *obj, const char *key, json_t *v)
{
	if (json_object_get(obj, key) == NULL) {
		(void)json_object_set_new(obj, key, v);
	} else {
		json_decref(v);
	}
}

static json_t *request_json(const struct hook *h)
{
	return json_pack("{s:s, s:O, s:O}", "method", h->method, "headers", h->headers,
			 "body", h->body);
}

static char *resource_of(const struct hook *h)
{
	return xasprintf("prefect-cloud.webhook.%s", uuid_str(&h->id));
}

static json_t *complete(const struct hook *h, json_t *event, int64_t now_us)
{
	char at[TIME_TEXT_SIZE], *self = resource_of(h);
	struct uuid id;

	uuid_v7(&id, now_us);
	set_missing(event, "id", json_string(uuid_str(&id)));
	set_missing(event, "occurred",
		    json_string(time_format(now_us, at, sizeof(at))));
	set_missing(event, "related", json_array());
	set_missing(event, "payload", request_json(h));
	mend_labels(json_object_get(event, "resource"));
	(void)json_array_append_new(json_object_get(event, "related"),
				    json_pack("{s:s, s:s, s:s}", "prefect.resource.id",
					      self, "prefect.resource.name", h->name,
					      "prefect.resource.role", "webhook"));
	free(self);
	return event;
}

static json_t *make_event(struct hook *h, int64_t now_us)
{
	struct http_invalid *v;
	json_t *event;

	if (render(h, now_us) < 0) {
		return NULL;
	}
	event = json_parse(h->rendered, strlen(h->rendered), BODY_MAX * 2, &h->why);
	if (event == NULL) {
		return NULL;
	}
	if (!json_is_object(event)) {
		json_decref(event);
		(void)err_set(&h->why, ERR_INVALID,
			      "the template makes no JSON object");
		return NULL;
	}
	event = complete(h, event, now_us);
	v = http_invalid_new();
	if (event_check(event, "", v) > 0) {
		char text[300];

		http_invalid_describe(v, text, sizeof(text));
		(void)err_set(&h->why, ERR_INVALID, "%s", text);
		json_decref(event);
		event = NULL;
	}
	http_invalid_free(v);
	return event;
}

static int emit_failed(struct tx *tx, const struct hook *h, struct error *err)
{
	char *self = resource_of(h);
	struct event_spec spec = {
	    .name = "prefect-cloud.webhook.failed",
	    .resource = json_pack("{s:s, s:s}", "prefect.resource.id", self,
				  "prefect.resource.name", h->name),
	    .payload = request_json(h),
	};

	(void)json_object_set_new(spec.payload, "template", json_string(h->template));
	(void)json_object_set_new(spec.payload, "rendered", json_string(h->rendered));
	(void)json_object_set_new(spec.payload, "error", json_string(h->why.msg));
	free(self);
	return event_emit(tx, &spec, NULL, err);
}

static void take_row(const struct db_rows *r, void *arg)
{
	struct hook *h = arg;
	struct uuid account;

	free(h->name);
	free(h->template);
	(void)db_uuid(r, 0, &h->id);
	h->name = xstrdup(db_text(r, 3));
	h->template = xstrdup(db_text(r, 6));
	h->has_account = db_uuid(r, 8, &account);
}

static int hook_work(struct tx *tx, void *arg, struct error *err)
{
	struct hook *h = arg;
	json_t *event;
	int again = 0;
	int rc = db_one(tx->c, SQL_WEBHOOK_BY_SLUG, DB_ARGS(db_a_text(h->slug)), 1,
			take_row, h, err);

	tx->empty = 1;
	if (rc < 0) {
		return rc;
	}
	if (rc == 0 || (h->has_account && !h->authorised)) {
		tx->status = rc == 0 ? 404 : 401;
		return 0;
	}
	free(h->rendered);
	h->rendered = NULL;
	event = make_event(h, tx->now_us);
	if (event == NULL) {
		tx->status = 400;
		return emit_failed(tx, h, err);
	}
	tx->status = 204;
	rc = ingest_event(tx, event, &again, err);
	json_decref(event);
	return rc;
}

static void route_hook(struct http_req *r)
{
	struct hook *h;

	if (answers_validation(r)) {
		return;
	}
	h = xcalloc(1, sizeof(*h));
	h->slug = xstrdup(http_param(r, "slug"));
	h->method = xstrdup(http_method(r));
	h->headers = json_object();
	http_each_header(r, add_header, h->headers);
	h->body = body_of(r);
	h->authorised = is_authorised(r);
	tx_submit(r, DB_WRITE, hook_work, h, hook_free);
}

#define ALL(method)                                                                 \
	{method, "/hooks/{slug}", route_hook,                                       \
	 ROUTE_PUBLIC | ROUTE_ROOT | ROUTE_RAW_BODY, BODY_MAX},                     \
	{                                                                           \
		method, "/hooks/{slug}", route_hook, ROUTE_PUBLIC | ROUTE_RAW_BODY, \
		    BODY_MAX                                                        \
	}

extern const struct route routes_hooks[];
const struct route routes_hooks[] = {
    ALL("GET"),
    ALL("HEAD"),
    ALL("POST"),
    ALL("PUT"),
    ALL("PATCH"),
    ALL("DELETE"),
    {NULL, NULL, NULL, 0, 0},
};
