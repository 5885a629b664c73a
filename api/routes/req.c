/* SPDX-License-Identifier: Apache-2.0 */
/*
 * req.c - arguments of transactions made from requests.
 */
#include "api/routes/req.h"

#include <stdlib.h>

#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

void *req_arg_new(struct http_req *r, size_t size)
{
	struct req_arg *a = xcalloc(1, size);

	PRE(size >= sizeof(*a));
	if (http_param(r, "id") != NULL) {
		http_param_uuid(r, "id", &a->id);
	}
	return a;
}

void req_arg_free(void *arg)
{
	struct req_arg *a = arg;

	if (a == NULL) {
		return;
	}
	json_decref(a->body);
	pred_free(a->pred);
	free(a->name);
	free(a);
}

void req_name(struct http_req *r, void *arg, const char *name)
{
	struct req_arg *a = arg;

	free(a->name);
	a->name = xstrdup(http_param(r, name));
}

struct rules {
	const struct field *fields;
	size_t count;
	int forbid;
	req_check_fn check; /* or NULL */
};

static int decode(struct http_req *r, struct req_arg *a, json_t *body,
		  const struct rules *rules)
{
	struct http_invalid *v;

	if (body == NULL) {
		req_arg_free(a);
		return -ERR_INVALID;
	}
	v = http_invalid_new();
	a->body = json_incref(body);
	(void)decode_object(body, rules->fields, rules->count, rules->forbid, "", a,
			    &a->given, v);
	if (rules->check != NULL) {
		rules->check(a, v);
	}
	if (http_invalid_count(v) > 0) {
		req_arg_free(a);
		http_reply_invalid(r, v);
		return -ERR_INVALID;
	}
	http_invalid_free(v);
	return 0;
}

int req_body(struct http_req *r, void *arg, const struct field *fields, size_t count)
{
	return decode(r, arg, http_json(r, 0), &(struct rules){fields, count, 1, NULL});
}

int req_body_checked(struct http_req *r, void *arg, const struct field *fields,
		     size_t count, req_check_fn check)
{
	return decode(r, arg, http_json(r, 0),
		      &(struct rules){fields, count, 1, check});
}

int req_embedded(struct http_req *r, void *arg, const struct field *fields,
		 size_t count)
{
	return decode(r, arg, http_json(r, 1), &(struct rules){fields, count, 0, NULL});
}

int req_embedded_checked(struct http_req *r, void *arg, const struct field *fields,
			 size_t count, req_check_fn check)
{
	return decode(r, arg, http_json(r, 1),
		      &(struct rules){fields, count, 0, check});
}

int req_no_content(struct tx *tx)
{
	tx->status = 204;
	tx->empty = 1;
	return 0;
}

char *req_json(const json_t *v, const char *standard)
{
	if (v != NULL) {
		return json_text(v);
	}
	return standard == NULL ? NULL : xstrdup(standard);
}
