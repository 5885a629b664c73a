/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csrf.c - tokens against forged requests, for servers that ask for them.
 *
 * Nothing is stored: a token is a digest of the server's key, the client's name and an
 * hour, and is good in that hour and the next.  With an auth string the key comes from
 * it, so that replicas know each other's tokens; without one it is made at start.
 */
#include <stdio.h>
#include <string.h>

#include "api/http/http_priv.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/loop.h"
#include "base/mem.h"

#define HOUR_US (3600 * CLOCK_US_PER_S)

void csrf_key_make(const char *auth, uint8_t ret_key[32])
{
	char *text;

	if (auth == NULL || auth[0] == '\0') {
		random_bytes(ret_key, 32);
		return;
	}
	text = xasprintf("wf csrf key\n%s", auth);
	sha256(text, strlen(text), ret_key);
	free(text);
}

/* Two rounds, as HMAC has them: the inner text cannot be made longer by others. */
static void token_of(const struct http_server *s, const char *client, int64_t hour,
		     char ret_hex[65])
{
	uint8_t inner[32], outer[64];
	char key[65];
	char *text;
	size_t i;

	for (i = 0; i < sizeof(s->csrf_key); i++) {
		(void)snprintf(key + 2 * i, 3, "%02x", s->csrf_key[i]);
	}
	text = xasprintf("%s\n%lld\n%s", key, (long long)hour, client);
	sha256(text, strlen(text), inner);
	free(text);
	memcpy(outer, s->csrf_key, 32);
	memcpy(outer + 32, inner, 32);
	sha256_hex(outer, sizeof(outer), ret_hex);
}

int http_csrf_token(const struct http_req *r, const char *client, char ret_hex[65],
		    int64_t *ret_expires_us)
{
	int64_t hour = loop_wall_us(r->loop) / HOUR_US;

	if (!r->server->csrf) {
		return 0;
	}
	token_of(r->server, client, hour, ret_hex);
	*ret_expires_us = (hour + 2) * HOUR_US;
	return 1;
}

static int is_valid(const struct http_req *r, const char *client, const char *token)
{
	int64_t hour = loop_wall_us(r->loop) / HOUR_US;
	char want[2][65];
	int good;

	token_of(r->server, client, hour, want[0]);
	token_of(r->server, client, hour - 1, want[1]);
	good = equal_constant_time(token, strlen(token), want[0], strlen(want[0]));
	good |= equal_constant_time(token, strlen(token), want[1], strlen(want[1]));
	return good;
}

int check_csrf(struct http_req *r)
{
	const char *token, *client;

	if (!r->server->csrf || strcmp(r->method, "GET") == 0 ||
	    strcmp(r->method, "HEAD") == 0) {
		return 0;
	}
	token = http_header(r, "Prefect-Csrf-Token");
	client = http_header(r, "Prefect-Csrf-Client");
	if (token == NULL) {
		http_reply_detail(r, 403, "Missing CSRF token.");
	} else if (client == NULL) {
		http_reply_detail(r, 403, "Missing client identifier.");
	} else if (!is_valid(r, client, token)) {
		http_reply_detail(r, 403, "Invalid CSRF token or client identifier.");
	} else {
		return 0;
	}
	return 1;
}
