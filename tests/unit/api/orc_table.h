/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orc_table.h - shared by the orchestration tests: named states, recorded tables.
 */
#ifndef TESTS_UNIT_API_ORC_TABLE_H
#define TESTS_UNIT_API_ORC_TABLE_H

#include <stdint.h>

#include "api/orchestration/orchestration.h"

#define T_NOW      INT64_C(1800000000000000)
#define T_PAST     (T_NOW - INT64_C(3600000000))
#define T_FUTURE   (T_NOW + INT64_C(36000000000))
#define TABLE_COLS 24

/* A state by its token in the tables ("Paused+expired"). */
void table_state(struct orc_state *ret_state, const char *token);
/* Calls FN for each line: cells are NUL-terminated.  Returns the number of lines. */
int table_each(const char *file, void (*fn)(char **cell, int cells, int line));
/* 1 and the value of "key=<n>" in the extra column, else 0. */
int table_extra(const char *extra, const char *key, int64_t *ret_value);
/* What the tables say about a decision, one column after the other, TAB between. */
void table_outcome(char *buf, size_t size, const struct orc_run *run,
		   const struct orc_state *current, const struct orc_decision *d,
		   int flow);

#endif
