/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - calls of the API for the command line.
 */
#include "cli/client.h"

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
#include "cli/cli.h"

#define ANSWER_MAX (64u << 20)
#define PAGE       200

const char *member(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s != NULL ? s : "";
}

/* The sentence in an error body: detail, exception_message, or the first validation
 * error. */
static char *error_text(const struct httpc_answer *a)
{
	json_t *body = json_parse(a->body, a->len, ANSWER_MAX, NULL);
	const json_t *first =
	    json_array_get(json_object_get(body, "exception_detail"), 0);
	const char *s = json_string_value(json_object_get(body, "detail"));
	char *text = NULL;

	if (s == NULL && first != NULL) {
		char *loc = json_text(json_object_get(first, "loc"));

		text = xasprintf("%s (at %s)", member(first, "msg"), loc);
		free(loc);
	} else if (s == NULL) {
		s = json_string_value(json_object_get(body, "exception_message"));
	}
	if (text == NULL) {
		text = s != NULL ? xstrdup(s) : xasprintf("HTTP status %d", a->status);
	}
	json_decref(body);
	return text;
}

static enum err_code code_of_status(int status)
{
	static const struct {
		int status;
		enum err_code code;
	} codes[] = {
	    {400, ERR_INVALID},   {401, ERR_DENIED},      {403, ERR_FORBIDDEN},
	    {404, ERR_NOT_FOUND}, {409, ERR_CONFLICT},    {410, ERR_NOT_FOUND},
	    {413, ERR_TOO_LARGE}, {422, ERR_INVALID},     {423, ERR_LIMIT},
	    {429, ERR_LIMIT},     {503, ERR_UNAVAILABLE},
	};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (codes[i].status == status) {
			return codes[i].code;
		}
	}
	return ERR_INTERNAL;
}

static int no_server(const struct cli *cli, const struct error *why, struct error *err)
{
	/* the address is named once */
	const char *url = strstr(why->msg, cli->api_url);
	const char *colon = url != NULL ? strstr(url, ": ") : NULL;

	return err_set(err, ERR_UNAVAILABLE,
		       "No server answers at %s (from %s): %s\n"
		       "Start one with `wf server start`, or point wf at yours with\n"
		       "`wf config set WF_API_URL=http://HOST:4200/api`.",
		       cli->api_url, cli->api_url_source,
		       colon != NULL ? colon + 2 : why->msg);
}

static char *auth_header(const struct cli *cli)
{
	char *b64, *h;

	if (cli->auth != NULL) {
		b64 = base64_encode(cli->auth, strlen(cli->auth));
		h = xasprintf("Authorization: Basic %s", b64);
		free(b64);
		return h;
	}
	return cli->api_key != NULL
		   ? xasprintf("Authorization: Bearer %s", cli->api_key)
		   : NULL;
}

static int take_answer(const struct cli *cli, const char *method, const char *path,
		       struct httpc_answer *a, json_t **ret_json, struct error *err)
{
	if (a->status < 200 || a->status > 299) {
		char *text = error_text(a);
		int rc;

		if (a->status == 401) {
			rc = err_set(err, ERR_DENIED,
				     "The server at %s wants a password: set "
				     "WF_API_AUTH_STRING=user:password.",
				     cli->api_url);
		} else {
			int bare = strcmp(text, "Not Found") == 0; /* no such route */

			rc = err_set(err, code_of_status(a->status), "%s%s%s%s%s",
				     bare ? "The server knows no " : "",
				     bare ? method : text, bare ? " " : "",
				     bare ? path : "", bare ? "." : "");
		}
		free(text);
		return rc;
	}
	if (ret_json == NULL) {
		return 0;
	}
	*ret_json = NULL;
	if (a->len > 0) {
		*ret_json = json_parse(a->body, a->len, ANSWER_MAX, err);
		if (*ret_json == NULL) {
			return err_wrap(err, "answer to %s %s", method, path);
		}
	}
	return 0;
}

int client_call(struct cli *cli, const char *method, const char *path, json_t *body,
		json_t **ret_json, struct error *err)
{
	char *url = xasprintf("%s%s", cli->api_url, path);
	char *auth = auth_header(cli);
	char *text = body != NULL ? json_text(body) : NULL;
	const char *headers[] = {"X-PREFECT-API-VERSION: 0.8.4", auth, NULL};
	struct httpc_spec spec = {
	    .method = method,
	    .url = url,
	    .headers = headers,
	    .body = text,
	    .body_len = text != NULL ? strlen(text) : 0,
	    .max_body = ANSWER_MAX,
	};
	struct httpc_answer a = {0};
	struct error why = {0};
	int rc = httpc_call(&spec, &a, &why);

	if (rc < 0) {
		rc = no_server(cli, &why, err);
	} else {
		rc = take_answer(cli, method, path, &a, ret_json, err);
	}
	httpc_answer_release(&a);
	json_decref(body);
	free(text);
	free(auth);
	free(url);
	return rc;
}

struct call {
	const char *method;
	json_t *body; /* taken */
	json_t **ret_json;
};

/* client_call() with the path as a format. */
static int call_v(struct cli *cli, const struct call *c, struct error *err,
		  const char *fmt, va_list ap) WF_PRINTF(4, 0);
static int call_v(struct cli *cli, const struct call *c, struct error *err,
		  const char *fmt, va_list ap)
{
	struct buf path;
	int rc;

	buf_init(&path);
	buf_addv(&path, fmt, ap);
	rc = client_call(cli, c->method, path.data, c->body, c->ret_json, err);
	buf_release(&path);
	return rc;
}

int client_get(struct cli *cli, json_t **ret_json, struct error *err, const char *fmt,
	       ...)
{
	const struct call call = {"GET", NULL, ret_json};
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = call_v(cli, &call, err, fmt, ap);
	va_end(ap);
	return rc;
}

int client_post(struct cli *cli, json_t *body, json_t **ret_json, struct error *err,
		const char *fmt, ...)
{
	const struct call call = {"POST", body, ret_json};
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = call_v(cli, &call, err, fmt, ap);
	va_end(ap);
	return rc;
}

int client_patch(struct cli *cli, json_t *body, struct error *err, const char *fmt, ...)
{
	const struct call call = {"PATCH", body, NULL};
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = call_v(cli, &call, err, fmt, ap);
	va_end(ap);
	return rc;
}

int client_delete(struct cli *cli, struct error *err, const char *fmt, ...)
{
	const struct call call = {"DELETE", NULL, NULL};
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = call_v(cli, &call, err, fmt, ap);
	va_end(ap);
	return rc;
}

int client_filter(struct cli *cli, const char *path, const json_t *filter, size_t max,
		  json_t **ret_list, struct error *err)
{
	json_t *all = json_array(), *page = NULL;
	size_t got = PAGE;
	int rc = 0;

	while (rc == 0 && got == PAGE && (max == 0 || json_array_size(all) < max)) {
		json_t *body = filter != NULL ? json_deep_copy(filter) : json_object();
		size_t want =
		    max == 0 ? PAGE : MIN_OF(PAGE, max - json_array_size(all));

		json_object_set_new(body, "limit", json_integer((json_int_t)want));
		json_object_set_new(body, "offset",
				    json_integer((json_int_t)json_array_size(all)));
		rc = client_call(cli, "POST", path, body, &page, err);
		if (rc == 0) {
			got = json_array_size(page);
			json_array_extend(all, page);
			json_decref(page);
			page = NULL;
		}
	}
	if (rc < 0) {
		json_decref(all);
		return rc;
	}
	*ret_list = all;
	return 0;
}

int client_deployment(struct cli *cli, const char *name, const char *id,
		      json_t **ret_json, struct error *err)
{
	const char *slash = name != NULL ? strchr(name, '/') : NULL;
	char *flow, *flow_enc, *dep_enc;
	int rc;

	if (id != NULL && id[0] != '\0') {
		rc = client_get(cli, ret_json, err, "/deployments/%s", id);
		return rc == -ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND,
						      "Deployment '%s' not found!", id)
					    : rc;
	}
	if (slash == NULL || slash == name || slash[1] == '\0') {
		return err_set(
		    err, ERR_USAGE,
		    "Invalid deployment name '%s': expected FLOW/DEPLOYMENT, or --id.",
		    name != NULL ? name : "");
	}
	flow = xstrndup(name, (size_t)(slash - name));
	flow_enc = url_encode(flow);
	dep_enc = url_encode(slash + 1);
	rc = client_get(cli, ret_json, err, "/deployments/name/%s/%s", flow_enc,
			dep_enc);
	if (rc == -ERR_NOT_FOUND) {
		rc = err_set(
		    err, ERR_NOT_FOUND,
		    "Deployment '%s' not found!\nSee them all with `wf deployment ls`.",
		    name);
	}
	free(flow);
	free(flow_enc);
	free(dep_enc);
	return rc;
}
