/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_schema.c - a JSON array [schema, value] goes through the validator. */
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "api/routes/schema/schema.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *v = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
	const json_t *schema = json_array_get(v, 0), *value = json_array_get(v, 1);
	struct error err;

	if (schema != NULL && value != NULL) {
		(void)schema_validate(value, schema, 0, &err);
		(void)schema_validate(value, schema,
				      SCHEMA_IGNORE_REQUIRED | SCHEMA_NONE_WITH_DEFAULT,
				      &err);
	}
	json_decref(v);
	return 0;
}
