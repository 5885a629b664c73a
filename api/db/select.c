/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.c - statements with {where} and {order}: the text is put together here and
 * nowhere else; its placeholders are numbered behind those of the statement itself.
 */
#include <stdlib.h>
#include <string.h>

#include "api/db/db_priv.h"
#include "base/error.h"
#include "base/mem.h"

/* Placeholders are ?N or $N. */
static void add_predicate(struct buf *out, const struct db_pred *pred, size_t first,
			  enum sql_dialect dialect)
{
	const char *s;

	buf_addc(out, '(');
	for (s = pred_text(pred, dialect); *s != '\0'; s++) {
		if (*s == PRED_MARK) {
			buf_addf(out, "%c%zu", dialect == DIALECT_PG ? '$' : '?',
				 first++);
		} else {
			buf_addc(out, *s);
		}
	}
	buf_addc(out, ')');
}

void select_text(const struct select *s, enum sql_dialect dialect, struct buf *out)
{
	static const char where_mark[] = "{where}";
	static const char order_mark[] = "{order}";
	const struct sql_stmt *stmt = &sql_stmts[s->id];
	const struct sql_fragment *order = &sql_fragments[s->order];
	const char *p = dialect == DIALECT_PG ? stmt->text_pg : stmt->text;
	char mark = dialect == DIALECT_PG ? '$' : '?';
	size_t npred;

	(void)pred_args(s->pred, &npred);
	buf_reset(out);
	while (*p != '\0') {
		if (strncmp(p, where_mark, sizeof(where_mark) - 1) == 0) {
			add_predicate(out, s->pred, s->nargs + 1, dialect);
			p += sizeof(where_mark) - 1;
		} else if (strncmp(p, order_mark, sizeof(order_mark) - 1) == 0) {
			if (s->order != SQL_FRAG_NONE) {
				buf_addf(out, "ORDER BY %s",
					 dialect == DIALECT_PG ? order->text_pg
							       : order->text);
			}
			p += sizeof(order_mark) - 1;
		} else {
			buf_addc(out, *p++);
		}
	}
	if (s->limited) {
		buf_addf(out, " LIMIT %c%zu OFFSET %c%zu", mark, s->nargs + npred + 1,
			 mark, s->nargs + npred + 2);
	}
}

/* NOLINTNEXTLINE(readability-function-size): the interface of db.h */
int db_select(struct db_conn *c, enum sql_id id, const struct db_arg *args,
	      size_t nargs, const struct db_pred *pred, enum sql_frag order,
	      int64_t limit, int64_t offset, struct db_rows **ret_rows,
	      struct error *err)
{
	const struct sql_stmt *s = &sql_stmts[id];
	const struct select sel = {.id = id,
				   .nargs = nargs,
				   .pred = pred,
				   .order = order,
				   .limited = limit >= 0 || offset > 0};
	struct db_call call = {.id = id};
	const struct db_arg *pargs;
	struct db_arg *all;
	size_t npred;
	int rc;

	if ((s->flags & SQL_F_WHERE) == 0 || (int)nargs != s->params ||
	    (order != SQL_FRAG_NONE && (s->flags & SQL_F_ORDER) == 0)) {
		BUG("statement %s: no {where}, or not %zu arguments, or no {order}",
		    s->name, nargs);
	}
	if (pred_is_poisoned(pred)) {
		return err_set(
		    err, ERR_TOO_LARGE,
		    "the filter has too many values (the limit is %d); ask in parts",
		    PRED_ARGS_MAX);
	}
	pargs = pred_args(pred, &npred);
	all = xcalloc(nargs + npred + 2, sizeof(*all));
	for (call.nargs = 0; call.nargs < nargs; call.nargs++) {
		all[call.nargs] = args[call.nargs];
	}
	for (; call.nargs < nargs + npred; call.nargs++) {
		all[call.nargs] = pargs[call.nargs - nargs];
	}
	if (sel.limited) {
		/* no limit: -1 for SQLite, NULL for PostgreSQL */
		all[call.nargs++] = limit < 0 && c->dialect == DIALECT_PG
					? db_a_null()
					: db_a_int(limit);
		all[call.nargs++] = db_a_int(offset > 0 ? offset : 0);
	}
	select_text(&sel, c->dialect, &c->text);
	call.text = c->text.data;
	call.len = c->text.len;
	call.args = all;
	rc = rows_start(c, &call, ret_rows, err);
	free(all);
	return rc;
}
