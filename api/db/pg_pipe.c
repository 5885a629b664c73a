/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_pipe.c - statements in the pipeline: what is sent, what has been answered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "api/db/pg.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#define PG_ARGS_FEW   32 /* arguments without an allocation */
#define PG_NUMBER     32 /* text of a number */
#define PG_TEXT       0
#define PG_BINARY     1
#define PG_LOCK_HIGH  "1463109484" /* "W", "F" and what nobody else uses: our locks */
#define PG_LOCK_WRITE "1"

/* Arguments as libpq wants them.  A number goes as text: the server reads it as what
 * the statement needs there. */
struct pg_values {
	size_t n;
	const char **value;
	int *length, *format;
	char (*number)[PG_NUMBER];
	const char *few_value[PG_ARGS_FEW];
	int few_length[PG_ARGS_FEW], few_format[PG_ARGS_FEW];
	char few_number[PG_ARGS_FEW][PG_NUMBER];
};

static void values_init(struct pg_values *v, size_t n)
{
	v->n = n;
	v->value = v->few_value;
	v->length = v->few_length;
	v->format = v->few_format;
	v->number = v->few_number;
	if (n > PG_ARGS_FEW) {
		v->value = xcalloc(n, sizeof(*v->value));
		v->length = xcalloc(n, sizeof(*v->length));
		v->format = xcalloc(n, sizeof(*v->format));
		v->number = xcalloc(n, sizeof(*v->number));
	}
}

static void values_release(struct pg_values *v)
{
	if (v->n > PG_ARGS_FEW) {
		free(v->value);
		free(v->length);
		free(v->format);
		free(v->number);
	}
}

static void values_set(struct pg_values *v, size_t i, const struct db_arg *a)
{
	v->value[i] = NULL;
	v->length[i] = 0;
	v->format[i] = PG_TEXT;
	switch (a->type) {
	case DB_T_NULL:
		break;
	case DB_T_INT:
		(void)snprintf(v->number[i], PG_NUMBER, "%lld", (long long)a->i);
		v->value[i] = v->number[i];
		break;
	case DB_T_REAL:
		(void)snprintf(v->number[i], PG_NUMBER, "%.17g", a->d);
		v->value[i] = v->number[i];
		break;
	case DB_T_TEXT:
	case DB_T_BLOB:
		v->value[i] = a->p;
		v->length[i] = (int)a->len;
		v->format[i] = PG_BINARY;
		break;
	default:
		BUG("bad type %d of argument %zu", (int)a->type, i);
	}
}

static void item_add(struct pg *pg, enum pg_item_kind kind, enum sql_id id,
		     struct pg_composed *composed)
{
	if (pg->nitems == PG_PIPE_MAX) {
		BUG("the pipeline is full");
	}
	pg->items[pg->nitems++] =
	    (struct pg_item){.kind = kind, .id = id, .composed = composed};
}

/* Room for a statement and what goes before it. */
static int make_room(struct db_conn *c, struct error *err)
{
	return c->pg->nitems + 4 > PG_PIPE_MAX ? pg_sync(c, NULL, err) : 0;
}

static int usable(struct db_conn *c, const char *what, struct error *err)
{
	if (c->pg->conn == NULL || c->pg->lost) {
		return pg_lost(c, what, err);
	}
	return 0;
}

int pg_ctl(struct db_conn *c, enum sql_id id, struct error *err)
{
	const struct sql_stmt *s = &sql_stmts[id];
	int rc = usable(c, s->name, err);

	rc = rc == 0 ? make_room(c, err) : rc;
	if (rc < 0) {
		return rc;
	}
	if (!PQsendQueryParams(c->pg->conn, s->text_pg, 0, NULL, NULL, NULL, NULL,
			       PG_BINARY)) {
		return pg_lost(c, s->name, err);
	}
	item_add(c->pg, PG_I_CTL, id, NULL);
	return 0;
}

/* Puts the preparation of TEXT as NAME in front of its first use. */
static int prepare(struct db_conn *c, const char *name, const char *text,
		   enum sql_id id, struct pg_composed *composed)
{
	if (!PQsendPrepare(c->pg->conn, name, text, 0, NULL)) {
		return -1;
	}
	item_add(c->pg, PG_I_PREPARE, id, composed);
	return 0;
}

static int send_named(struct db_conn *c, enum sql_id id, const struct pg_values *v)
{
	char name[PG_NAME_MAX];

	(void)snprintf(name, sizeof(name), "s%d", (int)id);
	if (!c->pg->prepared[id] &&
	    prepare(c, name, sql_stmts[id].text_pg, id, NULL) < 0) {
		return -1;
	}
	return PQsendQueryPrepared(c->pg->conn, name, (int)v->n, v->value, v->length,
				   v->format, PG_BINARY)
		   ? 0
		   : -1;
}

int pg_lock(struct db_conn *c, struct error *err)
{
	static const char *const lock[] = {PG_LOCK_HIGH, PG_LOCK_WRITE};
	struct pg_values v;
	int rc = usable(c, sql_stmts[SQL_PG_WRITE_LOCK].name, err);

	rc = rc == 0 ? make_room(c, err) : rc;
	if (rc < 0) {
		return rc;
	}
	values_init(&v, 2);
	for (size_t i = 0; i < v.n; i++) {
		v.value[i] = lock[i];
		v.length[i] = 0;
		v.format[i] = PG_TEXT;
	}
	if (send_named(c, SQL_PG_WRITE_LOCK, &v) < 0) {
		return pg_lost(c, sql_stmts[SQL_PG_WRITE_LOCK].name, err);
	}
	item_add(c->pg, PG_I_XID, SQL_PG_WRITE_LOCK, NULL);
	return 0;
}

/* ---- answers ---- */

/* The result of the next item; it ends with a NULL, a SYNC does not. */
static PGresult *item_result(struct pg *pg, const struct pg_item *item)
{
	PGresult *res = PQgetResult(pg->conn), *more;

	if (item->kind == PG_I_SYNC || res == NULL) {
		return res;
	}
	while ((more = PQgetResult(pg->conn)) != NULL &&
	       PQstatus(pg->conn) != CONNECTION_BAD) {
		PQclear(more);
	}
	PQclear(more);
	return res;
}

static void item_done(struct pg *pg, const struct pg_item *item, const PGresult *res)
{
	if (item->kind == PG_I_PREPARE) {
		if (item->composed != NULL) {
			item->composed->prepared = 1;
		} else {
			pg->prepared[item->id] = 1;
		}
	} else if (item->kind == PG_I_XID && PQntuples(res) == 1) {
		(void)snprintf(pg->xid, sizeof(pg->xid), "%s", PQgetvalue(res, 0, 0));
	}
}

/* COMMIT of a failed transaction is a ROLLBACK. */
static int check_commit(const struct pg_item *item, const PGresult *res,
			struct error *err)
{
	char tag[16];

	(void)snprintf(tag, sizeof(tag), "%s", PQcmdStatus((PGresult *)(uintptr_t)res));
	if (item->id != SQL_TX_COMMIT || strcmp(tag, "COMMIT") == 0) {
		return 0;
	}
	return err_set(err, ERR_IO, "the database undid the transaction at its commit");
}

/* One answer.  Negative: the first error of the pipeline, told to ERR. */
static int take(struct db_conn *c, const struct pg_item *item, PGresult **ret,
		struct error *err)
{
	struct pg *pg = c->pg;
	PGresult *res = item_result(pg, item);
	ExecStatusType status = PQresultStatus(res);
	const char *what = sql_stmts[item->id].name;
	int rc = 0;

	if (res == NULL || PQstatus(pg->conn) == CONNECTION_BAD) {
		rc = pg_lost(c, what, err);
	} else if (status == PGRES_FATAL_ERROR) {
		rc = pg_result_error(c, res, what, err);
		if (item->kind == PG_I_CTL || item->kind == PG_I_XID) {
			pg->tx_useless = 1;
		}
	} else if (status != PGRES_PIPELINE_ABORTED && status != PGRES_PIPELINE_SYNC) {
		item_done(pg, item, res);
		rc = item->kind == PG_I_CTL ? check_commit(item, res, err) : 0;
	}
	if (rc == 0 && item->kind == PG_I_CALL && ret != NULL) {
		*ret = res;
		return 0;
	}
	PQclear(res);
	return rc;
}

int pg_push(struct db_conn *c, struct error *err)
{
	if (!PQpipelineSync(c->pg->conn)) {
		return pg_lost(c, "send", err);
	}
	item_add(c->pg, PG_I_SYNC, SQL_ID_NONE, NULL);
	return 0;
}

int pg_sync(struct db_conn *c, PGresult **ret, struct error *err)
{
	struct pg *pg = c->pg;
	struct error more;
	int rc = pg_push(c, err);
	int first = rc;
	size_t i;

	for (i = 0; i < pg->nitems && !pg->lost; i++) {
		rc = take(c, &pg->items[i], ret, first < 0 ? &more : err);
		first = first < 0 ? first : rc;
	}
	pg->nitems = 0;
	if (first < 0 && ret != NULL) {
		PQclear(*ret);
		*ret = NULL;
	}
	return first;
}

/* ---- calls ---- */

static struct pg_composed *composed_place(struct pg *pg)
{
	struct pg_composed *best = NULL;
	size_t i;

	if (pg->composed_count < CONN_COMPOSED_MAX) {
		return &pg->composed[pg->composed_count++];
	}
	for (i = 0; i < pg->composed_count; i++) {
		if (best == NULL || pg->composed[i].used < best->used) {
			best = &pg->composed[i];
		}
	}
	return best;
}

static struct pg_composed *composed_find(const struct db_conn *c, uint64_t hash,
					 const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < c->pg->composed_count; i++) {
		struct pg_composed *e = &c->pg->composed[i];

		if (e->hash == hash && e->len == len &&
		    memcmp(e->text, text, len) == 0) {
			return e;
		}
	}
	return NULL;
}

/* Takes the place of another one, which the server forgets. */
static struct pg_composed *composed_new(struct db_conn *c, uint64_t hash,
					const char *text, size_t len)
{
	struct pg_composed *e = composed_place(c->pg);
	char close[PG_NAME_MAX + 16];

	if (e->prepared) {
		(void)snprintf(close, sizeof(close), "%s %s",
			       sql_stmts[SQL_PG_DEALLOCATE].text_pg, e->name);
		if (PQsendQueryParams(c->pg->conn, close, 0, NULL, NULL, NULL, NULL,
				      PG_BINARY)) {
			item_add(c->pg, PG_I_CTL, SQL_PG_DEALLOCATE, NULL);
		}
	}
	free(e->text);
	*e = (struct pg_composed){
	    .hash = hash, .len = len, .text = xmemdup(text, len + 1)};
	(void)snprintf(e->name, sizeof(e->name), "c%llu",
		       (unsigned long long)++c->pg->names);
	return e;
}

static int send_composed(struct db_conn *c, const struct pg_call *call,
			 const struct pg_values *v)
{
	uint64_t hash = XXH3_64bits(call->text, call->len);
	struct pg_composed *e = composed_find(c, hash, call->text, call->len);

	if (e == NULL) {
		e = composed_new(c, hash, call->text, call->len);
	}
	e->used = ++c->tick;
	if (!e->prepared && prepare(c, e->name, e->text, call->id, e) < 0) {
		return -1;
	}
	return PQsendQueryPrepared(c->pg->conn, e->name, (int)v->n, v->value, v->length,
				   v->format, PG_BINARY)
		   ? 0
		   : -1;
}

static int check_deadline(struct db_conn *c, const char *what, struct error *err)
{
	if (c->deadline_ms == 0 || clock_mono_ms() <= c->deadline_ms) {
		return 0;
	}
	return err_set(err, ERR_TIMEOUT,
		       "%s: not finished after %d s; narrow the filter or ask for "
		       "fewer rows",
		       what, CONN_STATEMENT_MS / 1000);
}

int pg_run(struct db_conn *c, const struct pg_call *call, PGresult **ret,
	   struct error *err)
{
	const char *what = sql_stmts[call->id].name;
	struct pg_values v;
	size_t i;
	int rc = usable(c, what, err);

	*ret = NULL;
	if (rc == 0 && c->pg->failed) { /* nothing is run before a ROLLBACK (TO) */
		if (err != NULL) {
			*err = c->pg->why;
		}
		rc = -c->pg->why.code;
	}
	rc = rc == 0 ? check_deadline(c, what, err) : rc;
	rc = rc == 0 ? make_room(c, err) : rc;
	if (rc < 0) {
		return rc;
	}
	values_init(&v, call->nargs);
	for (i = 0; i < call->nargs; i++) {
		values_set(&v, i, &call->args[i]);
	}
	rc = call->text == NULL ? send_named(c, call->id, &v)
				: send_composed(c, call, &v);
	values_release(&v);
	if (rc < 0) {
		return pg_lost(c, what, err);
	}
	item_add(c->pg, PG_I_CALL, call->id, NULL);
	return pg_sync(c, ret, err);
}

void pg_forget(struct pg *pg)
{
	size_t i;

	memset(pg->prepared, 0, sizeof(pg->prepared));
	for (i = 0; i < pg->composed_count; i++) {
		free(pg->composed[i].text);
		pg->composed[i] = (struct pg_composed){0};
	}
	pg->composed_count = 0;
	pg->nitems = 0;
}
