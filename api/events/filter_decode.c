/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_decode.c - an EventFilter from JSON: every member checked once, so that
 * matching needs no checks.
 */
#include "api/events/filter.h"

#include <stdio.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/decode.h"
#include "base/compiler.h"
#include "base/timefmt.h"
#include "base/uuid.h"

#define LOC_MAX 256

struct parts {
	json_t *occurred, *event, *resource, *related, *any_resource, *id, *text;
	const char *order;
};
static const char *const orders[] = {"ASC", "DESC", NULL};
static const struct field part_fields[] = {
    FIELD(struct parts, occurred, F_OBJ, .flags = F_NOT_NULL | F_MODEL),
    FIELD(struct parts, event, F_OBJ, .flags = F_MODEL),
    FIELD(struct parts, resource, F_OBJ, .flags = F_MODEL),
    FIELD(struct parts, related, F_ANY),
    FIELD(struct parts, any_resource, F_ANY),
    FIELD(struct parts, id, F_OBJ, .flags = F_NOT_NULL | F_MODEL),
    FIELD(struct parts, text, F_OBJ, .flags = F_MODEL),
    FIELD(struct parts, order, F_STR, .flags = F_NOT_NULL, .choices = orders),
};

static const struct field occurred_fields[] = {
    {.name = "since",
     .type = F_TIME,
     .offset = offsetof(struct event_filter, since_us),
     .flags = F_NOT_NULL},
    {.name = "until",
     .type = F_TIME,
     .offset = offsetof(struct event_filter, until_us),
     .flags = F_NOT_NULL},
};

static const struct field name_fields[] = {
    FIELD(struct event_filter, prefix, F_TAGS),
    FIELD(struct event_filter, exclude_prefix, F_TAGS),
    FIELD(struct event_filter, name, F_TAGS),
    FIELD(struct event_filter, exclude_name, F_TAGS),
};

static const struct field id_fields[] = {
    FIELD(struct event_filter, id, F_TAGS),
};

static const struct field text_fields[] = {
    {.name = "query",
     .type = F_STR,
     .offset = offsetof(struct event_filter, text),
     .flags = F_REQUIRED,
     .min = 0,
     .max = TEXT_QUERY_MAX},
};

/* A path that does not fit is cut; it is for people. */
static void join(char *dst, const char *loc, const char *name)
{
	size_t len = strnlen(loc, LOC_MAX / 2), more = strnlen(name, LOC_MAX / 2 - 2);

	memcpy(dst, loc, len);
	if (len > 0) {
		dst[len++] = '.';
	}
	memcpy(dst + len, name, more);
	dst[len + more] = '\0';
}

/* label -> text or list of texts */
static void check_labels(const json_t *labels, const char *loc, struct http_invalid *v)
{
	const char *name;
	json_t *value, *one;
	char at[LOC_MAX];
	size_t i;
	int ok;

	json_object_foreach ((json_t *)(uintptr_t)labels, name, value) {
		ok = json_is_string(value) || json_is_array(value);
		json_array_foreach (value, i, one) {
			ok = ok && json_is_string(one);
		}
		if (!ok) {
			join(at, loc, name);
			http_invalid_add(v, "string_type", at, value,
					 "Input should be a valid string");
		}
	}
}

static void check_pairs(const json_t *pairs, const char *loc, struct http_invalid *v)
{
	size_t i;
	json_t *pair;
	char at[LOC_MAX], index[24];

	json_array_foreach (pairs, i, pair) {
		if (json_array_size(pair) != 2 ||
		    !json_is_string(json_array_get(pair, 0)) ||
		    !json_is_string(json_array_get(pair, 1))) {
			(void)snprintf(index, sizeof(index), "%zu", i);
			join(at, loc, index);
			http_invalid_add(v, "tuple_type", at, pair,
					 "Input should be a valid tuple");
		}
	}
}

enum part_kind { PART_RESOURCE = 1, PART_RELATED, PART_ANY };

struct part_out {
	json_t *id, *id_prefix, *role, *resources_in_roles, *labels;
	int distinct;
};
static const struct field resource_part_fields[] = {
    FIELD(struct part_out, id, F_TAGS),
    FIELD(struct part_out, id_prefix, F_TAGS),
    FIELD(struct part_out, labels, F_OBJ),
    FIELD(struct part_out, distinct, F_BOOL, .flags = F_NOT_NULL),
};
static const struct field any_part_fields[] = {
    FIELD(struct part_out, id, F_TAGS),
    FIELD(struct part_out, id_prefix, F_TAGS),
    FIELD(struct part_out, labels, F_OBJ),
};
static const struct field related_part_fields[] = {
    FIELD(struct part_out, id, F_TAGS),
    FIELD(struct part_out, role, F_TAGS),
    FIELD(struct part_out, resources_in_roles, F_ARR),
    FIELD(struct part_out, labels, F_OBJ),
};

static int decode_part(const json_t *obj, enum part_kind kind, const char *loc,
		       struct event_resource_filter *out, struct http_invalid *v)
{
	static const struct {
		const struct field *fields;
		size_t count;
	} tables[] = {
	    [PART_RESOURCE] = {resource_part_fields, ARRAY_LEN(resource_part_fields)},
	    [PART_RELATED] = {related_part_fields, ARRAY_LEN(related_part_fields)},
	    [PART_ANY] = {any_part_fields, ARRAY_LEN(any_part_fields)},
	};
	struct part_out p = {0};
	char at[LOC_MAX];

	decode_object(obj, tables[kind].fields, tables[kind].count, 1, loc, &p, NULL,
		      v);
	join(at, loc, "labels");
	check_labels(p.labels, at, v);
	join(at, loc, "resources_in_roles");
	check_pairs(p.resources_in_roles, at, v);
	*out = (struct event_resource_filter){
	    .id = p.id,
	    .id_prefix = p.id_prefix,
	    .labels = p.labels,
	    .role = p.role,
	    .resources_in_roles = p.resources_in_roles,
	};
	return p.distinct;
}

/* One object, or a list of them. */
static size_t decode_parts(const json_t *value, enum part_kind kind, const char *loc,
			   struct event_resource_filter *out, struct http_invalid *v)
{
	char at[LOC_MAX], index[24];
	size_t i, n = 0;
	json_t *one;

	if (value == NULL || json_is_null(value)) {
		return 0;
	}
	if (!json_is_array(value)) {
		(void)decode_part(value, kind, loc, out, v);
		return 1;
	}
	if (json_array_size(value) > EVENT_FILTER_PARTS_MAX) {
		http_invalid_add(v, "too_long", loc, NULL,
				 "List should have at most 32 items");
		return 0;
	}
	json_array_foreach (value, i, one) {
		(void)snprintf(index, sizeof(index), "%zu", i);
		join(at, loc, index);
		(void)decode_part(one, kind, at, &out[n++], v);
	}
	return n;
}

static void decode_sub(const json_t *obj, const struct field *fields, size_t count,
		       const char *loc, struct event_filter *f, struct http_invalid *v)
{
	if (obj != NULL) {
		decode_object(obj, fields, count, 1, loc, f, NULL, v);
	}
}

static void check_ids(const json_t *ids, const char *loc, struct http_invalid *v)
{
	struct uuid u;
	size_t i;
	json_t *one;
	char at[LOC_MAX], index[24];

	json_array_foreach (ids, i, one) {
		if (uuid_parse(json_string_value(one), &u) < 0) {
			(void)snprintf(index, sizeof(index), "id.%zu", i);
			join(at, loc, index);
			http_invalid_add(v, "uuid_parsing", at, one,
					 "Input should be a valid UUID");
		}
	}
}

size_t event_filter_decode(struct event_filter *f, json_t *obj, const char *loc,
			   struct http_invalid *v)
{
	size_t before = http_invalid_count(v);
	struct parts p = {0};
	char at[LOC_MAX];

	memset(f, 0, sizeof(*f));
	f->since_us = f->until_us = TIME_NONE;
	if (obj == NULL || json_is_null(obj)) {
		return 0;
	}
	f->root = json_incref(obj);
	if (decode_object(obj, part_fields, ARRAY_LEN(part_fields), 1, loc, &p, NULL,
			  v) > 0) {
		return http_invalid_count(v) - before;
	}
	join(at, loc, "occurred");
	decode_sub(p.occurred, occurred_fields, ARRAY_LEN(occurred_fields), at, f, v);
	join(at, loc, "event");
	decode_sub(p.event, name_fields, ARRAY_LEN(name_fields), at, f, v);
	join(at, loc, "id");
	decode_sub(p.id, id_fields, ARRAY_LEN(id_fields), at, f, v);
	check_ids(f->id, at, v);
	join(at, loc, "text");
	decode_sub(p.text, text_fields, ARRAY_LEN(text_fields), at, f, v);
	join(at, loc, "resource");
	if (p.resource != NULL) {
		f->has_resource = 1;
		f->distinct =
		    decode_part(p.resource, PART_RESOURCE, at, &f->resource, v);
	}
	join(at, loc, "related");
	f->related_count = decode_parts(p.related, PART_RELATED, at, f->related, v);
	join(at, loc, "any_resource");
	f->any_resource_count =
	    decode_parts(p.any_resource, PART_ANY, at, f->any_resource, v);
	f->ascending = p.order != NULL && strcmp(p.order, "ASC") == 0;
	if (http_invalid_count(v) == before && f->text != NULL) {
		text_query_parse(&f->query, f->text);
	}
	return http_invalid_count(v) - before;
}

void event_filter_release(struct event_filter *f)
{
	text_query_release(&f->query);
	json_decref(f->root);
	f->root = NULL;
}
