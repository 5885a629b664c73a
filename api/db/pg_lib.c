/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_lib.c - see pg_lib.h.
 */
#define PG_LIB_NAMES_ONLY
#include "api/db/pg_lib.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"

struct pg_lib pg_lib;

int pg_lib_load(struct error *err)
{
	static void *lib;
	void *fn;

	if (lib != NULL) {
		return 0;
	}
	lib = dlopen(PG_LIB_FILE, RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL) {
		return err_set(err, ERR_UNSUPPORTED,
			       "PostgreSQL's client library is not there (%s): install "
			       "it (Debian: libpq5)",
			       dlerror());
	}
	/* a function is not an object for C, but for POSIX it is */
#define PG_LIB_LOAD(name)                                                     \
	fn = dlsym(lib, #name);                                               \
	if (fn == NULL) {                                                     \
		(void)dlclose(lib);                                           \
		lib = NULL;                                                   \
		return err_set(err, ERR_UNSUPPORTED,                          \
			       "%s has no %s: version 14 or newer is needed", \
			       PG_LIB_FILE, #name);                           \
	}                                                                     \
	memcpy(&pg_lib.name, &fn, sizeof(fn));
	PG_LIB_FUNCTIONS(PG_LIB_LOAD)
#undef PG_LIB_LOAD
	return 0;
}
