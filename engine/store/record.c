/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c - the document of a result, as Prefect reads and writes it:
 *
 *     {"metadata": {"storage_key", "expiration", "serializer": {"type": "json", ...},
 *                   "prefect_version", "storage_block_id", "wf": {"sha256", "size"}},
 *      "result": "<JSON text>"}
 */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/store/store.h"

#define COMPATIBLE_VERSION "3.8.8"

static json_t *serializer(void)
{
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:{}, s:{}}", "type", "json", "jsonlib", "json",
	    "object_encoder", "prefect.serializers.prefect_json_object_encoder",
	    "object_decoder", "prefect.serializers.prefect_json_object_decoder",
	    "dumps_kwargs", "loads_kwargs");
}

char *record_write(const struct store *s, const char *key, const json_t *value,
		   int64_t expires_us)
{
	char *text = json_text(value), *path = store_path(s, key), *out;
	char hex[65], time[TIME_TEXT_SIZE];
	json_t *record;

	sha256_hex(text, strlen(text), hex);
	record =
	    json_pack("{s:{s:s, s:o, s:o, s:s, s:n, s:{s:s, s:I}}, s:s}", "metadata",
		      "storage_key", path, "expiration",
		      expires_us == TIME_NONE
			  ? json_null()
			  : json_string(time_format(expires_us, time, sizeof(time))),
		      "serializer", serializer(), "prefect_version", COMPATIBLE_VERSION,
		      "storage_block_id", "wf", "sha256", hex, "size",
		      (json_int_t)strlen(text), "result", text);
	out = json_text(record);
	json_decref(record);
	free(text);
	free(path);
	return out;
}

static int check_sum(const json_t *meta, const char *text, size_t len,
		     struct error *err)
{
	const char *want =
	    json_string_value(json_object_get(json_object_get(meta, "wf"), "sha256"));
	char hex[65];

	if (want == NULL) {
		return 0;
	}
	sha256_hex(text, len, hex);
	return strcmp(want, hex) == 0
		   ? 0
		   : err_set(err, ERR_INVALID,
			     "the record is damaged: its sha256 is another one");
}

int record_read(const char *text, size_t len, struct store_record *ret_record,
		struct error *err)
{
	json_t *all = json_parse(text, len, STORE_RECORD_MAX, err);
	const json_t *meta = json_object_get(all, "metadata");
	const json_t *result = json_object_get(all, "result");
	const char *type = json_string_value(
	    json_object_get(json_object_get(meta, "serializer"), "type"));
	int rc = 0;

	ret_record->value = NULL;
	ret_record->expires_us = TIME_NONE;
	if (all == NULL) {
		return -ERR_INVALID;
	}
	if (type == NULL || strcmp(type, "json") != 0 || !json_is_string(result)) {
		rc = err_set(err, ERR_UNSUPPORTED, "the record holds no JSON but %.40s",
			     type != NULL ? type : "something unknown");
	} else {
		rc = check_sum(meta, json_string_value(result),
			       json_string_length(result), err);
	}
	if (rc == 0 &&
	    json_get_time(meta, "expiration", &ret_record->expires_us, err) < 0) {
		rc = -ERR_INVALID;
	}
	if (rc == 0) {
		ret_record->value =
		    json_parse(json_string_value(result), json_string_length(result),
			       STORE_RECORD_MAX, err);
		rc = ret_record->value != NULL ? 0 : -ERR_INVALID;
	}
	json_decref(all);
	return rc;
}
