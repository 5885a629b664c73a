/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_json.c - states as clients send and read them (server-contract 4.1).
 */
#include "api/routes/state_json.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/orchestration/orchestration.h"
#include "api/routes/decode.h"
#include "base/compiler.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "proto/frame.h"

#define DETAILS_MAX (1u << 20)

/* StateDetails, in the order of answers. */
static const struct detail {
	const char *key;
	enum field_type type;
	int is_false; /* the default is false, not null */
} details[] = {
    {"flow_run_id", F_UUID, 0},       {"task_run_id", F_UUID, 0},
    {"child_flow_run_id", F_UUID, 0}, {"scheduled_time", F_TIME, 0},
    {"cache_key", F_STR, 0},          {"cache_expiration", F_TIME, 0},
    {"deferred", F_BOOL, 1},          {"untrackable_result", F_BOOL, 1},
    {"pause_timeout", F_TIME, 0},     {"pause_reschedule", F_BOOL, 1},
    {"pause_key", F_STR, 0},          {"run_input_keyset", F_OBJ, 0},
    {"refresh_cache", F_BOOL, 0},     {"retriable", F_BOOL, 0},
    {"transition_id", F_UUID, 0},     {"task_parameters_id", F_UUID, 0},
    {"traceparent", F_STR, 0},        {"deployment_concurrency_lease_id", F_UUID, 0},
};

/* ---- writing ---- */

static void write_detail(struct jsonw *w, const struct detail *d, const json_t *v,
			 const struct uuid *id)
{
	if (v != NULL) {
		jsonw_json(w, d->key, v);
	} else if (id != NULL) {
		jsonw_uuid(w, d->key, id);
	} else if (d->is_false) {
		jsonw_bool(w, d->key, 0);
	} else {
		jsonw_null(w, d->key);
	}
}

static void write_details(struct jsonw *w, const json_t *obj,
			  const struct uuid *flow_run, const struct uuid *task_run)
{
	jsonw_obj(w, "state_details");
	for (size_t i = 0; i < ARRAY_LEN(details); i++) {
		const struct uuid *id = i == 0 ? flow_run : i == 1 ? task_run : NULL;

		write_detail(w, &details[i], json_object_get(obj, details[i].key), id);
	}
	jsonw_obj_end(w);
}

static void write_head(struct jsonw *w, const char *key, const struct state_row *s)
{
	jsonw_obj(w, key);
	jsonw_uuid(w, "id", s->id);
	jsonw_str(w, "type", state_type_text(s->type));
	jsonw_str(w, "name", s->name);
	jsonw_time(w, "timestamp", s->at_us);
	jsonw_str(w, "message", s->message);
}

void state_write_row(struct jsonw *w, const char *key, const struct state_row *s)
{
	json_t *obj = NULL;

	if (s->details != NULL && strcmp(s->details, "{}") != 0) {
		obj = json_parse(s->details, strlen(s->details), DETAILS_MAX, NULL);
	}
	write_head(w, key, s);
	jsonw_raw(w, "data", s->data);
	write_details(w, obj, s->flow_run_id, s->task_run_id);
	jsonw_obj_end(w);
	json_decref(obj);
}

void state_write(struct jsonw *w, const char *key, const struct orc_state *s)
{
	struct uuid id = s->id;
	struct state_row head = {
	    .id = &id,
	    .type = s->type,
	    .name = s->name,
	    .at_us = s->at_us,
	    .message = s->message,
	};

	write_head(w, key, &head);
	if (s->data != NULL) {
		jsonw_json(w, "data", s->data);
	} else {
		jsonw_null(w, "data");
	}
	write_details(w, s->details, NULL, NULL);
	jsonw_obj_end(w);
}

void state_write_rows(struct jsonw *w, const char *key, const struct db_rows *rows,
		      int task)
{
	struct uuid id = {{0}}, run = {{0}}, flow_run = {{0}};
	struct state_row s = {
	    .id = &id,
	    .type = (int)db_int(rows, 1),
	    .name = db_text(rows, 2),
	    .at_us = db_time(rows, 3),
	    .message = db_text(rows, 4),
	    .data = db_text(rows, 5),
	    .details = db_text(rows, 6),
	};

	(void)db_uuid(rows, 0, &id);
	(void)db_uuid(rows, 7, &run);
	if (!task) {
		s.flow_run_id = &run;
	} else {
		s.task_run_id = &run;
		s.flow_run_id = db_uuid(rows, 8, &flow_run) ? &flow_run : NULL;
	}
	state_write_row(w, key, &s);
}

/* ---- storing ---- */

char *state_details_text(const struct orc_state *s)
{
	json_t *kept = json_copy(s->details);
	char *text;

	json_object_del(kept, "flow_run_id");
	if (json_object_get(kept, "task_run_id") != NULL &&
	    json_object_get(kept, "child_flow_run_id") != NULL) {
		json_object_del(kept, "task_run_id");
	}
	text = json_text(kept);
	json_decref(kept);
	return text;
}

char *state_data_text(const struct orc_state *s)
{
	const char *type = json_string_value(json_object_get(s->data, "type"));

	if (s->data == NULL || json_is_null(s->data) ||
	    (type != NULL && strcmp(type, "unpersisted") == 0)) {
		return NULL;
	}
	return json_text(s->data);
}

void state_from_row(struct orc_state *ret_state, const struct state_row *row)
{
	char text[UUID_TEXT_SIZE];

	orc_state_init(ret_state, row->type, row->name, row->message);
	ret_state->id = *row->id;
	ret_state->at_us = row->at_us;
	if (row->data != NULL) {
		ret_state->data =
		    json_parse(row->data, strlen(row->data), DETAILS_MAX, NULL);
	}
	if (row->details != NULL) {
		json_t *obj =
		    json_parse(row->details, strlen(row->details), DETAILS_MAX, NULL);

		if (json_is_object(obj)) {
			json_object_update(ret_state->details, obj);
		}
		json_decref(obj);
	}
	if (row->flow_run_id != NULL) {
		orc_detail_set_str(ret_state, "flow_run_id",
				   uuid_format(row->flow_run_id, text));
	}
	if (row->task_run_id != NULL &&
	    json_object_get(ret_state->details, "task_run_id") == NULL) {
		orc_detail_set_str(ret_state, "task_run_id",
				   uuid_format(row->task_run_id, text));
	}
}

/* ---- reading ---- */

struct detail_values {
	const char *str;
	struct uuid id;
	int64_t at_us;
	int on;
	json_t *obj;
};

static size_t value_offset(enum field_type type)
{
	if (type == F_STR) {
		return offsetof(struct detail_values, str);
	}
	if (type == F_UUID) {
		return offsetof(struct detail_values, id);
	}
	if (type == F_TIME) {
		return offsetof(struct detail_values, at_us);
	}
	return type == F_BOOL ? offsetof(struct detail_values, on)
			      : offsetof(struct detail_values, obj);
}

static json_t *value_json(enum field_type type, const struct detail_values *v)
{
	char text[TIME_TEXT_SIZE];

	if (type == F_STR) {
		return json_string(v->str);
	}
	if (type == F_UUID) {
		return json_string(uuid_format(&v->id, text));
	}
	if (type == F_TIME) {
		return json_string(time_format(v->at_us, text, sizeof(text)));
	}
	return type == F_BOOL ? json_boolean(v->on) : json_incref(v->obj);
}

static void decode_detail(const struct detail *d, const json_t *obj, const char *loc,
			  json_t *out, struct http_invalid *v)
{
	struct field f = {
	    .name = d->key, .type = d->type, .offset = value_offset(d->type)};
	struct detail_values value = {.str = NULL};
	struct decoded got;
	json_t *made;

	if (json_object_get(obj, d->key) == NULL ||
	    decode_object(obj, &f, 1, 0, loc, &value, &got, v) > 0) {
		return;
	}
	if (!DECODED_HAS(&got, 0)) {
		/* null where the default is false stays null for deferred alone */
		if (strcmp(d->key, "deferred") == 0) {
			json_object_set_new(out, d->key, json_null());
		}
		return;
	}
	made = value_json(d->type, &value);
	if (d->is_false && json_is_false(made)) {
		json_decref(made);
		return;
	}
	json_object_set_new(out, d->key, made);
}

json_t *state_details_decode(const json_t *obj, const char *loc, struct http_invalid *v)
{
	struct http_invalid *own = v == NULL ? http_invalid_new() : NULL;
	json_t *out = json_object();

	for (size_t i = 0; i < ARRAY_LEN(details); i++) {
		decode_detail(&details[i], obj, loc, out, v != NULL ? v : own);
	}
	http_invalid_free(own);
	return out;
}

struct state_create {
	const char *type, *name, *message;
	json_t *data, *state_details;
};
static const char *const type_names[] = {
    "SCHEDULED", "PENDING", "RUNNING", "COMPLETED",  "FAILED",
    "CANCELLED", "CRASHED", "PAUSED",  "CANCELLING", NULL};
static const struct field state_fields[] = {
    FIELD(struct state_create, type, F_STR, .flags = F_REQUIRED | F_NOT_NULL,
	  .choices = type_names),
    FIELD(struct state_create, name, F_STR),
    FIELD(struct state_create, message, F_STR),
    FIELD(struct state_create, data, F_ANY),
    FIELD(struct state_create, state_details, F_OBJ, .flags = F_NOT_NULL),
};

/* What named the artifact of a result is no part of the result. */
static void drop_artifact_keys(json_t *data)
{
	if (json_is_object(data)) {
		json_object_del(data, "artifact_key");
		json_object_del(data, "artifact_type");
		json_object_del(data, "artifact_description");
	}
}

size_t state_decode(const json_t *obj, const char *loc, struct orc_state *ret_state,
		    struct http_invalid *v)
{
	struct state_create c = {.type = NULL};
	struct decoded got;
	size_t before = http_invalid_count(v);
	char *at = xasprintf("%s%sstate_details", loc, loc[0] != '\0' ? "." : "");

	*ret_state = (struct orc_state){.type = 0};
	if (decode_object(obj, state_fields, ARRAY_LEN(state_fields), 1, loc, &c, &got,
			  v) == 0) {
		orc_state_init(ret_state, state_type_parse(c.type), c.name, c.message);
		if (c.data != NULL && !json_is_null(c.data)) {
			ret_state->data = json_deep_copy(c.data);
			drop_artifact_keys(ret_state->data);
		}
		if (c.state_details != NULL) {
			json_decref(ret_state->details);
			ret_state->details =
			    state_details_decode(c.state_details, at, v);
		}
	}
	if (http_invalid_count(v) > before) {
		orc_state_release(ret_state);
	}
	free(at);
	return http_invalid_count(v) - before;
}
