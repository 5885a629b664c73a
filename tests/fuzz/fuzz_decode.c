/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_decode.c - any JSON against a table with every kind of field; the answer must be
 * JSON.
 */
#include <stdint.h>
#include <stdlib.h>

#include "api/http/http.h"
#include "api/http/http_priv.h"
#include "api/routes/decode.h"
#include "base/compiler.h"
#include "base/json.h"
#include "base/uuid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	const char *s, *c;
	int64_t i, t;
	double r;
	int b;
	struct uuid u;
	json_t *o, *a, *any, *tags;
};
static const char *const choices[] = {"x", "y", NULL};
static const struct field fields[] = {
    FIELD(struct model, s, F_STR, .flags = F_REQUIRED | F_NAME, .max = 20),
    FIELD(struct model, c, F_STR, .choices = choices),
    FIELD(struct model, i, F_INT, .min = -3, .max = 9),
    FIELD(struct model, t, F_TIME, .flags = F_NOT_NULL),
    FIELD(struct model, r, F_REAL, .flags = F_GT),
    FIELD(struct model, b, F_BOOL),
    FIELD(struct model, u, F_UUID),
    FIELD(struct model, o, F_OBJ),
    FIELD(struct model, a, F_ARR, .min = 1, .max = 3),
    FIELD(struct model, any, F_ANY),
    FIELD(struct model, tags, F_TAGS),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *body = json_parse((const char *)data, size, size, NULL), *answer;
	struct http_invalid *v;
	struct model m = {0};
	char *text;

	if (body != NULL) {
		v = http_invalid_new();
		(void)decode_object(body, fields, ARRAY_LEN(fields), 1, "", &m, NULL,
				    v);
		answer = http_invalid_json(v, body);
		text = json_text(answer);
		if (text == NULL) {
			abort();
		}
		free(text);
		json_decref(answer);
		http_invalid_free(v);
	}
	json_decref(body);
	return 0;
}
