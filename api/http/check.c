/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - who may ask, and in which version of the API.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/http_priv.h"
#include "base/digest.h"
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

/* 1: answered with 401. */
int check_auth(struct http_req *r)
{
	const char *got;

	if (r->server->auth == NULL || strcmp(r->path, "/health") == 0 ||
	    strcmp(r->path, "/ready") == 0) {
		return 0;
	}
	got = http_header(r, "Authorization");
	if (got != NULL && equal_constant_time(got, strlen(got), r->server->auth,
					       strlen(r->server->auth))) {
		return 0;
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
