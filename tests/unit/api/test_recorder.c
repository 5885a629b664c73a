/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_recorder.c - task runs out of events: order, duplicates, lost flow runs, other
 * ids.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "api/events/recorder.h"
#include "api/orchestration/create.h"
#include "api/routes/task_run_json.h"
#include "base/jsonw.h"
#include "tests/unit/api/tx_fixture.h"

static struct tx_fixture f;
static struct scene_ids ids;
static struct uuid run, task;

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	struct flow_run_new n = {.flow_id = ids.flow};
	int created;

	return flow_run_create(tx, &n, arg, &created, err);
}

static void setup(void)
{
	tx_fixture_start(&f);
	ids = (struct scene_ids){.on_lost = NULL};
	scene_make(&f, &ids, -1, NULL);
	cr_assert_eq(tx_fixture_run(&f, create_work, &run), 0, "%s", f.err.msg);
	uuid_v7(&task, f.now_us);
}

static void teardown(void)
{
	tx_fixture_stop(&f);
}
TestSuite(recorder, .init = setup, .fini = teardown);

struct step {
	const char *type, *at; /* "RUNNING", second of the minute */
	int run_count;
	const char *from; /* NULL: the first state */
};

static json_t *event_of(const struct step *s, const struct uuid *flow_run,
			const struct uuid *id)
{
	char flow_text[UUID_TEXT_SIZE], task_text[UUID_TEXT_SIZE],
	    id_text[UUID_TEXT_SIZE];
	json_t *initial =
	    s->from == NULL ? json_null() : json_pack("{s:s}", "type", s->from);

	uuid_format(flow_run, flow_text);
	uuid_format(&task, task_text);
	uuid_format(id, id_text);
	return json_pack(
	    "{s:s, s:o, s:s, s:{s:o, s:s, s:s}, s:[{s:o, s:s}], s:{s:o, "
	    "s:{s:s, s:s, s:s, s:{}, s:n}, s:{s:s, s:s, s:s, s:{s:i}, s:[s], s:i, "
	    "s:f}}}",
	    "id", id_text, "occurred", json_sprintf("2026-11-22T00:00:%sZ", s->at),
	    "event", "prefect.task-run.X", "resource", "prefect.resource.id",
	    json_sprintf("prefect.task-run.%s", task_text), "prefect.resource.name",
	    "t-0", "prefect.orchestration", "client", "related", "prefect.resource.id",
	    json_sprintf("prefect.flow-run.%s", flow_text), "prefect.resource.role",
	    "flow-run", "payload", "initial_state", initial, "validated_state", "type",
	    s->type, "name", s->type, "message", "", "state_details", "data",
	    "task_run", "name", "t-0", "task_key", "t", "dynamic_key", "0",
	    "empirical_policy", "retries", 2, "tags", "math", "run_count", s->run_count,
	    "total_run_time", 0.5);
}

static int apply_work(struct tx *tx, void *arg, struct error *err)
{
	return recorder_apply(tx, arg, err);
}

static int send(json_t *event)
{
	int rc = tx_fixture_run(&f, apply_work, event);

	json_decref(event);
	return rc;
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	struct jsonw w;

	jsonw_init(&w, &tx->body);
	return task_run_write_by_id(tx, &w, NULL, arg, err);
}

static json_t *read_task(void)
{
	cr_assert_eq(tx_fixture_run(&f, read_work, &task), 0, "%s", f.err.msg);
	return tx_fixture_json(&f);
}

static const struct step pending = {"PENDING", "01", 0, NULL};
static const struct step running = {"RUNNING", "02", 1, "PENDING"};
static const struct step completed = {"COMPLETED", "03", 1, "RUNNING"};

static int states_work(struct tx *tx, void *arg, struct error *err)
{
	struct db_rows *r = NULL;
	int rc =
	    db_query(tx->c, SQL_TASK_RUN_STATES, DB_ARGS(db_a_uuid(&task)), 1, &r, err);

	while (rc == 0 && (rc = db_next(r, err)) == 1) {
		++*(int64_t *)arg;
		rc = 0;
	}
	db_rows_free(r);
	return rc;
}

/* Of the present task run. */
static int64_t states(void)
{
	int64_t n = 0;

	cr_assert_eq(tx_fixture_run(&f, states_work, &n), 0, "%s", f.err.msg);
	return n;
}

/* Every order of three events ends alike; each one twice. */
Test(recorder, any_order_ends_alike)
{
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	const struct step *const steps[] = {&pending, &running, &completed};

	for (size_t o = 0; o < 6; o++) {
		struct uuid id[3];
		json_t *t;

		uuid_v7(&task, f.now_us);
		cr_assert_eq(tx_fixture_run(&f, create_work, &run), 0);
		for (int i = 0; i < 3; i++) {
			uuid_v7(&id[i], f.now_us);
		}
		for (int i = 0; i < 6; i++) {
			int k = orders[o][i % 3];

			cr_assert_eq(send(event_of(steps[k], &run, &id[k])), 0, "%s",
				     f.err.msg);
		}
		t = read_task();
		cr_expect_str_eq(json_string_value(json_object_get(t, "state_type")),
				 "COMPLETED", "order %zu", o);
		cr_expect_eq(json_integer_value(json_object_get(t, "run_count")), 1);
		cr_expect_eq(json_array_size(json_object_get(t, "tags")), 1);
		json_decref(t);
		cr_expect_eq(states(), 3, "order %zu", o);
	}
}

Test(recorder, an_unknown_flow_run_is_tolerated)
{
	struct uuid nobody, id;

	uuid_v7(&nobody, f.now_us);
	uuid_v7(&id, f.now_us);
	cr_expect_eq(send(event_of(&pending, &nobody, &id)), 0, "%s", f.err.msg);
	cr_expect_eq(send(event_of(&running, &nobody, &id)), 0, "%s", f.err.msg);
	cr_expect_eq(tx_fixture_count(&f, SQL_TASK_RUN_COUNT), 0);
	cr_expect_eq(states(), 0);
}

Test(recorder, the_same_keys_are_the_same_task_run)
{
	struct uuid first = task, id;
	json_t *t;

	uuid_v7(&id, f.now_us);
	cr_assert_eq(send(event_of(&pending, &run, &id)), 0, "%s", f.err.msg);
	uuid_v7(&task, f.now_us); /* an engine that was started again */
	uuid_v7(&id, f.now_us);
	cr_assert_eq(send(event_of(&running, &run, &id)), 0, "%s", f.err.msg);
	cr_expect_eq(tx_fixture_count(&f, SQL_TASK_RUN_COUNT), 1);
	task = first;
	t = read_task();
	cr_expect_str_eq(json_string_value(json_object_get(t, "state_type")),
			 "RUNNING");
	json_decref(t);
	cr_expect_eq(states(), 2);
}

Test(recorder, other_events_are_left_alone)
{
	struct uuid id;
	json_t *e;

	uuid_v7(&id, f.now_us);
	e = event_of(&pending, &run, &id);
	json_object_set_new(e, "event", json_string("prefect.flow-run.Pending"));
	cr_expect_eq(send(e), 0);
	e = event_of(&pending, &run, &id);
	json_object_del(json_object_get(e, "resource"), "prefect.orchestration");
	cr_expect_eq(send(e), 0);
	cr_expect_eq(tx_fixture_count(&f, SQL_TASK_RUN_COUNT), 0);
}

Test(recorder, a_broken_event_says_what_is_missing)
{
	struct uuid id;
	json_t *e;

	uuid_v7(&id, f.now_us);
	e = event_of(&pending, &run, &id);
	json_object_del(json_object_get(json_object_get(e, "payload"), "task_run"),
			"task_key");
	cr_expect_eq(send(e), -ERR_INVALID);
	cr_expect_not_null(strstr(f.err.msg, "task_key"));
	e = event_of(&pending, &run, &id);
	json_object_del(json_object_get(e, "payload"), "validated_state");
	cr_expect_eq(send(e), -ERR_INVALID);
	e = event_of(&pending, &run, &id);
	json_object_set_new(json_object_get(e, "resource"), "prefect.resource.id",
			    json_string("prefect.task-run.x"));
	cr_expect_eq(send(e), -ERR_INVALID);
}
