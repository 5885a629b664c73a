/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql.h - the tables that build-aux makes from api/db/sql/ and api/db/migrations/.
 * Private to api/db/.
 */
#ifndef API_DB_SQL_H
#define API_DB_SQL_H

#include <stddef.h>

#include "api/db/sql_gen.h"

enum sql_flags {
	SQL_F_WHERE = 1u << 0, /* the text holds {where}: for db_select() only */
	SQL_F_ORDER = 1u << 1, /* the text holds {order} */
	SQL_F_HOT = 1u << 2,   /* the test of query plans looks at it */
};

struct sql_stmt {
	const char *name;
	const char *text;    /* for SQLite; NULL: PostgreSQL only */
	const char *text_pg; /* with $1 ...; NULL: SQLite only */
	int params;          /* ?1 ... ?params */
	unsigned int flags;
	enum sql_frag hot_order; /* SQL_F_HOT: the order to look at */
};

enum frag_flags {
	FRAG_F_LIST = 1u << 0, /* holds '%': a list of placeholders */
	FRAG_F_BODY = 1u << 1, /* holds '@': the body of an EXISTS */
};

struct sql_fragment {
	const char *name;
	const char *text;
	const char *text_pg; /* never NULL */
	int marks;           /* number of '?' */
	unsigned int flags;
};

struct sql_migration {
	int version;
	const char *name;
	const char *text;
};

extern const struct sql_stmt sql_stmts[SQL_ID_MAX];
extern const struct sql_fragment sql_fragments[SQL_FRAG_MAX];
extern const struct sql_migration sql_migrations[];
extern const struct sql_migration sql_migrations_pg[]; /* as many */
extern const size_t sql_migration_count;

#endif
