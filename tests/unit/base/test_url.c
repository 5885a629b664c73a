/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_url.c - URLs, and the reading of HTTP answers piece by piece.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/http1.h"
#include "base/httpc.h"
#include "base/url.h"

Test(url, is_split)
{
	static const struct {
		const char *text, *host, *target, *userinfo;
		int tls, port;
	} cases[] = {
	    {"http://h", "h", "/", NULL, 0, 80},
	    {"HTTPS://h:8443/a?b#c", "h", "/a?b", NULL, 1, 8443},
	    {"http://u:p%40@h/x", "h", "/x", "u:p@", 0, 80},
	    {"http://[::1]:4200/api", "::1", "/api", NULL, 0, 4200},
	    {"http://h?q", "h", "/?q", NULL, 0, 80},
	    {"http://h/\xc3\xa4", "h", "/%C3%A4", NULL, 0, 80},
	    {"http://h:/x", "h", "/x", NULL, 0, 80},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct url u = {0};

		cr_assert_eq(url_parse(cases[i].text, &u, NULL), 0, "%s",
			     cases[i].text);
		cr_assert_str_eq(u.host, cases[i].host);
		cr_assert_str_eq(u.target, cases[i].target);
		cr_assert_eq(u.tls, cases[i].tls);
		cr_assert_eq(u.port, cases[i].port);
		cr_assert_eq(u.userinfo == NULL, cases[i].userinfo == NULL);
		if (u.userinfo != NULL) {
			cr_assert_str_eq(u.userinfo, cases[i].userinfo);
		}
		url_release(&u);
	}
}

/* The examples of RFC 3986, 5.4, as far as they are http. */
Test(url, references_are_resolved)
{
	static const struct {
		const char *ref, *want;
	} cases[] = {
	    {"g", "http://a:80/b/c/g"},
	    {"./g", "http://a:80/b/c/g"},
	    {"g/", "http://a:80/b/c/g/"},
	    {"/g", "http://a:80/g"},
	    {"//g", "http://g"},
	    {"?y", "http://a:80/b/c/d;p?y"},
	    {"g?y", "http://a:80/b/c/g?y"},
	    {"", "http://a:80/b/c/d;p?q"},
	    {".", "http://a:80/b/c/"},
	    {"./", "http://a:80/b/c/"},
	    {"..", "http://a:80/b/"},
	    {"../", "http://a:80/b/"},
	    {"../g", "http://a:80/b/g"},
	    {"../..", "http://a:80/"},
	    {"../../g", "http://a:80/g"},
	    {"../../../g", "http://a:80/g"},
	    {"/./g", "http://a:80/g"},
	    {"/../g", "http://a:80/g"},
	    {"g.", "http://a:80/b/c/g."},
	    {"..g", "http://a:80/b/c/..g"},
	    {"./../g", "http://a:80/b/g"},
	    {"g/./h", "http://a:80/b/c/g/h"},
	    {"g/../h", "http://a:80/b/c/h"},
	    {"g?y/./x", "http://a:80/b/c/g?y/./x"},
	    {"https://x/y", "https://x/y"},
	};
	struct url base = {0};

	cr_assert_eq(url_parse("http://a/b/c/d;p?q", &base, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = url_resolve(&base, cases[i].ref);

		cr_assert_str_eq(text, cases[i].want, "\"%s\": %s", cases[i].ref, text);
		free(text);
	}
	url_release(&base);
}

Test(url, encoding_leaves_only_safe_characters)
{
	char *text = url_encode("a-Z_0.~ /?&\xc3\xa4%");

	cr_assert_str_eq(text, "a-Z_0.~%20%2F%3F%26%C3%A4%25");
	free(text);
}

static void check_pieces(const char *wire, size_t step, int want_rc, const char *body)
{
	struct http_answer a;
	struct http1 p;
	size_t len = strlen(wire);
	size_t at = 0;
	int rc = 0;

	http_answer_init(&a);
	http1_init(&p, &a, 1000, 0);
	while (at < len && rc == 0) {
		size_t n = len - at < step ? len - at : step;
		size_t used = 0;

		rc = http1_feed(&p, wire + at, n, &used, NULL);
		at += used;
	}
	if (rc == 0) {
		rc = http1_eof(&p, NULL);
	}
	cr_assert_eq(rc, want_rc, "%s in pieces of %zu: %d", wire, step, rc);
	if (rc == 1) {
		cr_assert_str_eq(a.body.data, body);
	}
	http1_release(&p);
	http_answer_release(&a);
}

Test(http1, answers_in_pieces_of_any_size)
{
	static const struct {
		const char *wire;
		int rc;
		const char *body;
	} cases[] = {
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1, "hello"},
	    {"HTTP/1.1 200\nContent-Length:5\n\nhello", 1, "hello"},
	    {"HTTP/1.1 204 None\r\n\r\n", 1, ""},
	    {"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1,
	     ""},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "a;e=1\r\n0123456789\r\n1\r\nx\r\n0\r\nT: x\r\n\r\n",
	     1, "0123456789x"},
	    {"HTTP/1.0 200 OK\r\n\r\nall", 1, "all"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", -ERR_UNAVAILABLE, ""},
	    {"", -ERR_UNAVAILABLE, ""},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", -ERR_TOO_LARGE, ""},
	    {"HTTP/2 200 OK\r\n\r\n", -ERR_PROTOCOL, ""},
	    {"HTTP/1.1 2000 OK\r\n\r\n", -ERR_PROTOCOL, ""},
	    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", -ERR_PROTOCOL, ""},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	     -ERR_PROTOCOL, ""},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", -ERR_PROTOCOL, ""},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
	     -ERR_PROTOCOL, ""},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
	     -ERR_PROTOCOL, ""},
	    {"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", -ERR_PROTOCOL, ""},
	    {"HTTP/1.1 200 OK\r\n folded\r\n\r\n", -ERR_PROTOCOL, ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t step = 1; step <= 64; step += step < 4 ? 1 : 13) {
			check_pieces(cases[i].wire, step, cases[i].rc, cases[i].body);
		}
	}
}

Test(http1, retry_after_is_seconds_or_a_date)
{
	int64_t now_us = 784111777 * 1000000LL; /* Sun, 06 Nov 1994 08:49:37 GMT */

	cr_assert_eq(http_retry_after_ms("2", now_us), 2000);
	cr_assert_eq(http_retry_after_ms("0.25", now_us), 250);
	cr_assert_eq(http_retry_after_ms("99999999999999999999", now_us), 86400000);
	cr_assert_eq(http_retry_after_ms("Sun, 06 Nov 1994 08:49:40 GMT", now_us),
		     3000);
	cr_assert_eq(http_retry_after_ms("Sun, 06 Nov 1994 08:49:30 GMT", now_us), 0);
	cr_assert_eq(http_retry_after_ms("soon", now_us), -1);
	cr_assert_eq(http_retry_after_ms("-1", now_us), -1);
	cr_assert_eq(http_retry_after_ms("", now_us), -1);
	cr_assert_eq(http_retry_after_ms(NULL, now_us), -1);
}
