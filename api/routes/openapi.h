/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi.h - what docs/api.md says about each route (made by build-aux/gen-words.awk).
 */
#ifndef API_ROUTES_OPENAPI_H
#define API_ROUTES_OPENAPI_H

#include <stddef.h>

struct route_words {
	const char *method; /* "WS": a socket; NULL ends the table */
	const char *pattern;
	const char *words;
};

extern const struct route_words route_words[];

/* The words about a route, "" when there are none. */
const char *route_words_of(const char *method, const char *pattern);

/* All routes, by path and method. */
#define ROUTES_MAX 1024
struct route;
struct route_entry {
	const struct route *route;
};
size_t route_entries(struct route_entry ret_list[ROUTES_MAX]);

#endif
