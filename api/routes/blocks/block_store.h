/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_store.h - rows of blocks as the JSON that clients read.
 */
#ifndef API_ROUTES_BLOCKS_BLOCK_STORE_H
#define API_ROUTES_BLOCKS_BLOCK_STORE_H

#include <stdint.h>

struct db_rows;
struct error;
struct jsonw;
struct tx;

/* Columns of a type, of a schema (then its type), of a document (then schema, type). */
enum {
	BT_ID,
	BT_CREATED,
	BT_UPDATED,
	BT_NAME,
	BT_SLUG,
	BT_LOGO,
	BT_DOCS,
	BT_DESCRIPTION,
	BT_EXAMPLE,
	BT_PROTECTED
};
enum {
	BS_ID,
	BS_CREATED,
	BS_UPDATED,
	BS_CHECKSUM,
	BS_FIELDS,
	BS_CAPABILITIES,
	BS_VERSION,
	BS_TYPE
};
enum {
	BD_ID,
	BD_CREATED,
	BD_UPDATED,
	BD_NAME,
	BD_DATA,
	BD_ANONYMOUS,
	BD_SCHEMA,
	BD_TYPE = BD_SCHEMA + BS_TYPE
};

/* FIRST: the column of the type's or schema's id. */
void block_type_write(struct jsonw *w, const char *key, const struct db_rows *r,
		      int first);
void block_schema_write(struct jsonw *w, const char *key, const struct db_rows *r,
			int first);
/* The present row with what it refers to; secrets are hidden unless SECRETS. */
int block_document_write(struct tx *tx, struct jsonw *w, const struct db_rows *r,
			 int secrets, struct error *err);

#endif
