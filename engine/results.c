/* SPDX-License-Identifier: Apache-2.0 */
/*
 * results.c - DIR/ab/ab12...ef.json: the name is the sha256 of the content.
 */
#include "engine/results.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/data_home.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"

#define DIR_MODE  0700
#define FILE_MODE 0600

char *results_dir(void)
{
	const char *own = opts_env("WF_RESULTS_DIR");
	char *home, *dir;

	if (own != NULL && own[0] != '\0') {
		return xstrdup(own);
	}
	home = data_home();
	dir = xasprintf("%s/results", home);
	free(home);
	return dir;
}

static int is_there(const char *path, size_t len)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size == len;
}

int results_put(const char *dir, const char *text, size_t len, json_t **ret_reference,
		struct error *err)
{
	char hex[65];
	char *folder, *path;
	int rc = 0;

	sha256_hex(text, len, hex);
	folder = xasprintf("%s/%.2s", dir, hex);
	path = xasprintf("%s/%s.json", folder, hex);
	if (!is_there(path, len)) {
		rc = mkdir_p(folder, DIR_MODE, err);
		if (rc == 0) {
			rc = file_write_atomic(path, text, len, FILE_MODE, err);
		}
	}
	if (rc == 0) {
		*ret_reference =
		    json_pack("{s:{s:s, s:s, s:I}}", "stored", "path", path, "sha256",
			      hex, "size", (json_int_t)len);
	}
	free(folder);
	free(path);
	return rc;
}
