/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - who may ask, and in which version of the API.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/guesses.h"
#include "api/http/http_priv.h"
#include "base/digest.h"
#include "base/loop.h"
#include "base/mem.h"

#define MIN_MINOR 8 /* 0.8.0 */

char *check_auth_header(const char *auth)
{
	char *b64 = base64_encode(auth, strlen(auth));
	char *header = xasprintf("Basic %s", b64);

	free(b64);
	return header;
}

int check_auth_text(const struct http_server *s, const char *token)
{
	return s->auth_token == NULL ||
	       (token != NULL &&
		equal_constant_time(token, strlen(token), s->auth_token,
				    strlen(s->auth_token)));
}

static int is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
	       strncmp(address, "::ffff:127.", 11) == 0;
}

void check_address(struct evhttp_connection *evcon, const char *forwarded, char *dst,
		   size_t size)
{
	const char *last;
	char *peer = NULL;
	ev_uint16_t port;

	dst[0] = '\0';
	if (evcon != NULL) {
		evhttp_connection_get_peer(evcon, &peer, &port);
	}
	if (peer == NULL || !is_loopback(peer)) {
		(void)snprintf(dst, size, "%s", peer != NULL ? peer : "?");
	} else if (forwarded != NULL) {
		last = strrchr(forwarded, ',');
		last = last != NULL ? last + 1 : forwarded;
		(void)snprintf(dst, size, "%s", last + strspn(last, " "));
	}
}

static void answer_wait(struct http_req *r, int64_t wait_ms)
{
	char seconds[24];

	(void)snprintf(seconds, sizeof(seconds), "%lld", (long long)wait_ms / 1000 + 1);
	http_reply_header(r, "Retry-After", seconds);
	http_reply_exception(r, 429, "Too many failed attempts to authenticate");
}

/* 1: answered with 401, or with 429 when the address has tried too often. */
int check_auth(struct http_req *r)
{
	struct guesses *g = r->server->guesses;
	int64_t now_ms = loop_now_ms(r->loop), wait_ms;
	char address[80];
	const char *got;

	if (r->server->auth == NULL || strcmp(r->path, "/health") == 0 ||
	    strcmp(r->path, "/ready") == 0) {
		return 0;
	}
	check_address(evhttp_request_get_connection(r->ev),
		      http_header(r, "X-Forwarded-For"), address, sizeof(address));
	wait_ms = address[0] != '\0' ? guesses_wait_ms(g, address, now_ms) : 0;
	if (wait_ms > 0) {
		answer_wait(r, wait_ms);
		return 1;
	}
	got = http_header(r, "Authorization");
	if (got != NULL && equal_constant_time(got, strlen(got), r->server->auth,
					       strlen(r->server->auth))) {
		return 0;
	}
	if (address[0] != '\0' && got != NULL) { /* without is no guess */
		guesses_failed(g, address, now_ms);
	}
	http_reply_exception(r, 401, "Unauthorized");
	return 1;
}

/* "x.y.z": three short numbers and nothing else. */
static int parse_version(const char *text, long ret[3])
{
	char *end;
	int i;

	for (i = 0; i < 3; i++) {
		if (strspn(text, "0123456789") == 0 || strspn(text, "0123456789") > 9) {
			return 0;
		}
		ret[i] = strtol(text, &end, 10);
		if (*end != (i < 2 ? '.' : '\0')) {
			return 0;
		}
		text = end + 1;
	}
	return 1;
}

int check_version(struct http_req *r)
{
	const char *text = http_header(r, "X-PREFECT-API-VERSION");
	long v[3];

	if (text == NULL) {
		return 0;
	}
	if (!parse_version(text, v)) {
		http_reply_detail(
		    r, 400,
		    "Invalid X-PREFECT-API-VERSION header format.Expected "
		    "header in format 'x.y.z' but received %.200s",
		    text);
		return 1;
	}
	if (v[0] == 0 && v[1] < MIN_MINOR) {
		http_reply_detail(
		    r, 400,
		    "The request specified API version %s but this server "
		    "requires version 0.8.0 or higher.",
		    text);
		return 1;
	}
	return 0;
}
