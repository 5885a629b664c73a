/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.c - fills the placeholders of a project file.
 */
#include "cli/deploy/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "cli/cli.h"
#include "cli/client.h"

#define VARIABLE_PREFIX "prefect.variables."

/* The value of the placeholder NAME; NULL with 0: leave it as it is. */
static int look_up(struct cli *cli, const char *name, json_t **ret_value,
		   struct error *err)
{
	json_t *var = NULL;
	char *enc;
	int rc;

	*ret_value = NULL;
	if (name[0] == '$') {
		const char *v = opts_env(name + 1);

		*ret_value = v != NULL ? json_string(v) : NULL;
		return 0;
	}
	if (strncmp(name, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) != 0) {
		return 0;
	}
	enc = url_encode(name + strlen(VARIABLE_PREFIX));
	rc = client_get(cli, &var, err, "/variables/name/%s", enc);
	free(enc);
	if (rc == -ERR_NOT_FOUND) {
		*ret_value = json_string("");
		return 0;
	}
	if (rc == 0) {
		*ret_value = json_incref(json_object_get(var, "value"));
		json_decref(var);
	}
	return rc;
}

/* The name between {{ and }} at P, owned; *ret_end behind it.  NULL: no placeholder. */
static char *name_at(const char *p, const char **ret_end)
{
	const char *end = strstr(p, "}}"), *from = p + 2, *to = end;

	if (end == NULL) {
		return NULL;
	}
	while (from < to && *from == ' ') {
		from++;
	}
	while (to > from && to[-1] == ' ') {
		to--;
	}
	*ret_end = end + 2;
	return xstrndup(from, (size_t)(to - from));
}

static void add_value(struct buf *out, const json_t *v)
{
	char *text;

	if (json_is_string(v)) {
		buf_adds(out, json_string_value(v));
		return;
	}
	text = json_text(v);
	buf_adds(out, text);
	free(text);
}

static int fill_string(struct cli *cli, const char *s, json_t **ret_json,
		       struct error *err)
{
	struct buf out;
	int rc = 0;

	buf_init(&out);
	*ret_json = NULL;
	while (rc == 0 && *s != '\0') {
		const char *at = strstr(s, "{{"), *end = NULL;
		char *name = at != NULL ? name_at(at, &end) : NULL;
		json_t *v = NULL;

		if (name == NULL) {
			buf_adds(&out, s);
			break;
		}
		buf_add(&out, s, (size_t)(at - s));
		rc = look_up(cli, name, &v, err);
		if (rc == 0 && v != NULL && out.len == 0 && *end == '\0') {
			*ret_json =
			    json_incref(v); /* the whole string: keeps its type */
		} else if (rc == 0 && v != NULL) {
			add_value(&out, v);
		} else if (rc == 0) {
			buf_add(&out, at, (size_t)(end - at));
		}
		json_decref(v);
		free(name);
		s = end;
	}
	if (rc == 0 && *ret_json == NULL) {
		*ret_json = json_stringn(out.data, out.len);
	}
	buf_release(&out);
	return rc;
}

int template_fill(struct cli *cli, const json_t *v, json_t **ret_json,
		  struct error *err)
{
	json_t *out, *each, *filled;
	const char *key;
	size_t i;
	int rc = 0;

	if (json_is_string(v)) {
		return fill_string(cli, json_string_value(v), ret_json, err);
	}
	if (!json_is_object(v) && !json_is_array(v)) {
		*ret_json = json_deep_copy(v);
		return 0;
	}
	out = json_is_object(v) ? json_object() : json_array();
	json_object_foreach ((json_t *)(uintptr_t)v, key, each) {
		rc = template_fill(cli, each, &filled, err);
		if (rc < 0) {
			break;
		}
		json_object_set_new(out, key, filled);
	}
	json_array_foreach (v, i, each) {
		rc = template_fill(cli, each, &filled, err);
		if (rc < 0) {
			break;
		}
		json_array_append_new(out, filled);
	}
	if (rc < 0) {
		json_decref(out);
		return rc;
	}
	*ret_json = out;
	return 0;
}
