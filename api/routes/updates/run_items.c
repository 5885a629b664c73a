/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_items.c - items that add to a run without changing its state: logs, facts that
 * the worker or the engine learned, artifacts, results.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/routes/log_store.h"
#include "api/routes/policy_json.h"
#include "api/routes/updates/batch.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"

#define JSON_MAX   (4u << 20)
#define RESULT_MAX (64u << 10) /* a larger result is named, not stored */

static void take_fence(const struct db_rows *r, void *arg)
{
	*(uint64_t *)arg = (uint64_t)db_int(r, 0);
}

int item_superseded(struct tx *tx, struct item *it, struct error *err)
{
	uint64_t stored = 0;
	int rc = db_one(tx->c, SQL_FLOW_RUN_FENCE, DB_ARGS(db_a_uuid(&it->run)), 1,
			take_fence, &stored, err);

	if (rc == 0) {
		return err_set(err, ERR_NOT_FOUND, "Flow run with id %s not found",
			       uuid_str(&it->run));
	}
	if (rc < 0) {
		return rc;
	}
	if (it->u->fence != 0 && it->u->fence < stored) {
		it->answer->pb.answer = WF__CONTROL__ANSWER__SUPERSEDED;
		(void)snprintf(it->answer->reason, sizeof(it->answer->reason),
			       "A newer owner of the run exists (token %llu).",
			       (unsigned long long)stored);
		return 1;
	}
	if (it->u->fence > stored) {
		rc = db_exec(
		    tx->c, SQL_FLOW_RUN_SET_FENCE,
		    DB_ARGS(db_a_uuid(&it->run), db_a_int((int64_t)it->u->fence)), 2,
		    NULL, err);
	}
	return rc < 0 ? rc : 0;
}

/* Items that may come twice but must be applied once: 1 when there is nothing to do. */
static int done_before(struct tx *tx, struct item *it, struct error *err)
{
	int rc = applied_find(tx, it, err);

	if (rc == 0) {
		it->answer->pb.answer = WF__CONTROL__ANSWER__ACCEPT;
	}
	return rc;
}

/* Lines of a superseded owner are kept, too: they say what it did. */
int item_logs(struct tx *tx, struct item *it, struct error *err)
{
	const Wf__Updates__Logs *logs = it->u->logs;
	int rc = done_before(tx, it, err);
	int64_t found = 0;

	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	rc = db_one_int(tx->c, SQL_FLOW_RUN_EXISTS, DB_ARGS(db_a_uuid(&it->run)), 1,
			&found, err);
	if (rc >= 0 && found == 0) {
		return err_set(err, ERR_NOT_FOUND, "Flow run with id %s not found",
			       uuid_str(&it->run));
	}
	for (size_t i = 0; rc >= 0 && i < logs->n_lines; i++) {
		const Wf__Control__LogLine *l = logs->lines[i];
		struct uuid task;
		struct log_line line = {
		    .name = l->name[0] != '\0' ? l->name : "wf",
		    .level = l->level,
		    .message = l->message,
		    .len = strlen(l->message),
		    .timestamp_us = l->timestamp_us > 0 ? l->timestamp_us : tx->now_us,
		    .flow_run_id = &it->run,
		};

		if (l->task_run_id.len == sizeof(task.b)) {
			memcpy(task.b, l->task_run_id.data, sizeof(task.b));
			line.task_run_id = &task;
		}
		rc = log_store(tx, &line, err);
	}
	return rc < 0 ? rc : applied_note(tx, it, err);
}

/* ---- facts about the run ---- */

struct old_info {
	char *labels, *policy;
};

static void take_info(const struct db_rows *r, void *arg)
{
	struct old_info *o = arg;
	const char *labels = db_text(r, 0), *policy = db_text(r, 1);

	o->labels = xstrdup(labels != NULL ? labels : "{}");
	o->policy = xstrdup(policy != NULL ? policy : "{}");
}

/* OLD with the members of OVER; owned text, NULL when OVER has none. */
static char *merged(const char *old, const char *over)
{
	json_t *a, *b;
	char *text;

	if (over == NULL || over[0] == '\0') {
		return NULL;
	}
	a = old != NULL ? json_parse(old, strlen(old), JSON_MAX, NULL) : NULL;
	b = json_parse(over, strlen(over), JSON_MAX, NULL);
	if (!json_is_object(a)) {
		json_decref(a);
		a = json_object();
	}
	json_object_update(a, b);
	text = json_text(a);
	json_decref(a);
	json_decref(b);
	return text;
}

/* The engine knows retries and delays; what the rules keep in the policy stays. */
static char *merged_policy(const char *old, const char *sent)
{
	json_t *raw, *p;
	char *clean, *text;

	if (sent == NULL || sent[0] == '\0') {
		return NULL;
	}
	raw = json_parse(sent, strlen(sent), JSON_MAX, NULL);
	p = flow_policy_decode(raw, "", NULL);
	json_object_del(p, "pause_keys");
	json_object_del(p, "resuming");
	json_object_del(p, "retry_type");
	clean = json_text(p);
	text = merged(old, clean);
	free(clean);
	json_decref(p);
	json_decref(raw);
	return text;
}

static struct db_arg text_or_null(const char *s)
{
	return db_a_text(s != NULL && s[0] != '\0' ? s : NULL);
}

int item_run_info(struct tx *tx, struct item *it, struct error *err)
{
	const Wf__Updates__RunInfo *info = it->u->run_info;
	struct old_info old = {NULL, NULL};
	char *labels = NULL, *policy = NULL;
	int rc = item_superseded(tx, it, err);

	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	rc = db_one(tx->c, SQL_RUN_INFO_OLD, DB_ARGS(db_a_uuid(&it->run)), 1, take_info,
		    &old, err);
	if (rc >= 0) {
		labels = merged(old.labels, info->labels_json);
		policy = merged_policy(old.policy, info->empirical_policy_json);
		rc = db_exec(tx->c, SQL_RUN_INFO_UPDATE,
			     DB_ARGS(db_a_uuid(&it->run), db_a_time(tx->now_us),
				     text_or_null(info->name),
				     text_or_null(info->infrastructure_pid),
				     text_or_null(info->flow_version),
				     db_a_text(policy), db_a_text(labels),
				     it->u->fence != 0 ? text_or_null(it->batch->sender)
						       : db_a_null()),
			     8, NULL, err);
	}
	it->answer->pb.answer = WF__CONTROL__ANSWER__ACCEPT;
	free(old.labels);
	free(old.policy);
	free(labels);
	free(policy);
	return rc < 0 ? rc : 0;
}

/* Of a superseded owner, too: it was used. */
int item_usage(struct tx *tx, struct item *it, struct error *err)
{
	const Wf__Updates__Usage *u = it->u->usage;

	it->answer->pb.answer = WF__CONTROL__ANSWER__ACCEPT;
	return db_exec(tx->c, SQL_USAGE_PUT,
		       DB_ARGS(db_a_uuid(&it->run), db_a_int((int64_t)it->u->fence),
			       db_a_time(tx->now_us), db_a_int((int64_t)u->cpu_us),
			       db_a_int((int64_t)u->peak_rss_kb),
			       db_a_int((int64_t)u->read_bytes),
			       db_a_int((int64_t)u->written_bytes), db_a_int(u->oom)),
		       8, NULL, err);
}

/* ---- artifacts and results ---- */

struct artifact {
	const char *key, *type, *description, *data;
	const ProtobufCBinaryData *task_run_id;
};

static int store_artifact(struct tx *tx, const struct item *it,
			  const struct artifact *a, struct error *err)
{
	struct uuid task, latest;
	int has_task = a->task_run_id->len == sizeof(task.b);
	int rc;

	if (has_task) {
		memcpy(task.b, a->task_run_id->data, sizeof(task.b));
	}
	rc = db_exec(tx->c, SQL_UPDATE_ARTIFACT_INSERT,
		     DB_ARGS(db_a_uuid(&it->id), db_a_time(tx->now_us),
			     text_or_null(a->key), text_or_null(a->type),
			     text_or_null(a->description), text_or_null(a->data),
			     db_a_uuid(&it->run),
			     has_task ? db_a_uuid(&task) : db_a_null()),
		     8, NULL, err);
	if (rc == 0 && a->key != NULL && a->key[0] != '\0') {
		uuid_v4(&latest);
		rc = db_exec(tx->c, SQL_UPDATE_ARTIFACT_LATEST,
			     DB_ARGS(db_a_uuid(&latest), db_a_time(tx->now_us),
				     db_a_text(a->key), db_a_uuid(&it->id)),
			     4, NULL, err);
	}
	return rc;
}

static int add_artifact(struct tx *tx, struct item *it, const struct artifact *a,
			struct error *err)
{
	int rc = done_before(tx, it, err);

	if (rc == 0) {
		rc = item_superseded(tx, it, err);
	}
	if (rc != 0) {
		return rc < 0 ? rc : 0;
	}
	rc = store_artifact(tx, it, a, err);
	return rc < 0 ? rc : applied_note(tx, it, err);
}

int item_artifact(struct tx *tx, struct item *it, struct error *err)
{
	const Wf__Control__Artifact *pb = it->u->artifact;
	struct artifact a = {
	    .key = pb->key,
	    .type = pb->type,
	    .description = pb->description,
	    .data = pb->data_json,
	    .task_run_id = &pb->task_run_id,
	};

	return add_artifact(tx, it, &a, err);
}

/* A result is an artifact of type "result" whose description is its key: see
 * docs/adr/0010-results.md. */
int item_result(struct tx *tx, struct item *it, struct error *err)
{
	const Wf__Control__Result *pb = it->u->result;
	struct artifact a = {
	    .type = "result",
	    .description = pb->key,
	    .task_run_id = &pb->task_run_id,
	};
	char *text;
	int rc;

	if (pb->json.len <= RESULT_MAX) {
		text = xmalloc(pb->json.len + 1);
		memcpy(text, pb->json.data, pb->json.len);
		text[pb->json.len] = '\0';
	} else {
		text = xasprintf("{\"too_large\":true,\"bytes\":%zu}", pb->json.len);
	}
	a.data = text;
	rc = add_artifact(tx, it, &a, err);
	free(text);
	return rc;
}
