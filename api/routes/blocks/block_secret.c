/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_secret.c - data of block documents, sealed and opened.
 *
 * A document without a key to seal with (tests of parts) is stored as it is.
 */
#include "api/routes/blocks/block_secret.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/db/db.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/seal.h"
#include "base/uuid.h"

#define COLUMN_MAX (8u << 20)

static const struct seal_keys *keys_of(const struct tx *tx)
{
	return tx->api != NULL ? tx->api->block_keys : NULL;
}

char *block_data_seal(const struct tx *tx, const struct uuid *id, const json_t *data)
{
	char *text = json_text(data), *sealed;
	char owner[UUID_TEXT_SIZE];

	if (keys_of(tx) == NULL) {
		return text;
	}
	sealed = seal(keys_of(tx), uuid_format(id, owner), text, strlen(text));
	seal_text_free(text);
	return sealed;
}

static json_t *parse(const char *text, size_t len, const char *id, struct error *err)
{
	json_t *v = json_parse(text, len, COLUMN_MAX, NULL);

	if (!json_is_object(v)) {
		json_decref(v);
		(void)err_set(err, ERR_INTERNAL,
			      "the data of block document %s is no JSON object", id);
		return NULL;
	}
	return v;
}

json_t *block_data_open(const struct tx *tx, const struct uuid *id, const char *text,
			size_t len, struct error *err)
{
	char owner[UUID_TEXT_SIZE], *plain = NULL;
	struct error why = {0};
	json_t *v;

	(void)uuid_format(id, owner);
	if (!seal_is_sealed(text)) {
		return parse(text, len, owner, err);
	}
	if (keys_of(tx) == NULL) {
		(void)err_set(err, ERR_INTERNAL,
			      "block document %s is sealed, and there is no key",
			      owner);
		return NULL;
	}
	if (seal_open(keys_of(tx), owner, text, &plain, &len, &why) < 0) {
		(void)err_set(err, ERR_INTERNAL, "block document %s: %s", owner,
			      why.msg);
		return NULL;
	}
	v = parse(plain, len, owner, err);
	seal_text_free(plain);
	return v;
}

/* ---- at start ---- */

int block_seal_count(struct db_conn *c, int64_t *ret_count, struct error *err)
{
	int rc = db_one_int(c, SQL_BLOCK_SEALED_COUNT, NULL, 0, ret_count, err);

	return rc < 0 ? rc : 0;
}

int block_seal_check(struct db_conn *c, const struct seal_keys *keys, struct error *err)
{
	struct db_rows *r = NULL;
	int rc = db_query(c, SQL_BLOCK_SEALED_KEYS, NULL, 0, &r, err);

	while (rc == 0 && (rc = db_next(r, err)) > 0) {
		rc = 0;
		if (!seal_has_key(keys, db_text(r, 0))) {
			rc = err_set(err, ERR_DENIED,
				     "block documents are sealed with the key %.8s",
				     db_text(r, 0) + 4);
		}
	}
	db_rows_free(r);
	return rc;
}

struct old_row {
	struct uuid id;
	char *text; /* owned */
};

static int read_old(struct db_conn *c, const struct seal_keys *keys,
		    struct old_row *rows, size_t *ret_count, struct error *err)
{
	char prefix[SEAL_PREFIX_SIZE];
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc;

	seal_prefix(keys, prefix);
	rc = db_query(c, SQL_BLOCK_SEALED_OLD,
		      DB_ARGS(db_a_text(prefix), db_a_int(BLOCK_SEAL_SLICE)), 2, &r,
		      err);
	while (rc == 0 && n < BLOCK_SEAL_SLICE && (rc = db_next(r, err)) > 0) {
		(void)db_uuid(r, 0, &rows[n].id);
		rows[n++].text = xstrdup(db_text(r, 1));
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int seal_row(struct db_conn *c, const struct seal_keys *keys,
		    const struct old_row *row, struct error *err)
{
	char owner[UUID_TEXT_SIZE], *plain = NULL, *text;
	size_t len = strlen(row->text);
	int rc = 0;

	(void)uuid_format(&row->id, owner);
	if (seal_is_sealed(row->text)) {
		rc = seal_open(keys, owner, row->text, &plain, &len, err);
	}
	if (rc < 0) {
		return err_wrap(err, "block document %s", owner);
	}
	text = seal(keys, owner, plain != NULL ? plain : row->text, len);
	seal_text_free(plain);
	rc = db_exec(c, SQL_BLOCK_DOCUMENT_SET_DATA,
		     DB_ARGS(db_a_uuid(&row->id), db_a_text(text)), 2, NULL, err);
	free(text);
	return rc;
}

int block_seal_old(struct db_conn *c, const struct seal_keys *keys, struct error *err)
{
	struct old_row rows[BLOCK_SEAL_SLICE];
	size_t count = 0;
	int rc = read_old(c, keys, rows, &count, err);

	for (size_t i = 0; i < count; i++) {
		rc = rc == 0 ? seal_row(c, keys, &rows[i], err) : rc;
		seal_text_free(rows[i].text);
	}
	return rc < 0 ? rc : (int)count;
}
