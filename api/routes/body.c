/* SPDX-License-Identifier: Apache-2.0 */
/* body.c - parse, decode, collect problems. */
#include "api/routes/body.h"

#include <stdio.h>

#include "api/http/http.h"
#include "api/routes/decode.h"
#include "base/error.h"

int body_end(struct http_req *r, struct http_invalid *v)
{
	if (http_invalid_count(v) > 0) {
		http_reply_invalid(r, v);
		return -1;
	}
	http_invalid_free(v);
	return 0;
}

json_t *body_decode(struct http_req *r, const struct body_spec *spec, void *out,
		    struct decoded *ret_decoded, struct http_invalid **ret_v)
{
	json_t *body = http_json(r, spec->empty_ok);
	struct http_invalid *v;

	if (body == NULL) {
		return NULL;
	}
	v = http_invalid_new();
	(void)decode_object(body, spec->fields, spec->count, spec->forbid, "", out,
			    ret_decoded, v);
	if (ret_v != NULL) {
		*ret_v = v;
	} else if (body_end(r, v) < 0) {
		return NULL;
	}
	return json_incref(body);
}

void body_value_error(struct http_invalid *v, const char *loc, const json_t *input,
		      const struct error *err)
{
	char msg[sizeof(err->msg) + 16];

	(void)snprintf(msg, sizeof(msg), "Value error, %s", err->msg);
	http_invalid_add(v, "value_error", loc, input, msg);
}
