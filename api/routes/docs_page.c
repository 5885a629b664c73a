/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs_page.c - GET /docs: the routes with what docs/api.md says about them, as a page.
 */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/http/http.h"
#include "api/routes/openapi.h"
#include "base/buf.h"
#include "base/mem.h"

static void add_text(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		switch (*s) {
		case '&':
			buf_adds(b, "&amp;");
			break;
		case '<':
			buf_adds(b, "&lt;");
			break;
		case '>':
			buf_adds(b, "&gt;");
			break;
		default:
			buf_addc(b, *s);
		}
	}
}

/* Length of the first part of a path: routes with the same one stand together. */
static size_t part_len(const char *pattern)
{
	return 1 + strcspn(pattern + 1, "/");
}

static int same_part(const char *a, const char *b)
{
	size_t n = part_len(a);

	return n == part_len(b) && strncmp(a, b, n) == 0;
}

static void add_route(struct buf *b, const struct route *r)
{
	buf_addf(b, "<tr><td>%s<td><code>%s%s</code><td>", r->method,
		 (r->flags & ROUTE_ROOT) != 0 ? "" : "/api", r->pattern);
	add_text(b, route_words_of(r->method, r->pattern));
	buf_addc(b, '\n');
}

static void add_tables(struct buf *b)
{
	struct route_entry *list = xcalloc(ROUTES_MAX, sizeof(*list));
	size_t n = route_entries(list);

	for (size_t i = 0; i < n; i++) {
		const char *path = list[i].route->pattern;

		if (i == 0 || !same_part(path, list[i - 1].route->pattern)) {
			buf_addf(b, "%s<h2>%.*s</h2><table>\n", i > 0 ? "</table>" : "",
				 (int)part_len(path), path);
		}
		add_route(b, list[i].route);
	}
	buf_adds(b, "</table>");
	free(list);
}

static void route_docs(struct http_req *r)
{
	struct buf b;

	buf_init(&b);
	buf_adds(
	    &b,
	    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width\">"
	    "<title>wf: the API</title><style>body{font-family:system-ui;"
	    "margin:2em auto;max-width:70em;padding:0 1em}td{padding:.15em 1em .15em 0;"
	    "vertical-align:top}h2{font-size:1.1em;margin:1.5em 0 .3em}</style>"
	    "<h1>The API</h1><p>For programs: <a href=\"/api/openapi.json\">"
	    "/api/openapi.json</a>.</p>\n");
	add_tables(&b);
	buf_adds(&b, "</html>\n");
	http_reply(r, 200, "text/html; charset=utf-8", b.data, b.len);
	buf_release(&b);
}

extern const struct route routes_docs_page[];
const struct route routes_docs_page[] = {
    {"GET", "/docs", route_docs, ROUTE_ROOT | ROUTE_PUBLIC, 0},
    {NULL, NULL, NULL, 0, 0},
};
