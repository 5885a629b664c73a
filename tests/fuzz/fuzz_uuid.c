/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_uuid.c - any bytes as a UUID and as base64; what is one is written and read
 * back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[UUID_TEXT_SIZE];
	uint8_t out[4096];
	struct uuid u;
	struct uuid v;
	size_t n = 0;

	if (uuid_parse_n((const char *)data, size, &u) == 0 &&
	    (uuid_parse(uuid_format(&u, text), &v) < 0 || !uuid_equal(&u, &v))) {
		abort();
	}
	if (base64_decode((const char *)data, size, out, sizeof(out), &n) == 0) {
		char *again = base64_encode(out, n);

		if (strlen(again) != size || memcmp(again, data, size) != 0) {
			abort();
		}
		free(again);
	}
	return 0;
}
