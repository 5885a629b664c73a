/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_home.c - see data_home.h.
 */
#include "base/data_home.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"

#define URL_MAX 2048

char *data_home(void)
{
	const char *xdg = opts_env("XDG_DATA_HOME"), *home = opts_env("HOME");

	if (xdg != NULL && xdg[0] != '\0') {
		return xasprintf("%s/wf", xdg);
	}
	return xasprintf("%s/.local/share/wf", home != NULL ? home : "");
}

char *data_home_url(const char *dir)
{
	char *path = xasprintf("%s/url", dir), *url = NULL;
	struct buf b;

	buf_init(&b);
	if (buf_read_file(&b, path, URL_MAX, NULL) == 0 && b.len > 0) {
		b.data[strcspn(b.data, "\r\n")] = '\0';
		url = b.data[0] != '\0' ? xstrdup(b.data) : NULL;
	}
	buf_release(&b);
	free(path);
	return url;
}

int data_home_need_url(const char *dir, char **ret_url, struct error *err)
{
	*ret_url = data_home_url(dir);
	if (*ret_url == NULL) {
		return err_set(err, ERR_USAGE,
			       "No API is known: set PREFECT_API_URL, for example to "
			       "http://127.0.0.1:4200/api, or start a server with `wf "
			       "server start`.");
	}
	return 0;
}
