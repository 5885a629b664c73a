/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc_guard.c - addresses that a request for public places may not reach: private,
 * local, reserved, documentation.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "base/httpc_priv.h"

struct range {
	const char *net;
	int bits;
};
static const struct range ranges4[] = {
    {"0.0.0.0", 8},     {"10.0.0.0", 8},      {"127.0.0.0", 8},    {"169.254.0.0", 16},
    {"172.16.0.0", 12}, {"192.0.0.0", 24},    {"192.0.2.0", 24},   {"192.168.0.0", 16},
    {"198.18.0.0", 15}, {"198.51.100.0", 24}, {"203.0.113.0", 24}, {"240.0.0.0", 4},
};
static const struct range ranges6[] = {
    {"::1", 128},  {"::", 128},    {"::ffff:0:0", 96}, {"64:ff9b:1::", 48},
    {"100::", 64}, {"2001::", 23}, {"2001:db8::", 32}, {"2002::", 16},
    {"fc00::", 7}, {"fe80::", 10},
};
/* within 192.0.0.0/24, but public */
static const char *const public4[] = {"192.0.0.9", "192.0.0.10"};

static int covers(const unsigned char *net, const unsigned char *at, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	if (memcmp(net, at, (size_t)whole) != 0) {
		return 0;
	}
	return rest == 0 || (net[whole] ^ at[whole]) >> (8 - rest) == 0;
}

static int is_private(int family, const void *at)
{
	const struct range *r = family == AF_INET ? ranges4 : ranges6;
	size_t n = family == AF_INET ? ARRAY_LEN(ranges4) : ARRAY_LEN(ranges6), i;
	unsigned char net[16];

	for (i = 0; family == AF_INET && i < ARRAY_LEN(public4); i++) {
		if (inet_pton(AF_INET, public4[i], net) == 1 &&
		    memcmp(net, at, 4) == 0) {
			return 0;
		}
	}
	for (i = 0; i < n; i++) {
		if (inet_pton(family, r[i].net, net) == 1 &&
		    covers(net, at, r[i].bits)) {
			return 1;
		}
	}
	return 0;
}

int httpc_refuse_address(const struct httpc_req *r, const struct sockaddr *sa,
			 struct error *err)
{
	const void *at = NULL;
	char text[INET6_ADDRSTRLEN], *origin;

	if ((r->flags & HTTPC_PUBLIC_ONLY) == 0) {
		return 0;
	}
	if (sa->sa_family == AF_INET) {
		at = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	} else if (sa->sa_family == AF_INET6) {
		at = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	}
	if (at != NULL && !is_private(sa->sa_family, at)) {
		return 0;
	}
	origin = url_origin(&r->url);
	(void)err_set(
	    err, ERR_FORBIDDEN,
	    "'%s' is not a valid URL.  It resolves to the private address %s.", origin,
	    at != NULL && inet_ntop(sa->sa_family, at, text, sizeof(text)) != NULL
		? text
		: "of another kind");
	free(origin);
	return -ERR_FORBIDDEN;
}
