/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_trigger_store.c - the feed of trigger evaluation: what one pass makes of rows
 * that came together.
 */
#include <criterion/criterion.h>

#include "api/events/emit.h"
#include "api/services/trigger_store.h"
#include "tests/unit/api/tx_fixture.h"

#define TRIGGER                                                                       \
	"{\"type\": \"event\", \"id\": \"11111111-1111-4111-8111-111111111111\", "    \
	"\"match\": {}, \"match_related\": {}, \"after\": [], \"expect\": [\"x\"], "  \
	"\"for_each\": [], \"posture\": \"Reactive\", \"threshold\": 1, \"within\": " \
	"0}"

static struct tx_fixture f;
static struct trigger_store store;

static void setup(void)
{
	tx_fixture_start(&f);
	store = (struct trigger_store){.triggers = NULL};
}

static void teardown(void)
{
	trigger_store_drop(&store);
	tx_fixture_stop(&f);
}
TestSuite(trigger_store, .init = setup, .fini = teardown);

static int load_work(struct tx *tx, void *arg, struct error *err)
{
	(void)arg;
	return trigger_store_load(&store, tx, err);
}

static int pass_work(struct tx *tx, void *arg, struct error *err)
{
	int64_t next_us;
	int more;

	(void)arg;
	return trigger_store_pass(&store, tx, &next_us, &more, err);
}

static int automation_work(struct tx *tx, void *arg, struct error *err)
{
	struct uuid id;
	int rc;

	(void)arg;
	uuid_v4(&id);
	rc = db_exec(tx->c, SQL_AUTOMATION_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text("a"),
			     db_a_text(""), db_a_int(1), db_a_text("[]"),
			     db_a_text(TRIGGER),
			     db_a_text("[{\"type\": \"do-nothing\"}]"), db_a_text("[]"),
			     db_a_text("[]")),
		     10, NULL, err);
	return rc < 0 ? rc
		      : db_exec(tx->c, SQL_TRIGGER_FEED_AUTOMATION,
				DB_ARGS(db_a_uuid(&id)), 1, NULL, err);
}

static int event_work(struct tx *tx, void *arg, struct error *err)
{
	struct event_spec spec = {
	    .name = "x", .resource = json_pack("{s:s}", "prefect.resource.id", "r")};

	(void)arg;
	return event_emit(tx, &spec, NULL, err);
}

static void run(tx_work_fn fn)
{
	cr_assert_eq(tx_fixture_run(&f, fn, NULL), 0, "%s", f.err.msg);
}

/* An automation that was made while a pass was under way, and the event that it waits
 * for, are in the same batch. */
Test(trigger_store, an_event_right_after_the_automation_is_made)
{
	run(load_work);
	run(automation_work);
	run(event_work);
	run(pass_work);
	cr_assert_eq(store.fired, 1);
}

Test(trigger_store, an_event_before_the_automation_is_not_replayed)
{
	run(event_work);
	run(load_work);
	run(automation_work);
	run(pass_work);
	cr_assert_eq(store.fired, 0);
}
