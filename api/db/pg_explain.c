/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_explain.c - the plan of a statement whose values are not known; for tests.
 */
#include <stdio.h>

#include "api/db/pg.h"
#include "base/error.h"

/* The result of TEXT, outside of the pipeline. */
static int run(struct db_conn *c, const char *text, PGresult **ret, struct error *err)
{
	*ret = PQexec(c->pg->conn, text);
	if (PQresultStatus(*ret) == PGRES_COMMAND_OK ||
	    PQresultStatus(*ret) == PGRES_TUPLES_OK) {
		return 0;
	}
	return pg_result_error(c, *ret, "explain", err);
}

/* EXPLAIN takes no parameters: the statement is prepared and explained with nulls, as a
 * plan for any values. */
static int explain(struct db_conn *c, const char *text, PGresult **plan,
		   struct error *err)
{
	PGresult *res = PQprepare(c->pg->conn, "explained", text, 0, NULL), *about;
	int count, i, rc;

	if (PQresultStatus(res) != PGRES_COMMAND_OK) {
		rc = pg_result_error(c, res, "prepare", err);
		PQclear(res);
		return rc;
	}
	PQclear(res);
	about = PQdescribePrepared(c->pg->conn, "explained");
	count = PQnparams(about);
	PQclear(about);
	buf_reset(&c->text);
	buf_adds(&c->text, "EXPLAIN (COSTS OFF) EXECUTE explained");
	for (i = 0; i < count; i++) {
		buf_adds(&c->text, i == 0 ? "(NULL" : ", NULL");
	}
	buf_adds(&c->text, count > 0 ? ")" : "");
	rc = run(c, c->text.data, plan, err);
	if (rc == 0) {
		rc = run(c, "DEALLOCATE explained", &res, err);
		PQclear(res);
	}
	return rc;
}

int pg_explain(struct db_conn *c, const char *text, explain_fn fn, void *arg,
	       struct error *err)
{
	PGresult *plan = NULL;
	int rc = pg_sync(c, NULL, err);
	int i;

	if (rc < 0) {
		return rc;
	}
	if (!PQexitPipelineMode(c->pg->conn)) {
		return pg_lost(c, "explain", err);
	}
	rc = explain(c, text, &plan, err);
	for (i = 0; rc == 0 && i < PQntuples(plan); i++) {
		fn(PQgetvalue(plan, i, 0), arg);
	}
	PQclear(plan);
	(void)PQenterPipelineMode(c->pg->conn);
	return rc;
}
