/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.c - AES-256-GCM by libcrypto's EVP.
 *
 * EVP costs memory once it is used (digest.c says how much), so nothing here is touched
 * before the first text is sealed or opened.
 */
#include "base/seal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/compiler.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#define MARK       "wf1:"
#define ID_SIZE    9 /* 8 hex digits and NUL */
#define NONCE_SIZE 12
#define TAG_SIZE   16
#define PREFIX_LEN (SEAL_PREFIX_SIZE - 1)

struct seal_key {
	uint8_t bytes[SEAL_KEY_SIZE];
	char id[ID_SIZE];
};

struct seal_keys {
	struct seal_key list[SEAL_KEYS_MAX];
	size_t count;
};

/* ---- keys ---- */

static void name_key(struct seal_key *k)
{
	static const char label[] = "wf key id";
	uint8_t text[sizeof(label) + SEAL_KEY_SIZE];
	char hex[65];

	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), k->bytes, SEAL_KEY_SIZE);
	sha256_hex(text, sizeof(text), hex);
	(void)snprintf(k->id, sizeof(k->id), "%.8s", hex);
	explicit_bzero(text, sizeof(text));
}

static int add_key(struct seal_keys *k, const char *line, size_t len, int number,
		   struct error *err)
{
	struct seal_key *key = &k->list[k->count];
	size_t got = 0;

	if (k->count == SEAL_KEYS_MAX) {
		return err_set(err, ERR_LIMIT, "more than %d keys", SEAL_KEYS_MAX);
	}
	if (base64_decode(line, len, key->bytes, SEAL_KEY_SIZE, &got) < 0 ||
	    got != SEAL_KEY_SIZE) {
		return err_set(err, ERR_INVALID,
			       "line %d is no key: it must be base64 of %d bytes",
			       number, SEAL_KEY_SIZE);
	}
	name_key(key);
	k->count++;
	return 0;
}

struct seal_keys *seal_keys_parse(const char *text, struct error *err)
{
	struct seal_keys *k = xcalloc(1, sizeof(*k));
	int number = 0, rc = 0;

	while (rc == 0 && *text != '\0') {
		size_t len = strcspn(text, "\n"), used = len;

		number++;
		while (used > 0 && strchr(" \t\r", text[used - 1]) != NULL) {
			used--;
		}
		if (used > 0 && text[0] != '#') {
			rc = add_key(k, text, used, number, err);
		}
		text += len + (text[len] == '\n' ? 1 : 0);
	}
	if (rc == 0 && k->count == 0) {
		rc = err_set(err, ERR_INVALID, "there is no key in it");
	}
	if (rc < 0) {
		seal_keys_free(k);
		return NULL;
	}
	return k;
}

void seal_keys_free(struct seal_keys *k)
{
	if (k != NULL) {
		explicit_bzero(k, sizeof(*k));
		free(k);
	}
}

char *seal_key_new(void)
{
	uint8_t bytes[SEAL_KEY_SIZE];
	char *text;

	random_bytes(bytes, sizeof(bytes));
	text = base64_encode(bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	return text;
}

void seal_text_free(char *text)
{
	if (text != NULL) {
		explicit_bzero(text, strlen(text));
		free(text);
	}
}

void seal_prefix(const struct seal_keys *k, char ret_prefix[SEAL_PREFIX_SIZE])
{
	(void)snprintf(ret_prefix, SEAL_PREFIX_SIZE, MARK "%s:", k->list[0].id);
}

int seal_is_sealed(const char *text)
{
	return strncmp(text, MARK, sizeof(MARK) - 1) == 0 &&
	       strlen(text) >= PREFIX_LEN && text[PREFIX_LEN - 1] == ':';
}

static const struct seal_key *find_key(const struct seal_keys *k, const char *text)
{
	if (!seal_is_sealed(text)) {
		return NULL;
	}
	for (size_t i = 0; i < k->count; i++) {
		if (strncmp(text + sizeof(MARK) - 1, k->list[i].id, ID_SIZE - 1) == 0) {
			return &k->list[i];
		}
	}
	return NULL;
}

int seal_has_key(const struct seal_keys *k, const char *text)
{
	return find_key(k, text) != NULL;
}

/* ---- sealing ---- */

static void must(int ok)
{
	if (!ok) {
		BUG("libcrypto refuses AES-256-GCM");
	}
}

char *seal(const struct seal_keys *k, const char *owner, const char *data, size_t len)
{
	uint8_t *raw = xmalloc(NONCE_SIZE + len + TAG_SIZE);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	char *coded, *text;

	PRE(len <= SEAL_TEXT_MAX);
	random_bytes(raw, NONCE_SIZE);
	must(ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL,
					       k->list[0].bytes, raw) == 1);
	must(EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)owner,
			       (int)strlen(owner)) == 1);
	must(EVP_EncryptUpdate(ctx, raw + NONCE_SIZE, &n, (const uint8_t *)data,
			       (int)len) == 1);
	must(EVP_EncryptFinal_ex(ctx, raw + NONCE_SIZE + len, &n) == 1);
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_SIZE,
				 raw + NONCE_SIZE + len) == 1);
	EVP_CIPHER_CTX_free(ctx);
	coded = base64_encode(raw, NONCE_SIZE + len + TAG_SIZE);
	text = xasprintf(MARK "%s:%s", k->list[0].id, coded);
	free(coded);
	free(raw);
	return text;
}

/* 1 when RAW (nonce, LEN bytes, tag) was sealed with KEY for OWNER. */
static int decrypt(const struct seal_key *key, const char *owner, uint8_t *raw,
		   size_t len, char *dst)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *out = (uint8_t *)dst;
	int n = 0, ok;

	must(ctx != NULL &&
	     EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, raw) == 1);
	ok = EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)owner,
			       (int)strlen(owner)) == 1 &&
	     EVP_DecryptUpdate(ctx, out, &n, raw + NONCE_SIZE, (int)len) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
				 raw + NONCE_SIZE + len) == 1 &&
	     EVP_DecryptFinal_ex(ctx, out + len, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

int seal_open(const struct seal_keys *k, const char *owner, const char *text,
	      char **ret_data, size_t *ret_len, struct error *err)
{
	const struct seal_key *key = find_key(k, text);
	size_t coded = strlen(text), got = 0, len;
	uint8_t *raw;
	char *data;
	int rc = 0;

	if (!seal_is_sealed(text)) {
		return err_set(err, ERR_DENIED, "this is no sealed text");
	}
	if (key == NULL) {
		return err_set(err, ERR_DENIED, "its key %.8s is not there",
			       text + sizeof(MARK) - 1);
	}
	coded -= PREFIX_LEN;
	if (coded > SEAL_TEXT_MAX / 3 * 4 + 128) {
		return err_set(err, ERR_TOO_LARGE, "the sealed text is too long");
	}
	raw = xmalloc(coded + 1);
	data = xcalloc(coded + 1, 1);
	if (base64_decode(text + PREFIX_LEN, coded, raw, coded, &got) < 0 ||
	    got < NONCE_SIZE + TAG_SIZE) {
		rc = err_set(err, ERR_DENIED, "the sealed text is damaged");
	} else {
		len = got - NONCE_SIZE - TAG_SIZE;
		if (decrypt(key, owner, raw, len, data)) {
			data[len] = '\0';
			*ret_data = data;
			*ret_len = len;
			data = NULL;
		} else {
			rc = err_set(err, ERR_DENIED,
				     "the sealed text was changed, or belongs to "
				     "something else");
		}
	}
	if (data != NULL) {
		explicit_bzero(data, coded);
	}
	free(data);
	free(raw);
	return rc;
}
