/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - JSON values in messages, in the notation that clients of the field expect:
 * 's', 5, 1.5, True, None, ['a'], {'k': 1}.  Private to api/routes/schema/.
 */
#ifndef API_ROUTES_SCHEMA_TEXT_H
#define API_ROUTES_SCHEMA_TEXT_H

#include <stddef.h>

#include <jansson.h>

struct buf;

#define SCHEMA_TEXT_MAX 300 /* a longer value is cut with "..." */

void schema_text(struct buf *out, const json_t *v);
void schema_text_str(struct buf *out, const char *s, size_t len);

#endif
