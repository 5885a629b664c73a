/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pred.h - builds a WHERE clause out of named fragments and bound values, nothing else.
 *
 * Fragments are in api/db/sql/:  -- fragment: flow_run_state_type_in
 *                                     fr.state_type IN (%)
 * '%' alone stands for the list of placeholders, '?' for one value.  Bounded:
 * PRED_ARGS_MAX values, depth 16.  The text made is always a closed expression.
 */
#ifndef API_DB_PRED_H
#define API_DB_PRED_H

#include "api/db/db.h"

#define PRED_ARGS_MAX  4000
#define PRED_DEPTH_MAX 16

struct db_pred;

struct db_pred *pred_new(void);
void pred_free(struct db_pred *p);
/* Groups: members of the outermost level are ANDed.  An empty group is true. */
void pred_open(struct db_pred *p, int is_or);
/* Opens a group that is the body of an EXISTS fragment: "EXISTS (SELECT 1 ... WHERE ...
 * AND @)". */
void pred_open_in(struct db_pred *p, enum sql_frag exists_frag, int is_or);
void pred_close(struct db_pred *p);
/* Values are copied.  The number of '?' in the fragment must equal NARGS (BUG
 * otherwise). */
void pred_add(struct db_pred *p, enum sql_frag frag, const struct db_arg *args,
	      size_t nargs);
/* '%' becomes NARGS placeholders; NARGS 0 adds FALSE.  Over PRED_ARGS_MAX: the
 * predicate is poisoned and db_select() answers -ERR_TOO_LARGE. */
void pred_add_list(struct db_pred *p, enum sql_frag frag, const struct db_arg *args,
		   size_t nargs);
void pred_add_false(struct db_pred *p);

/* What a predicate says, for those who can answer it in another way than by SQL. */
#define PRED_FACTS_MAX 16
struct pred_fact {
	enum sql_frag frag;
	enum sql_frag within; /* the EXISTS it is in, or SQL_FRAG_NONE */
	const struct db_arg *args;
	size_t nargs; /* lists are padded: the last value may be there more than once */
};
/* All of them hold at once.  -1: the predicate is no plain conjunction, or a long one.
 */
int pred_facts(const struct db_pred *p, struct pred_fact ret_facts[PRED_FACTS_MAX]);

#endif
