/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel_frame.h - frames of the worker channel: {type, id, sent_at, payload}, nothing
 * else.  Pure.
 */
#ifndef API_SOCKETS_CHANNEL_FRAME_H
#define API_SOCKETS_CHANNEL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct error;
struct jsonw;

#define CHANNEL_VERSION "work_pool_worker_channel.v1"
#define CHANNEL_BEATS   "worker_heartbeat.v1"
#define CHANNEL_POOL    "work_pool_snapshot.v1"

enum channel_frame_type { FRAME_HELLO = 1, FRAME_BEAT, FRAME_CLEANUP };

struct channel_hello {
	struct uuid consumer_id;
	const char *worker_name, *worker_type;
	int64_t heartbeat_interval_seconds, max_cleanup_concurrency;
	json_t *supported_channel_versions, *requested_capabilities, *work_queue_names,
	    *handled_cleanup_kinds;
	json_t *default_base_job_template, *worker_metadata; /* or NULL */
	int create_pool_if_not_found;
};

struct channel_beat {
	struct uuid consumer_id;
	const char *worker_name;
	int64_t heartbeat_interval_seconds;
};

/* "cleanup.ack.v1", "cleanup.release.v1", "cleanup.renew.v1". */
struct channel_cleanup {
	struct uuid message_id;
	const char *reservation_token, *reason;
	const char *operation; /* "ack", "release", "renew" */
};

struct channel_frame {
	json_t *root; /* owned; what follows points into it */
	struct uuid id;
	enum channel_frame_type type;
	union {
		struct channel_hello hello;
		struct channel_beat beat;
		struct channel_cleanup cleanup;
	};
};

/* -ERR_INVALID: no frame of this protocol, with the first problem. */
int channel_frame_decode(const char *data, size_t len, struct channel_frame *ret_frame,
			 struct error *err);
void channel_frame_release(struct channel_frame *f);
/* 1 when LIST has TEXT. */
int channel_list_has(const json_t *list, const char *text);

/* Opens {type, id, sent_at, payload: { ; both objects are closed by channel_end(). */
void channel_begin(struct jsonw *w, const char *type, int64_t now_us);
void channel_end(struct jsonw *w);

#endif
