/* SPDX-License-Identifier: Apache-2.0 */
/*
 * templates.c - POST /templates/validate: may this text be a template?
 */
#include "api/http/http.h"
#include "api/routes/template_check.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/jsonw.h"

static void answer_problem(struct http_req *r, const char *text, int line,
			   const struct error *err)
{
	struct buf b;
	struct jsonw w;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_obj(&w, "error");
	jsonw_int(&w, "line", line);
	jsonw_str(&w, "message", err->msg);
	jsonw_str(&w, "source", text);
	jsonw_obj_end(&w);
	jsonw_obj_end(&w);
	http_reply_json(r, 422, &b);
	buf_release(&b);
}

/* The body is the text itself, as JSON. */
static void route_validate(struct http_req *r)
{
	json_t *body;
	struct http_invalid *v;
	struct error err = {0};
	int line = 1;
	size_t len = 0;

	(void)http_body(r, &len);
	if (len == 0) {
		http_reply_empty(r, 204);
		return;
	}
	body = http_json_any(r);
	if (body == NULL) {
		return;
	}
	if (!json_is_string(body)) {
		v = http_invalid_new();
		http_invalid_add(v, "string_type", "", body,
				 "Input should be a valid string");
		http_reply_invalid(r, v);
	} else if (template_text_check(json_string_value(body), &line, &err) < 0) {
		answer_problem(r, json_string_value(body), line, &err);
	} else {
		http_reply_empty(r, 204);
	}
}

extern const struct route routes_templates[];
const struct route routes_templates[] = {
    {"POST", "/templates/validate", route_validate, 0, 0},
    {"POST", "/automations/templates/validate", route_validate, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
