/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_url.c - any text as a URL and as a reference; what is accepted is fit for the
 * wire.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct url *u)
{
	for (const char *p = u->target; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f) {
			abort();
		}
	}
	if (u->target[0] != '/' || u->host[0] == '\0' || u->port < 1 ||
	    u->port > 65535) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct url base = {0};
	struct url u = {0};
	struct error err;
	char *other;

	if (url_parse(text, &u, &err) == 0) {
		check(&u);
		url_release(&u);
	}
	if (url_parse("http://a/b/c/d;p?q", &base, &err) == 0) {
		other = url_resolve(&base, text);
		if (url_parse(other, &u, &err) == 0) {
			check(&u);
			url_release(&u);
		}
		free(other);
		url_release(&base);
	}
	free(url_encode(text));
	free(text);
	return 0;
}
