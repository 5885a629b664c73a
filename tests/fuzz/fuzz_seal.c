/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_seal.c - any text as a key file and as a sealed text; nothing forged is opened.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seal_keys *keys;
	char *text = strndup((const char *)data, size), *plain = NULL;
	struct seal_keys *parsed = seal_keys_parse(text, NULL);
	struct error err;
	size_t len;

	if (keys == NULL) {
		keys = seal_keys_parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
				       NULL);
	}
	if (seal_open(keys, "nobody", text, &plain, &len, &err) == 0) {
		abort();
	}
	seal_keys_free(parsed);
	free(text);
	return 0;
}
