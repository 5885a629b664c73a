/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.h - request bodies by table: types, presence, limits, unknown keys.
 *
 * One table per model drives decoding and validation; problems go to a struct
 * http_invalid with pydantic's types and messages (server-contract 1.3, golden scenario
 * 14).  Values are borrowed from the request's JSON, which lives until the reply: copy
 * what the database thread needs (the usual way: json_incref the body and keep it in
 * the argument struct).
 */
#ifndef API_ROUTES_DECODE_H
#define API_ROUTES_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct http_invalid;

enum field_type {
	F_STR = 1,   /* const char * */
	F_INT,       /* int64_t; "5" and true are taken as the reference takes them */
	F_REAL,      /* double */
	F_BOOL,      /* int */
	F_UUID,      /* struct uuid */
	F_TIME,      /* int64_t, Unix microseconds */
	F_OBJ,       /* json_t *, borrowed */
	F_ARR,       /* json_t *, borrowed */
	F_ANY,       /* json_t *, borrowed; JSON null counts as a value */
	F_TAGS,      /* json_t *, array of strings */
	F_LABEL_MAP, /* json_t *, object of plain values */
};
enum field_flags {
	F_REQUIRED = 1u << 0,
	F_NOT_NULL = 1u << 1, /* null is an error; otherwise null = absent with the null
				 bit. Implied by F_REQUIRED, except for F_ANY */
	F_NAME = 1u << 2,     /* F_STR: Name rule: non-empty, none of / % & > < */
	F_NONEMPTY = 1u << 3,
	F_GT = 1u << 4, /* F_INT, F_REAL: greater than MIN (also 0), not equal to it */
	F_MODEL = 1u << 5, /* F_OBJ: a model of its own; only the text of its type error
			      differs */
	F_LITERAL =
	    1u << 6, /* F_STR with choices: the problem's type is literal_error */
	F_OR_MADE = 1u << 7, /* what is empty or false in any type counts as absent: the
				server makes a value up */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset; /* into the output struct */
	unsigned int flags;
	/* F_INT and F_REAL value, F_STR and F_ARR length; when min != 0 || max != 0.
	 * MAX < MIN: no upper bound; "at least 0" is min 0, max INT64_MAX. */
	int64_t min, max;
	const char *const *choices; /* F_STR: NULL-terminated list, or NULL */
};
#define FIELD(st, member, ftype, ...)                                             \
	{                                                                         \
		.name = #member, .type = (ftype), .offset = offsetof(st, member), \
		##__VA_ARGS__                                                     \
	}

/* Which fields were there: bit i for table entry i.  At most 64 fields. */
struct decoded {
	uint64_t present; /* with a value other than null */
	uint64_t null;    /* as null */
};
#define DECODED_HAS(d, i) (((d)->present >> (i)) & 1u)
#define DECODED_SET(d, i) ((((d)->present | (d)->null) >> (i)) & 1u)

/*
 * Decodes OBJ into OUT (fields absent or null are left untouched).  FORBID: unknown
 * keys are "extra_forbidden"; without it and with LOC "" the table is the reference's
 * list of embedded body parameters, whose "missing" carries no input.  An OBJ that is
 * no object is one problem, "model_attributes_type".  LOC is the dotted path of OBJ (""
 * for the body).  Problems are added to V; returns their number.
 */
size_t decode_object(const json_t *obj, const struct field *fields, size_t count,
		     int forbid, const char *loc, void *out,
		     struct decoded *ret_decoded, struct http_invalid *v);

#endif
