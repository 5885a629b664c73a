/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_graph.c - GET /flow_runs/{id}/graph-v2: what ran, and what waited for what.
 *
 * Parents come from task_inputs; children are the reverse of that.
 */
#include <string.h>

#include "api/db/db.h"
#include "api/http/http.h"
#include "api/routes/req.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define NODES_MAX  10000
#define INPUTS_MAX (4u << 20)

struct graph {
	struct req_arg base;
	int64_t since_us;
};

/* nodes: [{"id", "task": id, "parents": [ids], ...}] as JSON, built from rows. */
static json_t *uuid_json(const struct uuid *id)
{
	char text[UUID_TEXT_SIZE];

	return json_string(uuid_format(id, text));
}

static json_t *time_json(int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	return at_us == TIME_NONE ? json_null()
				  : json_string(time_format(at_us, text, sizeof(text)));
}

static void add_parents(json_t *list, const char *inputs)
{
	json_t *all = inputs != NULL
			  ? json_parse(inputs, strlen(inputs), INPUTS_MAX, NULL)
			  : NULL;
	const char *key;
	json_t *v, *item, *id;
	size_t i;

	json_object_foreach (all, key, v) {
		json_array_foreach (v, i, item) {
			const char *kind =
			    json_string_value(json_object_get(item, "input_type"));

			id = json_object_get(item, "id");
			if (kind != NULL && strcmp(kind, "task_run") == 0 &&
			    json_is_string(id)) {
				json_array_append_new(list,
						      json_pack("{s:O}", "id", id));
			}
		}
	}
	json_decref(all);
}

static json_t *node_of(const struct db_rows *r)
{
	struct uuid task = {{0}}, sub = {{0}};
	json_t *node = json_object(), *parents = json_array();
	int flow = db_uuid(r, 6, &sub);
	int col = flow ? 6 : 0;
	int type = (int)db_int(r, flow ? 8 : 2);

	(void)db_uuid(r, 0, &task);
	json_object_set_new(node, "kind", json_string(flow ? "flow-run" : "task-run"));
	json_object_set_new(node, "id", uuid_json(flow ? &sub : &task));
	json_object_set_new(node, "label", json_string(db_text(r, col + 1)));
	json_object_set_new(node, "state_type",
			    type != 0 ? json_string(state_type_text(type))
				      : json_null());
	json_object_set_new(node, "start_time", time_json(db_time(r, flow ? 9 : 3)));
	json_object_set_new(node, "end_time", time_json(db_time(r, flow ? 10 : 4)));
	add_parents(parents, db_text(r, 5));
	json_object_set_new(node, "parents", parents);
	json_object_set_new(node, "children", json_array());
	json_object_set_new(node, "encapsulating", json_array());
	json_object_set_new(node, "artifacts", json_array());
	return node;
}

/* Each parent learns its child; parents that are not nodes are dropped. */
static void link_nodes(json_t *by_id, json_t *aliases)
{
	const char *id, *to;
	json_t *node, *parent, *v;

	json_object_foreach (by_id, id, node) {
		json_t *list = json_object_get(node, "parents"), *kept = json_array();
		size_t i;

		json_array_foreach (list, i, v) {
			to = json_string_value(json_object_get(v, "id"));
			if (json_object_get(aliases, to) != NULL) {
				to = json_string_value(json_object_get(aliases, to));
			}
			parent = json_object_get(by_id, to);
			if (parent != NULL) {
				json_array_append_new(kept,
						      json_pack("{s:s}", "id", to));
				json_array_append_new(
				    json_object_get(parent, "children"),
				    json_pack("{s:s}", "id", id));
			}
		}
		json_object_set_new(node, "parents", kept);
	}
}

static int read_nodes(struct tx *tx, const struct graph *a, json_t *by_id,
		      struct error *err)
{
	struct db_rows *rows = NULL;
	json_t *aliases = json_object(); /* placeholder task run -> its flow run */
	size_t n = 0;
	int rc = db_query(tx->c, SQL_FLOW_RUN_GRAPH_NODES,
			  DB_ARGS(db_a_uuid(&a->base.id), db_a_time(a->since_us),
				  db_a_int(NODES_MAX + 1)),
			  3, &rows, err);

	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		json_t *node = node_of(rows), *id = json_object_get(node, "id");
		struct uuid task = {{0}};
		char text[UUID_TEXT_SIZE];

		(void)db_uuid(rows, 0, &task);
		uuid_format(&task, text);
		if (strcmp(text, json_string_value(id)) != 0) {
			json_object_set(aliases, text, id);
		}
		json_object_set(by_id, json_string_value(id), node);
		json_decref(node);
		n++;
		rc = 0;
	}
	db_rows_free(rows);
	if (rc == 0 && n > NODES_MAX) {
		rc = tx_detail(tx, err, ERR_USAGE, 400,
			       "The graph for this run has more than %d nodes.",
			       NODES_MAX);
	}
	link_nodes(by_id, aliases);
	json_decref(aliases);
	return rc;
}

static int write_states(struct tx *tx, const struct graph *a, struct jsonw *w,
			struct error *err)
{
	struct db_rows *rows = NULL;
	struct uuid id;
	int rc = db_query(tx->c, SQL_FLOW_RUN_GRAPH_STATES,
			  DB_ARGS(db_a_uuid(&a->base.id)), 1, &rows, err);

	jsonw_arr(w, "states");
	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		(void)db_uuid(rows, 0, &id);
		jsonw_obj(w, NULL);
		jsonw_uuid(w, "id", &id);
		jsonw_time(w, "timestamp", db_time(rows, 1));
		jsonw_str(w, "type", state_type_text((int)db_int(rows, 2)));
		jsonw_str(w, "name", db_text(rows, 3));
		jsonw_obj_end(w);
		rc = 0;
	}
	jsonw_arr_end(w);
	db_rows_free(rows);
	return rc;
}

static json_t *artifact_of(const struct db_rows *r)
{
	struct uuid id = {{0}};
	json_t *obj = json_object();
	const char *key = db_text(r, 2), *type = db_text(r, 3), *data = db_text(r, 4);

	(void)db_uuid(r, 0, &id);
	json_object_set_new(obj, "id", uuid_json(&id));
	json_object_set_new(obj, "created", time_json(db_time(r, 1)));
	json_object_set_new(obj, "key", key != NULL ? json_string(key) : json_null());
	json_object_set_new(obj, "type",
			    type != NULL ? json_string(type) : json_null());
	json_object_set_new(obj, "is_latest",
			    json_boolean(key == NULL || db_int(r, 6) > 0));
	if (type != NULL && strcmp(type, "progress") == 0 && data != NULL) {
		json_object_set_new(obj, "data",
				    json_parse(data, strlen(data), INPUTS_MAX, NULL));
	}
	return obj;
}

/* Artifacts of a task go to its node, the run's own to the top. */
static int read_artifacts(struct tx *tx, const struct graph *a, json_t *by_id,
			  json_t *top, struct error *err)
{
	struct db_rows *rows = NULL;
	struct uuid task;
	char text[UUID_TEXT_SIZE];
	int rc = db_query(tx->c, SQL_FLOW_RUN_GRAPH_ARTIFACTS,
			  DB_ARGS(db_a_uuid(&a->base.id)), 1, &rows, err);

	while (rc == 0 && (rc = db_next(rows, err)) == 1) {
		json_t *list = top;

		if (db_uuid(rows, 5, &task)) {
			list = json_object_get(
			    json_object_get(by_id, uuid_format(&task, text)),
			    "artifacts");
		}
		if (list != NULL) {
			json_array_append_new(list, artifact_of(rows));
		}
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
}

static void write_nodes(struct jsonw *w, json_t *by_id)
{
	const char *id;
	json_t *node;

	jsonw_arr(w, "root_node_ids");
	json_object_foreach (by_id, id, node) {
		if (json_array_size(json_object_get(node, "parents")) == 0) {
			jsonw_str(w, NULL, id);
		}
	}
	jsonw_arr_end(w);
	jsonw_arr(w, "nodes");
	json_object_foreach (by_id, id, node) {
		jsonw_arr(w, NULL);
		jsonw_str(w, NULL, id);
		jsonw_json(w, NULL, node);
		jsonw_arr_end(w);
	}
	jsonw_arr_end(w);
}

struct span {
	int64_t start_us, end_us;
};

static void take_span(const struct db_rows *r, void *arg)
{
	*(struct span *)arg = (struct span){db_time(r, 0), db_time(r, 1)};
}

static int graph_work(struct tx *tx, void *arg, struct error *err)
{
	const struct graph *a = arg;
	struct span span;
	json_t *by_id = json_object(), *artifacts = json_array();
	struct jsonw w;
	int rc = db_one(tx->c, SQL_FLOW_RUN_GRAPH_HEAD, DB_ARGS(db_a_uuid(&a->base.id)),
			1, take_span, &span, err);

	if (rc == 0) {
		rc = tx_exception(tx, err, ERR_NOT_FOUND, 404, "Flow run %s not found",
				  uuid_str(&a->base.id));
	}
	rc = rc > 0 ? read_nodes(tx, a, by_id, err) : rc;
	rc = rc == 0 ? read_artifacts(tx, a, by_id, artifacts, err) : rc;
	if (rc == 0) {
		jsonw_init(&w, &tx->body);
		jsonw_obj(&w, NULL);
		jsonw_time(&w, "start_time", span.start_us);
		jsonw_time(&w, "end_time", span.end_us);
		write_nodes(&w, by_id);
		jsonw_json(&w, "artifacts", artifacts);
		rc = write_states(tx, a, &w, err);
		jsonw_obj_end(&w);
	}
	json_decref(by_id);
	json_decref(artifacts);
	return rc;
}

void route_flow_run_graph(struct http_req *r)
{
	struct graph *a = req_arg_new(r, sizeof(*a));
	const char *since = http_query(r, "since");

	a->since_us = TIME_NONE;
	if (since != NULL && time_parse(since, &a->since_us, NULL, NULL, NULL) < 0) {
		struct http_invalid *v = http_invalid_new();
		json_t *input = json_string(since);

		http_invalid_root(v, "query");
		http_invalid_add(
		    v, "datetime_from_date_parsing", "since", input,
		    "Input should be a valid datetime or date, input is too short");
		json_decref(input);
		http_reply_invalid(r, v);
		req_arg_free(a);
		return;
	}
	tx_submit(r, DB_READ, graph_work, a, req_arg_free);
}
