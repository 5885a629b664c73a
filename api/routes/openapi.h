/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi.h - what docs/api.md says about each route (made by build-aux/gen-words.awk).
 */
#ifndef API_ROUTES_OPENAPI_H
#define API_ROUTES_OPENAPI_H

struct route_words {
	const char *method; /* "WS": a socket; NULL ends the table */
	const char *pattern;
	const char *words;
};

extern const struct route_words route_words[];

#endif
