/* SPDX-License-Identifier: Apache-2.0 */
/*
 * banner.c - see banner.h.
 */
#include "api/server/banner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/opts.h"

char *url_without_password(const char *url)
{
	const char *start = strstr(url, "://"), *at, *colon, *query;
	char *text;

	if (start == NULL) {
		return xstrdup(url);
	}
	start += 3;
	query = strstr(url, "password=");
	if (query != NULL) {
		text = xasprintf("%.*spassword=***", (int)(query - url), url);
		return text;
	}
	at = memchr(start, '@', strcspn(start, "/?"));
	colon = at != NULL ? memchr(start, ':', (size_t)(at - start)) : NULL;
	if (colon == NULL) {
		return xstrdup(url);
	}
	return xasprintf("%.*s:***%s", (int)(colon - url), url, at);
}

static int wants_colour(void)
{
	const char *no = opts_env("NO_COLOR"), *term = opts_env("TERM");

	return isatty(STDERR_FILENO) && (no == NULL || no[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

void banner_print(const struct banner *b)
{
	int colour = wants_colour();
	const char *bold = colour ? "\033[1m" : "", *dim = colour ? "\033[2m" : "",
		   *blue = colour ? "\033[36m" : "", *off = colour ? "\033[0m" : "";
	struct buf out;
	size_t done = 0;
	ssize_t n;

	buf_init(&out);
	buf_addf(&out, "\n  %swf-api %s%s is ready\n\n", bold, PACKAGE_VERSION, off);
	buf_addf(&out, "  %sURL       %s %s%s%s\n", dim, off, blue, b->url, off);
	buf_addf(&out, "  %sdata      %s %s\n", dim, off, b->data_dir);
	buf_addf(&out, "  %sdatabase  %s %s\n", dim, off, b->database);
	buf_addf(&out, "  %sredis     %s %s\n", dim, off, b->redis);
	buf_addf(&out, "  %sservices  %s %s\n", dim, off, b->services ? "on" : "off");
	buf_addf(&out, "  %sauth      %s %s\n\n", dim, off,
		 b->auth ? "basic (clients set PREFECT_API_AUTH_STRING)" : "none");
	buf_addf(&out, "  Point clients here:\n    %sexport PREFECT_API_URL=%s%s\n\n",
		 bold, b->url, off);
	while (done < out.len) {
		n = write(STDERR_FILENO, out.data + done, out.len - done);
		if (n <= 0) {
			break;
		}
		done += (size_t)n;
	}
	buf_release(&out);
}
