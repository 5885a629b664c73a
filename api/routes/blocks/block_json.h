/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_json.h - blocks as JSON: checksums of schemas, secrets of documents.  Pure.
 */
#ifndef API_ROUTES_BLOCKS_BLOCK_JSON_H
#define API_ROUTES_BLOCKS_BLOCK_JSON_H

#include <jansson.h>

#define BLOCK_CHECKSUM_SIZE 72 /* "sha256:" and 64 digits */
#define BLOCK_DEPTH_MAX     16

/*
 * The checksum that clients compute of a schema's fields: without secret_fields, with
 * only those definitions that are no blocks, as Python writes JSON with sorted keys.
 */
void block_checksum(const json_t *fields, char ret[BLOCK_CHECKSUM_SIZE]);

/* Replaces the values at FIELDS.secret_fields in DATA ("auth.*" is every key of auth).
 */
void block_hide_secrets(json_t *data, const json_t *fields);
/* Values of NEXT that are hidden ones are put back from BEFORE, at any depth. */
void block_keep_secrets(json_t *next, const json_t *before);

/* The id in {"$ref": {"block_document_id": ID}}, or NULL when V is something else. */
const char *block_reference_of(const json_t *v);

#endif
