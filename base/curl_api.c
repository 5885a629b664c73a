/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl_api.c - dlopen() of libcurl.
 */
#include "base/curl_api.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"

#define CURL_LIBRARY "libcurl.so.4"

static const struct {
	const char *name;
	size_t offset;
} symbols[] = {
    {"curl_global_init", offsetof(struct curl_api, global)},
    {"curl_easy_init", offsetof(struct curl_api, easy_new)},
    {"curl_easy_cleanup", offsetof(struct curl_api, easy_free)},
    {"curl_easy_perform", offsetof(struct curl_api, easy_run)},
    {"curl_easy_setopt", offsetof(struct curl_api, easy_set)},
    {"curl_easy_getinfo", offsetof(struct curl_api, easy_get)},
    {"curl_easy_strerror", offsetof(struct curl_api, easy_text)},
    {"curl_slist_append", offsetof(struct curl_api, list_add)},
    {"curl_slist_free_all", offsetof(struct curl_api, list_free)},
    {"curl_multi_init", offsetof(struct curl_api, multi_new)},
    {"curl_multi_cleanup", offsetof(struct curl_api, multi_free)},
    {"curl_multi_setopt", offsetof(struct curl_api, multi_set)},
    {"curl_multi_add_handle", offsetof(struct curl_api, multi_add)},
    {"curl_multi_remove_handle", offsetof(struct curl_api, multi_remove)},
    {"curl_multi_assign", offsetof(struct curl_api, multi_assign)},
    {"curl_multi_socket_action", offsetof(struct curl_api, multi_action)},
    {"curl_multi_info_read", offsetof(struct curl_api, multi_read)},
    {"curl_multi_strerror", offsetof(struct curl_api, multi_text)},
};

static int load_symbols(void *lib, struct curl_api *ret_api, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *f = dlsym(lib, symbols[i].name);

		if (f == NULL) {
			return err_set(err, ERR_UNSUPPORTED,
				       "https: %s of this machine lacks %s",
				       CURL_LIBRARY, symbols[i].name);
		}
		/* POSIX: a function pointer may travel in a void pointer */
		memcpy((char *)ret_api + symbols[i].offset, &f, sizeof(f));
	}
	return 0;
}

const struct curl_api *curl_api_get(struct error *err)
{
	static struct curl_api api;
	static int loaded;
	struct curl_api fresh = {0};
	void *lib;

	if (loaded) {
		return &api;
	}
	/* stays loaded: OpenSSL cannot be unloaded */
	lib = dlopen(CURL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL) {
		err_set(err, ERR_UNSUPPORTED,
			"https: cannot load %s (Debian: libcurl4): %s", CURL_LIBRARY,
			dlerror());
		return NULL;
	}
	if (load_symbols(lib, &fresh, err) < 0) {
		return NULL;
	}
	if (fresh.global == NULL || fresh.global(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(err, ERR_UNSUPPORTED, "https: libcurl cannot start");
		return NULL;
	}
	api = fresh;
	loaded = 1;
	return &api;
}
