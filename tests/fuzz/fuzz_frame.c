/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_frame.c - the control channel's reader; what it accepts must pack and unpack
 * again.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	wf_frame *frame = NULL, *again = NULL;
	struct buf out;

	if (frame_unpack(data, size, &frame, &err) <= 0) {
		return 0;
	}
	buf_init(&out);
	PRE(frame_pack(&out, frame, &err) == 0 || err.code == ERR_TOO_LARGE);
	PRE(out.len == 0 || frame_unpack(out.data, out.len, &again, &err) > 0);
	wf__control__frame__free_unpacked(again, NULL);
	wf__control__frame__free_unpacked(frame, NULL);
	buf_release(&out);
	return 0;
}
