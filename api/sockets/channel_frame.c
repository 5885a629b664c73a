/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel_frame.c - frames of the worker channel, from text to structs.
 */
#include "api/sockets/channel_frame.h"

#include <string.h>

#include "api/http/http.h"
#include "api/routes/decode.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"

#define FRAME_MAX    (2u << 20)
#define INTERVAL_MAX 86400 /* seconds between heartbeats */

struct envelope {
	const char *type;
	struct uuid id;
	int64_t sent_at;
	json_t *payload;
};
static const struct field envelope_fields[] = {
    FIELD(struct envelope, type, F_STR, .flags = F_REQUIRED),
    FIELD(struct envelope, id, F_UUID, .flags = F_REQUIRED),
    FIELD(struct envelope, sent_at, F_TIME, .flags = F_REQUIRED),
    FIELD(struct envelope, payload, F_OBJ, .flags = F_REQUIRED | F_MODEL),
};

#define HELLO(member, ftype, ...) \
	FIELD(struct channel_hello, member, ftype, ##__VA_ARGS__)
static const struct field hello_fields[] = {
    HELLO(consumer_id, F_UUID, .flags = F_REQUIRED),
    HELLO(worker_name, F_STR, .flags = F_REQUIRED | F_NONEMPTY),
    HELLO(worker_type, F_STR, .flags = F_REQUIRED | F_NONEMPTY),
    HELLO(heartbeat_interval_seconds, F_INT, .flags = F_REQUIRED, .min = 1,
	  .max = INTERVAL_MAX),
    HELLO(supported_channel_versions, F_TAGS, .flags = F_REQUIRED),
    HELLO(requested_capabilities, F_TAGS, .flags = F_REQUIRED),
    HELLO(work_queue_names, F_TAGS, .flags = F_NOT_NULL),
    HELLO(handled_cleanup_kinds, F_TAGS, .flags = F_NOT_NULL),
    HELLO(max_cleanup_concurrency, F_INT, .flags = F_NOT_NULL, .max = INT64_MAX),
    HELLO(create_pool_if_not_found, F_BOOL, .flags = F_NOT_NULL),
    HELLO(default_base_job_template, F_OBJ, .flags = F_NOT_NULL),
    HELLO(worker_metadata, F_OBJ),
};

static const struct field beat_fields[] = {
    FIELD(struct channel_beat, consumer_id, F_UUID, .flags = F_REQUIRED),
    FIELD(struct channel_beat, worker_name, F_STR, .flags = F_REQUIRED | F_NONEMPTY),
    FIELD(struct channel_beat, heartbeat_interval_seconds, F_INT, .flags = F_REQUIRED,
	  .min = 1, .max = INTERVAL_MAX),
};

static const struct field cleanup_fields[] = {
    FIELD(struct channel_cleanup, message_id, F_UUID, .flags = F_REQUIRED),
    FIELD(struct channel_cleanup, reservation_token, F_STR, .flags = F_REQUIRED),
    FIELD(struct channel_cleanup, reason, F_STR),
};

static const struct {
	const char *name;
	enum channel_frame_type type;
	const struct field *fields;
	size_t count;
	const char *operation;
} types[] = {
    {"worker.hello.v1", FRAME_HELLO, hello_fields, ARRAY_LEN(hello_fields), NULL},
    {"worker.heartbeat.v1", FRAME_BEAT, beat_fields, ARRAY_LEN(beat_fields), NULL},
    {"cleanup.ack.v1", FRAME_CLEANUP, cleanup_fields, ARRAY_LEN(cleanup_fields), "ack"},
    {"cleanup.release.v1", FRAME_CLEANUP, cleanup_fields, ARRAY_LEN(cleanup_fields),
     "release"},
    {"cleanup.renew.v1", FRAME_CLEANUP, cleanup_fields, ARRAY_LEN(cleanup_fields),
     "renew"},
};

int channel_list_has(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s != NULL && strcmp(s, text) == 0) {
			return 1;
		}
	}
	return 0;
}

static void check_hello(const struct channel_hello *h, struct http_invalid *v)
{
	if (!channel_list_has(h->requested_capabilities, CHANNEL_BEATS) ||
	    !channel_list_has(h->requested_capabilities, CHANNEL_POOL)) {
		http_invalid_add(v, "value_error", "payload.requested_capabilities",
				 h->requested_capabilities,
				 "Value error, " CHANNEL_BEATS " and " CHANNEL_POOL
				 " are required");
	}
}

static void decode(struct channel_frame *f, struct http_invalid *v)
{
	struct envelope e = {.type = NULL};

	(void)decode_object(f->root, envelope_fields, ARRAY_LEN(envelope_fields), 1, "",
			    &e, NULL, v);
	if (http_invalid_count(v) > 0) {
		return;
	}
	f->id = e.id;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(e.type, types[i].name) != 0) {
			continue;
		}
		f->type = types[i].type;
		(void)decode_object(e.payload, types[i].fields, types[i].count, 1,
				    "payload", &f->hello, NULL, v);
		if (f->type == FRAME_CLEANUP) {
			f->cleanup.operation = types[i].operation;
		} else if (f->type == FRAME_HELLO && http_invalid_count(v) == 0) {
			check_hello(&f->hello, v);
		}
		return;
	}
	http_invalid_add(v, "literal_error", "type", json_object_get(f->root, "type"),
			 "Input should be a frame of the worker channel");
}

int channel_frame_decode(const char *data, size_t len, struct channel_frame *ret_frame,
			 struct error *err)
{
	struct channel_frame f = {.root = json_parse(data, len, FRAME_MAX, err)};
	struct http_invalid *v;
	char text[256];
	int rc = 0;

	if (f.root == NULL) {
		return -ERR_INVALID;
	}
	v = http_invalid_new();
	decode(&f, v);
	if (http_invalid_count(v) > 0) {
		http_invalid_describe(v, text, sizeof(text));
		rc = err_set(err, ERR_INVALID, "%s", text);
		channel_frame_release(&f);
	} else {
		*ret_frame = f;
	}
	http_invalid_free(v);
	return rc;
}

void channel_frame_release(struct channel_frame *f)
{
	json_decref(f->root);
	f->root = NULL;
}

void channel_begin(struct jsonw *w, const char *type, int64_t now_us)
{
	struct uuid id;

	uuid_v7(&id, now_us);
	jsonw_obj(w, NULL);
	jsonw_str(w, "type", type);
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "sent_at", now_us);
	jsonw_obj(w, "payload");
}

void channel_end(struct jsonw *w)
{
	jsonw_obj_end(w);
	jsonw_obj_end(w);
}
