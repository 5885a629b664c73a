/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_api.c - see host_api.h.
 */
#include "agent/host_api.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host_conf.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"

#define ANSWER_MAX (16u << 20)
#define TIMEOUT_MS 15000

struct host_api {
	struct httpc *httpc;
	char *url, *auth;
};

struct call {
	host_api_fn fn;
	void *arg;
	char *what;
};

struct host_api *host_api_new(struct httpc *httpc, const struct host_conf *conf)
{
	struct host_api *a = xcalloc(1, sizeof(*a));

	a->httpc = httpc;
	a->url = xstrdup(conf->api_url);
	if (conf->auth[0] != '\0') {
		char *b64 = base64_encode(conf->auth, strlen(conf->auth));

		a->auth = xasprintf("Authorization: Basic %s", b64);
		free(b64);
	} else if (conf->api_key[0] != '\0') {
		a->auth = xasprintf("Authorization: Bearer %s", conf->api_key);
	}
	return a;
}

void host_api_free(struct host_api *a)
{
	if (a != NULL) {
		free(a->url);
		free(a->auth);
		free(a);
	}
}

static void on_answer(int rc, const struct httpc_resp *resp, const struct error *cause,
		      void *arg)
{
	struct call *c = arg;
	int status = rc == 0 ? resp->status : 0;
	struct error err = {0};
	json_t *body = NULL;

	if (rc < 0) {
		(void)err_set(&err, (enum err_code) - rc, "%s: %s", c->what,
			      cause->msg);
	} else {
		if (resp->len > 0) {
			body = json_parse(resp->body, resp->len, ANSWER_MAX, NULL);
		}
		if (status < 200 || status > 299) {
			const char *text =
			    json_string_value(json_object_get(body, "detail"));

			(void)err_set(&err, ERR_UNAVAILABLE, "%s: %d %s", c->what,
				      status, text != NULL ? text : "");
		}
	}
	c->fn(status, body, &err, c->arg);
	json_decref(body);
	free(c->what);
	free(c);
}

void host_api_call(struct host_api *a, const char *method, json_t *body, host_api_fn fn,
		   void *arg, const char *path, ...)
{
	const char *headers[] = {"X-PREFECT-API-VERSION: 0.8.4", a->auth, NULL};
	char *text = body != NULL ? json_text(body) : NULL, *url;
	struct call *c = xcalloc(1, sizeof(*c));
	struct error err = {0};
	struct buf b;
	va_list ap;

	buf_init(&b);
	va_start(ap, path);
	buf_addv(&b, path, ap);
	va_end(ap);
	url = xasprintf("%s%s", a->url, b.data);
	*c = (struct call){fn, arg, xasprintf("%s %s", method, b.data)};
	const struct httpc_spec spec = {.method = method,
					.url = url,
					.headers = headers,
					.body = text,
					.body_len = text != NULL ? strlen(text) : 0,
					.timeout_ms = TIMEOUT_MS,
					.max_body = ANSWER_MAX};
	if (httpc_send(a->httpc, &spec, on_answer, c, NULL, &err) < 0) {
		fn(0, NULL, &err, arg);
		free(c->what);
		free(c);
	}
	json_decref(body);
	free(text);
	free(url);
	buf_release(&b);
}
