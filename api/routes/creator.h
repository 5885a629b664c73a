/* SPDX-License-Identifier: Apache-2.0 */
/*
 * creator.h - on whose behalf a request creates something: an automation says so in two
 * headers.
 */
#ifndef API_ROUTES_CREATOR_H
#define API_ROUTES_CREATOR_H

#include <jansson.h>

struct http_req;

/* {"id", "type": "AUTOMATION", "display_value"}, a new reference; NULL: nobody said. */
json_t *creator_of(const struct http_req *r);

#endif
