/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_priv.h - what the files of api/http share, and what their unit tests reach.
 */
#ifndef API_HTTP_HTTP_PRIV_H
#define API_HTTP_HTTP_PRIV_H

#include <stddef.h>

#include <jansson.h>

struct http_invalid;

/* The whole 422 answer; REQUEST_BODY is borrowed, NULL: null.  New reference. */
json_t *http_invalid_json(const struct http_invalid *v, json_t *request_body);

#endif
