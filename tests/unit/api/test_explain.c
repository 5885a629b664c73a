/* SPDX-License-Identifier: Apache-2.0 */
/* test_explain.c - each reason why a run waits: name, object, words, command. */
#include <criterion/criterion.h>

#include <string.h>

#include <jansson.h>

#include "api/routes/explain.h"
#include "base/timefmt.h"

#define NOW INT64_C(1800000000000000)
#define S   INT64_C(1000000)

/* A run that nothing holds back. */
static struct explain_facts ready(void)
{
	return (struct explain_facts){
	    .now_us = NOW,
	    .id = "01a20c72-0000-7000-8000-000000000001",
	    .name = "calm-otter",
	    .flow = "etl",
	    .state_type = 1,
	    .state_name = "Scheduled",
	    .state_at_us = NOW - S,
	    .due_us = NOW - S,
	    .start_us = TIME_NONE,
	    .end_us = TIME_NONE,
	    .deployment = "nightly",
	    .deployment_polled_us = TIME_NONE,
	    .deployment_slots = {.limit = -1},
	    .queue = "default",
	    .pool = "main pool",
	    .pool_type = "process",
	    .queue_slots = {.limit = -1},
	    .pool_slots = {.limit = -1},
	    .workers_online = 1,
	    .workers_known = 1,
	    .last_heartbeat_us = NOW - S,
	};
}

static void pause_pool(struct explain_facts *f)
{
	f->pool_paused = 1;
}

static void pause_queue(struct explain_facts *f)
{
	f->queue_paused = 1;
}

static void fill_pool(struct explain_facts *f)
{
	f->pool_slots.limit = 1;
	f->pool_slots.taken = 1;
	f->pool_slots.holder_count = 1;
	strcpy(f->pool_slots.holders[0].id, "01a20c72-0000-7000-8000-00000000000a");
	strcpy(f->pool_slots.holders[0].name, "busy-bee");
}

static void fill_queue(struct explain_facts *f)
{
	f->queue_slots.limit = 2;
	f->queue_slots.taken = 2;
}

static void fill_deployment(struct explain_facts *f)
{
	f->deployment_slots.limit = 1;
	f->deployment_slots.taken = 1;
	f->deployment_slots.holder_count = 1;
	strcpy(f->deployment_slots.holders[0].id,
	       "01a20c72-0000-7000-8000-00000000000b");
	strcpy(f->deployment_slots.holders[0].name, "slow-owl");
}

static void no_limit_left(struct explain_facts *f)
{
	f->deployment_slots.limit = 0;
}

static void no_workers(struct explain_facts *f)
{
	f->workers_online = f->workers_known = 0;
	f->last_heartbeat_us = TIME_NONE;
}

static void lost_workers(struct explain_facts *f)
{
	f->workers_online = 0;
	f->last_heartbeat_us = NOW - 300 * S;
}

static void tomorrow(struct explain_facts *f)
{
	f->due_us = NOW + 86400 * S;
}

static void pause_schedule(struct explain_facts *f)
{
	f->has_schedule = 1;
	f->schedule_slug = "hourly";
}

static void pause_deployment(struct explain_facts *f)
{
	f->has_schedule = f->schedule_active = 1;
	f->deployment_paused = 1;
}

static void retry_by_itself(struct explain_facts *f)
{
	f->retry_in_process = 1;
}

static void unserved(struct explain_facts *f)
{
	f->queue = f->pool = NULL;
}

static void pause_run(struct explain_facts *f)
{
	f->state_type = 8;
	f->state_name = "Paused";
}

static void cancelling(struct explain_facts *f)
{
	f->state_type = 9;
	f->state_name = "Cancelling";
	f->owner = "host-1";
}

static const struct {
	const char *reason, *object, *says, *fix;
	void (*make)(struct explain_facts *f);
} cases[] = {
    {"work_pool_paused", "main pool", "'main pool' is paused",
     "wf work-pool resume 'main pool'", pause_pool},
    {"work_queue_paused", "main pool/default", "'default' of work pool",
     "wf work-queue resume default --pool 'main pool'", pause_queue},
    {"work_pool_limit", "main pool",
     "at most 1 at once, and 1 slots are taken by 'busy-bee'",
     "wf work-pool set-concurrency-limit 'main pool' 2", fill_pool},
    {"work_queue_limit", "main pool/default", "at most 2 at once",
     "wf work-queue set-concurrency-limit default 3 --pool 'main pool'", fill_queue},
    {"deployment_limit", "nightly", "taken by 'slow-owl'",
     "wf flow-run cancel 01a20c72-0000-7000-8000-00000000000b", fill_deployment},
    {"deployment_limit", "nightly", "is 0", "", no_limit_left},
    {"no_worker_online", "main pool", "never had a worker",
     "wf-worker --pool 'main pool'", no_workers},
    {"no_worker_online", "main pool", "5 minutes ago", "wf-worker --pool 'main pool'",
     lost_workers},
    {"not_due", "01a20c72-0000-7000-8000-000000000001", "not due yet", "", tomorrow},
    {"schedule_paused", "hourly", "'hourly' that made this run is paused", "",
     pause_schedule},
    {"deployment_paused", "nightly", "'nightly' is paused", "", pause_deployment},
    {"retry_in_process", "01a20c72-0000-7000-8000-000000000001", "own process", "",
     retry_by_itself},
    {"no_work_queue", "nightly", "no work pool", "start the program", unserved},
    {"run_paused", "01a20c72-0000-7000-8000-000000000001", "resume", "curl -X POST",
     pause_run},
    {"worker_stops_it", "host-1", "worker 'host-1' stops", "", cancelling},
};

static const char *text(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s != NULL ? s : "(none)";
}

Test(explain, each_reason_alone)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct explain_facts f = ready();
		json_t *out, *list, *r;

		cases[i].make(&f);
		out = explain(&f);
		list = json_object_get(out, "waiting_for");
		cr_assert_eq(json_array_size(list), 1, "%s: %zu reasons",
			     cases[i].reason, json_array_size(list));
		r = json_array_get(list, 0);
		cr_expect_str_eq(text(r, "reason"), cases[i].reason);
		cr_expect_str_eq(text(r, "object"), cases[i].object);
		cr_expect_not_null(strstr(text(r, "detail"), cases[i].says), "%s: %s",
				   cases[i].reason, text(r, "detail"));
		cr_expect(strncmp(text(r, "fix"), cases[i].fix, strlen(cases[i].fix)) ==
			      0,
			  "%s: %s", cases[i].reason, text(r, "fix"));
		json_decref(out);
	}
}

Test(explain, several_reasons_are_all_told)
{
	struct explain_facts f = ready();
	json_t *out;

	pause_pool(&f);
	no_workers(&f);
	tomorrow(&f);
	out = explain(&f);
	cr_expect_eq(json_array_size(json_object_get(out, "waiting_for")), 3);
	cr_expect_not_null(strstr(text(out, "summary"), "several reasons"));
	json_decref(out);
}

Test(explain, nothing_holds_it)
{
	struct explain_facts f = ready();
	json_t *out = explain(&f);

	cr_expect_eq(json_array_size(json_object_get(out, "waiting_for")), 0);
	cr_expect_not_null(strstr(text(out, "summary"), "Nothing holds it back"));
	json_decref(out);
	f.ahead = 2;
	out = explain(&f);
	cr_expect_not_null(strstr(text(out, "summary"), "2 runs of work pool"));
	json_decref(out);
}

Test(explain, ended_and_running_runs_wait_for_nothing)
{
	struct explain_facts f = ready();
	json_t *out;

	pause_pool(&f);
	f.state_type = 3;
	f.state_name = "Running";
	f.owner = "host-1";
	out = explain(&f);
	cr_expect_eq(json_array_size(json_object_get(out, "waiting_for")), 0);
	cr_expect_not_null(strstr(text(out, "summary"), "runs on worker 'host-1'"));
	json_decref(out);
	f.state_type = 7;
	f.state_name = "Crashed";
	f.end_us = NOW - 60 * S;
	f.message = "Process exited with status code: 137.";
	out = explain(&f);
	cr_expect_eq(json_array_size(json_object_get(out, "waiting_for")), 0);
	cr_expect_not_null(strstr(text(out, "summary"), "Crashed"));
	cr_expect_not_null(strstr(text(out, "summary"), "137"));
	json_decref(out);
}
