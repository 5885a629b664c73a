/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_expr.c - expressions: values, errors and their places.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "engine/expr/expr.h"
#include "engine/expr/tmpl.h"

static const char *const params_text =
    "{\"n\": 7, \"x\": 2.5, \"s\": \"Hello\", \"b\": true, \"none\": null, \"list\": "
    "[3, 1, 2, 1],"
    " \"o\": {\"k\": \"v\", \"deep\": {\"a\": [10, 20]}}, \"words\": [\"b\", \"a\"],"
    " \"nested\": [[1, [2]], 3], \"text\": \"{\\\"q\\\": 1}\", \"a-b\": 5}";

static const char *env_value(const char *name, void *arg)
{
	(void)arg;
	return strcmp(name, "HOME") == 0 ? "/root" : NULL;
}

struct good {
	const char *expr, *json;
};
static const struct good goods[] = {
    {"params.n", "7"},
    {"params.a-b", "5"},
    {"params.o.deep.a[1]", "20"},
    {"params.o.deep.a[-1]", "20"},
    {"params.o.deep.a.0", "10"},
    {"params['s']", "\"Hello\""},
    {"env.HOME", "\"/root\""},
    {"env.NOPE | default('x')", "\"x\""},
    {"params.o.zip | default(params.n)", "7"},
    {"params.none | default(1)", "1"},
    {"1 == 1.0", "true"},
    {"params.n > 6 and params.x <= 2.5", "true"},
    {"not params.b", "false"},
    {"not params.b or params.n != 7", "false"},
    {"'a' < 'b'", "true"},
    {"'ell' in params.s", "true"},
    {"'z' not in params.words", "true"},
    {"'k' in params.o", "true"},
    {"2 in params.list", "true"},
    {"params.zip or 'fallback'", "\"fallback\""},
    {"params.list | sort", "[1,1,2,3]"},
    {"params.list | sort | unique", "[1,2,3]"},
    {"params.list | first", "3"},
    {"params.list | last", "1"},
    {"params.list | length", "4"},
    {"params.s | length", "5"},
    {"params.s | upper", "\"HELLO\""},
    {"params.s | lower", "\"hello\""},
    {"params.nested | flatten", "[1,2,3]"},
    {"params.o | keys", "[\"k\",\"deep\"]"},
    {"params.o.deep | values", "[[10,20]]"},
    {"params.words | join('-')", "\"b-a\""},
    {"'a,b' | split(',')", "[\"a\",\"b\"]"},
    {"' a  b ' | split", "[\"a\",\"b\"]"},
    {"params.o | tojson", "\"{\\\"k\\\":\\\"v\\\",\\\"deep\\\":{\\\"a\\\":[10,20]}}\""},
    {"(params.text | json).q", "1"},
    {"[1, 'two', params.n]", "[1,\"two\",7]"},
    {"-3", "-3"},
    {"'it\\'s'", "\"it's\""},
    {"tasks.a.v", "42"},
    {"(params.list | length) == 4", "true"},
};
struct bad {
	const char *expr;
	size_t at;
	const char *message; /* a part of it */
};
static const struct bad bads[] = {
    {"", 0, "empty"},
    {"params.", 7, "a name must follow the dot"},
    {"1 +", 2, "unexpected character"},
    {"a = 1", 2, "use == to compare"},
    {"'abc", 0, "no closing quote"},
    {"(1", 2, "closing ) is missing"},
    {"[1", 2, "a list ends with ]"},
    {"x[1", 3, "closing ] is missing"},
    {"x | nope", 4, "unknown filter 'nope'"},
    {"x | default", 4, "takes 1 argument"},
    {"x | first(1)", 4, "takes 0 arguments"},
    {"1 2", 2, "unexpected text after"},
    {"and", 0, "a value is missing"},
    {"x |", 3, "name of a filter"},
};
struct fails {
	const char *expr, *message;
};
static const struct fails failing[] = {
    {"params.zip == 1", "params.zip is undefined"},
    {"params.zip.zap | upper", "params.zip.zap is undefined"},
    {"params.n | upper", "the filter 'upper' needs a text, not a number"},
    {"params.n < 'x'", "cannot compare a number with a text"},
    {"1 in 2", "cannot look for a number in a number"},
    {"params.s | json", "invalid token near 'Hello'"},
    {"[1, 'a'] | sort", "list of numbers or a list of texts"},
};

struct world {
	json_t *params, *task;
};

static json_t *task_value(size_t index, void *arg)
{
	const struct world *w = arg;

	return index == 0 ? w->task : NULL;
}

static int bind_a(const struct expr_ref *ref, size_t *ret_task, void *arg)
{
	(void)arg;
	if (strcmp(ref->root, "tasks") == 0) {
		*ret_task = 0;
	}
	return 0;
}

static struct expr_scope make_scope(struct world *w)
{
	w->params = json_loads(params_text, 0, NULL);
	w->task = json_pack("{s:i}", "v", 42);
	return (struct expr_scope){
	    .params = w->params, .task = task_value, .env = env_value, .arg = w};
}

static void end_world(struct world *w)
{
	json_decref(w->params);
	json_decref(w->task);
}

Test(expr, values)
{
	struct world w;
	struct expr_scope scope = make_scope(&w);
	size_t i, at;

	for (i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		struct expr *e = NULL;
		struct error err = {0};
		json_t *v = NULL,
		       *want = json_loads(goods[i].json, JSON_DECODE_ANY, NULL);

		cr_assert_eq(
		    expr_parse(goods[i].expr, strlen(goods[i].expr), &e, &at, &err), 0,
		    "%s: %s", goods[i].expr, err.msg);
		(void)expr_bind(e, bind_a, NULL);
		cr_expect_eq(expr_eval(e, &scope, &v, &err), 0, "%s: %s", goods[i].expr,
			     err.msg);
		cr_expect(v != NULL && json_equal(v, want), "%s", goods[i].expr);
		json_decref(v);
		json_decref(want);
		expr_free(e);
	}
	end_world(&w);
}

Test(expr, syntax_errors_have_a_place)
{
	size_t i;

	for (i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct expr *e = NULL;
		struct error err = {0};
		size_t at = 99;

		cr_expect_lt(
		    expr_parse(bads[i].expr, strlen(bads[i].expr), &e, &at, &err), 0,
		    "%s", bads[i].expr);
		cr_expect_eq(at, bads[i].at, "%s: at %zu", bads[i].expr, at);
		cr_expect_not_null(strstr(err.msg, bads[i].message), "%s: %s",
				   bads[i].expr, err.msg);
	}
}

Test(expr, evaluation_errors_name_the_path)
{
	struct world w;
	struct expr_scope scope = make_scope(&w);
	size_t i, at;

	for (i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
		struct expr *e = NULL;
		struct error err = {0};
		json_t *v = NULL;

		cr_assert_eq(
		    expr_parse(failing[i].expr, strlen(failing[i].expr), &e, &at, &err),
		    0);
		cr_expect_lt(expr_eval(e, &scope, &v, &err), 0, "%s", failing[i].expr);
		cr_expect_not_null(strstr(err.msg, failing[i].message), "%s: %s",
				   failing[i].expr, err.msg);
		expr_free(e);
	}
	end_world(&w);
}

Test(expr, deep_nesting_is_refused)
{
	char text[200];
	struct expr *e = NULL;
	struct error err;
	size_t at;

	memset(text, '(', sizeof(text));
	cr_expect_lt(expr_parse(text, sizeof(text), &e, &at, &err), 0);
	cr_expect_not_null(strstr(err.msg, "nested too deeply"));
}

static const struct good texts[] = {
    {"plain", "\"plain\""},
    {"{{ params.n }}", "7"},
    {" {{ params.list }} ", "[3,1,2,1]"},
    {"n={{ params.n }}!", "\"n=7!\""},
    {"{{ params.s }}{{ params.none }}{{ params.b }}", "\"Hellotrue\""},
    {"{{ '}}' }}", "\"}}\""},
    {"{{ '{{' }} x", "\"{{ x\""},
    {"o={{ params.o.deep }}", "\"o={\\\"a\\\":[10,20]}\""},
};

Test(tmpl, whole_expressions_are_typed_and_parts_are_text)
{
	struct world w;
	struct expr_scope scope = make_scope(&w);
	size_t i, at;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct tmpl *t = NULL;
		struct error err = {0};
		json_t *v = NULL,
		       *want = json_loads(texts[i].json, JSON_DECODE_ANY, NULL);

		cr_assert_eq(
		    tmpl_parse(texts[i].expr, strlen(texts[i].expr), &t, &at, &err), 0,
		    "%s: %s", texts[i].expr, err.msg);
		cr_expect_eq(tmpl_eval(t, &scope, &v, &err), 0, "%s: %s", texts[i].expr,
			     err.msg);
		cr_expect(v != NULL && json_equal(v, want), "%s", texts[i].expr);
		json_decref(v);
		json_decref(want);
		tmpl_free(t);
	}
	end_world(&w);
}
