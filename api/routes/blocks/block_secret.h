/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_secret.h - data of block documents at rest: sealed with the server's key (ADR
 * 31).
 */
#ifndef API_ROUTES_BLOCKS_BLOCK_SECRET_H
#define API_ROUTES_BLOCKS_BLOCK_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct db_conn;
struct error;
struct seal_keys;
struct tx;
struct uuid;

#define BLOCK_SEAL_SLICE 100

/* The column's text for DATA of document ID, owned. */
char *block_data_seal(const struct tx *tx, const struct uuid *id, const json_t *data);
/* The object in the column's TEXT, or NULL and err: the key is missing, the text was
 * changed. */
json_t *block_data_open(const struct tx *tx, const struct uuid *id, const char *text,
			size_t len, struct error *err);

/* ---- at start; each a database work ---- */
/* How many documents are sealed. */
int block_seal_count(struct db_conn *c, int64_t *ret_count, struct error *err);
/* -ERR_DENIED: there are documents whose key is not among KEYS. */
int block_seal_check(struct db_conn *c, const struct seal_keys *keys,
		     struct error *err);
/* Seals up to BLOCK_SEAL_SLICE documents that are plain or sealed with an older key:
 * how many it were. */
int block_seal_old(struct db_conn *c, const struct seal_keys *keys, struct error *err);

#endif
