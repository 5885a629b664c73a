/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - reading JSON: jansson with our limits, and typed getters with presence.
 *
 * Duplicate keys are refused, depth is limited by jansson (2048), NaN/Infinity and
 * integers beyond int64 are refused.  Any value may stand at the top.  Strings may hold
 * \u0000 (the tree keeps it, json_get_str refuses it); keys may not. Getters: 1 =
 * present, 0 = absent or null (output untouched), -ERR_INVALID = wrong type, with a
 * message that names the key.  No conversions: 1.0 is no integer, 1 is no boolean, "1"
 * is no number; only json_get_real also takes an integer.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct error;
struct uuid;

/* New reference, or NULL with position in ERR.  MAX bytes, -ERR_TOO_LARGE above. */
json_t *json_parse(const char *text, size_t len, size_t max, struct error *err);
/* The same with the byte offset of a syntax error (for Prefect's json_invalid answer).
 */
json_t *json_parse_at(const char *text, size_t len, size_t max, size_t *ret_offset,
		      struct error *err);
/* Whether json_parse() would take it, mostly without building it; 0 or -code. */
int json_check(const char *text, size_t len, size_t max, int *ret_is_object,
	       struct error *err);

int json_get_str(const json_t *obj, const char *key, const char **ret_str,
		 struct error *err); /* borrowed */
int json_get_int(const json_t *obj, const char *key, int64_t *ret_int,
		 struct error *err);
int json_get_real(const json_t *obj, const char *key, double *ret_real,
		  struct error *err);
int json_get_bool(const json_t *obj, const char *key, int *ret_bool, struct error *err);
int json_get_obj(const json_t *obj, const char *key, json_t **ret_obj,
		 struct error *err); /* borrowed */
int json_get_arr(const json_t *obj, const char *key, json_t **ret_arr,
		 struct error *err);
int json_get_uuid(const json_t *obj, const char *key, struct uuid *ret_uuid,
		  struct error *err);
int json_get_time(const json_t *obj, const char *key, int64_t *ret_at_us,
		  struct error *err);
/* True when the key is there, even as null: for PATCH's "absent or null". */
int json_has(const json_t *obj, const char *key);

/* Compact text, owned by the caller; keys in insertion order, or sorted.  Reals are
 * written as jsonw.h says. */
char *json_text(const json_t *v);
char *json_text_sorted(const json_t *v);
/* Deep: OVER's members replace those of BASE (objects merged key by key). New
 * reference. */
json_t *json_merged(const json_t *base, const json_t *over);

#endif
