/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_lib.h - libpq, loaded when a database of PostgreSQL is opened: with what it needs
 * itself it is 4 MB and 6 ms that a server on SQLite does without.  Private to api/db/.
 */
#ifndef API_DB_PG_LIB_H
#define API_DB_PG_LIB_H

#include <libpq-fe.h>

struct error;

#define PG_LIB_FILE "libpq.so.5"
/* clang-format off */
#define PG_LIB_FUNCTIONS(X) \
	X(PQclear) \
	X(PQcmdStatus) \
	X(PQcmdTuples) \
	X(PQconnectdbParams) \
	X(PQconnectionNeedsPassword) \
	X(PQconninfoFree) \
	X(PQconninfoParse) \
	X(PQdescribePrepared) \
	X(PQenterPipelineMode) \
	X(PQerrorMessage) \
	X(PQexec) \
	X(PQexitPipelineMode) \
	X(PQfinish) \
	X(PQfname) \
	X(PQfreemem) \
	X(PQftype) \
	X(PQgetResult) \
	X(PQgetisnull) \
	X(PQgetlength) \
	X(PQgetvalue) \
	X(PQnfields) \
	X(PQnparams) \
	X(PQntuples) \
	X(PQpipelineSync) \
	X(PQprepare) \
	X(PQresultErrorField) \
	X(PQresultStatus) \
	X(PQsendPrepare) \
	X(PQsendQueryParams) \
	X(PQsendQueryPrepared) \
	X(PQserverVersion) \
	X(PQsetNoticeProcessor) \
	X(PQstatus)
/* clang-format on */

struct pg_lib {
#define PG_LIB_MEMBER(fn) __typeof__(&fn) fn;
	PG_LIB_FUNCTIONS(PG_LIB_MEMBER)
#undef PG_LIB_MEMBER
};
extern struct pg_lib pg_lib;

/* Before anything else; later calls do nothing.  From the main thread. */
int pg_lib_load(struct error *err);

/* The names mean the loaded functions; pg_lib.c itself needs them as they are. */
#ifndef PG_LIB_NAMES_ONLY
#	define PQclear                   pg_lib.PQclear
#	define PQcmdStatus               pg_lib.PQcmdStatus
#	define PQcmdTuples               pg_lib.PQcmdTuples
#	define PQconnectdbParams         pg_lib.PQconnectdbParams
#	define PQconnectionNeedsPassword pg_lib.PQconnectionNeedsPassword
#	define PQconninfoFree            pg_lib.PQconninfoFree
#	define PQconninfoParse           pg_lib.PQconninfoParse
#	define PQdescribePrepared        pg_lib.PQdescribePrepared
#	define PQenterPipelineMode       pg_lib.PQenterPipelineMode
#	define PQerrorMessage            pg_lib.PQerrorMessage
#	define PQexec                    pg_lib.PQexec
#	define PQexitPipelineMode        pg_lib.PQexitPipelineMode
#	define PQfinish                  pg_lib.PQfinish
#	define PQfname                   pg_lib.PQfname
#	define PQfreemem                 pg_lib.PQfreemem
#	define PQftype                   pg_lib.PQftype
#	define PQgetResult               pg_lib.PQgetResult
#	define PQgetisnull               pg_lib.PQgetisnull
#	define PQgetlength               pg_lib.PQgetlength
#	define PQgetvalue                pg_lib.PQgetvalue
#	define PQnfields                 pg_lib.PQnfields
#	define PQnparams                 pg_lib.PQnparams
#	define PQntuples                 pg_lib.PQntuples
#	define PQpipelineSync            pg_lib.PQpipelineSync
#	define PQprepare                 pg_lib.PQprepare
#	define PQresultErrorField        pg_lib.PQresultErrorField
#	define PQresultStatus            pg_lib.PQresultStatus
#	define PQsendPrepare             pg_lib.PQsendPrepare
#	define PQsendQueryParams         pg_lib.PQsendQueryParams
#	define PQsendQueryPrepared       pg_lib.PQsendQueryPrepared
#	define PQserverVersion           pg_lib.PQserverVersion
#	define PQsetNoticeProcessor      pg_lib.PQsetNoticeProcessor
#	define PQstatus                  pg_lib.PQstatus
#endif

#endif
