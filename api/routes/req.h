/* SPDX-License-Identifier: Apache-2.0 */
/*
 * req.h - what most routes need between the request and its transaction: the object of
 *the path, the body decoded by a table, and an argument that lives until the answer.
 *
 * An argument struct begins with a struct req_arg:
 *	struct flow_create { struct req_arg base; const char *name; json_t *tags; };
 *	struct flow_create *a = req_arg_new(r, sizeof(*a));
 *	if (req_body(r, a, fields, ARRAY_LEN(fields), NULL) < 0) { return; }
 *	tx_submit(r, DB_WRITE, work, a, req_arg_free);
 */
#ifndef API_ROUTES_REQ_H
#define API_ROUTES_REQ_H

#include <stddef.h>

#include <jansson.h>

#include "api/routes/decode.h"
#include "base/uuid.h"

struct db_pred;
struct error;
struct http_req;
struct tx;

struct req_arg {
	struct uuid id;       /* of the path's {id} */
	char *name;           /* of the path's text parameter; owned */
	json_t *body;         /* keeps what was decoded alive; owned */
	struct decoded given; /* which fields were there */
	struct db_pred *pred; /* owned */
};

/* SIZE bytes of zeros; takes {id} when the path has it. */
void *req_arg_new(struct http_req *r, size_t size);
void req_arg_free(void *arg);
/* The text parameter NAME of the path. */
void req_name(struct http_req *r, void *arg, const char *name);

/*
 * Decodes the body into ARG by FIELDS (offsets into the argument struct); unknown keys
 * are refused.  Returns 0, or a negative code when the request was answered and ARG
 * freed.
 */
int req_body(struct http_req *r, void *arg, const struct field *fields, size_t count);
/* The same with rules that a table cannot say: CHECK adds problems. */
struct http_invalid;
typedef void (*req_check_fn)(void *arg, struct http_invalid *v);
int req_body_checked(struct http_req *r, void *arg, const struct field *fields,
		     size_t count, req_check_fn check);
/* The same without refusing unknown keys, and with an empty body as {}. */
int req_embedded(struct http_req *r, void *arg, const struct field *fields,
		 size_t count);
int req_embedded_checked(struct http_req *r, void *arg, const struct field *fields,
			 size_t count, req_check_fn check);

int req_embedded_checked(struct http_req *r, void *arg, const struct field *fields,
			 size_t count, req_check_fn check);

/* The answer has no body: 204.  Returns 0. */
int req_no_content(struct tx *tx);
/* Bound JSON: the text of V (owned by the caller), or STANDARD when V is NULL. */
char *req_json(const json_t *v, const char *standard);

#endif
