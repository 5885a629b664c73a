/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_services.c - passes of the background services against a real database, in
 * virtual time.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "api/orchestration/apply.h"
#include "api/orchestration/create.h"
#include "api/routes/deployments/deployment_store.h"
#include "api/routes/deployments/schedule_store.h"
#include "api/routes/pools/poll.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools/queue_store.h"
#include "api/routes/pools/worker_beat.h"
#include "api/services/outbox.h"
#include "api/services/reconcile_rows.h"
#include "api/services/relay_rows.h"
#include "api/services/service.h"
#include "base/clock.h"
#include "base/timefmt.h"
#include "tests/unit/api/tx_fixture.h"

#define S   INT64_C(1000000)
#define DAY (86400 * S)

enum {
	SCHEDULED = 1,
	PENDING,
	RUNNING,
	COMPLETED,
	FAILED,
	CANCELLED,
	CRASHED,
	PAUSED,
	CANCELLING
};

static struct tx_fixture f;
static struct scene_ids ids;

static void setup(void)
{
	tx_fixture_start(&f);
	ids = (struct scene_ids){.on_lost = NULL};
	scene_make(&f, &ids, -1, NULL);
}

static void teardown(void)
{
	tx_fixture_stop(&f);
}
TestSuite(services, .init = setup, .fini = teardown);

/* ---- helpers ---- */

struct pass_arg {
	const struct service *service;
	struct service_pass pass;
};

static int pass_work(struct tx *tx, void *arg, struct error *err)
{
	struct pass_arg *a = arg;

	a->pass.more = 0;
	a->pass.done = 0;
	a->pass.began_mono_us = clock_mono_us();
	return a->service->pass(tx, &a->pass, err);
}

/* Passes until there is nothing more; how much was done. */
static int64_t run(const struct service *s)
{
	struct pass_arg a = {.service = s};
	int64_t done = 0;

	do {
		cr_assert_eq(tx_fixture_run(&f, pass_work, &a), 0, "%s: %s", s->name,
			     f.err.msg);
		done += a.pass.done;
	} while (a.pass.more);
	return done;
}

struct run_arg {
	struct uuid id;
	int64_t due_us;
	int type;
	const char *name;
	json_t *details;
	int state_type;
	char state_name[64], message[256];
	struct orc_result res;
};

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	struct run_arg *a = arg;
	char text[TIME_TEXT_SIZE];
	struct orc_state state = {.type = SCHEDULED, .name = "Scheduled"};
	struct flow_run_new n = {
	    .flow_id = ids.flow,
	    .deployment_id = &ids.deployment,
	    .work_queue_id = &ids.queue,
	    .work_queue_name = "default",
	    .state = &state,
	};
	int created;

	state.details = json_pack("{s:s}", "scheduled_time",
				  time_format(a->due_us, text, sizeof(text)));
	return flow_run_create(tx, &n, &a->id, &created, err);
}

static struct uuid make_run(int64_t due_us)
{
	struct run_arg a = {.due_us = due_us};

	cr_assert_eq(tx_fixture_run(&f, create_work, &a), 0, "%s", f.err.msg);
	return a.id;
}

static int propose_work(struct tx *tx, void *arg, struct error *err)
{
	struct run_arg *a = arg;
	struct orc_state state = {.type = a->type, .details = json_incref(a->details)};
	struct run_proposal p = {.flow_run_id = a->id, .state = &state};
	int rc;

	(void)snprintf(state.name, sizeof(state.name), "%s", a->name);
	rc = run_propose(tx, &p, &a->res, err);
	orc_result_release(&a->res);
	return rc;
}

static void propose(const struct uuid *id, int type, const char *name, json_t *details)
{
	struct run_arg a = {.id = *id, .type = type, .name = name, .details = details};

	cr_assert_eq(tx_fixture_run(&f, propose_work, &a), 0, "%s", f.err.msg);
	json_decref(details);
}

static void take_state(const struct db_rows *r, void *arg)
{
	struct run_arg *a = arg;
	const char *s = db_text(r, 3), *m = db_text(r, 4);

	a->state_type = (int)db_int(r, 2);
	(void)snprintf(a->state_name, sizeof(a->state_name), "%s", s != NULL ? s : "");
	(void)snprintf(a->message, sizeof(a->message), "%s", m != NULL ? m : "");
}

static int state_work(struct tx *tx, void *arg, struct error *err)
{
	struct run_arg *a = arg;
	int rc = db_one(tx->c, SQL_EXPLAIN_RUN, DB_ARGS(db_a_uuid(&a->id)), 1,
			take_state, a, err);

	return rc < 0 ? rc : 0;
}

static struct run_arg state_of(const struct uuid *id)
{
	struct run_arg a = {.id = *id};

	cr_assert_eq(tx_fixture_run(&f, state_work, &a), 0, "%s", f.err.msg);
	return a;
}

static int64_t runs(void)
{
	return tx_fixture_count(&f, SQL_FLOW_RUN_COUNT);
}

/* ---- scheduler ---- */

static int schedule_work(struct tx *tx, void *arg, struct error *err)
{
	struct schedule_in in = {.slug = "s"};
	int rc;

	in.schedule = json_loads(arg, 0, NULL);
	rc = schedule_insert(tx, &ids.deployment, &in, NULL, err);
	json_decref(in.schedule);
	return rc;
}

static int reset_work(struct tx *tx, void *arg, struct error *err)
{
	(void)arg;
	return db_exec(tx->c, SQL_SCHEDULE_RESET_HORIZON,
		       DB_ARGS(db_a_uuid(&ids.deployment)), 1, NULL, err);
}

static int drop_work(struct tx *tx, void *arg, struct error *err)
{
	(void)arg;
	return deployment_drop_auto_runs(tx, &ids.deployment, NULL, 0, err);
}

Test(services, scheduler_makes_runs_ahead_and_none_twice)
{
	static char daily[] =
	    "{\"cron\":\"0 3 * * *\",\"timezone\":\"UTC\",\"day_or\":true}";

	cr_assert_eq(tx_fixture_run(&f, schedule_work, daily), 0, "%s", f.err.msg);
	cr_expect_neq(f.fx & FX_SCHEDULES, 0);
	cr_expect_eq(run(&service_scheduler), 3);
	cr_expect_eq(runs(), 3);
	/* the same again, from the start: nothing new */
	cr_assert_eq(tx_fixture_run(&f, reset_work, NULL), 0);
	cr_expect_eq(run(&service_scheduler), 0);
	cr_expect_eq(runs(), 3);
	/* a day later one is due, the next one is made */
	f.now_us += DAY;
	cr_expect_eq(run(&service_scheduler), 1);
	cr_expect_eq(runs(), 4);
	/* a changed deployment: what is to come goes and comes again */
	cr_assert_eq(tx_fixture_run(&f, drop_work, NULL), 0, "%s", f.err.msg);
	cr_expect_eq(runs(), 1, "the late one stays");
	cr_expect_eq(run(&service_scheduler), 3);
}

Test(services, scheduler_survives_a_schedule_it_cannot_read)
{
	static char broken[] = "{\"cron\":\"x\"}";

	cr_assert_eq(tx_fixture_run(&f, schedule_work, broken), 0, "%s", f.err.msg);
	cr_expect_eq(run(&service_scheduler), 0);
	cr_expect_eq(run(&service_scheduler), 0);
}

/* ---- late, paused, cancelling ---- */

Test(services, late_after_fifteen_seconds)
{
	struct uuid id = make_run(f.now_us);

	f.now_us += 10 * S;
	cr_expect_eq(run(&service_late_runs), 0);
	f.now_us += 10 * S;
	cr_expect_eq(run(&service_late_runs), 1);
	cr_expect_str_eq(state_of(&id).state_name, "Late");
	cr_expect_eq(run(&service_late_runs), 0);
}

Test(services, an_expired_pause_fails)
{
	struct uuid id = make_run(f.now_us);
	char text[TIME_TEXT_SIZE];

	propose(&id, PENDING, "Pending", NULL);
	propose(&id, RUNNING, "Running", NULL);
	propose(&id, PAUSED, "Paused",
		json_pack("{s:s}", "pause_timeout",
			  time_format(f.now_us + 60 * S, text, sizeof(text))));
	cr_assert_eq(state_of(&id).state_type, PAUSED);
	cr_expect_eq(run(&service_pause_expiry), 0);
	f.now_us += 61 * S;
	cr_expect_eq(run(&service_pause_expiry), 1);
	cr_expect_eq(state_of(&id).state_type, FAILED);
	cr_expect_str_eq(state_of(&id).message,
			 "The flow was paused and never resumed.");
}

Test(services, a_cancellation_that_nobody_carries_out)
{
	struct uuid id = make_run(f.now_us);

	propose(&id, PENDING, "Pending", NULL);
	propose(&id, RUNNING, "Running", NULL);
	propose(&id, CANCELLING, "Cancelling", NULL);
	cr_expect_eq(run(&service_cancellation), 0);
	f.now_us += 301 * S;
	cr_expect_eq(run(&service_cancellation), 1);
	cr_expect_eq(state_of(&id).state_type, CANCELLED);
	cr_expect_not_null(strstr(state_of(&id).message, "timed out"));
}

/* ---- subflows of a run that ended ---- */

struct sub_arg {
	struct uuid parent, task, child;
	int is_deployed;
};

static int task_work(struct tx *tx, void *arg, struct error *err)
{
	struct sub_arg *a = arg;

	uuid_v4(&a->task);
	return db_exec(tx->c, SQL_TASK_RUN_INSERT,
		       DB_ARGS(db_a_uuid(&a->task), db_a_time(tx->now_us),
			       db_a_text("child"), db_a_uuid(&a->parent),
			       db_a_text("child"), db_a_text(uuid_str(&a->task)),
			       db_a_null(), db_a_null(), db_a_null(), db_a_text("{}"),
			       db_a_text("{}"), db_a_text("[]"), db_a_text("{}")),
		       13, NULL, err);
}

static int child_work(struct tx *tx, void *arg, struct error *err)
{
	struct sub_arg *a = arg;
	struct orc_state state = {.type = SCHEDULED, .name = "Scheduled"};
	struct flow_run_new n = {
	    .flow_id = ids.flow,
	    .deployment_id = a->is_deployed ? &ids.deployment : NULL,
	    .parent_task_run_id = &a->task,
	    .state = &state,
	};
	int created;

	return flow_run_create(tx, &n, &a->child, &created, err);
}

/* A subflow of PARENT that runs. */
static struct uuid subflow(const struct uuid *parent, int is_deployed)
{
	struct sub_arg a = {.parent = *parent, .is_deployed = is_deployed};

	cr_assert_eq(tx_fixture_run(&f, task_work, &a), 0, "%s", f.err.msg);
	cr_assert_eq(tx_fixture_run(&f, child_work, &a), 0, "%s", f.err.msg);
	propose(&a.child, PENDING, "Pending", NULL);
	propose(&a.child, RUNNING, "Running", NULL);
	return a.child;
}

static void expect_state(const struct uuid *id, int type, const char *message)
{
	struct run_arg a = state_of(id);

	cr_expect_eq(a.state_type, type, "%d, not %d", a.state_type, type);
	cr_expect_str_eq(a.message, message);
}

static int64_t run_woken(const struct service *s)
{
	struct pass_arg a = {.service = s,
			     .pass = {.woken = 1, .last_run_us = f.now_us}};

	cr_assert_eq(tx_fixture_run(&f, pass_work, &a), 0, "%s", f.err.msg);
	return a.pass.done;
}

Test(services, subflows_of_a_cancelled_run)
{
	struct uuid parent = make_run(f.now_us);
	struct uuid inside, deployed, below;

	propose(&parent, PENDING, "Pending", NULL);
	propose(&parent, RUNNING, "Running", NULL);
	inside = subflow(&parent, 0);
	deployed = subflow(&parent, 1);
	below = subflow(&deployed, 0);
	propose(&parent, CANCELLING, "Cancelling", NULL);
	cr_expect_eq(f.fx & FX_SUBFLOWS, 0);
	propose(&parent, CANCELLED, "Cancelled", NULL);
	cr_expect_neq(f.fx & FX_SUBFLOWS, 0);
	/* at once: only that with a process of its own */
	cr_expect_eq(run_woken(&service_cancellation), 1);
	expect_state(&deployed, CANCELLING, "The parent flow run was cancelled.");
	expect_state(&inside, RUNNING, "");
	propose(&inside, CANCELLING, "Cancelling", NULL);
	run(&service_cancellation);
	expect_state(&inside, CANCELLED, "The parent flow run was cancelled.");
	expect_state(&below, RUNNING, "");
	propose(&deployed, CANCELLED, "Cancelled", NULL);
	cr_expect_eq(f.fx & FX_SUBFLOWS, 0, "what it has ends with its process");
	run(&service_cancellation);
	expect_state(&below, CANCELLED, "The parent flow run was cancelled.");
	cr_expect_eq(run(&service_cancellation), 0);
}

Test(services, subflows_of_a_crashed_run)
{
	struct uuid parent = make_run(f.now_us);
	struct uuid inside, deployed;

	propose(&parent, PENDING, "Pending", NULL);
	propose(&parent, RUNNING, "Running", NULL);
	inside = subflow(&parent, 0);
	deployed = subflow(&parent, 1);
	propose(&parent, CRASHED, "Crashed", NULL);
	f.now_us += 20 * S;
	cr_expect_eq(run(&service_cancellation), 0, "its own report may come");
	f.now_us += 20 * S;
	cr_expect_eq(run(&service_cancellation), 1);
	expect_state(&inside, CRASHED, "The parent flow run crashed.");
	expect_state(&deployed, RUNNING, "");
}

/* ---- statuses ---- */

static int beat_work(struct tx *tx, void *arg, struct error *err)
{
	struct worker_beat beat = {.name = "w", .interval_s = 30};
	struct work_pool p = {0};
	int rc = pool_by_name(tx, "local", &p, err);

	(void)arg;
	if (rc == 0) {
		rc = worker_heartbeat(tx, &p, &beat, err);
	}
	if (rc == 0) {
		rc = poll_record_pool(tx, &p, NULL, err);
	}
	pool_release(&p);
	return rc;
}

struct statuses {
	enum pool_status pool;
	enum queue_status queue;
	int ready, queue_paused;
};

static int statuses_work(struct tx *tx, void *arg, struct error *err)
{
	struct statuses *s = arg;
	struct work_pool p = {0};
	struct work_queue q = {0};
	struct deployment d = {0};
	int rc = pool_by_name(tx, "local", &p, err);

	if (rc == 0 && (rc = queue_find(tx, &ids.queue, &q, err)) > 0) {
		rc = deployment_find(tx, &ids.deployment, &d, err);
	}
	*s = (struct statuses){p.status, q.status, d.ready, q.is_paused};
	pool_release(&p);
	queue_release(&q);
	deployment_release(&d);
	return rc < 0 ? rc : 0;
}

static struct statuses statuses(void)
{
	struct statuses s;

	cr_assert_eq(tx_fixture_run(&f, statuses_work, &s), 0, "%s", f.err.msg);
	return s;
}

static int pause_queue_work(struct tx *tx, void *arg, struct error *err)
{
	struct work_queue q = {0};
	int rc = queue_find(tx, &ids.queue, &q, err);

	(void)arg;
	if (rc > 0) {
		rc = db_exec(tx->c, SQL_WORK_QUEUE_UPDATE,
			     DB_ARGS(db_a_uuid(&q.id), db_a_time(tx->now_us),
				     db_a_text(q.name), db_a_text(""), db_a_int(1),
				     db_a_null(), db_a_int(1), db_a_null()),
			     8, NULL, err);
	}
	if (rc == 0) {
		q.is_paused = 1;
		rc = queue_set_status(tx, &q, queue_status_at(&q, tx->now_us), err);
	}
	queue_release(&q);
	return rc;
}

Test(services, what_nobody_looks_after_is_not_ready)
{
	struct statuses s;

	cr_assert_eq(tx_fixture_run(&f, beat_work, NULL), 0, "%s", f.err.msg);
	s = statuses();
	cr_expect_eq(s.pool, POOL_READY);
	cr_expect_eq(s.queue, QUEUE_READY);
	cr_expect(s.ready);
	cr_expect_eq(run(&service_foreman), 0);
	f.now_us += 120 * S;
	cr_expect_eq(run(&service_foreman), 4, "worker, pool, queue, deployment");
	s = statuses();
	cr_expect_eq(s.pool, POOL_NOT_READY);
	cr_expect_eq(s.queue, QUEUE_NOT_READY);
	cr_expect_not(s.ready);
}

Test(services, polls_do_not_unpause)
{
	struct statuses s;

	cr_assert_eq(tx_fixture_run(&f, pause_queue_work, NULL), 0, "%s", f.err.msg);
	cr_assert_eq(tx_fixture_run(&f, beat_work, NULL), 0, "%s", f.err.msg);
	s = statuses();
	cr_expect_eq(s.queue, QUEUE_PAUSED);
	cr_expect(s.queue_paused);
	f.now_us += 120 * S;
	(void)run(&service_foreman);
	s = statuses();
	cr_expect_eq(s.queue, QUEUE_PAUSED);
	cr_expect(s.queue_paused);
}

/* ---- leases, retention ---- */

static int taken_work(struct tx *tx, void *arg, struct error *err)
{
	int rc = db_one_int(tx->c, SQL_EXPLAIN_LIMIT_TAKEN,
			    DB_ARGS(db_a_uuid(&ids.limit)), 1, arg, err);

	return rc < 0 ? rc : 0;
}

static int64_t taken(void)
{
	int64_t n = -1;

	cr_assert_eq(tx_fixture_run(&f, taken_work, &n), 0, "%s", f.err.msg);
	return n;
}

Test(services, an_expired_lease_frees_its_slot, .init = NULL)
{
	struct uuid id;

	tx_fixture_start(&f);
	ids = (struct scene_ids){.on_lost = NULL};
	scene_make(&f, &ids, 1, NULL);
	id = make_run(f.now_us);
	propose(&id, PENDING, "Pending", NULL);
	cr_assert_eq(taken(), 1);
	cr_expect_eq(run(&service_lease_reaper), 0);
	f.now_us += 3600 * S;
	cr_expect_eq(run(&service_lease_reaper), 1);
	cr_expect_eq(taken(), 0);
}

Test(services, old_runs_go)
{
	struct uuid old = make_run(f.now_us), young;

	propose(&old, PENDING, "Pending", NULL);
	propose(&old, RUNNING, "Running", NULL);
	propose(&old, COMPLETED, "Completed", NULL);
	f.now_us += 91 * DAY;
	young = make_run(f.now_us);
	propose(&young, PENDING, "Pending", NULL);
	propose(&young, RUNNING, "Running", NULL);
	propose(&young, COMPLETED, "Completed", NULL);
	cr_assert_eq(runs(), 2);
	cr_expect_gt(run(&service_retention), 0);
	cr_expect_eq(runs(), 1);
	cr_expect_eq(run(&service_retention), 0);
}

struct lease_arg {
	struct uuid owner;
	int ours;
	int64_t fence;
};

static int lease_work(struct tx *tx, void *arg, struct error *err)
{
	struct lease_arg *a = arg;

	a->ours = service_lease(tx, "x", &a->owner, &a->fence, err);
	return a->ours < 0 ? a->ours : 0;
}

Test(services, one_leader_at_a_time)
{
	struct lease_arg a = {.owner = {{1}}}, b = {.owner = {{2}}};

	cr_assert_eq(tx_fixture_run(&f, lease_work, &a), 0);
	cr_assert_eq(tx_fixture_run(&f, lease_work, &b), 0);
	cr_expect(a.ours);
	cr_expect_not(b.ours);
	f.now_us += 30 * S;
	cr_assert_eq(tx_fixture_run(&f, lease_work, &a), 0);
	cr_expect(a.ours);
	f.now_us += 90 * S;
	cr_assert_eq(tx_fixture_run(&f, lease_work, &b), 0);
	cr_expect(b.ours);
	cr_expect_gt(b.fence, a.fence);
	cr_assert_eq(tx_fixture_run(&f, lease_work, &a), 0);
	cr_expect_not(a.ours);
}

/* ---- outbox ---- */

struct rows_arg {
	struct relay_row rows[RELAY_BATCH];
	size_t count;
};

static int rows_work(struct tx *tx, void *arg, struct error *err)
{
	struct rows_arg *a = arg;

	return relay_rows_read(tx, 0, RELAY_BATCH, a->rows, &a->count, err);
}

/* The operations that the outbox means now, as letters. */
static void expect_ops(const char *want)
{
	static const char letters[] = "-ECPQqpHL";
	static struct rows_arg a;
	char got[64] = "";
	size_t n = 0;

	cr_assert_eq(tx_fixture_run(&f, rows_work, &a), 0, "%s", f.err.msg);
	for (size_t i = 0; i < a.count && n < sizeof(got) - 1; i++) {
		got[n++] = letters[a.rows[i].op];
		relay_row_release(&a.rows[i]);
	}
	got[n] = '\0';
	cr_expect_str_eq(got, want);
}

static int cancel_row_work(struct tx *tx, void *arg, struct error *err)
{
	return outbox_cancel(tx, arg, err);
}

static int settings_work(struct tx *tx, void *arg, struct error *err)
{
	int rc = outbox_pool(tx, "local", err);

	(void)arg;
	rc = rc == 0 ? outbox_queue(tx, &ids.queue, err) : rc;
	rc = rc == 0 ? outbox_queue_gone(tx, "local", "default", err) : rc;
	rc = rc == 0 ? outbox_queue_gone(tx, "local", "old", err) : rc;
	rc = rc == 0 ? outbox_pool_gone(tx, "local", err) : rc;
	return rc == 0 ? outbox_pool_gone(tx, "gone", err) : rc;
}

Test(services, outbox_rows_say_what_is_true_now)
{
	struct uuid id = make_run(f.now_us);

	expect_ops("E");
	cr_assert_eq(tx_fixture_run(&f, cancel_row_work, &id), 0);
	expect_ops("E-"); /* it waits: a cancel from before means nothing */
	propose(&id, PENDING, "Pending", NULL);
	propose(&id, RUNNING, "Running", NULL);
	cr_assert_eq(tx_fixture_run(&f, cancel_row_work, &id), 0);
	expect_ops("-HHH"); /* it runs on a worker without leases, which counts */
	propose(&id, COMPLETED, "Completed", NULL);
	expect_ops("-CCCC"); /* and does so no more */
}

Test(services, outbox_settings)
{
	cr_assert_eq(tx_fixture_run(&f, settings_work, NULL), 0, "%s", f.err.msg);
	expect_ops("PQQqPp"); /* what exists again is set, not removed */
}

/* ---- reconciler ---- */

static int revive_work(struct tx *tx, void *arg, struct error *err)
{
	return rec_revive(tx, arg, 1, err);
}

struct slice_arg {
	struct rec_slice s;
	enum reconcile_phase phase;
};

static int slice_work(struct tx *tx, void *arg, struct error *err)
{
	struct slice_arg *a = arg;

	return rec_slice_read(tx, a->phase, &a->s, err);
}

Test(services, a_waiting_run_that_redis_settled_gets_a_new_gen)
{
	static struct slice_arg a = {.phase = REC_RUNS};
	struct uuid id = make_run(f.now_us);

	cr_assert_eq(tx_fixture_run(&f, revive_work, &id), 0, "%s", f.err.msg);
	expect_ops("EE");
	cr_assert_eq(tx_fixture_run(&f, slice_work, &a), 0, "%s", f.err.msg);
	cr_assert_eq(a.s.count, 1);
	cr_expect_eq(a.s.rows[0].gen, 2);
	cr_expect_str_eq(a.s.rows[0].pool, "local");
	cr_expect_not_null(strstr(a.s.rows[0].payload, "\"flow_run_id\""));
	rec_slice_release(&a.s);
	/* not twice for the same news */
	cr_assert_eq(tx_fixture_run(&f, revive_work, &id), 0);
	expect_ops("EE");
}

struct lost_arg {
	struct rec_row row;
	enum reconcile_phase phase;
};

static int lost_work(struct tx *tx, void *arg, struct error *err)
{
	const struct lost_arg *a = arg;

	return rec_lost(tx, &a->row, a->phase, err);
}

static int own_work(struct tx *tx, void *arg, struct error *err)
{
	struct run_arg *a = arg;
	struct orc_state state = {.type = a->type};
	struct run_proposal p = {
	    .flow_run_id = a->id, .state = &state, .fence = 7, .owner = "host-1"};
	int rc;

	(void)snprintf(state.name, sizeof(state.name), "%s", a->name);
	rc = run_propose(tx, &p, &a->res, err);
	orc_result_release(&a->res);
	return rc;
}

static struct uuid owned_running(void)
{
	struct uuid id = make_run(f.now_us);
	struct run_arg a = {.id = id, .type = PENDING, .name = "Pending"};

	cr_assert_eq(tx_fixture_run(&f, own_work, &a), 0, "%s", f.err.msg);
	a.type = RUNNING;
	a.name = "Running";
	cr_assert_eq(tx_fixture_run(&f, own_work, &a), 0, "%s", f.err.msg);
	return id;
}

Test(services, the_run_of_a_lost_worker_crashes_with_the_reason)
{
	struct uuid id = owned_running();
	static struct slice_arg s = {.phase = REC_RUNNING};
	struct lost_arg a = {.phase = REC_RUNNING};

	cr_assert_eq(tx_fixture_run(&f, slice_work, &s), 0, "%s", f.err.msg);
	cr_assert_eq(s.s.count, 1);
	a.row = s.s.rows[0];
	cr_expect_str_eq(a.row.owner, "host-1");
	cr_expect_eq(a.row.fence, 7);
	/* somebody newer owns it meanwhile: nothing happens */
	a.row.fence = 6;
	cr_assert_eq(tx_fixture_run(&f, lost_work, &a), 0, "%s", f.err.msg);
	cr_expect_eq(state_of(&id).state_type, RUNNING);
	a.row.fence = 7;
	cr_assert_eq(tx_fixture_run(&f, lost_work, &a), 0, "%s", f.err.msg);
	cr_expect_eq(state_of(&id).state_type, CRASHED);
	cr_expect_not_null(strstr(state_of(&id).message, "'host-1'"), "%s",
			   state_of(&id).message);
	rec_slice_release(&s.s);
}

Test(services, the_run_of_a_lost_worker_is_requeued_when_asked, .init = NULL)
{
	tx_fixture_start(&f);
	ids = (struct scene_ids){.on_lost = "requeue"};
	scene_make(&f, &ids, -1, NULL);
	struct uuid id = owned_running();
	struct lost_arg a = {
	    .phase = REC_RUNNING,
	    .row = {.id = id, .fence = 7, .owner = (char[]){"host-1"}}};

	cr_assert_eq(tx_fixture_run(&f, lost_work, &a), 0, "%s", f.err.msg);
	cr_expect_eq(state_of(&id).state_type, SCHEDULED);
	expect_ops("EE"); /* waiting again: the row of its first time says so, too */
}

Test(services, runs_of_other_workers_have_no_owner)
{
	static struct slice_arg s = {.phase = REC_RUNNING};
	struct uuid id = make_run(f.now_us);

	propose(&id, PENDING, "Pending", NULL);
	propose(&id, RUNNING, "Running", NULL);
	cr_assert_eq(tx_fixture_run(&f, slice_work, &s), 0, "%s", f.err.msg);
	cr_expect_eq(s.s.count, 1);
	cr_expect_null(s.s.rows[0].owner);
	cr_expect_str_eq(s.s.rows[0].queue, "default");
	rec_slice_release(&s.s);
}
