/* SPDX-License-Identifier: Apache-2.0 */
/* pool_template.c - base job templates. */
#include "api/routes/pools/pool_template.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes/schema/schema.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#define UNDECLARED_MAX 50

/* Names of {{ placeholders }} without a variable, sorted, each once. */
struct undeclared {
	const json_t *properties;
	char *names[UNDECLARED_MAX];
	size_t count;
};

/* Blocks, variables and environment are filled in by the worker. */
static int is_builtin(const char *name)
{
	return strncmp(name, "prefect.", 8) == 0 || name[0] == '$';
}

static void add_name(struct undeclared *u, char *name)
{
	if (is_builtin(name) || json_object_get(u->properties, name) != NULL ||
	    u->count == UNDECLARED_MAX) {
		free(name);
		return;
	}
	for (size_t i = 0; i < u->count; i++) {
		if (strcmp(u->names[i], name) == 0) {
			free(name);
			return;
		}
	}
	u->names[u->count++] = name;
}

/* "{{ a }} and {{b}}": letters, digits, '_', '.', '$', '-', '[', ']' and quotes make a
 * name. */
static void scan_text(struct undeclared *u, const char *s)
{
	while ((s = strstr(s, "{{")) != NULL) {
		const char *start = s + 2, *end;

		start += strspn(start, " \t\n");
		end = start;
		while (isalnum((unsigned char)*end) ||
		       (*end != '\0' && strchr("_.$-[]'\"", *end) != NULL)) {
			end++;
		}
		s += 2;
		if (end > start && strncmp(end + strspn(end, " \t\n"), "}}", 2) == 0) {
			add_name(u, xstrndup(start, (size_t)(end - start)));
			s = end;
		}
	}
}

static void scan(struct undeclared *u, const json_t *v, int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth > TEMPLATE_DEPTH_MAX) {
		return;
	}
	if (json_is_string(v)) {
		scan_text(u, json_string_value(v));
	}
	json_array_foreach (v, i, item) {
		scan(u, item, depth + 1);
	}
	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		scan_text(u, key);
		scan(u, item, depth + 1);
	}
}

static int compare_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

int template_check(const json_t *base, struct error *err)
{
	const json_t *config = json_object_get(base, "job_configuration");
	const json_t *variables = json_object_get(base, "variables");
	struct undeclared u = {.properties = json_object_get(variables, "properties")};
	struct buf list;
	int rc = 0;

	if (json_object_size(base) == 0) {
		return 0;
	}
	if (!json_is_object(config) || !json_is_object(variables)) {
		return err_set(err, ERR_INVALID,
			       "The `base_job_template` must contain both a "
			       "`job_configuration` key and a "
			       "`variables` key.");
	}
	scan(&u, config, 0);
	qsort((void *)u.names, u.count, sizeof(u.names[0]), compare_text);
	buf_init(&list);
	for (size_t i = 0; i < u.count; i++) {
		buf_addf(&list, "%s%s", i > 0 ? " ," : "", u.names[i]);
		free(u.names[i]);
	}
	if (u.count > 0) {
		rc = err_set(err, ERR_INVALID,
			     "The variables specified in the job configuration "
			     "template must be present "
			     "as properties in the variables schema. Your job "
			     "configuration uses the "
			     "following undeclared variable(s): %s.",
			     list.data);
	}
	buf_release(&list);
	return rc;
}

static int is_reference(const json_t *v)
{
	return json_is_object(v) && json_object_get(v, "$ref") != NULL;
}

/* New object: every default but references to blocks, which only the worker can
 * resolve. */
static json_t *defaults_of(const json_t *variables)
{
	json_t *props = json_object_get(variables, "properties");
	json_t *out = json_object(), *prop;
	const char *key;

	json_object_foreach (props, key, prop) {
		json_t *value = json_object_get(prop, "default");

		if (value != NULL && !is_reference(value)) {
			json_object_set(out, key, value);
		}
	}
	return out;
}

/* Drops the members of VALUES that alone do not fit; returns how many. */
static int drop_invalid(json_t *values, const json_t *variables)
{
	const char *key;
	json_t *v;
	void *next;
	int dropped = 0;

	json_object_foreach_safe(values, next, key, v)
	{
		json_t *alone = json_object();

		json_object_set(alone, key, v);
		if (schema_validate(alone, variables,
				    SCHEMA_NO_PREPROCESS | SCHEMA_IGNORE_REQUIRED,
				    NULL) < 0) {
			json_object_del(values, key);
			dropped++;
		}
		json_decref(alone);
	}
	return dropped;
}

int template_check_defaults(const json_t *base, struct error *err)
{
	const json_t *variables = json_object_get(base, "variables");
	json_t *values;
	int rc;

	if (json_object_size(variables) == 0) {
		return 0;
	}
	values = defaults_of(variables);
	rc = schema_validate(values, variables,
			     SCHEMA_IGNORE_REQUIRED | SCHEMA_NONE_WITH_DEFAULT, err);
	json_decref(values);
	return rc;
}

int template_check_variables(const json_t *base, const json_t *const *vars,
			     size_t count, int required, struct error *err)
{
	const json_t *variables = json_object_get(base, "variables");
	unsigned int flags = SCHEMA_NONE_WITH_DEFAULT;
	json_t *values;
	int rc;

	if (json_object_size(variables) == 0) {
		return 0;
	}
	values = defaults_of(variables);
	if (drop_invalid(values, variables) > 0 || !required) {
		flags |= SCHEMA_IGNORE_REQUIRED;
	}
	for (size_t i = 0; i < count; i++) {
		if (json_is_object(vars[i])) {
			json_object_update(values, (json_t *)(uintptr_t)vars[i]);
		}
	}
	rc = schema_validate(values, variables, flags, err);
	json_decref(values);
	return rc;
}
