/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_opts.c - the parsers of option values, the suggestion and the escape of log
 * lines.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"pool", "limit", "work-queue", "no-color"};
	char *text = xstrndup((const char *)data, size), line[256];
	const char *near;
	int64_t v = -1;
	size_t n;
	int b = -1;

	PRE(opts_parse_ms(text, &v, NULL) != 0 || v >= 0);
	v = -1;
	PRE(opts_parse_bytes(text, &v, NULL) != 0 || v >= 0);
	PRE(opts_parse_bool(text, &b, NULL) != 0 || b == 0 || b == 1);
	near = opts_nearest(text, names, ARRAY_LEN(names));
	PRE(near == NULL || strlen(near) < 16);
	n = log_escape(line, sizeof(line), (const char *)data, size);
	PRE(n < sizeof(line) && strlen(line) == n && utf8_is_valid(line, n));
	PRE(strpbrk(line, "\n\r\t\x1b\x7f") == NULL);
	free(text);
	return 0;
}
