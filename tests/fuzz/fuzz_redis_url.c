/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_redis_url.c - Redis URLs; what is accepted can be shown, and errors hide the
 * password.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "pools/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	struct redis_url u = {0};
	struct error err = {0};

	if (redis_url_parse(text, &u, &err) == 0) {
		PRE((u.host != NULL) + (u.path != NULL) + (u.service != NULL) +
			(u.cluster != 0) ==
		    1);
		PRE((u.service != NULL || u.cluster) == (u.sentinels != NULL));
		PRE(u.host == NULL || (u.port > 0 && u.port < 65536));
		free(redis_url_show(&u));
	}
	redis_url_release(&u);
	free(text);
	return 0;
}
