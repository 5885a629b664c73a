/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.c - see validate.h.  A walk over the descriptors: a new field is checked by
 * its type and name, without new code here.
 */
#include "proto/validate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "proto/frame.h"

#define DEPTH_MAX      8
#define INSTANT_MAX_US 253402300799999999LL /* end of the year 9999 */

struct check {
	char path[160];
	size_t len;
	struct error *err;
};

/* Fields that must not be empty. */
static const struct required {
	const ProtobufCMessageDescriptor *message;
	const char *field;
} required[] = {
    {&wf__control__state__descriptor, "id"},
    {&wf__control__state__descriptor, "type"},
    {&wf__control__hello__descriptor, "flow_run_id"},
    {&wf__control__propose_state__descriptor, "state"},
    {&wf__control__task_state__descriptor, "task_run_id"},
    {&wf__control__task_state__descriptor, "state"},
    {&wf__control__result__descriptor, "json"},
    {&wf__control__run_spec__descriptor, "flow_run_id"},
    {&wf__control__state_answer__descriptor, "answer"},
    {&wf__updates__flow_state__descriptor, "state"},
    {&wf__updates__update__descriptor, "id"},
    {&wf__updates__update__descriptor, "flow_run_id"},
    {&wf__updates__update_batch__descriptor, "sender_id"},
    {&wf__updates__update_answer__descriptor, "id"},
    {&wf__updates__update_answer__descriptor, "answer"},
};

/* JSON texts that may be any value; all others are objects. */
static const char *const any_json[] = {"json", "data_json"};

static const struct list_limit {
	const char *field;
	size_t max;
} list_limits[] = {{"items", PROTO_BATCH_MAX}, {"answers", PROTO_BATCH_MAX}};

void utf8_repair(char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(s + i, len - i);
		if (n == 0) {
			s[i] = '?';
			n = 1;
		}
		i += n;
	}
}

size_t utf8_cut(const char *s, size_t len, size_t max)
{
	if (len <= max) {
		return len;
	}
	size_t at = max;
	while (at > 0 && max - at < 4 && ((unsigned char)s[at] & 0xc0) == 0x80) {
		at--;
	}
	return max - at < 4 ? at : max;
}

static int bad(const struct check *c, const char *why)
{
	return err_set(c->err, ERR_PROTOCOL, "message field %s: %s", c->path, why);
}

static int ends_with(const char *name, const char *suffix)
{
	size_t a = strlen(name), b = strlen(suffix);
	return a >= b && strcmp(name + a - b, suffix) == 0;
}

static int is_required(const ProtobufCMessageDescriptor *d, const char *field)
{
	for (size_t i = 0; i < ARRAY_LEN(required); i++) {
		if (required[i].message == d && strcmp(required[i].field, field) == 0) {
			return 1;
		}
	}
	return 0;
}

static int is_json_name(const char *name)
{
	return strcmp(name, "json") == 0 || ends_with(name, "_json");
}

static int check_json(struct check *c, const char *name, const char *text, size_t len)
{
	struct error why = {0};
	int any = 0, is_object = 0;

	if (len == 0) {
		return 0;
	}
	if (json_check(text, len, PROTO_FRAME_MAX, &is_object, &why) < 0) {
		return err_set(c->err, ERR_PROTOCOL, "message field %s: %s", c->path,
			       why.msg);
	}
	for (size_t i = 0; i < ARRAY_LEN(any_json); i++) {
		any |= strcmp(any_json[i], name) == 0;
	}
	any |= is_object;
	return any ? 0 : bad(c, "the JSON text is not an object");
}

static int check_log_text(char *s)
{
	size_t len = strlen(s);
	size_t cut = utf8_cut(s, len, PROTO_LOG_MAX);

	s[cut] = '\0';
	utf8_repair(s, cut);
	return 0;
}

static int check_string(struct check *c, const ProtobufCMessageDescriptor *d,
			const ProtobufCFieldDescriptor *f, char *s)
{
	if (s == NULL || s[0] == '\0') {
		return is_required(d, f->name) ? bad(c, "is missing") : 0;
	}
	if (d == &wf__control__log_line__descriptor) {
		return check_log_text(s);
	}
	size_t len = strlen(s);
	if (!utf8_is_valid(s, len)) {
		return bad(c, "is not valid UTF-8");
	}
	return is_json_name(f->name) ? check_json(c, f->name, s, len) : 0;
}

static int check_bytes(struct check *c, const ProtobufCMessageDescriptor *d,
		       const ProtobufCFieldDescriptor *f, const ProtobufCBinaryData *b)
{
	if (b->len == 0) {
		return is_required(d, f->name) ? bad(c, "is missing") : 0;
	}
	if (strcmp(f->name, "id") == 0 || ends_with(f->name, "_id")) {
		return b->len == PROTO_ID_LEN ? 0 : bad(c, "an id has 16 bytes");
	}
	if (is_json_name(f->name)) {
		return check_json(c, f->name, (const char *)b->data, b->len);
	}
	return 0;
}

static int check_enum(struct check *c, const ProtobufCMessageDescriptor *d,
		      const ProtobufCFieldDescriptor *f, int v)
{
	if (protobuf_c_enum_descriptor_get_value(f->descriptor, v) == NULL) {
		return bad(c, "has an unknown value");
	}
	return v == 0 && is_required(d, f->name) ? bad(c, "is missing") : 0;
}

static int check_scalar(struct check *c, const ProtobufCMessageDescriptor *d,
			const ProtobufCFieldDescriptor *f, const void *at)
{
	if (f->type == PROTOBUF_C_TYPE_STRING) {
		return check_string(c, d, f, *(char *const *)at);
	}
	if (f->type == PROTOBUF_C_TYPE_BYTES) {
		return check_bytes(c, d, f, at);
	}
	if (f->type == PROTOBUF_C_TYPE_ENUM) {
		return check_enum(c, d, f, *(const int *)at);
	}
	if (f->type == PROTOBUF_C_TYPE_DOUBLE) {
		double v = *(const double *)at;
		return isfinite(v) && v >= 0 ? 0 : bad(c, "is not a positive number");
	}
	if (f->type == PROTOBUF_C_TYPE_INT64) {
		int64_t v = *(const int64_t *)at;
		if (v < 0 || (ends_with(f->name, "_us") && v > INSTANT_MAX_US)) {
			return bad(c, "is out of range");
		}
	}
	if (f->type == PROTOBUF_C_TYPE_INT32 && *(const int32_t *)at < 0) {
		return bad(c, "is negative");
	}
	return 0;
}

static size_t list_max(const char *field)
{
	for (size_t i = 0; i < ARRAY_LEN(list_limits); i++) {
		if (strcmp(list_limits[i].field, field) == 0) {
			return list_limits[i].max;
		}
	}
	return PROTO_LIST_MAX;
}

static size_t path_push(struct check *c, const char *name)
{
	size_t before = c->len;
	int n = snprintf(c->path + before, sizeof(c->path) - before, "%s%s",
			 before > 0 ? "." : "", name);

	if (n > 0) {
		c->len = MIN_OF(before + (size_t)n, sizeof(c->path) - 1);
	}
	return before;
}

static void path_pop(struct check *c, size_t before)
{
	c->len = before;
	c->path[before] = '\0';
}

/* Recursion is bounded by DEPTH_MAX: the messages nest four deep at most. */
static int check_message(struct check *c, ProtobufCMessage *m, int depth);

static int check_element(struct check *c, const ProtobufCMessage *m,
			 const ProtobufCFieldDescriptor *f, void *at, int depth)
{
	if (f->type != PROTOBUF_C_TYPE_MESSAGE) {
		return check_scalar(c, m->descriptor, f, at);
	}
	ProtobufCMessage *sub = *(ProtobufCMessage **)at;
	if (sub == NULL) {
		return is_required(m->descriptor, f->name) ? bad(c, "is missing") : 0;
	}
	return check_message(c, sub, depth + 1);
}

/* All our lists hold pointers: strings or messages. */
static int check_list(struct check *c, const ProtobufCMessage *m,
		      const ProtobufCFieldDescriptor *f, size_t count, void **list,
		      int depth)
{
	if (count > list_max(f->name)) {
		return bad(c, "has too many elements");
	}
	for (size_t i = 0; i < count; i++) {
		int rc = check_element(c, m, f, &list[i], depth);
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

static int check_field(struct check *c, ProtobufCMessage *m,
		       const ProtobufCFieldDescriptor *f, int depth)
{
	char *base = (char *)m;
	void *at = base + f->offset;
	void *quantifier = base + f->quantifier_offset;

	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
	    *(const uint32_t *)quantifier != f->id) {
		return 0;
	}
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		return check_list(c, m, f, *(const size_t *)quantifier, *(void ***)at,
				  depth);
	}
	return check_element(c, m, f, at, depth);
}

static int check_message(struct check *c, ProtobufCMessage *m, int depth)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	if (depth > DEPTH_MAX) {
		return bad(c, "is nested too deeply");
	}
	for (unsigned int i = 0; i < m->n_unknown_fields; i++) {
		/* The library accepts it; update_defect() relies on its absence. */
		if (m->unknown_fields[i].tag == 0) {
			return bad(c, "has a field with number 0");
		}
	}
	for (unsigned int i = 0; i < d->n_fields; i++) {
		size_t before = path_push(c, d->fields[i].name);
		int rc = check_field(c, m, &d->fields[i], depth);
		if (rc < 0) {
			return rc;
		}
		path_pop(c, before);
	}
	return 0;
}

int proto_check(ProtobufCMessage *msg, struct error *err)
{
	struct check c = {.err = err};

	path_push(&c, msg->descriptor->short_name);
	return check_message(&c, msg, 0);
}
