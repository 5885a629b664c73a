/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_db_pred.c - the predicate builder, db_select(), and the plans of hot statements.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "api/db/db_priv.h"
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

TestSuite(db_pred, .init = start, .fini = stop);

static void expect_text(const struct db_pred *p, const char *expected)
{
	char text[1024];
	size_t i, n = 0;
	const char *s = pred_text(p, DIALECT_SQLITE);

	for (i = 0; s[i] != '\0' && n + 1 < sizeof(text); i++) {
		text[n++] = s[i] == PRED_MARK ? '?' : s[i];
	}
	text[n] = '\0';
	cr_expect_str_eq(text, expected);
}

Test(db_pred, an_empty_predicate_is_true)
{
	struct db_pred *p = pred_new();

	expect_text(NULL, "TRUE");
	expect_text(p, "TRUE");
	pred_free(p);
	pred_free(NULL);
}

Test(db_pred, groups_nest_and_empty_ones_are_true)
{
	struct db_pred *p = pred_new();

	pred_open(p, 1);
	pred_add(p, FRAG_F_NAME_LIKE, DB_ARGS(db_a_text("%x%")), 1);
	pred_open(p, 0);
	pred_close(p);
	pred_close(p);
	pred_add_false(p);
	expect_text(p, "((f.name LIKE ?) OR (TRUE)) AND FALSE");
	pred_free(p);
}

Test(db_pred, lists_are_padded_and_empty_ones_are_false)
{
	struct db_pred *p = pred_new();
	size_t count;

	pred_add_list(p, FRAG_F_NAME_ANY,
		      DB_ARGS(db_a_text("a"), db_a_text("b"), db_a_text("c")), 3);
	pred_add_list(p, FRAG_F_NAME_ANY, NULL, 0);
	expect_text(p, "(f.name IN (?,?,?,?)) AND FALSE");
	(void)pred_args(p, &count);
	cr_expect_eq(count, 4);
	cr_expect_eq(strcmp(pred_args(p, &count)[3].p, "c"), 0);
	pred_free(p);
}

Test(db_pred, exists_frames_hold_their_group)
{
	struct db_pred *p = pred_new();

	pred_open_in(p, FRAG_X_F_D, 0);
	pred_add(p, FRAG_D_PAUSED, NULL, 0);
	pred_close(p);
	expect_text(p,
		    "(EXISTS (SELECT 1 FROM deployment AS d WHERE d.flow_id = f.id AND "
		    "((d.paused = 1))))");
	pred_free(p);
}

Test(db_pred, percent_signs_in_quotes_stay)
{
	struct db_pred *p = pred_new();

	pred_add(p, FRAG_L_TEXT_HAS, DB_ARGS(db_a_text("x")), 1);
	expect_text(p, "((l.message || ' ' || l.name) LIKE ? ESCAPE '\\')");
	pred_free(p);
}

static int work_poisoned(struct db_conn *c, void *arg, struct error *err)
{
	struct db_rows *r = NULL;
	int rc =
	    db_select(c, SQL_FLOW_COUNT, NULL, 0, arg, SQL_FRAG_NONE, -1, -1, &r, err);

	db_rows_free(r);
	return rc;
}

Test(db_pred, too_many_values_and_too_deep_groups_are_refused)
{
	static struct db_arg args[PRED_ARGS_MAX + 1];
	struct db_pred *many = pred_new();
	struct db_pred *deep = pred_new();
	struct db_pred *wide = pred_new();
	int i;

	pred_add_list(many, FRAG_F_NAME_ANY, args, PRED_ARGS_MAX + 1);
	for (i = 0; i < PRED_DEPTH_MAX + 5; i++) {
		pred_open(deep, 0);
	}
	for (i = 0; i < PRED_DEPTH_MAX + 5; i++) {
		pred_close(deep);
	}
	for (i = 0; i < 5000; i++) {
		pred_add_false(wide);
	}
	cr_expect_eq(db_run(fx.db, DB_READ, work_poisoned, many, &fx.err),
		     -ERR_TOO_LARGE);
	cr_expect_eq(db_run(fx.db, DB_READ, work_poisoned, deep, &fx.err),
		     -ERR_TOO_LARGE);
	cr_expect_eq(db_run(fx.db, DB_READ, work_poisoned, wide, &fx.err),
		     -ERR_TOO_LARGE);
	pred_free(many);
	pred_free(deep);
	pred_free(wide);
}

static int work_largest(struct db_conn *c, void *arg, struct error *err)
{
	struct db_pred *p = pred_new();
	static struct db_arg args[PRED_ARGS_MAX];
	int rc;

	(void)arg;
	pred_add_list(p, FRAG_F_NAME_ANY, args, PRED_ARGS_MAX);
	rc = work_poisoned(c, p, err);
	pred_free(p);
	return rc;
}

Test(db_pred, the_largest_predicate_still_runs)
{
	cr_expect_eq(db_run(fx.db, DB_READ, work_largest, NULL, &fx.err), 0, "%s",
		     fx.err.msg);
}

static int work_insert_hundred(struct db_conn *c, void *arg, struct error *err)
{
	char name[16];
	int i;

	(void)arg;
	for (i = 0; i < 100; i++) {
		struct flow_arg a = {.name = name};
		int rc;

		(void)snprintf(name, sizeof(name), "f%02d", i);
		rc = work_flow_insert(c, &a, err);
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

/* More different texts than the connection keeps, each while another gives rows. */
static int work_many_texts(struct db_conn *c, void *arg, struct error *err)
{
	struct db_rows *outer = NULL;
	int i, k, rc;

	(void)arg;
	rc = db_select(c, SQL_FLOW_LIST, NULL, 0, NULL, FRAG_F_BY_NAME_ASC, 3, 1,
		       &outer, err);
	rc = rc < 0 ? rc : db_next(outer, err);
	cr_expect_eq(rc, 1);
	for (i = 0; rc >= 0 && i < CONN_COMPOSED_MAX + 50; i++) {
		struct db_pred *p = pred_new();
		struct db_rows *r = NULL;

		for (k = 0; k <= i; k++) {
			pred_add(p, FRAG_F_NAME_LIKE, DB_ARGS(db_a_text("f0%")), 1);
		}
		rc = db_select(c, SQL_FLOW_COUNT, NULL, 0, p, SQL_FRAG_NONE, -1, -1, &r,
			       err);
		rc = rc < 0 ? rc : db_next(r, err);
		cr_expect(rc == 1 && db_int(r, 0) == 10);
		db_rows_free(r);
		pred_free(p);
	}
	cr_expect_str_eq(db_text(outer, 3), "f01");
	rc = rc < 0 ? rc : db_next(outer, err);
	cr_expect_str_eq(db_text(outer, 3), "f02");
	cr_expect_leq(c->composed_count, CONN_COMPOSED_MAX);
	db_rows_free(outer);
	return rc < 0 ? rc : 0;
}

Test(db_pred, composed_statements_are_kept_within_bounds)
{
	cr_assert_eq(db_run(fx.db, DB_WRITE, work_insert_hundred, NULL, &fx.err), 0);
	cr_expect_eq(db_run(fx.db, DB_READ, work_many_texts, NULL, &fx.err), 0, "%s",
		     fx.err.msg);
}

struct plan {
	const char *name;
	int has_where;
	char scanned[64]; /* PostgreSQL: by an index, its condition not yet seen */
};

/* Full scans of the tables that grow without end are never the plan of a hot statement.
 */
static const char *const big[] = {
    "flow_run",       "task_run", "log", "event", "flow_run_state",
    "task_run_state", "fr",       "tr",  "l",     "e"};

static int is_big(const char *table)
{
	size_t i;

	for (i = 0; i < sizeof(big) / sizeof(big[0]); i++) {
		if (strcmp(table, big[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

static void check_plan_line(const char *detail, void *arg)
{
	const struct plan *p = arg;
	char table[64];

	cr_expect(!p->has_where ||
		      strstr(detail, "USE TEMP B-TREE FOR ORDER BY") == NULL,
		  "%s sorts what an index could give in order", p->name);
	if (sscanf(detail, "SCAN %63s", table) == 1 && is_big(table)) {
		cr_expect(p->has_where && strstr(detail, "USING") != NULL,
			  "%s reads the whole table: %s", p->name, detail);
	}
}

/* A scan of an index is followed by its condition, or it reads all of it. */
static void check_scan(struct plan *p)
{
	cr_expect(p->has_where || !is_big(p->scanned), "%s reads the whole index of %s",
		  p->name, p->scanned);
	p->scanned[0] = '\0';
}

/* The planner was told to avoid full scans and sorts: what is left of them is needed.
 */
static void check_pg_line(const char *detail, void *arg)
{
	struct plan *p = arg;
	const char *scan = strstr(detail, "Seq Scan on ");
	const char *index = strstr(detail, "Index Scan using ");
	const char *only = strstr(detail, "Index Only Scan using ");
	char table[64];

	cr_expect(!p->has_where || strstr(detail, "Sort Key") == NULL,
		  "%s sorts what an index could give in order: %s", p->name, detail);
	if (strstr(detail, "Index Cond:") != NULL) {
		p->scanned[0] = '\0';
	} else if (strstr(detail, "->") != NULL || scan != NULL || index != NULL ||
		   only != NULL) {
		check_scan(p);
	}
	if (scan != NULL && sscanf(scan, "Seq Scan on %63s", table) == 1) {
		cr_expect(!is_big(table), "%s reads the whole table: %s", p->name,
			  detail);
	}
	/* flow_run_queue_busy holds the runs that are at work, and no others */
	if ((index != NULL || only != NULL) &&
	    strstr(detail, "flow_run_queue_busy") == NULL) {
		(void)sscanf(strstr(detail, " on "), " on %63s", p->scanned);
	}
}

static int explain(struct db_conn *c, const char *text, struct plan *p,
		   struct error *err)
{
	int rc;

	if (c->dialect == DIALECT_SQLITE) {
		return conn_explain(c, text, check_plan_line, p, err);
	}
	rc = conn_explain(c, text, check_pg_line, p, err);
	check_scan(p);
	return rc;
}

/* So many rows that the planner of PostgreSQL takes the indexes seriously. */
static const char pg_rows[] =
    "INSERT INTO flow (id, created, updated, name) "
    "SELECT sha256(('f' || i)::bytea), i, i, 'f' || i FROM generate_series(1, 50) i;"
    "INSERT INTO work_pool (id, created, updated, name, type) "
    "SELECT sha256(('p' || i)::bytea), i, i, 'p' || i, 'process' "
    "FROM generate_series(1, 50) i;"
    "INSERT INTO work_queue (id, created, updated, name, work_pool_id) "
    "SELECT sha256(('q' || i)::bytea), i, i, 'q' || i, "
    "sha256(('p' || i % 50 + 1)::bytea) FROM generate_series(1, 200) i;"
    "INSERT INTO concurrency_limit_v2 (id, created, updated, name, \"limit\") "
    "SELECT sha256(('c' || i)::bytea), i, i, 'c' || i, 1 "
    "FROM generate_series(1, 200) i;"
    "INSERT INTO deployment (id, created, updated, name, flow_id, work_queue_id, "
    "concurrency_limit_id) "
    "SELECT sha256(('d' || i)::bytea), i, i, 'd' || i, "
    "sha256(('f' || i % 50 + 1)::bytea), sha256(('q' || i % 200 + 1)::bytea), "
    "sha256(('c' || i % 200 + 1)::bytea) FROM generate_series(1, 500) i;"
    "INSERT INTO flow_run (id, created, updated, name, flow_id, deployment_id, "
    "work_queue_id, state_type, state_name, expected_start_time, end_time, "
    "next_scheduled_start_time, parent_task_run_id) "
    "SELECT sha256(('r' || i)::bytea), i, i, 'r' || i, "
    "sha256(('f' || i % 50 + 1)::bytea), sha256(('d' || i % 500 + 1)::bytea), "
    "sha256(('q' || i % 200 + 1)::bytea), i % 9 + 1, "
    "CASE WHEN i % 18 = 0 THEN 'AwaitingConcurrencySlot' ELSE 'Scheduled' END, i, i, "
    "i, sha256(('t' || i)::bytea) FROM generate_series(1, 4000) i;"
    "INSERT INTO flow_run_state (id, flow_run_id, created, type, timestamp, name) "
    "SELECT id, id, 1, 1, 1, 'x' FROM flow_run;"
    "INSERT INTO task_run (id, created, updated, name, flow_run_id, task_key, "
    "dynamic_key, state_type, state_name, expected_start_time, end_time) "
    "SELECT sha256(('t' || i)::bytea), i, i, 't' || i, "
    "CASE WHEN i % 7 > 0 THEN sha256(('r' || i % 4000 + 1)::bytea) END, "
    "'k' || i % 100, i::text, i % 9 + 1, 'Scheduled', i, i "
    "FROM generate_series(1, 8000) i;"
    "INSERT INTO task_run_state (id, task_run_id, created, type, timestamp, name) "
    "SELECT id, id, 1, 1, 1, 'x' FROM task_run;"
    "INSERT INTO log (id, created, name, level, flow_run_id, message, timestamp) "
    "SELECT id, 1, 'l', 20, flow_run_id, 'm', created FROM task_run;"
    "INSERT INTO event (id, occurred, received, event, resource_id, resource) "
    "SELECT id, created, 1, 'e' || created % 50, 'r' || created, '{}' FROM task_run;"
    "INSERT INTO outbox (created, kind, pool, object_id) "
    "SELECT 1, i % 7 + 1, 'p', sha256(('r' || i)::bytea) "
    "FROM generate_series(1, 1000) i;"
    "ANALYZE;"
    "SET LOCAL enable_seqscan = off;"
    "SET LOCAL enable_bitmapscan = off;"
    "SET LOCAL plan_cache_mode = force_generic_plan";

static int work_plans(struct db_conn *c, void *arg, struct error *err)
{
	int *count = arg;
	struct buf text;
	size_t i;
	int rc = 0;

	buf_init(&text);
	if (c->dialect == DIALECT_PG) {
		rc = conn_script(c, pg_rows, err);
	}
	for (i = 1; i < SQL_ID_MAX && rc == 0; i++) {
		struct plan p = {.name = sql_stmts[i].name};
		struct select sel = {.id = (enum sql_id)i,
				     .nargs = (size_t)sql_stmts[i].params};

		if ((sql_stmts[i].flags & SQL_F_HOT) == 0) {
			continue;
		}
		p.has_where = (sql_stmts[i].flags & SQL_F_WHERE) != 0;
		sel.order = sql_stmts[i].hot_order;
		select_text(&sel, c->dialect, &text);
		rc = explain(c, text.data, &p, err);
		(*count)++;
	}
	buf_release(&text);
	return rc;
}

Test(db_pred, hot_statements_never_scan_a_growing_table)
{
	int count = 0;

	cr_assert_eq(db_run(fx.db, DB_WRITE, work_plans, &count, &fx.err), 0, "%s",
		     fx.err.msg);
	cr_expect_gt(count, 0);
}

/* Every statement compiles against the migrated schema. */
static void ignore_line(const char *detail, void *arg)
{
	(void)detail;
	(void)arg;
}

/* Settings of SQLite belong outside of a transaction; PostgreSQL has no plans for what
 * is neither a query nor a change. */
static int cannot_be_explained(const struct db_conn *c, const struct sql_stmt *s)
{
	static const char *const plain[] = {"BEGIN",       "COMMIT",  "ROLLBACK",
					    "SAVEPOINT",   "RELEASE", "DEALLOCATE",
					    "CREATE TABLE"};
	size_t i;

	if (c->dialect == DIALECT_SQLITE) {
		return strncmp(s->name, "set_", 4) == 0;
	}
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (strncmp(s->text_pg, plain[i], strlen(plain[i])) == 0) {
			return 1;
		}
	}
	return 0;
}

static int work_prepare_all(struct db_conn *c, void *arg, struct error *err)
{
	struct buf text;
	size_t i;
	int rc = 0;

	(void)arg;
	buf_init(&text);
	for (i = 1; i < SQL_ID_MAX && rc == 0; i++) {
		const struct select sel = {.id = (enum sql_id)i,
					   .nargs = (size_t)sql_stmts[i].params};

		if ((c->dialect == DIALECT_PG ? sql_stmts[i].text_pg
					      : sql_stmts[i].text) == NULL ||
		    cannot_be_explained(c, &sql_stmts[i])) {
			continue;
		}
		select_text(&sel, c->dialect, &text);
		rc = conn_explain(c, text.data, ignore_line, NULL, err);
		if (rc < 0) {
			err_wrap(err, "%s", sql_stmts[i].name);
		}
	}
	buf_release(&text);
	return rc;
}

Test(db_pred, every_statement_compiles)
{
	cr_expect_eq(db_run(fx.db, DB_WRITE, work_prepare_all, NULL, &fx.err), 0, "%s",
		     fx.err.msg);
}
