/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes.h - the payload of "*.updated" events: {"updated_fields": [...], "updates":
 * {field: {"from": ..., "to": ...}}}.  Pure.
 */
#ifndef API_ROUTES_CHANGES_H
#define API_ROUTES_CHANGES_H

#include <stdint.h>

#include <jansson.h>

struct changes {
	json_t *fields, *updates;
};

void changes_init(struct changes *c);
void changes_release(struct changes *c);
/* Each notes nothing when FROM and TO are equal; NULL and a negative number are null.
 */
void changes_text(struct changes *c, const char *field, const char *from,
		  const char *to);
void changes_int(struct changes *c, const char *field, int64_t from, int64_t to);
void changes_bool(struct changes *c, const char *field, int from, int to);
void changes_json(struct changes *c, const char *field, const json_t *from,
		  const json_t *to);
/* The same for JSON texts; NULL is null. */
void changes_json_text(struct changes *c, const char *field, const char *from,
		       const char *to);
int changes_any(const struct changes *c);
/* The payload, a new reference. */
json_t *changes_payload(const struct changes *c);

#endif
