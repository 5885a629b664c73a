/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_schedule.c - any text as a recurrence rule: instants ascend, and each call ends.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rrule.h"
#include "base/timefmt.h"

#define FROM_US 1790000000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct rrule *r = NULL;
	struct error err;

	if (rrule_parse(text, &r, &err) == 0) {
		struct rrule_iter *it = rrule_iter_new(r, FROM_US);
		int64_t last = FROM_US - 1;

		for (int i = 0; i < 5; i++) {
			int64_t next = rrule_iter_next(it);

			if (next == TIME_NONE) {
				break;
			}
			if (next <= last) {
				abort();
			}
			last = next;
		}
		rrule_iter_free(it);
		rrule_default_start(r, FROM_US);
		rrule_free(r);
	}
	free(text);
	return 0;
}
