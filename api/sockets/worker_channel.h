/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_channel.h - /work_pools/{name}/workers/connect: a worker says hello, beats its
 * heart, and is told when its pool changes (server-contract 8.7).
 *
 *   NEW ---hello---> GREETING ---ready---> OPEN
 *
 * Runs and cancellations do not travel here: workers of Prefect poll runs over REST and
 * subscribe to events.  Loop thread only.
 */
#ifndef API_SOCKETS_WORKER_CHANNEL_H
#define API_SOCKETS_WORKER_CHANNEL_H

#include "api/http/ws.h"

struct api;
struct worker_channels;

struct worker_channels *worker_channels_new(struct api *api);
void worker_channels_free(struct worker_channels *w); /* accepts NULL */
/* A pool changed (FX_POOLS): each channel is told once, soon, when it is its own. */
void worker_channels_wake(struct worker_channels *w); /* accepts NULL */

extern const struct ws_endpoint worker_channel_socket[];

#endif
