/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_journal.c - the reader of journal segments.
 */
#include <stdint.h>

#include "agent/segment.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t first = 0;
	uint8_t owner[16];
	const void *record = NULL;
	size_t len = 0, at = SEGMENT_HEADER_LEN;
	unsigned int sum = 0;
	long n;

	(void)segment_header(data, size, &first, owner);
	while (at <= size &&
	       (n = segment_record(data + at, size - at, &record, &len)) > 0) {
		PRE(len + SEGMENT_RECORD_LEN == (size_t)n && (size_t)n <= size - at);
		for (size_t i = 0; i < len; i++) {
			sum += ((const uint8_t *)record)[i];
		}
		at += (size_t)n;
	}
	return sum == 0xffffffffu;
}
