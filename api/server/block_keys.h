/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_keys.h - the key that seals data of block documents: found or made at start,
 * and what start-up does with blocks.  Blocking; before the server answers.
 */
#ifndef API_SERVER_BLOCK_KEYS_H
#define API_SERVER_BLOCK_KEYS_H

struct db;
struct error;
struct seal_keys;

/*
 * Keys from FILE (NULL or empty: block.key in DIR, made with mode 0600 when nothing is
 * sealed yet).  Refuses to start without the key of stored documents; seals those that
 * are plain or have an older key; adds the built-in block types.  *ret_keys is owned.
 */
int block_keys_start(struct db *db, const char *dir, const char *file,
		     struct seal_keys **ret_keys, struct error *err);

#endif
