/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_toml.c - the configuration reader; every value handed out must be well-formed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/toml.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s)
{
	PRE(strlen(s) <= TOML_MAX_STRING + 4 && utf8_is_valid(s, strlen(s)));
}

static int on_value(const char *path, const struct toml_value *v, void *arg,
		    struct error *err)
{
	char *end;
	size_t i;

	(void)arg;
	(void)err;
	PRE(strlen(path) <= TOML_MAX_KEY && v->line > 0 && v->column > 0);
	if (v->type == TOML_ARRAY) {
		PRE(v->count <= TOML_MAX_ITEMS);
		for (i = 0; i < v->count; i++) {
			check_text(v->items[i]);
		}
		return 0;
	}
	check_text(v->text);
	if (v->type == TOML_INT) {
		(void)strtoll(v->text, &end, 10);
		PRE(end != v->text && *end == '\0');
	} else if (v->type == TOML_REAL) {
		(void)strtod(v->text, &end);
		PRE(end != v->text && *end == '\0');
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	int rc = toml_parse("f", (const char *)data, size, on_value, NULL, &err);

	PRE(rc == 0 || err.code == -rc);
	return 0;
}
