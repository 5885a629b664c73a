/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cancellation.c - what a cancelled run leaves behind: task runs and subflows are
 * cancelled, too (deployed ones at once,
 * docs/adr/0046-subflows-of-a-run-that-ended.md), what ran inside a process that
 * crashed crashes; a cancellation that nobody carried out in five minutes is carried
 * out on paper.
 */
#include <stdlib.h>

#include <jansson.h>

#include "api/db/db.h"
#include "api/events/object.h"
#include "api/orchestration/apply.h"
#include "api/orchestration/task_apply.h"
#include "api/orchestration/orchestration.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "proto/frame.h"

#define CANCEL_BATCH  100
#define INTERVAL_MS   20000
#define CANCELLING_US (300 * 1000000LL)
#define FIRST_LOOK_US (86400 * 1000000LL) /* the first pass looks back a day ... */
#define LATER_LOOK_US \
	(600 * 1000000LL) /* ... later ones ten minutes before the last pass */
#define CRASHED_US       (30 * 1000000LL) /* what the process itself tells comes first */
#define STATE_CANCELLED  6
#define STATE_CRASHED    7
#define STATE_CANCELLING 9

#define TIMED_OUT        "Flow run cancellation timed out; marked this flow run as Cancelled."
#define PARENT_GONE      "The parent flow run was cancelled."
#define PARENT_CRASHED   "The parent flow run crashed."

struct found {
	struct uuid ids[CANCEL_BATCH], owners[CANCEL_BATCH];
	int has_deployment[CANCEL_BATCH];
	size_t count;
};

static int64_t window(const struct tx *tx, const struct service_pass *p)
{
	return p->last_run_us == 0 ? tx->now_us - FIRST_LOOK_US
				   : p->last_run_us - LATER_LOOK_US;
}

/* What one statement looks for; the third parameter is that of some only. */
struct question {
	enum sql_id stmt;
	int64_t from_us, third;
	size_t parameters;
};

/* First column is the run, the second its owner or deployment. */
static int look(struct tx *tx, const struct question *q, struct found *f,
		struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(
	    tx->c, q->stmt,
	    DB_ARGS(db_a_int(q->from_us), db_a_int(CANCEL_BATCH), db_a_int(q->third)),
	    q->parameters, &r, err);

	f->count = 0;
	while (rc == 0 && f->count < CANCEL_BATCH && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &f->ids[f->count]);
		if (q->stmt != SQL_CANCELLING_OVERDUE) {
			f->has_deployment[f->count] =
			    db_uuid(r, 1, &f->owners[f->count]);
		}
		f->count++;
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

static struct question cancelled_tasks(const struct tx *tx,
				       const struct service_pass *p)
{
	return (struct question){SQL_CANCELLED_TASK_RUNS, window(tx, p), 0, 2};
}

/* Woken: only the deployed ones.  The others are told about by the process that ends.
 */
static struct question cancelled_subflows(const struct tx *tx,
					  const struct service_pass *p)
{
	return (struct question){SQL_CANCELLED_SUBFLOWS, window(tx, p), p->woken, 3};
}

static struct question crashed_subflows(const struct tx *tx,
					const struct service_pass *p)
{
	return (struct question){SQL_CRASHED_SUBFLOWS, window(tx, p),
				 tx->now_us - CRASHED_US, 3};
}

static struct question overdue(const struct tx *tx)
{
	return (struct question){SQL_CANCELLING_OVERDUE, tx->now_us - CANCELLING_US, 0,
				 2};
}

struct task_now {
	char *name, *state_name;
	int type;
};

static void take_task(const struct db_rows *r, void *arg)
{
	struct task_now *t = arg;
	const char *name = db_text(r, 0), *state = db_text(r, 2);

	t->name = xstrdup(name != NULL ? name : "");
	t->type = (int)db_int(r, 1);
	t->state_name = xstrdup(state != NULL ? state : "");
}

static json_t *state_object(int type, const char *name, const char *message)
{
	return json_pack("{s:s, s:s, s:s}", "type", state_type_text(type), "name", name,
			 "message", message);
}

/* prefect.task-run.Cancelled, as the engine would have told it. */
static int tell(struct tx *tx, const struct uuid *id, const struct uuid *flow_run,
		const struct task_now *t, struct error *err)
{
	const char *from = state_type_text(t->type);
	struct object_event e = {
	    .kind = "task-run",
	    .what = "Cancelled",
	    .id = id,
	    .name = t->name,
	    .related = json_array(),
	    .payload =
		json_pack("{s:{s:s, s:s}, s:o, s:o}", "intended", "from", from, "to",
			  state_type_text(STATE_CANCELLED), "initial_state",
			  state_object(t->type, t->state_name, ""), "validated_state",
			  state_object(STATE_CANCELLED, "Cancelled", PARENT_GONE)),
	};

	json_array_append_new(e.related,
			      event_related("flow-run", flow_run, "flow-run", NULL));
	return event_object(tx, &e, err);
}

static int end_task_run(struct tx *tx, const struct uuid *id,
			const struct uuid *flow_run, struct error *err)
{
	struct task_now now = {.name = NULL};
	struct orc_result res = {.wrote = 0};
	struct orc_state state;
	struct task_proposal p = {.task_run_id = *id, .state = &state, .force = 1};
	int rc = db_one(tx->c, SQL_TASK_RUN_NAMES, DB_ARGS(db_a_uuid(id)), 1, take_task,
			&now, err);

	if (rc > 0) {
		orc_state_init(&state, STATE_CANCELLED, "Cancelled", PARENT_GONE);
		rc = task_propose(tx, &p, &res, err);
		rc = rc == 0 ? tell(tx, id, flow_run, &now, err) : rc;
	}
	orc_result_release(&res);
	free(now.name);
	free(now.state_name);
	return rc;
}

static int propose(struct tx *tx, const struct uuid *id, int type, const char *message,
		   int force, struct error *err)
{
	const struct run_simple state = {
	    .type = type, .message = message, .force = force};
	struct orc_result res = {0};
	int rc = run_propose_simple(tx, id, &state, &res, err);

	orc_result_release(&res);
	return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int end_tasks(struct tx *tx, struct service_pass *p, struct error *err)
{
	const struct question q = cancelled_tasks(tx, p);
	struct found f;
	int rc = look(tx, &q, &f, err);

	for (size_t i = 0; rc == 0 && i < f.count; i++) {
		rc = end_task_run(tx, &f.ids[i], &f.owners[i], err);
		p->done++;
	}
	p->more |= f.count == CANCEL_BATCH;
	return rc;
}

/* A deployed subflow has processes of its own: they are asked; others are just gone. */
static int end_subflows(struct tx *tx, struct service_pass *p, struct error *err)
{
	const struct question q = cancelled_subflows(tx, p);
	struct found f;
	int rc = look(tx, &q, &f, err);

	for (size_t i = 0; rc == 0 && i < f.count; i++) {
		rc = propose(tx, &f.ids[i],
			     f.has_deployment[i] ? STATE_CANCELLING : STATE_CANCELLED,
			     PARENT_GONE, !f.has_deployment[i], err);
		p->done++;
	}
	p->more |= f.count == CANCEL_BATCH;
	return rc;
}

static int end_each(struct tx *tx, struct service_pass *p, const struct question *q,
		    const struct run_simple *as, struct error *err)
{
	struct found f;
	int rc = look(tx, q, &f, err);

	for (size_t i = 0; rc == 0 && i < f.count; i++) {
		rc = propose(tx, &f.ids[i], as->type, as->message, as->force, err);
		p->done++;
	}
	p->more |= f.count == CANCEL_BATCH;
	return rc;
}

static int end_crashed(struct tx *tx, struct service_pass *p, struct error *err)
{
	const struct question q = crashed_subflows(tx, p);
	const struct run_simple as = {
	    .type = STATE_CRASHED, .message = PARENT_CRASHED, .force = 1};

	return end_each(tx, p, &q, &as, err);
}

static int end_overdue(struct tx *tx, struct service_pass *p, struct error *err)
{
	const struct question q = overdue(tx);
	const struct run_simple as = {.type = STATE_CANCELLED, .message = TIMED_OUT};

	return end_each(tx, p, &q, &as, err);
}

static int probe(struct tx *tx, struct service_pass *p, struct error *err)
{
	const struct question all[] = {cancelled_subflows(tx, p),
				       cancelled_tasks(tx, p), crashed_subflows(tx, p),
				       overdue(tx)};
	size_t count = p->woken ? 1 : sizeof(all) / sizeof(all[0]);
	struct found f = {.count = 0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && f.count == 0 && i < count; i++) {
		rc = look(tx, &all[i], &f, err);
	}
	if (p->woken) {
		p->next_us = p->last_run_us + INTERVAL_MS * 1000;
	}
	return rc < 0 ? rc : f.count > 0;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	int rc = end_subflows(tx, p, err);

	if (p->woken) {
		p->next_us = p->last_run_us + INTERVAL_MS * 1000;
		return rc;
	}
	rc = rc < 0 ? rc : end_tasks(tx, p, err);
	rc = rc < 0 ? rc : end_crashed(tx, p, err);
	return rc < 0 ? rc : end_overdue(tx, p, err);
}

const struct service service_cancellation = {
    .name = "cancellation",
    .interval_ms = INTERVAL_MS,
    .probe = probe,
    .pass = pass,
};
