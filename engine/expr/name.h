/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.h - templates of run names: {param}, {flow.name}, {date:%A}, {n:>4}, {x:.2f},
 * {x!r}.
 *
 * Python's format syntax, the part that names need; "{{" and "}}" are literal braces. A
 * format that contains % is strftime (the value is then a time).
 */
#ifndef ENGINE_EXPR_NAME_H
#define ENGINE_EXPR_NAME_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buf;
struct error;
struct name_tmpl;

#define NAME_MAX_LEN 1024u

int name_parse(const char *text, struct name_tmpl **ret_name, size_t *ret_at,
	       struct error *err);
void name_free(struct name_tmpl *n); /* accepts NULL */
/* The I-th field as written ("flow.name"), or NULL: for checks when the file is loaded.
 */
const char *name_field(const struct name_tmpl *n, size_t i);

/* The value of a field: a new reference, or NULL when there is no such field. */
typedef json_t *(*name_lookup_fn)(const char *field, void *arg);
/* {date} is NOW unless LOOKUP knows a field of that name. */
int name_format(const struct name_tmpl *n, name_lookup_fn lookup, void *arg,
		int64_t now_us, struct buf *out, struct error *err);

#endif
