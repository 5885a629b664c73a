/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share.h - what one server commits, its peers on the same database hear: live events
 * and logs for their sockets, and that something waits for their services.
 */
#ifndef API_SERVER_SHARE_H
#define API_SERVER_SHARE_H

struct api;
struct share;
struct tx;

/* From another server, on the loop.  FX: enum fx_flags. */
struct buf;
typedef void (*share_fn)(struct api *api, unsigned int fx, const struct buf *events,
			 const struct buf *logs);

/* NULL when there can be no other server: SQLite, or a private Redis. */
struct share *share_new(struct api *api, share_fn fn);
void share_free(struct share *s); /* accepts NULL */
/* What TX has committed; S may be NULL. */
void share_commit(struct share *s, const struct tx *tx);

#endif
