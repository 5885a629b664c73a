/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_filter.c - the table of filters; adding one is one function and one line.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/expr/expr.h"
#include "engine/expr/expr_priv.h"

#define FLATTEN_MAX (1u << 20) /* items of a flattened list */

typedef int (*filter_fn)(const json_t *v, json_t *const *args, size_t nargs,
			 json_t **ret_value, struct error *err);

static int wrong_type(const char *filter, const json_t *v, const char *wants,
		      struct error *err)
{
	return err_set(err, ERR_INVALID, "the filter '%s' needs %s, not %s", filter,
		       wants, expr_type_name(v));
}

static json_t *share(const json_t *v)
{
	return json_incref((json_t *)(uintptr_t)v);
}

static int filter_default(const json_t *v, json_t *const *args, size_t nargs,
			  json_t **ret_value, struct error *err)
{
	(void)nargs;
	(void)err;
	*ret_value = share(v == NULL || json_is_null(v) ? args[0] : v);
	return 0;
}

static int filter_json(const json_t *v, json_t *const *args, size_t nargs,
		       json_t **ret_value, struct error *err)
{
	(void)args;
	(void)nargs;
	if (!json_is_string(v)) {
		return wrong_type("json", v, "a text that holds JSON", err);
	}
	*ret_value = json_parse(json_string_value(v), json_string_length(v),
				EXPR_MAX_RESULT, err);
	return *ret_value != NULL ? 0 : -ERR_INVALID;
}

static int filter_tojson(const json_t *v, json_t *const *args, size_t nargs,
			 json_t **ret_value, struct error *err)
{
	char *text = json_text(v);

	(void)args;
	(void)nargs;
	(void)err;
	*ret_value = json_string(text);
	free(text);
	return 0;
}

static int flatten_into(json_t *out, const json_t *v, struct error *err)
{
	size_t i;

	for (i = 0; i < json_array_size(v); i++) {
		json_t *item = json_array_get(v, i);

		if (json_is_array(item)) {
			if (flatten_into(out, item, err) < 0) {
				return -ERR_INVALID;
			}
			continue;
		}
		if (json_array_size(out) >= FLATTEN_MAX) {
			return err_set(err, ERR_INVALID,
				       "the flattened list is too long");
		}
		(void)json_array_append(out, item);
	}
	return 0;
}

static int filter_flatten(const json_t *v, json_t *const *args, size_t nargs,
			  json_t **ret_value, struct error *err)
{
	json_t *out;

	(void)args;
	(void)nargs;
	if (!json_is_array(v)) {
		return wrong_type("flatten", v, "a list", err);
	}
	out = json_array();
	if (flatten_into(out, v, err) < 0) {
		json_decref(out);
		return -ERR_INVALID;
	}
	*ret_value = out;
	return 0;
}

static size_t utf8_length(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++) {
		n += ((unsigned char)*s & 0xc0) != 0x80;
	}
	return n;
}

static int filter_length(const json_t *v, json_t *const *args, size_t nargs,
			 json_t **ret_value, struct error *err)
{
	size_t n;

	(void)args;
	(void)nargs;
	if (json_is_array(v)) {
		n = json_array_size(v);
	} else if (json_is_object(v)) {
		n = json_object_size(v);
	} else if (json_is_string(v)) {
		n = utf8_length(json_string_value(v));
	} else {
		return wrong_type("length", v, "a text, list or object", err);
	}
	*ret_value = json_integer((json_int_t)n);
	return 0;
}

static int change_case(const char *filter, const json_t *v, int (*fn)(int),
		       json_t **ret_value, struct error *err)
{
	char *text, *p;

	if (!json_is_string(v)) {
		return wrong_type(filter, v, "a text", err);
	}
	text = xstrdup(json_string_value(v));
	for (p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x80) {
			*p = (char)fn((unsigned char)*p);
		}
	}
	*ret_value = json_string(text);
	free(text);
	return 0;
}

static int filter_lower(const json_t *v, json_t *const *args, size_t nargs,
			json_t **ret_value, struct error *err)
{
	(void)args;
	(void)nargs;
	return change_case("lower", v, tolower, ret_value, err);
}

static int filter_upper(const json_t *v, json_t *const *args, size_t nargs,
			json_t **ret_value, struct error *err)
{
	(void)args;
	(void)nargs;
	return change_case("upper", v, toupper, ret_value, err);
}

static int pick(const char *filter, const json_t *v, int last, json_t **ret_value,
		struct error *err)
{
	size_t n = json_array_size(v);

	if (!json_is_array(v)) {
		return wrong_type(filter, v, "a list", err);
	}
	*ret_value = n == 0 ? NULL : share(json_array_get(v, last ? n - 1 : 0));
	return 0;
}

static int filter_first(const json_t *v, json_t *const *args, size_t nargs,
			json_t **ret_value, struct error *err)
{
	(void)args;
	(void)nargs;
	return pick("first", v, 0, ret_value, err);
}

static int filter_last(const json_t *v, json_t *const *args, size_t nargs,
		       json_t **ret_value, struct error *err)
{
	(void)args;
	(void)nargs;
	return pick("last", v, 1, ret_value, err);
}

static int sort_class(const json_t *v)
{
	return json_is_number(v) ? 1 : json_is_string(v) ? 2 : 0;
}

struct sort_item {
	json_t *v; /* borrowed */
};

static int by_value(const void *a, const void *b)
{
	const struct sort_item *x = a, *y = b;
	int bad;

	return expr_compare(x->v, y->v, &bad);
}

/* All numbers or all texts: only these have an order. */
static int check_sortable(const json_t *v, struct error *err)
{
	size_t i;

	if (!json_is_array(v)) {
		return wrong_type("sort", v, "a list", err);
	}
	for (i = 0; i < json_array_size(v); i++) {
		int class = sort_class(json_array_get(v, i));

		if (class == 0 || class != sort_class(json_array_get(v, 0))) {
			return err_set(err, ERR_INVALID,
				       "the filter 'sort' needs a list of numbers or a "
				       "list of texts");
		}
	}
	return 0;
}

static int filter_sort(const json_t *v, json_t *const *args, size_t nargs,
		       json_t **ret_value, struct error *err)
{
	size_t i, n = json_array_size(v);
	struct sort_item *items;
	json_t *out;

	(void)args;
	(void)nargs;
	if (check_sortable(v, err) < 0) {
		return -ERR_INVALID;
	}
	items = xcalloc(n + 1, sizeof(struct sort_item));
	for (i = 0; i < n; i++) {
		items[i].v = json_array_get(v, i);
	}
	qsort(items, n, sizeof(struct sort_item), by_value);
	out = json_array();
	for (i = 0; i < n; i++) {
		(void)json_array_append(out, items[i].v);
	}
	free(items);
	*ret_value = out;
	return 0;
}

/* First occurrences in their order; texts are compared by their JSON, sorted keys. */
static int filter_unique(const json_t *v, json_t *const *args, size_t nargs,
			 json_t **ret_value, struct error *err)
{
	json_t *out, *seen;
	size_t i;
	char *key;

	(void)args;
	(void)nargs;
	if (!json_is_array(v)) {
		return wrong_type("unique", v, "a list", err);
	}
	out = json_array();
	seen = json_object();
	for (i = 0; i < json_array_size(v); i++) {
		key = json_text_sorted(json_array_get(v, i));
		if (json_object_get(seen, key) == NULL) {
			(void)json_object_set_new(seen, key, json_true());
			(void)json_array_append(out, json_array_get(v, i));
		}
		free(key);
	}
	json_decref(seen);
	*ret_value = out;
	return 0;
}

static int filter_keys(const json_t *v, json_t *const *args, size_t nargs,
		       json_t **ret_value, struct error *err)
{
	const char *key;
	json_t *item, *out;

	(void)args;
	(void)nargs;
	if (!json_is_object(v)) {
		return wrong_type("keys", v, "an object", err);
	}
	out = json_array();
	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		(void)json_array_append_new(out, json_string(key));
	}
	*ret_value = out;
	return 0;
}

static int filter_values(const json_t *v, json_t *const *args, size_t nargs,
			 json_t **ret_value, struct error *err)
{
	const char *key;
	json_t *item, *out;

	(void)args;
	(void)nargs;
	if (!json_is_object(v)) {
		return wrong_type("values", v, "an object", err);
	}
	out = json_array();
	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		(void)json_array_append(out, item);
	}
	*ret_value = out;
	return 0;
}

static int filter_join(const json_t *v, json_t *const *args, size_t nargs,
		       json_t **ret_value, struct error *err)
{
	const char *between = nargs > 0 ? json_string_value(args[0]) : "";
	struct buf b;
	size_t i;
	int rc = 0;

	if (!json_is_array(v)) {
		return wrong_type("join", v, "a list", err);
	}
	if (between == NULL) {
		return wrong_type("join", args[0], "a text between the items", err);
	}
	buf_init(&b);
	for (i = 0; i < json_array_size(v) && rc == 0; i++) {
		const json_t *item = json_array_get(v, i);

		buf_adds(&b, i > 0 ? between : "");
		if (json_is_string(item)) {
			buf_adds(&b, json_string_value(item));
		} else {
			char *text = json_text(item);

			buf_adds(&b, text);
			free(text);
		}
		if (b.len > EXPR_MAX_RESULT) {
			rc = err_set(err, ERR_INVALID, "the joined text is too long");
		}
	}
	if (rc == 0) {
		*ret_value = json_string(b.data);
	}
	buf_release(&b);
	return rc;
}

static int filter_split(const json_t *v, json_t *const *args, size_t nargs,
			json_t **ret_value, struct error *err)
{
	const char *s = json_string_value(v), *hit;
	const char *between = nargs > 0 ? json_string_value(args[0]) : NULL;
	json_t *out;

	if (s == NULL) {
		return wrong_type("split", v, "a text", err);
	}
	if (nargs > 0 && (between == NULL || *between == '\0')) {
		return err_set(err, ERR_INVALID,
			       "the filter 'split' needs a separator");
	}
	out = json_array();
	if (between == NULL) { /* runs of white space, as in Python */
		for (s += strspn(s, " \t\r\n"); *s != '\0'; s += strspn(s, " \t\r\n")) {
			size_t n = strcspn(s, " \t\r\n");

			(void)json_array_append_new(out, json_stringn(s, n));
			s += n;
		}
		*ret_value = out;
		return 0;
	}
	while ((hit = strstr(s, between)) != NULL) {
		(void)json_array_append_new(out, json_stringn(s, (size_t)(hit - s)));
		s = hit + strlen(between);
	}
	(void)json_array_append_new(out, json_string(s));
	*ret_value = out;
	return 0;
}

/* As Python rounds for people: round(1) of 2.25 is 2.2 or 2.3, whatever is nearer. */
static int filter_round(const json_t *v, json_t *const *args, size_t nargs,
			json_t **ret_value, struct error *err)
{
	int digits = nargs > 0 ? (int)json_integer_value(args[0]) : 0;
	char text[400];

	if (!json_is_number(v)) {
		return wrong_type("round", v, "a number", err);
	}
	if (digits < 0 || digits > 15) {
		return err_set(err, ERR_INVALID,
			       "the filter 'round' keeps 0 to 15 digits");
	}
	if (nargs == 0 && json_is_integer(v)) {
		*ret_value = share(v);
		return 0;
	}
	(void)snprintf(text, sizeof(text), "%.*f", digits, json_number_value(v));
	*ret_value = nargs == 0 ? json_integer(strtoll(text, NULL, 10))
				: json_real(strtod(text, NULL));
	return 0;
}

/* One line per filter: name, fewest and most arguments. */
#define FILTERS(X)       \
	X(default, 1, 1) \
	X(first, 0, 0)   \
	X(flatten, 0, 0) \
	X(join, 0, 1)    \
	X(json, 0, 0)    \
	X(keys, 0, 0)    \
	X(last, 0, 0)    \
	X(length, 0, 0)  \
	X(lower, 0, 0)   \
	X(round, 0, 1)   \
	X(sort, 0, 0)    \
	X(split, 0, 1)   \
	X(tojson, 0, 0)  \
	X(unique, 0, 0)  \
	X(upper, 0, 0)   \
	X(values, 0, 0)

static const struct {
	filter_fn fn;
	size_t min, max;
} filters[] = {
#define FILTER_ROW_(name, min, max) {filter_##name, min, max},
    FILTERS(FILTER_ROW_)
#undef FILTER_ROW_
};

const char *const expr_filter_names[] = {
#define FILTER_NAME_(name, min, max) #name,
    FILTERS(FILTER_NAME_)
#undef FILTER_NAME_
};
const size_t expr_filter_count = ARRAY_LEN(filters);

int expr_filter_find(const char *name, size_t *ret_min, size_t *ret_max)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(filters); i++) {
		if (strcmp(name, expr_filter_names[i]) == 0) {
			*ret_min = filters[i].min;
			*ret_max = filters[i].max;
			return (int)i;
		}
	}
	return -1;
}

int expr_filter_apply(size_t filter, const json_t *v, json_t *const *args, size_t nargs,
		      json_t **ret_value, struct error *err)
{
	return filters[filter].fn(v, args, nargs, ret_value, err);
}
