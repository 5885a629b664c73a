/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_error.c - what Redis' error replies mean to us.
 */
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "pools/redis.h"

int redis_error_code(const char *text)
{
	static const struct {
		const char *prefix;
		enum err_code code;
	} map[] = {
	    {"NOSCRIPT ", ERR_NOT_FOUND},
	    {"LOADING ", ERR_UNAVAILABLE},
	    {"READONLY ", ERR_UNAVAILABLE},
	    {"OOM ", ERR_UNAVAILABLE},
	    {"BUSY ", ERR_UNAVAILABLE},
	    {"MASTERDOWN ", ERR_UNAVAILABLE},
	    {"MISCONF ", ERR_UNAVAILABLE},
	    {"NOREPLICAS ", ERR_UNAVAILABLE},
	    {"CLUSTERDOWN ", ERR_UNAVAILABLE},
	    {"TRYAGAIN ", ERR_UNAVAILABLE},
	    {"ASK ", ERR_UNAVAILABLE},
	    {"MOVED ", ERR_UNSUPPORTED},
	    {"NOAUTH ", ERR_DENIED},
	    {"WRONGPASS ", ERR_DENIED},
	    {"NOPERM ", ERR_DENIED},
	    {"ERR invalid password", ERR_DENIED},
	    {"ERR max number of clients", ERR_UNAVAILABLE},
	    {"ERR AUTH <password> called without", ERR_DENIED},
	};

	for (size_t i = 0; i < ARRAY_LEN(map); i++) {
		if (strncmp(text, map[i].prefix, strlen(map[i].prefix)) == 0) {
			return map[i].code;
		}
	}
	return ERR_PROTOCOL;
}
