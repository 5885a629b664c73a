/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonw.h - append-only JSON writer into a struct buf: rows to text without a tree.
 *
 * Commas are its business.  KEY is NULL inside arrays and at the top.  Invalid UTF-8 in
 * strings becomes U+FFFD; control bytes are escaped.  NaN and infinities become null.
 * A real always has a point or an exponent (1.0, never 1), so that readers keep it a
 * float.  Nesting by calls is limited to 63 levels: it follows our code, never input,
 * so more is a BUG().
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct buf;
struct uuid;

struct jsonw {
	struct buf *out; /* borrowed */
	unsigned char need_comma[64];
	int depth;
};

void jsonw_init(struct jsonw *w, struct buf *out);
void jsonw_obj(struct jsonw *w, const char *key); /* opens { */
void jsonw_obj_end(struct jsonw *w);
void jsonw_arr(struct jsonw *w, const char *key);
void jsonw_arr_end(struct jsonw *w);
void jsonw_str(struct jsonw *w, const char *key, const char *s); /* NULL writes null */
void jsonw_strn(struct jsonw *w, const char *key, const char *s, size_t len);
void jsonw_int(struct jsonw *w, const char *key, int64_t v);
void jsonw_real(struct jsonw *w, const char *key, double v); /* shortest round trip */
void jsonw_bool(struct jsonw *w, const char *key, int v);
void jsonw_null(struct jsonw *w, const char *key);
void jsonw_uuid(struct jsonw *w, const char *key,
		const struct uuid *u); /* NULL: null */
/* RFC 3339 UTC, 6 digits of fraction or none; INT64_MIN writes null. */
void jsonw_time(struct jsonw *w, const char *key, int64_t at_us);
/* Text that is JSON already (from the database); NULL or empty writes null. */
void jsonw_raw(struct jsonw *w, const char *key, const char *json);
void jsonw_json(struct jsonw *w, const char *key, const json_t *v);
/* A whole tree as one text; SORTED orders the keys of every object by their bytes. */
void jsonw_tree(struct buf *out, const json_t *v, int sorted);

#endif
