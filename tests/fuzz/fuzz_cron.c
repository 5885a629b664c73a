/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cron.c - any text as a cron expression; matches are ascending whole seconds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cron.h"
#include "base/error.h"
#include "base/timefmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct cron *c = NULL;
	struct error err;
	int64_t t = 1790000000000000;

	if (cron_parse(text, size % 2 == 0, &c, &err) == 0) {
		for (int i = 0; i < 3 && t != TIME_NONE; i++) {
			int64_t next = cron_next_local(c, t);

			if (next != TIME_NONE && (next <= t || next % 1000000 != 0)) {
				abort();
			}
			t = next;
		}
		cron_next_local(c, INT64_MAX);
		cron_next_local(c, INT64_MIN);
		cron_free(c);
	}
	free(text);
	return 0;
}
