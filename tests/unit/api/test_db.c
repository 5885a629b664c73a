/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_db.c - works, savepoints, group commit, errors, readers.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "api/db/db_priv.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "tests/unit/api/db_fixture.h"

static struct db_fixture fx;

static void start(void)
{
	db_fixture_start(&fx, 0);
}

static void stop(void)
{
	db_fixture_stop(&fx);
}

TestSuite(db, .init = start, .fini = stop);

static int64_t flows(void)
{
	struct flow_arg a = {0};

	cr_assert_eq(db_run(fx.db, DB_READ, work_flow_count, &a, &fx.err), 0, "%s",
		     fx.err.msg);
	return a.count;
}

#define BIG_ROWS  3000
#define BIG_BYTES 4000

struct big {
	int fail;
	char intact[64];
};

/* 12 MB: three times the cache, so that pages go to the log before the COMMIT. */
static int work_big(struct db_conn *c, void *arg, struct error *err)
{
	const struct big *b = arg;
	char text[BIG_BYTES + 1], name[32];
	int rc = 0;

	memset(text, ' ', BIG_BYTES);
	text[BIG_BYTES] = '\0';
	text[0] = '[';
	text[BIG_BYTES - 1] = ']';
	for (int i = 0; i < BIG_ROWS && rc == 0; i++) {
		struct uuid id;

		uuid_v4(&id);
		(void)snprintf(name, sizeof(name), "big-%d-%d", b->fail, i);
		rc = db_exec(c, SQL_FLOW_INSERT,
			     DB_ARGS(db_a_uuid(&id), db_a_int(1), db_a_text(name),
				     db_a_text(text), db_a_null()),
			     5, NULL, err);
	}
	return rc == 0 && b->fail ? err_set(err, ERR_INVALID, "told to fail") : rc;
}

static void take_intact(const struct db_rows *r, void *arg)
{
	struct big *b = arg;

	(void)snprintf(b->intact, sizeof(b->intact), "%s", db_text(r, 0));
}

static int work_integrity(struct db_conn *c, void *arg, struct error *err)
{
	int rc = db_one(c, SQL_INTEGRITY, NULL, 0, take_intact, arg, err);

	return rc < 0 ? rc : 0;
}

Test(db, a_work_larger_than_the_cache_is_whole_or_nothing)
{
	for (int i = 0; i < 3; i++) {
		struct big b = {.fail = i != 1};

		cr_expect_eq(db_run(fx.db, DB_WRITE, work_big, &b, &fx.err),
			     b.fail ? -ERR_INVALID : 0, "%s", fx.err.msg);
		cr_expect_eq(flows(), i == 0 ? 0 : BIG_ROWS);
		if (fx.pg_url == NULL) {
			cr_assert_eq(
			    db_run(fx.db, DB_READ, work_integrity, &b, &fx.err), 0,
			    "%s", fx.err.msg);
			cr_expect_str_eq(b.intact, "ok");
		}
	}
	db_fixture_reopen(&fx);
	cr_expect_eq(flows(), BIG_ROWS);
}

Test(db, a_failing_work_is_rolled_back_alone)
{
	struct flow_arg args[5];
	int done = 0;
	int i;

	for (i = 0; i < 5; i++) {
		args[i] = (struct flow_arg){.fail = i == 2, .done = &done};
		args[i].name = (const char *[]){"a", "b", "c", "d", "e"}[i];
		cr_assert_eq(db_submit(fx.db, DB_WRITE, work_flow_insert, after_flow,
				       &args[i], &fx.err),
			     0);
	}
	db_fixture_wait(&fx, &done, 5);
	for (i = 0; i < 5; i++) {
		cr_expect_eq(args[i].after_rc, i == 2 ? -ERR_INVALID : 0);
		cr_expect_eq(args[i].order, i + 1,
			     "answers keep the order of submission");
	}
	cr_expect_str_eq(args[2].after_msg, "c was told to fail");
	cr_expect_eq(flows(), 4);
}

Test(db, a_unique_violation_names_table_and_column)
{
	struct flow_arg a = {.name = "same"};

	cr_assert_eq(db_run(fx.db, DB_WRITE, work_flow_insert, &a, &fx.err), 0);
	cr_assert_eq(db_run(fx.db, DB_WRITE, work_flow_insert, &a, &fx.err),
		     -ERR_CONFLICT);
	cr_expect_str_eq(fx.err.msg,
			 fx.pg_url == NULL
			     ? "flow_insert: UNIQUE constraint failed: flow.name"
			     : "flow_insert: duplicate key value violates unique "
			       "constraint \"flow_name_key\": Key (name)=(same) "
			       "already exists.");
	cr_expect_eq(flows(), 1);
}

static int work_bad_reference(struct db_conn *c, void *arg, struct error *err)
{
	(void)arg;
	return db_fixture_script(
	    c,
	    "INSERT INTO deployment (id, created, updated, name, flow_id) "
	    "VALUES (x'01', 1, 1, 'd', x'02')",
	    err);
}

Test(db, a_foreign_key_violation_is_a_conflict)
{
	cr_assert_eq(db_run(fx.db, DB_WRITE, work_bad_reference, NULL, &fx.err),
		     -ERR_CONFLICT);
	cr_expect(strcasestr(fx.err.msg, "FOREIGN KEY") != NULL, "%s", fx.err.msg);
}

static int work_nested(struct db_conn *c, void *arg, struct error *err)
{
	struct flow_arg a = {.name = "outer"};
	struct flow_arg b = {.name = "dropped"};
	struct flow_arg d = {.name = "kept"};
	int rc = work_flow_insert(c, &a, err);

	(void)arg;
	rc = rc < 0 ? rc : db_savepoint(c, err);
	rc = rc < 0 ? rc : work_flow_insert(c, &b, err);
	rc = rc < 0 ? rc : db_rollback_to(c, err);
	rc = rc < 0 ? rc : db_savepoint(c, err);
	rc = rc < 0 ? rc : work_flow_insert(c, &d, err);
	return rc < 0 ? rc : db_release(c, err);
}

Test(db, nested_savepoints_undo_only_their_part)
{
	cr_assert_eq(db_run(fx.db, DB_WRITE, work_nested, NULL, &fx.err), 0, "%s",
		     fx.err.msg);
	cr_expect_eq(flows(), 2);
}

/* Ends the transaction under the work, as SQLite does itself after a full disk. */
static int work_lose_transaction(struct db_conn *c, void *arg, struct error *err)
{
	(void)arg;
	(void)err;
	return conn_ctl(c, SQL_TX_ROLLBACK, err);
}

/* Holds the writer so that what is submitted meanwhile becomes one group. */
static int work_slow(struct db_conn *c, void *arg, struct error *err)
{
	int i;

	(void)arg;
	for (i = 0; i < 200; i++) {
		struct flow_arg a = {0};
		int rc = work_flow_count(c, &a, err);

		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

Test(db, a_lost_transaction_fails_the_works_before_it_and_spares_those_behind)
{
	struct flow_arg a[4] = {{.name = "a"}, {.name = "b"}, {.name = "c"}, {0}};
	int done = 0;
	int i;

	for (i = 0; i < 4; i++) {
		a[i].done = &done;
	}
	db_fixture_needs_file(&fx);
	(void)db_submit(fx.db, DB_WRITE, work_slow, NULL, NULL, &fx.err);
	(void)db_submit(fx.db, DB_WRITE, work_flow_insert, after_flow, &a[0], &fx.err);
	(void)db_submit(fx.db, DB_WRITE, work_flow_insert, after_flow, &a[1], &fx.err);
	(void)db_submit(fx.db, DB_WRITE, work_lose_transaction, after_flow, &a[3],
			&fx.err);
	(void)db_submit(fx.db, DB_WRITE, work_flow_insert, after_flow, &a[2], &fx.err);
	db_fixture_wait(&fx, &done, 4);
	cr_expect_eq(a[3].after_rc, -ERR_IO);
	cr_expect_eq(a[2].after_rc, 0);
	/* a and b: together with the loser or committed before it, never half */
	cr_expect_eq(flows(), 1 + (a[0].after_rc == 0) + (a[1].after_rc == 0));
}

static int work_wrong_statement(struct db_conn *c, void *arg, struct error *err)
{
	(void)arg;
	return db_exec(c, SQL_FLOW_INSERT,
		       DB_ARGS(db_a_text("text, not a blob"), db_a_int(1),
			       db_a_text("n"), db_a_text("[]"), db_a_null()),
		       5, NULL, err);
}

Test(db, an_error_names_the_statement)
{
	db_fixture_needs_file(&fx); /* PostgreSQL takes a text as bytes */
	cr_assert_eq(db_run(fx.db, DB_WRITE, work_wrong_statement, NULL, &fx.err),
		     -ERR_INTERNAL);
	cr_expect(strncmp(fx.err.msg, "flow_insert: ", 13) == 0, "%s", fx.err.msg);
}

Test(db, readers_cannot_write)
{
	struct flow_arg a = {.name = "x"};

	cr_assert_lt(db_run(fx.db, DB_READ, work_flow_insert, &a, &fx.err), 0);
	cr_expect_eq(flows(), 0);
}

struct look {
	struct db *db;
	int64_t before, seen, after;
};

/* Runs in the writer: a reader must not see what is not committed. */
static int work_insert_and_look(struct db_conn *c, void *arg, struct error *err)
{
	struct look *l = arg;
	struct flow_arg a = {.name = "invisible"};
	struct flow_arg n = {0};
	int rc = work_flow_insert(c, &a, err);

	rc = rc < 0 ? rc : work_flow_count(c, &n, err);
	l->after = n.count;
	rc = rc < 0 ? rc : db_run(l->db, DB_READ, work_flow_count, &n, err);
	l->seen = n.count;
	return rc;
}

Test(db, readers_see_committed_data_only)
{
	struct look l = {.db = fx.db};

	cr_assert_eq(db_run(fx.db, DB_WRITE, work_insert_and_look, &l, &fx.err), 0,
		     "%s", fx.err.msg);
	cr_expect_eq(l.after, 1);
	cr_expect_eq(l.seen, 0);
	cr_expect_eq(flows(), 1);
}

struct values {
	int64_t i;
	double d;
	char text[16];
	size_t len;
	struct uuid id;
	int is_null, has_uuid, col;
	int64_t time;
};

static void take_values(const struct db_rows *r, void *arg)
{
	struct values *v = arg;

	v->has_uuid = db_uuid(r, 0, &v->id);
	v->i = db_int(r, 1);
	(void)snprintf(v->text, sizeof(v->text), "%s", db_text(r, 3));
	v->len = db_len(r, 3);
	v->is_null = db_is_null(r, 5);
	v->time = db_time(r, 5);
	v->col = db_col(r, "tags");
}

static int work_values(struct db_conn *c, void *arg, struct error *err)
{
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(c, SQL_FLOW_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_int(INT64_MAX - 1),
			     db_a_textn("abcdef", 3), db_a_text("[]"), db_a_text(NULL)),
		     5, NULL, err);
	if (rc < 0) {
		return rc;
	}
	rc = db_one(c, SQL_FLOW_BY_ID, DB_ARGS(db_a_uuid(&id)), 1, take_values, arg,
		    err);
	cr_expect_eq(rc, 1);
	cr_expect(uuid_equal(&((struct values *)arg)->id, &id));
	rc =
	    db_one(c, SQL_FLOW_BY_NAME, DB_ARGS(db_a_text("none")), 1, NULL, NULL, err);
	cr_expect_eq(rc, 0);
	return rc;
}

Test(db, values_come_back_as_they_went_in)
{
	struct values v = {0};

	cr_assert_eq(db_run(fx.db, DB_WRITE, work_values, &v, &fx.err), 0, "%s",
		     fx.err.msg);
	cr_expect(v.has_uuid);
	cr_expect_eq(v.i, INT64_MAX - 1);
	cr_expect_str_eq(v.text, "abc");
	cr_expect_eq(v.len, 3);
	cr_expect(v.is_null);
	cr_expect_eq(v.time, TIME_NONE);
	cr_expect_eq(v.col, 4);
}

/* The same statement while it still gives rows. */
static int work_same_statement_nested(struct db_conn *c, void *arg, struct error *err)
{
	struct db_rows *a = NULL;
	struct db_rows *b = NULL;
	int rc;

	(void)arg;
	rc = db_query(c, SQL_FLOW_BY_NAME, DB_ARGS(db_a_text("x")), 1, &a, err);
	rc = rc < 0 ? rc : db_next(a, err);
	cr_expect_eq(rc, 1);
	rc = rc < 0
		 ? rc
		 : db_query(c, SQL_FLOW_BY_NAME, DB_ARGS(db_a_text("y")), 1, &b, err);
	rc = rc < 0 ? rc : db_next(b, err);
	cr_expect_eq(rc, 1);
	cr_expect_str_eq(db_text(a, 3), "x");
	cr_expect_str_eq(db_text(b, 3), "y");
	db_rows_free(b);
	db_rows_free(a);
	return rc < 0 ? rc : 0;
}

Test(db, a_statement_can_be_used_while_it_gives_rows)
{
	struct flow_arg x = {.name = "x"};
	struct flow_arg y = {.name = "y"};

	(void)db_run(fx.db, DB_WRITE, work_flow_insert, &x, &fx.err);
	(void)db_run(fx.db, DB_WRITE, work_flow_insert, &y, &fx.err);
	cr_expect_eq(db_run(fx.db, DB_READ, work_same_statement_nested, NULL, &fx.err),
		     0, "%s", fx.err.msg);
}
