/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.h - frames that a transaction hands to the hub after COMMIT.
 *
 * tx->live_events holds the JSON texts of ReceivedEvents, tx->live_logs those of Logs;
 * each frame is a big-endian 32 bit length and the text.
 */
#ifndef API_EVENTS_LIVE_H
#define API_EVENTS_LIVE_H

#include <stddef.h>

struct buf;

void live_add(struct buf *b, const char *json, size_t len);
/* Walks the frames: *AT is 0 first.  1: a frame, 0: end. */
int live_next(const struct buf *b, size_t *at, const char **ret_json, size_t *ret_len);

#endif
