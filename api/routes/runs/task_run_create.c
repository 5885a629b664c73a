/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_run_create.c - POST /task_runs/: placeholders of subflows and background tasks.
 */
#include "api/routes/runs/task_run_create.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/orchestration/create.h"
#include "api/orchestration/task_apply.h"
#include "api/routes/policy_json.h"
#include "api/routes/req.h"
#include "api/routes/state_json.h"
#include "api/routes/task_run_json.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define CACHE_KEY_MAX 2000
#define LABELS_MAX    (1u << 20)

struct create {
	struct req_arg base;
	struct uuid task_run_id, flow_run_id;
	json_t *state_obj, *empirical_policy, *tags, *labels, *task_inputs;
	const char *name, *task_key, *dynamic_key, *cache_key, *task_version;
	int64_t cache_expiration;
	struct orc_state state; /* owned */
};
enum {
	C_ID,
	C_STATE,
	C_NAME,
	C_FLOW_RUN,
	C_TASK_KEY,
	C_DYNAMIC_KEY,
	C_CACHE_KEY,
	C_EXPIRATION,
	C_VERSION,
	C_POLICY,
	C_TAGS,
	C_LABELS,
	C_INPUTS
};
#define CF(member, ftype, ...) FIELD(struct create, member, ftype, ##__VA_ARGS__)
static const struct field create_fields[] = {
    [C_ID] = {.name = "id",
	      .type = F_UUID,
	      .offset = offsetof(struct create, task_run_id)},
    [C_STATE] = {.name = "state",
		 .type = F_OBJ,
		 .offset = offsetof(struct create, state_obj),
		 .flags = F_MODEL},
    [C_NAME] = CF(name, F_STR, .flags = F_OR_MADE),
    [C_FLOW_RUN] = CF(flow_run_id, F_UUID),
    [C_TASK_KEY] = CF(task_key, F_STR, .flags = F_REQUIRED | F_NOT_NULL),
    [C_DYNAMIC_KEY] = CF(dynamic_key, F_STR, .flags = F_REQUIRED | F_NOT_NULL),
    [C_CACHE_KEY] = CF(cache_key, F_STR),
    [C_EXPIRATION] = CF(cache_expiration, F_TIME),
    [C_VERSION] = CF(task_version, F_STR),
    [C_POLICY] = CF(empirical_policy, F_OBJ, .flags = F_NOT_NULL),
    [C_TAGS] = CF(tags, F_TAGS, .flags = F_NOT_NULL),
    [C_LABELS] = CF(labels, F_LABEL_MAP),
    [C_INPUTS] = CF(task_inputs, F_OBJ, .flags = F_NOT_NULL),
};

static void create_free(void *arg)
{
	struct create *a = arg;

	orc_state_release(&a->state);
	req_arg_free(a);
}

/* Each input of a parameter: a parameter's name, a constant's type, or a run's id. */
static void check_input(const json_t *in, const char *loc, struct http_invalid *v)
{
	static const struct {
		const char *type, *key;
		int is_id;
	} kinds[] = {{"task_run", "id", 1},
		     {"flow_run", "id", 1},
		     {"parameter", "name", 0},
		     {"constant", "type", 0}};
	const char *type = json_string_value(json_object_get(in, "input_type"));
	struct uuid id;
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		const char *s = json_string_value(json_object_get(in, kinds[i].key));

		if ((type == NULL || strcmp(type, kinds[i].type) == 0) && s != NULL &&
		    (!kinds[i].is_id || uuid_parse(s, &id) == 0)) {
			return;
		}
	}
	http_invalid_add(v, "value_error", loc, in,
			 "Value error, not an input of a task run");
}

static void check_inputs(const json_t *all, struct http_invalid *v)
{
	const char *key;
	char loc[256];
	json_t *list, *in;
	size_t i;

	json_object_foreach ((json_t *)(uintptr_t)all, key, list) {
		(void)snprintf(loc, sizeof(loc), "task_inputs.%.200s", key);
		if (!json_is_array(list)) {
			http_invalid_add(v, "list_type", loc, list,
					 "Input should be a valid list");
			continue;
		}
		json_array_foreach (list, i, in) {
			check_input(in, loc, v);
		}
	}
}

static void check(void *arg, struct http_invalid *v)
{
	struct create *a = arg;

	check_inputs(a->task_inputs, v);

	if (a->state_obj != NULL) {
		(void)state_decode(a->state_obj, "state", &a->state, v);
	}
	if (a->empirical_policy != NULL) {
		json_decref(
		    task_policy_decode(a->empirical_policy, "empirical_policy", v));
	}
	if (a->cache_key != NULL && strlen(a->cache_key) > CACHE_KEY_MAX) {
		http_invalid_add(
		    v, "value_error", "cache_key",
		    json_object_get(a->base.body, "cache_key"),
		    "Value error, Cache key exceeded maximum allowed length of 2000 "
		    "characters.");
	}
	if (http_invalid_count(v) > 0) {
		orc_state_release(&a->state);
	}
}

static void take_text(const struct db_rows *r, void *arg)
{
	const char *s = db_text(r, 0);

	*(char **)arg = s != NULL ? xstrdup(s) : NULL;
}

/* The flow run's labels, its id, the request's. */
static int make_labels(struct tx *tx, const struct create *a, char **ret_text,
		       struct error *err)
{
	char *parent = NULL, id[UUID_TEXT_SIZE];
	json_t *all = NULL;
	int rc = 0;

	if (DECODED_HAS(&a->base.given, C_FLOW_RUN)) {
		rc = db_one(tx->c, SQL_TASK_RUN_PARENT_LABELS,
			    DB_ARGS(db_a_uuid(&a->flow_run_id)), 1, take_text, &parent,
			    err);
		all = parent != NULL
			  ? json_parse(parent, strlen(parent), LABELS_MAX, NULL)
			  : NULL;
	}
	free(parent);
	if (!json_is_object(all)) {
		json_decref(all);
		all = json_object();
	}
	if (DECODED_HAS(&a->base.given, C_FLOW_RUN)) {
		json_object_set_new(all, "prefect.flow-run.id",
				    json_string(uuid_format(&a->flow_run_id, id)));
	}
	if (a->labels != NULL) {
		json_object_update(all, a->labels);
	}
	*ret_text = json_text(all);
	json_decref(all);
	return MIN_OF(rc, 0);
}

static int insert(struct tx *tx, const struct create *a, const struct uuid *id,
		  int64_t *ret_changes, struct error *err)
{
	char made[RUN_NAME_SIZE];
	const char *name = a->name;
	json_t *p = task_policy_decode(a->empirical_policy, "", NULL);
	char *policy = json_text(p), *tags = req_json(a->tags, "[]");
	char *inputs = req_json(a->task_inputs, "{}"), *labels = NULL;
	int rc = make_labels(tx, a, &labels, err);

	if (name == NULL || name[0] == '\0') {
		run_name_make(made);
		name = made;
	}
	if (rc == 0) {
		rc = db_exec(
		    tx->c, SQL_TASK_RUN_INSERT,
		    DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us), db_a_text(name),
			    DECODED_HAS(&a->base.given, C_FLOW_RUN)
				? db_a_uuid(&a->flow_run_id)
				: db_a_null(),
			    db_a_text(a->task_key), db_a_text(a->dynamic_key),
			    db_a_text(a->cache_key),
			    DECODED_HAS(&a->base.given, C_EXPIRATION)
				? db_a_time(a->cache_expiration)
				: db_a_null(),
			    db_a_text(a->task_version), db_a_text(policy),
			    db_a_text(inputs), db_a_text(tags), db_a_text(labels)),
		    13, ret_changes, err);
	}
	json_decref(p);
	free(policy);
	free(tags);
	free(inputs);
	free(labels);
	return rc;
}

static int first_state(struct tx *tx, const struct create *a, const struct uuid *id,
		       struct error *err)
{
	struct orc_result res = {.wrote = 0};
	struct orc_state state;
	struct task_proposal p = {.task_run_id = *id, .state = &state, .force = 1};
	int rc;

	if (a->state.type != 0) {
		orc_state_copy(&state, &a->state);
	} else {
		orc_state_init(&state, WF__CONTROL__STATE_TYPE__PENDING, NULL, NULL);
	}
	rc = task_propose(tx, &p, &res, err);
	orc_result_release(&res);
	return rc;
}

static void take_id(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, 0, arg);
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct create *a = arg;
	int64_t changes = 0;
	struct uuid id = a->task_run_id;
	struct jsonw w;
	int rc;

	if (!DECODED_HAS(&a->base.given, C_ID)) {
		uuid_v7(&id, tx->now_us);
	}
	rc = insert(tx, a, &id, &changes, err);
	if (rc == 0 && changes > 0) {
		rc = first_state(tx, a, &id, err);
	} else if (rc == 0) {
		rc = db_one(tx->c, SQL_TASK_RUN_ID_BY_KEYS,
			    DB_ARGS(db_a_uuid(&a->flow_run_id), db_a_text(a->task_key),
				    db_a_text(a->dynamic_key)),
			    3, take_id, &id, err);
	}
	if (rc < 0) {
		return rc;
	}
	tx->status = changes > 0 ? 201 : 200;
	jsonw_init(&w, &tx->body);
	return task_run_write_by_id(tx, &w, NULL, &id, err);
}

void route_task_run_create(struct http_req *r)
{
	struct create *a = req_arg_new(r, sizeof(*a));

	if (req_body_checked(r, a, create_fields, ARRAY_LEN(create_fields), check) <
	    0) {
		return;
	}
	tx_submit(r, DB_WRITE, create_work, a, create_free);
}
