/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cors.c - which web pages may read the answers.
 */
#include <string.h>

#include "api/http/http_priv.h"

/* ORIGIN is one of the comma-separated LIST. */
static int listed(const char *list, const char *origin)
{
	size_t len = strlen(origin), n;

	for (; *list != '\0'; list += n) {
		list += strspn(list, ", ");
		n = strcspn(list, ", ");
		if (n == len && strncmp(list, origin, n) == 0) {
			return 1;
		}
	}
	return 0;
}

void cors_headers(struct http_req *r, struct evkeyvalq *headers)
{
	const char *origins = r->server->cors_origins, *origin;

	if (strcmp(origins, "*") == 0) {
		evhttp_add_header(headers, "Access-Control-Allow-Origin", "*");
		return;
	}
	evhttp_add_header(headers, "Vary", "Origin");
	origin = http_header(r, "Origin");
	if (origin != NULL && listed(origins, origin)) {
		evhttp_add_header(headers, "Access-Control-Allow-Origin", origin);
	}
}

void cors_preflight(struct http_req *r)
{
	const char *headers = http_header(r, "Access-Control-Request-Headers");

	http_reply_header(r, "Access-Control-Allow-Methods",
			  "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
	http_reply_header(r, "Access-Control-Allow-Headers",
			  headers != NULL ? headers : "*");
	http_reply_header(r, "Access-Control-Max-Age", "600");
	http_reply(r, 200, "text/plain; charset=utf-8", "OK", 2);
}
