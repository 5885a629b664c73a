/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args.c - constructors of bound values.
 */
#include <string.h>

#include "api/db/db.h"
#include "base/timefmt.h"
#include "base/uuid.h"

struct db_arg db_a_null(void)
{
	return (struct db_arg){.type = DB_T_NULL};
}

struct db_arg db_a_int(int64_t v)
{
	return (struct db_arg){.type = DB_T_INT, .i = v};
}

struct db_arg db_a_real(double v)
{
	return (struct db_arg){.type = DB_T_REAL, .d = v};
}

struct db_arg db_a_text(const char *s)
{
	if (s == NULL) {
		return db_a_null();
	}
	return db_a_textn(s, strlen(s));
}

struct db_arg db_a_textn(const char *s, size_t len)
{
	if (s == NULL) {
		return db_a_null();
	}
	return (struct db_arg){.type = DB_T_TEXT, .p = s, .len = len};
}

struct db_arg db_a_uuid(const struct uuid *u)
{
	if (u == NULL) {
		return db_a_null();
	}
	return db_a_blob(u->b, sizeof(u->b));
}

struct db_arg db_a_time(int64_t at_us)
{
	return at_us == TIME_NONE ? db_a_null() : db_a_int(at_us);
}

struct db_arg db_a_blob(const void *p, size_t len)
{
	if (p == NULL) {
		return db_a_null();
	}
	return (struct db_arg){.type = DB_T_BLOB, .p = p, .len = len};
}
