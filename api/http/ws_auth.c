/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws_auth.c - the first message of a socket: {"type": "auth", "token": ...}.
 */
#include <string.h>

#include <jansson.h>

#include "api/http/guesses.h"
#include "api/http/http_priv.h"
#include "api/http/ws_priv.h"
#include "base/json.h"
#include "base/loop.h"

#define AUTH_MAX 65536

static const char *refusal(const struct http_server *s, const json_t *m)
{
	const char *type = json_string_value(json_object_get(m, "type"));
	const json_t *token = json_object_get(m, "token");

	if (type == NULL || strcmp(type, "auth") != 0) {
		return "Expected 'auth' message";
	}
	if (s->auth_token == NULL) {
		return NULL;
	}
	if (token == NULL || json_is_null(token)) {
		return "Auth required but no token provided";
	}
	return NULL;
}

/* The token is looked at only when its sender has not guessed too often. */
static const char *wrong_token(const struct ws_conn *c, const char *token)
{
	const struct http_server *s = c->server->http;
	int64_t now_ms = loop_now_ms(s->loop);
	const char *address = c->address;

	if (s->auth_token == NULL) {
		return NULL;
	}
	if (address[0] != '\0' && guesses_wait_ms(s->guesses, address, now_ms) > 0) {
		return "Too many failed attempts to authenticate";
	}
	if (check_auth_text(s, token)) {
		return NULL;
	}
	if (address[0] != '\0') {
		guesses_failed(s->guesses, address, now_ms);
	}
	return "Invalid token";
}

void ws_auth_message(struct ws_conn *c, const char *data, size_t len)
{
	static const char yes[] = "{\"type\":\"auth_success\"}";
	json_t *m = json_parse(data, len, AUTH_MAX, NULL);
	const char *no;

	if (m == NULL) {
		ws_close(c, 1002, "Expected 'auth' message: this is not JSON");
		return;
	}
	no = refusal(c->server->http, m);
	if (no == NULL) {
		no = wrong_token(c, json_string_value(json_object_get(m, "token")));
	}
	json_decref(m);
	if (no != NULL) {
		ws_close(c, 1008, "%s",
			 c->ep->auth_reason != NULL ? c->ep->auth_reason : no);
		return;
	}
	(void)ws_send(c, yes, strlen(yes));
	ws_open(c);
}
