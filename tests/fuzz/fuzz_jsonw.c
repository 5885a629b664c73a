/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_jsonw.c - any calls with any bytes give valid JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/jsonw.h"

#define DEPTH_MAX 60

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void value(struct jsonw *w, const uint8_t *data, size_t size)
{
	double real = 0;
	int64_t whole = 0;

	memcpy(&real, data, size < sizeof(real) ? size : sizeof(real));
	memcpy(&whole, data, size < sizeof(whole) ? size : sizeof(whole));
	jsonw_strn(w, NULL, (const char *)data, size);
	jsonw_real(w, NULL, real);
	jsonw_int(w, NULL, whole);
	jsonw_time(w, NULL, whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jsonw w;
	struct buf b;
	json_t *v;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_arr(&w, NULL);
	for (size_t i = 0; i < size; i++) {
		if ((data[i] & 3) == 0 && w.depth < DEPTH_MAX) {
			jsonw_arr(&w, NULL);
		} else if ((data[i] & 3) == 1 && w.depth > 1) {
			jsonw_arr_end(&w);
		} else {
			value(&w, data + i, size - i < 9 ? size - i : 9);
		}
	}
	while (w.depth > 0) {
		jsonw_arr_end(&w);
	}
	v = json_loadb(b.data, b.len, JSON_ALLOW_NUL, NULL);
	if (v == NULL) {
		abort();
	}
	json_decref(v);
	buf_release(&b);
	return 0;
}
