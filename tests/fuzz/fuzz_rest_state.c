/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_rest_state.c - any JSON as the state that a server answers: read or refused, and
 * what was read is the state that was meant.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "worker/rest_body.h"

#define MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	json_t *v = json_parse((const char *)data, size, MAX, &err);
	struct rest_state state;

	if (v == NULL) {
		return 0;
	}
	if (rest_state_read(v, &state) == 0) {
		const Wf__Control__State *m = &state.message;

		if (m->type == 0 || m->name == NULL ||
		    (m->id.len != 0 && m->id.len != sizeof(state.id.b))) {
			abort();
		}
		(void)rest_is_made(m, v);
		rest_state_release(&state);
	}
	json_decref(v);
	return 0;
}
