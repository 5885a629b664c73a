/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beat.h - what a heartbeat says about this worker.
 */
#ifndef WORKER_BEAT_H
#define WORKER_BEAT_H

#include <jansson.h>

struct worker;

/* Body of POST .../workers/heartbeat; other servers ignore what only ours knows. */
json_t *beat_body(const struct worker *w);

#endif
