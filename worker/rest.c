/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rest.c - JSON calls of the API over base/httpc.
 */
#include "worker/rest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"

#define ANSWER_MAX (32u << 20)
#define TIMEOUT_MS 15000

struct rest {
	struct httpc *httpc;
	char *url, *auth_header, *name_header;
};

struct call {
	rest_fn fn;
	void *arg;
	char *what; /* "POST /flow_runs/..." for messages */
};

struct rest *rest_new(struct httpc *httpc, const struct rest_conf *conf)
{
	struct rest *r = xcalloc(1, sizeof(*r));

	r->httpc = httpc;
	r->url = xstrdup(conf->api_url);
	r->name_header = xasprintf("X-Prefect-Worker-Name: %s", conf->worker);
	if (conf->auth != NULL && conf->auth[0] != '\0') {
		char *b64 = base64_encode(conf->auth, strlen(conf->auth));

		r->auth_header = xasprintf("Authorization: Basic %s", b64);
		free(b64);
	} else if (conf->api_key != NULL && conf->api_key[0] != '\0') {
		r->auth_header = xasprintf("Authorization: Bearer %s", conf->api_key);
	}
	return r;
}

void rest_free(struct rest *r)
{
	if (r != NULL) {
		free(r->url);
		free(r->auth_header);
		free(r->name_header);
		free(r);
	}
}

const char *rest_url(const struct rest *r)
{
	return r->url;
}

static enum err_code code_of(int status)
{
	switch (status) {
	case 401:
		return ERR_DENIED;
	case 403:
		return ERR_FORBIDDEN;
	case 404:
	case 410:
		return ERR_NOT_FOUND;
	case 409:
		return ERR_CONFLICT;
	case 408:
	case 425:
	case 429:
		return ERR_UNAVAILABLE;
	default:
		return status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
	}
}

static int refused(const struct call *c, const struct httpc_resp *resp,
		   const json_t *body, struct error *err)
{
	const char *text = json_string_value(json_object_get(body, "detail"));

	if (text == NULL) {
		text = json_string_value(json_object_get(body, "exception_message"));
	}
	return err_set(err, code_of(resp->status), "%s: %d %s", c->what, resp->status,
		       text != NULL ? text : "");
}

static void on_answer(int rc, const struct httpc_resp *resp, const struct error *cause,
		      void *arg)
{
	struct call *c = arg;
	json_t *body = NULL;
	struct error err = {0};
	int status = rc == 0 ? resp->status : 0;

	if (rc < 0) {
		rc = err_set(&err, (enum err_code) - rc, "%s: %s", c->what, cause->msg);
	} else {
		if (resp->len > 0) {
			body = json_parse(resp->body, resp->len, ANSWER_MAX, NULL);
		}
		if (status < 200 || status > 299) {
			rc = refused(c, resp, body, &err);
		} else if (resp->len > 0 && body == NULL) {
			rc = err_set(&err, ERR_PROTOCOL, "%s: the answer is not JSON",
				     c->what);
		}
	}
	if (c->fn != NULL) {
		c->fn(rc, status, body, &err, c->arg);
	}
	json_decref(body);
	free(c->what);
	free(c);
}

int rest_send(struct rest *r, const struct rest_spec *spec, rest_fn fn, void *arg)
{
	char fence[96];
	const char *headers[6] = {"X-PREFECT-API-VERSION: 0.8.4", r->name_header, NULL};
	size_t n = 2;
	char *url = xasprintf("%s%s", r->url, spec->path);
	char *text = spec->body != NULL ? json_text(spec->body) : NULL;
	struct call *c = xcalloc(1, sizeof(*c));
	struct httpc_spec http = {.method = spec->method,
				  .url = url,
				  .headers = headers,
				  .body = text,
				  .body_len = text != NULL ? strlen(text) : 0,
				  .timeout_ms = TIMEOUT_MS,
				  .max_body = ANSWER_MAX};
	struct error err;
	int rc;

	*c = (struct call){fn, arg, xasprintf("%s %s", spec->method, spec->path)};
	if (r->auth_header != NULL) {
		headers[n++] = r->auth_header;
	}
	if (spec->token != 0) {
		(void)snprintf(fence, sizeof(fence), "X-WF-Fence: %s:%llu",
			       spec->run_id, (unsigned long long)spec->token);
		headers[n++] = fence;
	}
	headers[n] = NULL;
	rc = httpc_send(r->httpc, &http, on_answer, c, NULL, &err);
	if (rc < 0) {
		free(c->what);
		free(c);
	}
	json_decref(spec->body);
	free(text);
	free(url);
	return rc;
}

int rest_call(struct rest *r, const char *method, json_t *body, rest_fn fn, void *arg,
	      const char *path, ...)
{
	struct buf b;
	va_list ap;
	int rc;

	buf_init(&b);
	va_start(ap, path);
	buf_addv(&b, path, ap);
	va_end(ap);
	rc = rest_send(r, &(const struct rest_spec){method, b.data, body, NULL, 0}, fn,
		       arg);
	buf_release(&b);
	return rc;
}
