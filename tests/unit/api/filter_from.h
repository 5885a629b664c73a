/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_from.h - a statement around a predicate, for tests of the filters.
 */
#ifndef TESTS_UNIT_API_FILTER_FROM_H
#define TESTS_UNIT_API_FILTER_FROM_H

#include "api/db/db_priv.h"
#include "api/routes/filters.h"

struct buf;
struct db_pred;

/* "SELECT 1 FROM flow AS f WHERE (...)"; empty when the entity has no table of its own.
 */
void filter_from_text(enum entity target, const struct db_pred *p,
		      enum sql_dialect dialect, struct buf *out);

#endif
