/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_template_check.c - any text as a template; the line is one of the text, or 0:
 * all of it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes/template_check.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	int line = 0, lines = 1;
	struct error err;

	(void)template_text_check(text, &line, &err);
	for (const char *s = text; *s != '\0'; s++) {
		lines += *s == '\n' || (*s == '\r' && s[1] != '\n');
	}
	if (line < 0 || line > lines) {
		abort();
	}
	free(text);
	return 0;
}
