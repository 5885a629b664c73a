/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tz.c - any bytes as a time zone file; whatever loads must answer sensibly.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/tz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t instants[] = {
	    INT64_MIN,        -4000000000000000, 0,
	    1790000000000000, 4102444800000000,  INT64_MAX};
	struct error err;
	struct tz *z = NULL;

	if (tz_parse(data, size, &z, &err) < 0) {
		return 0;
	}
	for (size_t i = 0; i < sizeof(instants) / sizeof(*instants); i++) {
		int64_t local_us = tz_us_to_local(z, instants[i]);

		if (tz_local_kind(z, local_us) == 1 && instants[i] > INT64_MIN / 2 &&
		    instants[i] < INT64_MAX / 2 &&
		    tz_local_to_us(z, local_us) != instants[i]) {
			abort();
		}
	}
	tz_free(z);
	return 0;
}
