/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_error.c - what PostgreSQL says, in our terms.
 */
#include <string.h>

#include "api/db/pg.h"
#include "base/error.h"

struct sqlstate {
	const char *prefix; /* of the five characters */
	enum err_code code;
	const char *advice;
};

/* The longest prefix first where two of them fit. */
static const struct sqlstate states[] = {
    {"23", ERR_CONFLICT, ""},
    {"22", ERR_INVALID, ""},
    {"25006", ERR_UNAVAILABLE,
     "; the server only reads (a standby?): name the primary one"},
    {"28", ERR_DENIED, "; check the user, the password and pg_hba.conf"},
    {"3D000", ERR_NOT_FOUND, "; create it: createdb NAME"},
    {"42501", ERR_FORBIDDEN,
     "; the user needs the right to create and use tables in its schema: "
     "GRANT CREATE, USAGE ON SCHEMA ... TO ..."},
    {"53100", ERR_IO, "; free space on the database server"},
    {"53", ERR_UNAVAILABLE, "; the database server has too little room; try again"},
    {"54", ERR_TOO_LARGE, ""},
    {"55P03", ERR_BUSY,
     "; another server holds the write lock for too long; try again"},
    {"57014", ERR_TIMEOUT, "; narrow the filter or ask for fewer rows"},
    {"58", ERR_IO, ""},
};

static const struct sqlstate *state_of(const char *sqlstate)
{
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strncmp(sqlstate, states[i].prefix, strlen(states[i].prefix)) ==
		    0) {
			return &states[i];
		}
	}
	return NULL;
}

static int starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The server ends the session, or has done it. */
static int is_goodbye(const char *sqlstate)
{
	return starts(sqlstate, "57P0") || starts(sqlstate, "08") ||
	       starts(sqlstate, "25P03");
}

int pg_lost(struct db_conn *c, const char *what, struct error *err)
{
	struct pg *pg = c->pg;
	const char *msg = pg->conn != NULL ? PQerrorMessage(pg->conn) : "";

	if (!pg->lost) {
		(void)err_set(&pg->why, ERR_UNAVAILABLE,
			      "%s: the connection to the database %s was lost (%.*s); "
			      "try again",
			      what, c->path, (int)strcspn(msg, "\n"), msg);
	}
	pg->lost = 1;
	pg->failed = 1;
	pg->nitems = 0;
	if (err != NULL) {
		*err = pg->why;
	}
	return -ERR_UNAVAILABLE;
}

static int describe(const PGresult *res, const char *what, const char *sqlstate,
		    struct error *err)
{
	const struct sqlstate *s = state_of(sqlstate);
	const char *msg = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);

	msg = msg != NULL ? msg : "no reason given";
	if (s == NULL) {
		return err_set(err, ERR_INTERNAL, "%s: %s (%s)", what, msg, sqlstate);
	}
	if (s->code == ERR_CONFLICT && detail != NULL) {
		return err_set(err, s->code, "%s: %s: %s", what, msg, detail);
	}
	return err_set(err, s->code, "%s: %s%s", what, msg, s->advice);
}

int pg_result_error(struct db_conn *c, const PGresult *res, const char *what,
		    struct error *err)
{
	struct pg *pg = c->pg;
	const char *field = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	char sqlstate[PG_SQLSTATE_SIZE] = "";

	if (PQstatus(pg->conn) == CONNECTION_BAD || field == NULL) {
		return pg_lost(c, what, err);
	}
	memcpy(sqlstate, field, strnlen(field, sizeof(sqlstate) - 1));
	pg->failed = 1;
	(void)describe(res, what, sqlstate, &pg->why);
	if (is_goodbye(sqlstate)) {
		pg->lost = 1;
		(void)err_set(&pg->why, ERR_UNAVAILABLE,
			      "%s: the database %s has ended the connection (%s); try "
			      "again",
			      what, c->path,
			      PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));
	} else if (strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0) {
		pg->retry = 1;
		pg->why.code = ERR_BUSY;
	}
	if (err != NULL) {
		*err = pg->why;
	}
	return -pg->why.code;
}
