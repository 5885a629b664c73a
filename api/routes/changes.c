/* SPDX-License-Identifier: Apache-2.0 */
/* changes.c - the payload of "*.updated" events. */
#include "api/routes/changes.h"

void changes_init(struct changes *c)
{
	c->fields = json_array();
	c->updates = json_object();
}

void changes_release(struct changes *c)
{
	json_decref(c->fields);
	json_decref(c->updates);
	c->fields = c->updates = NULL;
}

/* Takes FROM and TO. */
static void note(struct changes *c, const char *field, json_t *from, json_t *to)
{
	if (!json_equal(from, to)) {
		json_array_append_new(c->fields, json_string(field));
		json_object_set_new(c->updates, field,
				    json_pack("{s:O,s:O}", "from", from, "to", to));
	}
	json_decref(from);
	json_decref(to);
}

static json_t *text_or_null(const char *s)
{
	return s != NULL ? json_string(s) : json_null();
}

static json_t *int_or_null(int64_t v)
{
	return v >= 0 ? json_integer(v) : json_null();
}

static json_t *parse_or_null(const char *s)
{
	json_t *v = s != NULL ? json_loads(s, JSON_DECODE_ANY, NULL) : NULL;

	return v != NULL ? v : json_null();
}

void changes_text(struct changes *c, const char *field, const char *from,
		  const char *to)
{
	note(c, field, text_or_null(from), text_or_null(to));
}

void changes_int(struct changes *c, const char *field, int64_t from, int64_t to)
{
	note(c, field, int_or_null(from), int_or_null(to));
}

void changes_bool(struct changes *c, const char *field, int from, int to)
{
	note(c, field, json_boolean(from), json_boolean(to));
}

void changes_json(struct changes *c, const char *field, const json_t *from,
		  const json_t *to)
{
	note(c, field, from != NULL ? json_deep_copy(from) : json_null(),
	     to != NULL ? json_deep_copy(to) : json_null());
}

void changes_json_text(struct changes *c, const char *field, const char *from,
		       const char *to)
{
	note(c, field, parse_or_null(from), parse_or_null(to));
}

int changes_any(const struct changes *c)
{
	return json_array_size(c->fields) > 0;
}

json_t *changes_payload(const struct changes *c)
{
	return json_pack("{s:O,s:O}", "updated_fields", c->fields, "updates",
			 c->updates);
}
