/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_batch.c - bodies of the updates call, both directions.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_batch(const uint8_t *data, size_t size)
{
	struct error err = {0};
	Wf__Updates__UpdateBatch *b = NULL;

	if (batch_unpack(data, size, &b, &err) < 0) {
		return;
	}
	for (size_t i = 0; i < b->n_items; i++) {
		const Wf__Updates__Update *u = b->items[i];
		PRE(u->id.len == 16 && u->flow_run_id.len == 16);
		PRE(update_defect(u) == NULL || update_defect(u)[0] != '\0');
		PRE((update_defect(u) == NULL) ==
		    (u->body_case != WF__UPDATES__UPDATE__BODY__NOT_SET));
	}
	wf__updates__update_batch__free_unpacked(b, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	Wf__Updates__UpdateAnswers *a = NULL;

	try_batch(data, size);
	if (answers_unpack(data, size, &a, &err) == 0) {
		wf__updates__update_answers__free_unpacked(a, NULL);
	}
	return 0;
}
