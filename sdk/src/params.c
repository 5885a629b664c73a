/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.c - ".params" of a flow to JSON Schema.
 *
 *     params := "{" [param ("," param)*] "}"
 *     param  := name ":" type ["=" JSON or 'text']
 *     type   := string | integer | number | boolean | array | object | date-time | any
 *             | 'a' "|" 'b' ...
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/params.h"
#include "engine/plan.h"
#include "sdk/src/registry.h"

#define MAX_PARAMS  500u
#define MAX_DEFAULT 65536u

struct scan {
	const char *text, *at;
	struct error *err;
};

static int bad(const struct scan *s, const char *what)
{
	return err_set(s->err, ERR_INVALID, "params: %s at byte %zu of \"%.200s\"",
		       what, (size_t)(s->at - s->text), s->text);
}

static char next(struct scan *s)
{
	while (isspace((unsigned char)*s->at)) {
		s->at++;
	}
	return *s->at;
}

/* A text in single or double quotes as JSON, or NULL. */
static json_t *quoted(struct scan *s)
{
	const char *end = strchr(s->at + 1, *s->at), *start = s->at + 1;

	if (end == NULL) {
		return NULL;
	}
	s->at = end + 1;
	return json_stringn(start, (size_t)(end - start));
}

static json_t *parse_enum(struct scan *s)
{
	json_t *all = json_array(), *one;

	for (;;) {
		one = next(s) == '\'' || *s->at == '"' ? quoted(s) : NULL;
		if (one == NULL) {
			json_decref(all);
			return NULL;
		}
		(void)json_array_append_new(all, one);
		if (next(s) != '|') {
			return json_pack("{s:s, s:o}", "type", "string", "enum", all);
		}
		s->at++;
	}
}

static json_t *parse_type(struct scan *s)
{
	static const char *const types[] = {"string", "integer", "number",    "boolean",
					    "array",  "object",  "date-time", "any"};
	const char *start = s->at;
	size_t i, len;

	if (*s->at == '\'' || *s->at == '"') {
		return parse_enum(s);
	}
	while (isalpha((unsigned char)*s->at) || *s->at == '-') {
		s->at++;
	}
	len = (size_t)(s->at - start);
	for (i = 0; i < ARRAY_LEN(types); i++) {
		if (strlen(types[i]) == len && strncmp(types[i], start, len) == 0) {
			break;
		}
	}
	if (i == ARRAY_LEN(types)) {
		s->at = start;
		return NULL;
	}
	if (strcmp(types[i], "date-time") == 0) {
		return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
	}
	return strcmp(types[i], "any") == 0 ? json_object()
					    : json_pack("{s:s}", "type", types[i]);
}

/* A default: JSON up to the comma or brace that ends it. */
static json_t *parse_default(struct scan *s)
{
	const char *start;
	int depth = 0, in_text = 0;
	json_t *v;

	if (next(s) == '\'') {
		return quoted(s);
	}
	start = s->at;
	for (; *s->at != '\0'; s->at++) {
		if (*s->at == '"' && (s->at == start || s->at[-1] != '\\')) {
			in_text = !in_text;
		} else if (!in_text && (*s->at == '[' || *s->at == '{')) {
			depth++;
		} else if (!in_text && depth == 0 && (*s->at == ',' || *s->at == '}')) {
			break;
		} else if (!in_text && (*s->at == ']' || *s->at == '}')) {
			depth--;
		}
	}
	v = json_parse(start, (size_t)(s->at - start), MAX_DEFAULT, NULL);
	s->at = v != NULL ? s->at : start;
	return v;
}

static int parse_param(struct scan *s, struct plan_flow *flow)
{
	struct plan_param *p = &flow->params[flow->param_count];
	const char *start = s->at;

	while (isalnum((unsigned char)*s->at) || *s->at == '_') {
		s->at++;
	}
	if (s->at == start) {
		return bad(s, "a name was expected");
	}
	p->name = xstrndup(start, (size_t)(s->at - start));
	flow->param_count++;
	if (next(s) != ':') {
		return bad(s, "':' and a type were expected");
	}
	s->at++;
	(void)next(s);
	p->schema = parse_type(s);
	if (p->schema == NULL) {
		return bad(s, "a type was expected (string, integer, number, boolean, "
			      "array, object, date-time, any, 'a'|'b')");
	}
	p->required = next(s) != '=';
	if (!p->required) {
		s->at++;
		p->def = parse_default(s);
		if (p->def == NULL) {
			return bad(s, "a default as JSON or 'text' was expected");
		}
		if (!json_is_null(p->def) &&
		    params_check_value(p->schema, p->def, p->name, s->err) < 0) {
			return err_wrap(s->err, "params: the default");
		}
	}
	return 0;
}

int params_parse(const char *text, struct plan_flow *flow, struct error *err)
{
	struct scan s = {.text = text, .at = text, .err = err};
	int rc = 0;

	flow->params = xcalloc(MAX_PARAMS, sizeof(*flow->params));
	if (next(&s) != '{') {
		return bad(&s, "'{' was expected");
	}
	s.at++;
	while (rc == 0 && next(&s) != '}') {
		rc = flow->param_count == MAX_PARAMS ? bad(&s, "too many parameters")
						     : parse_param(&s, flow);
		if (rc == 0 && next(&s) == ',') {
			s.at++;
		} else if (rc == 0 && *s.at != '}') {
			rc = bad(&s, "',' or '}' was expected");
		}
	}
	s.at += rc == 0;
	return rc == 0 && next(&s) != '\0' ? bad(&s, "the end was expected") : rc;
}
