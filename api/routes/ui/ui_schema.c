/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui_schema.c - POST /ui/schemas/validate: what a form has to say about its values.
 *
 * Values may stand for others ("__prefect_kind").  What can be known now is put in
 * their place (JSON text, a nested value); what cannot (templates, variables that
 * exist) is right wherever it stands.
 */
#include <stdlib.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/deployments/hydrate.h"
#include "api/routes/req.h"
#include "api/routes/schema/schema.h"
#include "api/routes/ui/ui_ids.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"

struct validate {
	struct req_arg base;
	json_t *schema, *values;
};
static const struct field validate_fields[] = {
    FIELD(struct validate, schema, F_OBJ, .flags = F_REQUIRED | F_NOT_NULL),
    FIELD(struct validate, values, F_OBJ, .flags = F_REQUIRED | F_NOT_NULL),
};

/* ---- the answer: a tree of {"property" | "index", "errors": [...]} ---- */

/* The entry of LIST about KEY (or about INDEX); made when there is none. */
static json_t *entry(json_t *list, const char *key, json_int_t index)
{
	json_t *item, *errors;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *name = json_string_value(json_object_get(item, "property"));
		const json_t *at = json_object_get(item, "index");

		if (key != NULL ? name != NULL && strcmp(name, key) == 0
				: at != NULL && json_integer_value(at) == index) {
			return json_object_get(item, "errors");
		}
	}
	item = json_object();
	errors = json_array();
	if (key != NULL) {
		(void)json_object_set_new(item, "property", json_string(key));
	} else {
		(void)json_object_set_new(item, "index", json_integer(index));
	}
	(void)json_object_set_new(item, "errors", errors);
	(void)json_array_append_new(list, item);
	return errors;
}

/* The list that PLACE ("a.b[0].c") names, below ROOT. */
static json_t *place(json_t *root, const char *where)
{
	char name[256];
	const char *s = where;

	while (*s != '\0') {
		size_t n = strcspn(s, ".[");

		if (*s == '[') {
			root = entry(root, NULL, strtol(s + 1, NULL, 10));
			s += strcspn(s, "]");
			s += *s == ']';
		} else if (n > 0 && n < sizeof(name)) {
			memcpy(name, s, n);
			name[n] = '\0';
			root = entry(root, name, 0);
			s += n;
		} else {
			s += n;
		}
		s += *s == '.';
	}
	return root;
}

/* A property that is missing is told where it is missing. */
static void add_problem(const char *where, const char *message, void *arg)
{
	static const char missing[] = "' is a required property";
	size_t n = strlen(message), tail = sizeof(missing) - 1;
	json_t *list = place(arg, where);
	char name[256];

	if (message[0] == '\'' && n > tail + 1 && n - tail - 1 < sizeof(name) &&
	    strcmp(message + n - tail, missing) == 0) {
		memcpy(name, message + 1, n - tail - 1);
		name[n - tail - 1] = '\0';
		list = entry(list, name, 0);
	}
	(void)json_array_append_new(list, json_string(message));
}

/* ---- values ---- */

static int stands_for(const json_t *value, const char *kind)
{
	const char *s = json_string_value(json_object_get(value, "__prefect_kind"));

	return s != NULL && strcmp(s, kind) == 0;
}

/*
 * VALUES with what they stand for.  A member that cannot be known yet, or that cannot
 * be read (its problem is in ERRORS then), may be anything in SCHEMA.
 */
static int resolve(struct tx *tx, json_t *values, json_t *schema, json_t *errors)
{
	json_t *properties = json_object_get(schema, "properties"), *value, *made;
	const char *key;
	void *next;
	int found = 0;

	json_object_foreach_safe(values, next, key, value)
	{
		struct error why = {0};
		int unknown = stands_for(value, "jinja");
		int rc = 0;

		made = NULL;
		if (!unknown) {
			rc = hydrate(tx, value, &made, &why);
		}
		if (rc < 0 && why.code != ERR_INVALID) {
			return rc;
		}
		if (rc < 0 && json_object_get(properties, key) != NULL) {
			(void)json_array_append_new(entry(errors, key, 0),
						    json_string(why.msg));
			found = 1;
		}
		if (unknown || rc < 0 || stands_for(value, "workspace_variable")) {
			if (json_object_get(properties, key) != NULL) {
				(void)json_object_set_new(properties, key,
							  json_object());
			}
			json_decref(made);
		} else {
			(void)json_object_set_new(values, key, made);
		}
	}
	return found;
}

static int is_type(const char *name)
{
	static const char *const types[] = {"array",  "boolean", "integer", "null",
					    "number", "object",  "string"};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(name, types[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

/* A "type" of SCHEMA, of its properties or items that is none, or NULL. */
static const char *wrong_type(const json_t *schema)
{
	const char *type = json_string_value(json_object_get(schema, "type"));
	const char *key, *inner;
	json_t *member;

	if (type != NULL && !is_type(type)) {
		return type;
	}
	json_object_foreach (json_object_get(schema, "properties"), key, member) {
		inner = json_string_value(json_object_get(member, "type"));
		if (inner != NULL && !is_type(inner)) {
			return inner;
		}
	}
	inner = json_string_value(
	    json_object_get(json_object_get(schema, "items"), "type"));
	return inner != NULL && !is_type(inner) ? inner : NULL;
}

static void write_answer(struct tx *tx, const json_t *errors)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	jsonw_json(&w, "errors", errors);
	jsonw_bool(&w, "valid", json_array_size(errors) == 0);
	jsonw_obj_end(&w);
}

static int validate_work(struct tx *tx, void *arg, struct error *err)
{
	const struct validate *a = arg;
	const char *wrong = wrong_type(a->schema);
	json_t *values = json_deep_copy(a->values), *schema = json_deep_copy(a->schema);
	json_t *errors = json_array();
	int rc = wrong == NULL
		     ? resolve(tx, values, schema, errors)
		     : err_set(err, ERR_INVALID,
			       "Invalid schema: '%s' is not valid under any of the "
			       "given schemas",
			       wrong);

	if (rc >= 0) {
		rc = schema_each_problem(values, schema, add_problem, errors, err);
	}
	if (rc == 0) {
		write_answer(tx, errors);
	} else if (rc == -ERR_LIMIT || rc == -ERR_INVALID) {
		rc = tx_detail(tx, err, ERR_INVALID, 422, "%s", err->msg);
	}
	json_decref(errors);
	json_decref(schema);
	json_decref(values);
	return rc;
}

void route_ui_schema_validate(struct http_req *r)
{
	struct validate *a = req_arg_new(r, sizeof(*a));

	if (req_embedded(r, a, validate_fields, ARRAY_LEN(validate_fields)) == 0) {
		tx_submit(r, DB_READ, validate_work, a, req_arg_free);
	}
}
