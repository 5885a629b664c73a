/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_queue.h - /task_runs/subscriptions/scheduled: background task runs to the
 * processes that serve their tasks (server-contract 8.6).
 *
 *   WAITING ---subscribe---> READY ---a task run is sent---> SENT
 *                              ^                               |
 *                              +------------- ack -------------+
 *
 * A task run that was sent but not acknowledged when its socket ends is given to
 * another at once; one that was acknowledged stays its worker's while that is connected
 * (task_store.h).  Loop thread only.
 */
#ifndef API_SOCKETS_TASK_QUEUE_H
#define API_SOCKETS_TASK_QUEUE_H

#include "api/http/http.h"
#include "api/http/ws.h"

struct api;

struct task_queue;

#define TASK_KEYS_MAX   1000 /* of one subscription */
#define TASK_KEY_MAX    1024 /* bytes */
#define TASK_CLIENT_MAX 255

struct task_queue *task_queue_new(struct api *api);
void task_queue_free(struct task_queue *q); /* accepts NULL; after its sockets */
/* A background task became ready (FX_TASKS). */
void task_queue_wake(struct task_queue *q); /* accepts NULL */

extern const struct ws_endpoint task_queue_socket[];
extern const struct route task_worker_routes[];

#endif
