/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h - what runs between the database and the HTTP server: hub, relay, services.
 */
#ifndef API_SERVER_PARTS_H
#define API_SERVER_PARTS_H

struct api;
struct error;
struct parts;

/* API has its loop, db and pools.  Sets api->hub, relay, services and on_commit. */
int parts_start(struct api *api, struct parts **ret_parts, struct error *err);
/* Starts nothing new any more; what runs is waited for by db_pending(). */
void parts_quiesce(struct parts *p);
/* Before the database is closed: services, relay.  Accepts NULL. */
void parts_stop(struct parts *p);
/* After that, and after the last completions: the hub.  Accepts NULL. */
void parts_free(struct parts *p);

#endif
