/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_rows.c - columns of a result in binary format.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/db/pg.h"

/* The types that our statements give (src/include/catalog/pg_type.dat). */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_NUMERIC = 1700,
};

#define NUMERIC_BASE     10000
#define NUMERIC_HEADER   8
#define NUMERIC_NEGATIVE 0x4000

int pg_next(struct db_rows *r, struct error *err)
{
	(void)err;
	r->row++;
	return r->row < PQntuples(r->res);
}

void pg_finish(struct db_rows *r)
{
	PQclear(r->res);
	r->res = NULL;
}

int pg_is_null(const struct db_rows *r, int col)
{
	return PQgetisnull(r->res, r->row, col);
}

static uint16_t be16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static uint32_t be32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static uint64_t be64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

/* sum() of a bigint column: ndigits, weight, sign, scale, digits of base 10000. */
static double numeric(const char *p, int len)
{
	int n = len >= NUMERIC_HEADER ? be16(p) : 0;
	int weight = len >= NUMERIC_HEADER ? (int16_t)be16(p + 2) : 0;
	double v = 0;
	int i;

	for (i = 0; i < n && NUMERIC_HEADER + 2 * i + 2 <= len; i++) {
		v = v * NUMERIC_BASE + be16(p + NUMERIC_HEADER + (size_t)(2 * i));
	}
	for (; i <= weight; i++) {
		v *= NUMERIC_BASE;
	}
	for (i = n - 1; i > weight; i--) {
		v /= NUMERIC_BASE;
	}
	return n > 0 && be16(p + 4) == NUMERIC_NEGATIVE ? -v : v;
}

/* Exact where a double is not. */
static int64_t numeric_int(const char *p, int len)
{
	int n = len >= NUMERIC_HEADER ? be16(p) : 0;
	int weight = len >= NUMERIC_HEADER ? (int16_t)be16(p + 2) : -1;
	uint64_t v = 0;
	int i;

	for (i = 0; i <= weight; i++) {
		v *= NUMERIC_BASE;
		if (i < n && NUMERIC_HEADER + 2 * i + 2 <= len) {
			v += be16(p + NUMERIC_HEADER + (size_t)(2 * i));
		}
	}
	return n > 0 && be16(p + 4) == NUMERIC_NEGATIVE ? -(int64_t)v : (int64_t)v;
}

static double float8(const char *p)
{
	uint64_t bits = be64(p);
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

static double float4(const char *p)
{
	uint32_t bits = be32(p);
	float f;

	memcpy(&f, &bits, sizeof(f));
	return (double)f;
}

int64_t pg_integer(const struct db_rows *r, int col)
{
	const char *p = PQgetvalue(r->res, r->row, col);

	if (PQgetisnull(r->res, r->row, col)) {
		return 0;
	}
	switch (PQftype(r->res, col)) {
	case OID_INT8:
		return (int64_t)be64(p);
	case OID_INT4:
		return (int32_t)be32(p);
	case OID_INT2:
		return (int16_t)be16(p);
	case OID_BOOL:
		return p[0] != 0;
	case OID_NUMERIC:
		return numeric_int(p, PQgetlength(r->res, r->row, col));
	case OID_FLOAT8:
		return (int64_t)float8(p);
	case OID_FLOAT4:
		return (int64_t)float4(p);
	case OID_BYTEA:
		return 0;
	default:
		return strtoll(p, NULL, 10);
	}
}

double pg_real(const struct db_rows *r, int col)
{
	const char *p = PQgetvalue(r->res, r->row, col);

	if (PQgetisnull(r->res, r->row, col)) {
		return 0;
	}
	switch (PQftype(r->res, col)) {
	case OID_FLOAT8:
		return float8(p);
	case OID_FLOAT4:
		return float4(p);
	case OID_NUMERIC:
		return numeric(p, PQgetlength(r->res, r->row, col));
	case OID_INT8:
	case OID_INT4:
	case OID_INT2:
	case OID_BOOL:
		return (double)pg_integer(r, col);
	default:
		return strtod(p, NULL);
	}
}

const char *pg_text(struct db_rows *r, int col)
{
	if (PQgetisnull(r->res, r->row, col)) {
		return NULL;
	}
	switch (PQftype(r->res, col)) {
	case OID_INT8:
	case OID_INT4:
	case OID_INT2:
	case OID_BOOL:
	case OID_NUMERIC:
		(void)snprintf(r->scratch, sizeof(r->scratch), "%lld",
			       (long long)pg_integer(r, col));
		return r->scratch;
	case OID_FLOAT8:
	case OID_FLOAT4:
		(void)snprintf(r->scratch, sizeof(r->scratch), "%.17g",
			       pg_real(r, col));
		return r->scratch;
	default:
		return PQgetvalue(r->res, r->row, col);
	}
}

size_t pg_len(const struct db_rows *r, int col)
{
	return (size_t)PQgetlength(r->res, r->row, col);
}

const void *pg_blob(const struct db_rows *r, int col)
{
	return PQgetisnull(r->res, r->row, col) ? NULL
						: PQgetvalue(r->res, r->row, col);
}

int pg_col(const struct db_rows *r, const char *name)
{
	int count = PQnfields(r->res);
	int i;

	for (i = 0; i < count; i++) {
		if (strcmp(PQfname(r->res, i), name) == 0) {
			return i;
		}
	}
	return -1;
}
