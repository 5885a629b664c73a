/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - matching; decoding is in filter_decode.c.
 */
#include "api/events/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/timefmt.h"
#include "base/uuid.h"

#define RESOURCE_ID   "prefect.resource.id"
#define RESOURCE_ROLE "prefect.resource.role"

int event_label_matches(const char *expected, const char *value)
{
	int negated, hit;
	size_t len;

	if (value == NULL) {
		return 0;
	}
	negated = expected[0] == '!';
	expected += negated;
	len = strlen(expected);
	if (len > 0 && expected[len - 1] == '*') {
		hit = strncmp(value, expected, len - 1) == 0;
	} else {
		hit = strcmp(value, expected) == 0;
	}
	return negated ? !hit : hit;
}

static int has_text(const json_t *list, const char *value)
{
	size_t i;
	json_t *v;

	json_array_foreach (list, i, v) {
		if (strcmp(json_string_value(v), value) == 0) {
			return 1;
		}
	}
	return 0;
}

static int has_prefix(const json_t *list, const char *value)
{
	size_t i;
	json_t *v;

	json_array_foreach (list, i, v) {
		if (strncmp(value, json_string_value(v), json_string_length(v)) == 0) {
			return 1;
		}
	}
	return 0;
}

/* An absent or empty list restricts nothing. */
static int asks(const json_t *list)
{
	return json_array_size(list) > 0;
}

static int one_label_matches(const json_t *expected, const char *value)
{
	size_t i;
	json_t *v;

	if (json_is_string(expected)) {
		return event_label_matches(json_string_value(expected), value);
	}
	json_array_foreach (expected, i, v) {
		if (event_label_matches(json_string_value(v), value)) {
			return 1;
		}
	}
	return 0;
}

static const char *label(const json_t *resource, const char *name)
{
	return json_string_value(json_object_get(resource, name));
}

static int labels_match(const json_t *labels, const json_t *resource)
{
	const char *name;
	json_t *expected;

	/* jansson's iteration does not change the object, but wants it unqualified */
	json_object_foreach ((json_t *)(uintptr_t)labels, name, expected) {
		if (!one_label_matches(expected, label(resource, name))) {
			return 0;
		}
	}
	return 1;
}

static int in_roles(const json_t *pairs, const char *id, const char *role)
{
	size_t i;
	json_t *pair;

	json_array_foreach (pairs, i, pair) {
		if (strcmp(json_string_value(json_array_get(pair, 0)), id) == 0 &&
		    strcmp(json_string_value(json_array_get(pair, 1)), role) == 0) {
			return 1;
		}
	}
	return 0;
}

static int resource_matches(const struct event_resource_filter *f,
			    const json_t *resource)
{
	const char *id = label(resource, RESOURCE_ID);
	const char *role = label(resource, RESOURCE_ROLE);

	id = id != NULL ? id : "";
	role = role != NULL ? role : "";
	return (!asks(f->id) || has_text(f->id, id)) &&
	       (!asks(f->id_prefix) || has_prefix(f->id_prefix, id)) &&
	       (!asks(f->role) || has_text(f->role, role)) &&
	       (!asks(f->resources_in_roles) ||
		in_roles(f->resources_in_roles, id, role)) &&
	       (f->labels == NULL || labels_match(f->labels, resource));
}

static int asks_resource(const struct event_resource_filter *f)
{
	return asks(f->id) || asks(f->id_prefix) || asks(f->role) ||
	       asks(f->resources_in_roles) || json_object_size(f->labels) > 0;
}

static int some_related(const struct event_resource_filter *f, const json_t *related)
{
	size_t i;
	json_t *r;

	json_array_foreach (related, i, r) {
		if (resource_matches(f, r)) {
			return 1;
		}
	}
	return 0;
}

static int name_matches(const struct event_filter *f, const char *name)
{
	return (!asks(f->prefix) || has_prefix(f->prefix, name)) &&
	       (!asks(f->exclude_prefix) || !has_prefix(f->exclude_prefix, name)) &&
	       (!asks(f->name) || has_text(f->name, name)) &&
	       (!asks(f->exclude_name) || !has_text(f->exclude_name, name));
}

static int id_matches(const json_t *ids, const char *id)
{
	struct uuid want, have;
	size_t i;
	json_t *v;

	if (id == NULL || uuid_parse(id, &have) < 0) {
		return 0;
	}
	json_array_foreach (ids, i, v) {
		if (uuid_parse(json_string_value(v), &want) == 0 &&
		    uuid_equal(&want, &have)) {
			return 1;
		}
	}
	return 0;
}

static void add_values(struct buf *b, const json_t *labels)
{
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)labels, name, v) {
		if (json_is_string(v)) {
			buf_addc(b, ' ');
			buf_adds(b, json_string_value(v));
		}
	}
}

static int text_matches(const struct text_query *q, const json_t *event)
{
	const json_t *payload = json_object_get(event, "payload");
	const json_t *related = json_object_get(event, "related");
	struct buf b;
	char *text;
	size_t i;
	json_t *r;
	int hit;

	buf_init(&b);
	buf_adds(&b, json_string_value(json_object_get(event, "event")));
	add_values(&b, json_object_get(event, "resource"));
	json_array_foreach (related, i, r) {
		add_values(&b, r);
	}
	text = payload != NULL ? json_dumps(payload, JSON_ENCODE_ANY) : NULL;
	if (text != NULL) {
		buf_addc(&b, ' ');
		buf_adds(&b, text);
		free(text);
	}
	text_lower(b.data);
	hit = text_query_matches(q, b.data);
	buf_release(&b);
	return hit;
}

int event_filter_matches(const struct event_filter *f, const json_t *event,
			 int64_t occurred_us)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	const json_t *resource = json_object_get(event, "resource");
	const json_t *related = json_object_get(event, "related");
	size_t i;

	if ((f->since_us != TIME_NONE && occurred_us < f->since_us) ||
	    (f->until_us != TIME_NONE && occurred_us > f->until_us) ||
	    !name_matches(f, name != NULL ? name : "") ||
	    (f->has_resource && !resource_matches(&f->resource, resource)) ||
	    (asks(f->id) &&
	     !id_matches(f->id, json_string_value(json_object_get(event, "id"))))) {
		return 0;
	}
	for (i = 0; i < f->related_count; i++) {
		if (asks_resource(&f->related[i]) &&
		    !some_related(&f->related[i], related)) {
			return 0;
		}
	}
	for (i = 0; i < f->any_resource_count; i++) {
		if (asks_resource(&f->any_resource[i]) &&
		    !resource_matches(&f->any_resource[i], resource) &&
		    !some_related(&f->any_resource[i], related)) {
			return 0;
		}
	}
	return f->query.count == 0 || text_matches(&f->query, event);
}
