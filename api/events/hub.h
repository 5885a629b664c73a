/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub.h - live events and logs: from committed transactions to sockets.
 *
 * /events/in	each frame is one event; what arrives in one turn of the loop is one
 *database work of at most HUB_BATCH_MAX events; a ping is answered after the events
 *before it are committed /events/out	a filter, a backfill from the database, then
 *live events; each event once /logs/out	a filter, then live logs A subscriber
 *that does not read is cut off with a reason.  Loop thread only.
 */
#ifndef API_EVENTS_HUB_H
#define API_EVENTS_HUB_H

#include "api/http/ws.h"

struct api;
struct buf;
struct hub;

#define HUB_BATCH_MAX 200
#define HUB_UNSTORED_MAX \
	1000 /* events of one socket not yet committed; then it is not read */
#define HUB_PAGE        250 /* events per page of a backfill */
#define HUB_BACKFILL_US (15LL * 60 * 1000000)
#define HUB_WAITING_MAX 4096 /* live events kept while a backfill runs */

struct hub *hub_new(struct api *api);
void hub_free(struct hub *h); /* accepts NULL; after its sockets are gone */
/* Frames of live.h from a committed transaction. */
void hub_publish(struct hub *h, const struct buf *events, const struct buf *logs);

extern const struct ws_endpoint events_in_socket[], events_out_socket[],
    logs_out_socket[];

#endif
