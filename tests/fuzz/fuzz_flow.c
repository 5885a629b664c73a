/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_flow.c - any bytes as a flow file: a plan, or a report of errors; never a crash.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "engine/params.h"
#include "engine/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan_file *file = NULL;
	struct buf report;
	size_t i;

	if (size > 65536) {
		return 0;
	}
	buf_init(&report);
	if (plan_parse("fuzz", (const char *)data, size, &file, &report) == 0) {
		for (i = 0; i < file->count; i++) {
			json_decref(params_schema(file->flows[i]));
		}
		plan_free(file);
	} else if (report.len == 0) {
		abort(); /* refused without a reason */
	}
	buf_release(&report);
	return 0;
}
