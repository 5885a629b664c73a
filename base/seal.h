/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - texts that only the owner of a key can read: AES-256-GCM, with the key's id.
 *
 *	wf1:<8 hex digits: key id>:<base64 of nonce (12), ciphertext, tag (16)>
 *
 * What a text belongs to (the id of its row) goes into the tag, so that sealed texts
 * cannot change places.  Keys are immutable once parsed: any thread may use them.
 */
#ifndef BASE_SEAL_H
#define BASE_SEAL_H

#include <stddef.h>

struct error;
struct seal_keys;

#define SEAL_KEY_SIZE    32
#define SEAL_KEYS_MAX    16
#define SEAL_PREFIX_SIZE 14 /* "wf1:0123abcd:" and NUL */
#define SEAL_TEXT_MAX    ((size_t)64 << 20)

/*
 * One key per line, base64 of SEAL_KEY_SIZE bytes; the first one seals, all of them
 * open.  Empty lines and those that begin with '#' are skipped.  NULL and err.
 */
struct seal_keys *seal_keys_parse(const char *text, struct error *err);
void seal_keys_free(struct seal_keys *k); /* accepts NULL; wipes */
/* The line of a new random key, owned; to be wiped by the caller. */
char *seal_key_new(void);
/* Clears the text before it is freed; accepts NULL. */
void seal_text_free(char *text);

/* How texts begin that are sealed with the first key. */
void seal_prefix(const struct seal_keys *k, char ret_prefix[SEAL_PREFIX_SIZE]);
int seal_is_sealed(const char *text);
/* 1 when the key of TEXT is among K. */
int seal_has_key(const struct seal_keys *k, const char *text);

/* Owned text. */
char *seal(const struct seal_keys *k, const char *owner, const char *data, size_t len);
/* *ret_data is owned and NUL terminated.  -ERR_DENIED: no such key, or not what was
 * sealed for OWNER. */
int seal_open(const struct seal_keys *k, const char *owner, const char *text,
	      char **ret_data, size_t *ret_len, struct error *err);

#endif
