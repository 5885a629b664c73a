/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_channel.c - any text as a frame of the worker channel; what is taken has what
 * its type requires.
 */
#include <stdint.h>
#include <stdlib.h>

#include "api/sockets/channel_frame.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct channel_frame f;
	struct error err;

	if (channel_frame_decode((const char *)data, size, &f, &err) < 0) {
		return 0;
	}
	if ((f.type == FRAME_HELLO &&
	     (f.hello.worker_name[0] == '\0' ||
	      f.hello.heartbeat_interval_seconds < 1 ||
	      !channel_list_has(f.hello.requested_capabilities, CHANNEL_BEATS))) ||
	    (f.type == FRAME_BEAT && f.beat.worker_name[0] == '\0') ||
	    (f.type == FRAME_CLEANUP && f.cleanup.operation == NULL)) {
		abort();
	}
	channel_frame_release(&f);
	return 0;
}
