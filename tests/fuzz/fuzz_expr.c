/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_expr.c - any bytes as a text with expressions, and as a name template: parsed
 * and evaluated on a small world.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "engine/expr/name.h"
#include "engine/expr/tmpl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *lookup(const char *field, void *arg)
{
	(void)arg;
	return *field == 'n'   ? json_integer(7)
	       : *field == 's' ? json_string("x")
			       : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *params = json_pack("{s:i, s:s, s:[i,s,[n]], s:{s:b}}", "n", 3, "s",
				   "text", "l", 1, "a", "o", "k", 1);
	struct expr_scope scope = {.params = params, .with = params};
	char *text = xmalloc(size + 1);
	struct name_tmpl *name = NULL;
	struct tmpl *t = NULL;
	struct error err;
	json_t *v = NULL;
	struct buf out;
	size_t at;

	memcpy(text, data, size);
	text[size] = '\0';
	buf_init(&out);
	if (tmpl_parse(text, size, &t, &at, &err) == 0) {
		if (tmpl_eval(t, &scope, &v, &err) == 0) {
			json_decref(v);
		}
		tmpl_free(t);
	}
	if (name_parse(text, &name, &at, &err) == 0) {
		(void)name_format(name, lookup, NULL, 0, &out, &err);
		name_free(name);
	}
	buf_release(&out);
	json_decref(params);
	free(text);
	return 0;
}
