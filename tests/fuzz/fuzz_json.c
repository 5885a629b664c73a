/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json.c - any bytes: parsed or refused, and json_check() says so; what was parsed
 * survives writing and reading.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

#define MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	size_t offset = 0;
	json_t *v = json_parse_at((const char *)data, size, MAX, &offset, &err);
	json_t *again;
	char *text;
	int is_object = 0;

	if ((json_check((const char *)data, size, MAX, &is_object, &err) == 0) !=
		(v != NULL) ||
	    (v != NULL && is_object != json_is_object(v))) {
		abort();
	}
	if (v == NULL) {
		if (offset > size) {
			abort();
		}
		return 0;
	}
	text = json_text(v);
	again = json_parse(text, strlen(text), SIZE_MAX, &err);
	if (again == NULL || !json_equal(v, again)) {
		abort();
	}
	free(text);
	text = json_text_sorted(again);
	free(text);
	json_decref(again);
	json_decref(v);
	return 0;
}
