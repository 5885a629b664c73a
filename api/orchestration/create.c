/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create.c - makes flow runs.
 */
#include "api/orchestration/create.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/orchestration/orchestration.h"
#include "api/orchestration/run_row.h"
#include "api/routes/policy_json.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define LABELS_MAX (1u << 20)

static char *text_or(const json_t *v, const char *standard)
{
	return v != NULL && !json_is_null(v) ? json_text(v) : xstrdup(standard);
}

static void take_text(const struct db_rows *r, void *arg)
{
	const char *s = db_text(r, 0);

	*(char **)arg = s != NULL ? xstrdup(s) : NULL;
}

static void put_uuid(json_t *obj, const char *key, const struct uuid *id)
{
	char text[UUID_TEXT_SIZE];

	json_object_set_new(obj, key, json_string(uuid_format(id, text)));
}

/* server-contract 3.3: the parent's, the system's, the request's. */
static int make_labels(struct tx *tx, const struct flow_run_new *n, char **ret_text,
		       struct error *err)
{
	char *parent = NULL;
	json_t *all;
	int rc = db_one(tx->c, SQL_FLOW_RUN_PARENT_LABELS,
			DB_ARGS(db_a_uuid(&n->flow_id),
				n->deployment_id != NULL ? db_a_uuid(n->deployment_id)
							 : db_a_null()),
			2, take_text, &parent, err);

	if (rc < 0) {
		return rc;
	}
	all = parent != NULL ? json_parse(parent, strlen(parent), LABELS_MAX, NULL)
			     : NULL;
	free(parent);
	if (!json_is_object(all)) {
		json_decref(all);
		all = json_object();
	}
	put_uuid(all, "prefect.flow.id", &n->flow_id);
	if (n->deployment_id != NULL) {
		put_uuid(all, "prefect.deployment.id", n->deployment_id);
	}
	if (n->labels != NULL && json_is_object(n->labels)) {
		json_t *own = json_deep_copy(n->labels);

		json_object_update(all, own);
		json_decref(own);
	}
	*ret_text = json_text(all);
	json_decref(all);
	return 0;
}

static struct db_arg uuid_or_null(const struct uuid *id)
{
	return id != NULL ? db_a_uuid(id) : db_a_null();
}

static int insert_row(struct tx *tx, const struct flow_run_new *n,
		      const struct uuid *id, int64_t *ret_changes, struct error *err)
{
	char made[RUN_NAME_SIZE];
	const char *name = n->name;
	char *labels = NULL, *params = text_or(n->parameters, "{}");
	char *context = text_or(n->context, "{}"), *tags = text_or(n->tags, "[]");
	json_t *p = flow_policy_decode(n->empirical_policy, "", NULL);
	char *policy = json_text(p);
	char *vars = n->job_variables != NULL ? text_or(n->job_variables, "{}") : NULL;
	char *by = n->created_by != NULL ? json_text(n->created_by) : NULL;
	int rc = make_labels(tx, n, &labels, err);

	if (name == NULL || name[0] == '\0') {
		run_name_make(made);
		name = made;
	}
	if (rc == 0) {
		rc = db_exec(
		    tx->c, SQL_FLOW_RUN_INSERT,
		    DB_ARGS(db_a_uuid(id), db_a_time(tx->now_us), db_a_text(name),
			    db_a_uuid(&n->flow_id), uuid_or_null(n->deployment_id),
			    db_a_text(n->deployment_version),
			    uuid_or_null(n->work_queue_id),
			    db_a_text(n->work_queue_name), db_a_text(n->flow_version),
			    db_a_text(params), db_a_text(n->idempotency_key),
			    db_a_text(context), db_a_text(policy), db_a_text(tags),
			    db_a_text(labels), uuid_or_null(n->parent_task_run_id),
			    db_a_int(n->auto_scheduled), uuid_or_null(n->schedule_id),
			    uuid_or_null(n->infrastructure_document_id), db_a_text(by),
			    db_a_text(vars)),
		    21, ret_changes, err);
	}
	json_decref(p);
	free(labels);
	free(params);
	free(context);
	free(tags);
	free(policy);
	free(vars);
	free(by);
	return rc;
}

static void take_id(const struct db_rows *r, void *arg)
{
	(void)db_uuid(r, 0, arg);
}

/* Written through the minimal policy: nothing can refuse the first state. */
static int first_state(struct tx *tx, const struct flow_run_new *n,
		       const struct uuid *id, struct error *err)
{
	struct run_row row;
	struct orc_state state;
	struct orc_decision d = {.writes = 0};
	struct run_change ch = {.d = &d, .no_event = n->no_event};
	int rc = run_row_load(tx, id, &row, err);

	if (n->state != NULL) {
		state = *n->state;
		*n->state = (struct orc_state){.type = 0};
	} else {
		orc_state_init(&state, WF__CONTROL__STATE_TYPE__PENDING, NULL, NULL);
	}
	uuid_v7(&state.id, tx->now_us);
	state.at_us = tx->now_us;
	ch.intended = state.type;
	if (rc == 0) {
		orc_decide(ORC_MINIMAL_FLOW, &row.run,
			   &(struct orc_view){&row.current, &row.facts, tx->now_us},
			   &state, &d);
		rc = run_row_write(tx, &row, &ch, err);
	}
	orc_decision_release(&d);
	orc_state_release(&state);
	run_row_release(&row);
	return rc;
}

static int check_parent(struct tx *tx, const struct uuid *parent, struct error *err)
{
	int64_t at = 0;
	int rc = 1;

	if (parent != NULL) {
		rc = db_one_int(tx->c, SQL_TASK_RUN_STATE_AT,
				DB_ARGS(db_a_uuid(parent)), 1, &at, err);
	}
	return rc == 0 ? err_set(err, ERR_CONFLICT, "there is no parent task run %s",
				 uuid_str(parent))
		       : MIN_OF(rc, 0);
}

int flow_run_create(struct tx *tx, const struct flow_run_new *n, struct uuid *ret_id,
		    int *ret_created, struct error *err)
{
	struct uuid id;
	int64_t changes = 0;
	int rc;

	if (n->id != NULL) {
		id = *n->id;
	} else {
		uuid_v7(&id, tx->now_us);
	}
	rc = insert_row(tx, n, &id, &changes, err);
	if (rc == 0 && changes > 0) {
		rc = check_parent(tx, n->parent_task_run_id, err);
		rc = rc == 0 ? first_state(tx, n, &id, err) : rc;
	} else if (rc == 0) {
		rc = db_one(
		    tx->c, SQL_FLOW_RUN_ID_BY_KEY,
		    DB_ARGS(db_a_uuid(&n->flow_id), db_a_text(n->idempotency_key)), 2,
		    take_id, &id, err);
	}
	if (n->state != NULL) {
		orc_state_release(n->state);
	}
	if (rc < 0) {
		return rc;
	}
	*ret_id = id;
	*ret_created = changes > 0;
	return 0;
}
