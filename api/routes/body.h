/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.h - the first steps that most handlers with a body share.
 */
#ifndef API_ROUTES_BODY_H
#define API_ROUTES_BODY_H

#include <stddef.h>

#include <jansson.h>

struct decoded;
struct error;
struct field;
struct http_invalid;
struct http_req;

struct body_spec {
	const struct field *fields;
	size_t count;
	int forbid;   /* unknown keys are errors */
	int empty_ok; /* no body is {} */
};

/*
 * Parses and decodes the body into OUT; the result is a new reference to it, so that
 * pointers into it stay valid in the database thread.  NULL: the request has been
 * answered.  *ret_v gets the problems when the caller wants to add its own (body_end()
 * tells them), else pass NULL.
 */
json_t *body_decode(struct http_req *r, const struct body_spec *spec, void *out,
		    struct decoded *ret_decoded, struct http_invalid **ret_v);
/* Takes V.  0, or -1: there were problems and the request has been answered. */
int body_end(struct http_req *r, struct http_invalid *v);
/* "Value error, " and ERR's message, at LOC. */
void body_value_error(struct http_invalid *v, const char *loc, const json_t *input,
		      const struct error *err);

#endif
