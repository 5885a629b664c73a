/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_json.c - empirical policies: what is stored, what is answered.
 */
#include "api/routes/policy_json.h"

#include <string.h>

#include "api/http/http.h"
#include "api/routes/decode.h"
#include "base/compiler.h"
#include "base/json.h"
#include "base/jsonw.h"

#define POLICY_MAX (1u << 20)
#define DELAY_MAX  1e15
#define FLOW_DEFAULT                                                                \
	"{\"max_retries\":0,\"retry_delay_seconds\":0.0,\"retries\":null,"          \
	"\"retry_delay\":null,\"pause_keys\":[],\"resuming\":false,\"retry_type\":" \
	"null}"
#define TASK_DEFAULT                                                       \
	"{\"max_retries\":0,\"retry_delay_seconds\":0.0,\"retries\":null," \
	"\"retry_delay\":null,\"retry_jitter_factor\":null}"

static int is_plain(const char *stored)
{
	return stored == NULL || strcmp(stored, "{}") == 0;
}

static void write_value(struct jsonw *w, const json_t *obj, const char *key,
			const char *standard)
{
	const json_t *v = json_object_get(obj, key);

	if (v != NULL) {
		jsonw_json(w, key, v);
	} else {
		jsonw_raw(w, key, standard);
	}
}

static void write_common(struct jsonw *w, const json_t *p)
{
	write_value(w, p, "max_retries", "0");
	jsonw_real(w, "retry_delay_seconds",
		   json_number_value(json_object_get(p, "retry_delay_seconds")));
	write_value(w, p, "retries", "null");
	write_value(w, p, "retry_delay", "null");
}

void flow_policy_write(struct jsonw *w, const char *key, const char *stored)
{
	json_t *p;

	if (is_plain(stored)) {
		jsonw_raw(w, key, FLOW_DEFAULT);
		return;
	}
	p = json_parse(stored, strlen(stored), POLICY_MAX, NULL);
	jsonw_obj(w, key);
	write_common(w, p);
	write_value(w, p, "pause_keys", "[]");
	write_value(w, p, "resuming", "false");
	write_value(w, p, "retry_type", "null");
	jsonw_obj_end(w);
	json_decref(p);
}

void task_policy_write(struct jsonw *w, const char *key, const char *stored)
{
	json_t *p;

	if (is_plain(stored)) {
		jsonw_raw(w, key, TASK_DEFAULT);
		return;
	}
	p = json_parse(stored, strlen(stored), POLICY_MAX, NULL);
	jsonw_obj(w, key);
	write_common(w, p);
	write_value(w, p, "retry_jitter_factor", "null");
	jsonw_obj_end(w);
	json_decref(p);
}

/* ---- reading ---- */

struct policy {
	int64_t max_retries, retries;
	double retry_delay_seconds;
	json_t *retry_delay, *pause_keys;
	int resuming;
	const char *retry_type;
	double retry_jitter_factor;
};
enum { P_MAX, P_SECONDS, P_RETRIES, P_DELAY, P_KEYS, P_RESUMING, P_TYPE, P_JITTER };
static const char *const retry_types[] = {"in_process", "reschedule", NULL};
static const struct field fields[] = {
    [P_MAX] = FIELD(struct policy, max_retries, F_INT),
    [P_SECONDS] = FIELD(struct policy, retry_delay_seconds, F_REAL),
    [P_RETRIES] = FIELD(struct policy, retries, F_INT),
    [P_DELAY] = FIELD(struct policy, retry_delay, F_ANY),
    [P_KEYS] = FIELD(struct policy, pause_keys, F_TAGS),
    [P_RESUMING] = FIELD(struct policy, resuming, F_BOOL),
    [P_TYPE] = FIELD(struct policy, retry_type, F_STR, .choices = retry_types),
    [P_JITTER] = FIELD(struct policy, retry_jitter_factor, F_REAL),
};

/* A number without fraction stays an integer, since that is what clients sent. */
static json_t *number_of(const json_t *obj, const char *key, double value)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_integer(v) ? json_integer(json_integer_value(v))
				  : json_real(value);
}

static void put_retries(json_t *out, const json_t *obj, const struct policy *p,
			const struct decoded *got)
{
	/* the old names stand in where the new ones are absent, null or 0 */
	if (p->max_retries != 0 && p->retries == 0) {
		json_object_set_new(out, "retries", json_integer(p->max_retries));
	} else if (DECODED_HAS(got, P_RETRIES)) {
		json_object_set_new(out, "retries", json_integer(p->retries));
	}
	if (p->retry_delay != NULL && !json_is_null(p->retry_delay) &&
	    (p->retry_delay_seconds <= 0 || !json_is_number(p->retry_delay) ||
	     json_number_value(p->retry_delay) != 0)) {
		json_object_set(out, "retry_delay", p->retry_delay);
	} else if (p->retry_delay_seconds > 0) {
		json_object_set_new(
		    out, "retry_delay",
		    number_of(obj, "retry_delay_seconds", p->retry_delay_seconds));
	}
	if (p->max_retries != 0) {
		json_object_set_new(out, "max_retries", json_integer(p->max_retries));
	}
	if (p->retry_delay_seconds > 0) {
		json_object_set_new(out, "retry_delay_seconds",
				    json_real(p->retry_delay_seconds));
	}
}

static void put_flow(json_t *out, const struct policy *p)
{
	if (json_array_size(p->pause_keys) > 0) {
		json_object_set(out, "pause_keys", p->pause_keys);
	}
	if (p->resuming) {
		json_object_set_new(out, "resuming", json_true());
	}
	if (p->retry_type != NULL) {
		json_object_set_new(out, "retry_type", json_string(p->retry_type));
	}
}

static int is_whole(double v)
{
	return v >= -DELAY_MAX && v <= DELAY_MAX && v == (double)(int64_t)v;
}

static int valid_delay(const json_t *v, int list)
{
	size_t i;
	json_t *item;

	if (v == NULL || json_is_null(v) || json_is_integer(v) ||
	    (json_is_real(v) && (list || is_whole(json_real_value(v))))) {
		return 1;
	}
	if (!list || !json_is_array(v)) {
		return 0;
	}
	json_array_foreach (v, i, item) {
		if (!json_is_number(item)) {
			return 0;
		}
	}
	return 1;
}

/* Absent, null or 0: the delay by its old name counts. */
static int is_nothing(const json_t *v)
{
	return v == NULL || json_is_null(v) ||
	       (json_is_number(v) && json_number_value(v) == 0);
}

static json_t *policy_decode(const json_t *obj, const char *loc, struct http_invalid *v,
			     int task)
{
	struct http_invalid *own = v == NULL ? http_invalid_new() : NULL;
	struct policy p = {.max_retries = 0};
	struct decoded got = {0};
	json_t *out = json_object();

	if (obj != NULL && decode_object(obj, fields, ARRAY_LEN(fields), 0, loc, &p,
					 &got, v != NULL ? v : own) == 0) {
		if (!valid_delay(p.retry_delay, task) ||
		    (!task && is_nothing(p.retry_delay) &&
		     !is_whole(p.retry_delay_seconds))) {
			http_invalid_add(v != NULL ? v : own, "int_type", loc,
					 p.retry_delay,
					 "Input should be a valid integer");
			p.retry_delay = NULL;
		}
		put_retries(out, obj, &p, &got);
		if (!task) {
			put_flow(out, &p);
		} else if (DECODED_HAS(&got, P_JITTER)) {
			json_object_set_new(out, "retry_jitter_factor",
					    number_of(obj, "retry_jitter_factor",
						      p.retry_jitter_factor));
		}
	}
	http_invalid_free(own);
	return out;
}

json_t *flow_policy_decode(const json_t *obj, const char *loc, struct http_invalid *v)
{
	return policy_decode(obj, loc, v, 0);
}

json_t *task_policy_decode(const json_t *obj, const char *loc, struct http_invalid *v)
{
	return policy_decode(obj, loc, v, 1);
}
