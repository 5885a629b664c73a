/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.c - statements with {where} and {order}: the text is put together here and
 * nowhere else; its placeholders are numbered behind those of the statement itself.
 */
#include <string.h>

#include "api/db/db_priv.h"
#include "base/error.h"
#include "base/mem.h"

static void add_predicate(struct buf *out, const struct db_pred *pred, size_t first)
{
	const char *s;

	buf_addc(out, '(');
	for (s = pred_text(pred); *s != '\0'; s++) {
		if (*s == PRED_MARK) {
			buf_addf(out, "?%zu", first++);
		} else {
			buf_addc(out, *s);
		}
	}
	buf_addc(out, ')');
}

void select_text(enum sql_id id, size_t nargs, const struct db_pred *pred,
		 enum sql_frag order, int limited, struct buf *out)
{
	static const char where_mark[] = "{where}";
	static const char order_mark[] = "{order}";
	const char *s = sql_stmts[id].text;
	size_t npred;

	(void)pred_args(pred, &npred);
	buf_reset(out);
	while (*s != '\0') {
		if (strncmp(s, where_mark, sizeof(where_mark) - 1) == 0) {
			add_predicate(out, pred, nargs + 1);
			s += sizeof(where_mark) - 1;
		} else if (strncmp(s, order_mark, sizeof(order_mark) - 1) == 0) {
			if (order != SQL_FRAG_NONE) {
				buf_addf(out, "ORDER BY %s", sql_fragments[order].text);
			}
			s += sizeof(order_mark) - 1;
		} else {
			buf_addc(out, *s++);
		}
	}
	if (limited) {
		buf_addf(out, " LIMIT ?%zu OFFSET ?%zu", nargs + npred + 1,
			 nargs + npred + 2);
	}
}

/* NOLINTNEXTLINE(readability-function-size): the interface of db.h */
int db_select(struct db_conn *c, enum sql_id id, const struct db_arg *args,
	      size_t nargs, const struct db_pred *pred, enum sql_frag order,
	      int64_t limit, int64_t offset, struct db_rows **ret_rows,
	      struct error *err)
{
	const struct sql_stmt *s = &sql_stmts[id];
	int limited = limit >= 0 || offset > 0;
	struct db_arg page[2] = {db_a_int(limit), db_a_int(offset > 0 ? offset : 0)};
	const struct db_arg *pargs;
	size_t npred;
	struct db_rows r;
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
	select_text(id, nargs, pred, order, limited, &c->text);
	rc = rows_prepare_text(c, id, c->text.data, c->text.len, &r, err);
	if (rc < 0) {
		return rc;
	}
	rc = rows_bind(&r, 1, args, nargs, 1, err);
	if (rc == 0) {
		rc = rows_bind(&r, 1 + (int)nargs, pargs, npred, 1, err);
	}
	if (rc == 0 && limited) {
		rc = rows_bind(&r, 1 + (int)(nargs + npred), page, 2, 1, err);
	}
	if (rc < 0) {
		rows_finish(&r);
		return rc;
	}
	*ret_rows = xmemdup(&r, sizeof(r));
	c->open_rows++;
	return 0;
}
