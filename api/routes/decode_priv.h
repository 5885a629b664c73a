/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode_priv.h - one field being decoded, and the scalar rules.
 */
#ifndef API_ROUTES_DECODE_PRIV_H
#define API_ROUTES_DECODE_PRIV_H

#include <stddef.h>

#include "api/routes/decode.h"

#define DECODE_LOC_MAX 512

struct decode_at {
	const struct field *f;
	json_t *value;
	const char *loc; /* dotted path of the field */
	void *out;       /* the member */
	struct http_invalid *v;
};

/* Each writes the member, or adds problems and leaves it; the first goes by the type.
 */
void decode_value(const struct decode_at *at);
void decode_int(const struct decode_at *at);
void decode_real(const struct decode_at *at);
void decode_bool(const struct decode_at *at);
void decode_uuid(const struct decode_at *at);
void decode_time(const struct decode_at *at);

void decode_join(char *dst, size_t size, const char *loc, const char *name);
void decode_not_an_object(const char *loc, const json_t *value, struct http_invalid *v);
/* What is wrong with the text of a UUID, in the words of the reference's parser. */
void decode_uuid_problem(const char *text, char *dst, size_t size);

#endif
