/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fence.h - "X-WF-Fence: <run id>:<token>": the lease with which a client speaks.  A
 * process whose run has a newer owner writes nothing any more, about that run or
 * anything else: tx_submit() and /events/in ask here.
 */
#ifndef API_FENCE_H
#define API_FENCE_H

#include <stdint.h>

#include "base/uuid.h"

struct error;
struct tx;

#define FENCE_HEADER "X-WF-Fence"

struct fence {
	int has; /* else there was no (good) header */
	struct uuid run;
	uint64_t token;
};

/* TEXT of the header; may be NULL. */
void fence_parse(const char *text, struct fence *ret_fence);
/* Is there a newer owner of RUN than the holder of TOKEN?  1, 0 or a negative code. */
int fence_is_stale(struct tx *tx, const struct uuid *run, uint64_t token,
		   struct error *err);
/* 0, or 409 was answered since F is stale. */
int fence_refuse(struct tx *tx, const struct fence *f, struct error *err);

#endif
