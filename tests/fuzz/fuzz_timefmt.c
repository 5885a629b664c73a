/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_timefmt.c - any text as a time; what is one is written and read back the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/timefmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char buf[TIME_TEXT_SIZE];
	char small[64];
	struct error err;
	struct civil c;
	int64_t at_us = 0;
	int64_t again = 0;
	char *text = strndup((const char *)data, size);

	memcpy(&at_us, data, size < sizeof(at_us) ? size : sizeof(at_us));
	civil_from_us(at_us, &c);
	time_format(at_us, buf, sizeof(buf));
	time_format_relative(at_us, 0, buf, sizeof(buf));
	civil_strftime(small, sizeof(small), text, &c);
	if (time_parse(text, &at_us, NULL, NULL, &err) == 0) {
		time_format(at_us, buf, sizeof(buf));
		if (time_parse(buf, &again, NULL, NULL, &err) < 0 || again != at_us) {
			abort();
		}
	}
	free(text);
	return 0;
}
