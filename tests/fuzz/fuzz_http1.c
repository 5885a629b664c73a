/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_http1.c - any bytes as an HTTP answer: whole and in two pieces it means the
 * same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/http1.h"

#define BODY_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(const char *data, size_t size, size_t cut, struct http_answer *a)
{
	struct error err;
	struct http1 p;
	size_t used = 0;
	int rc;

	http_answer_init(a);
	http1_init(&p, a, BODY_MAX, 0);
	rc = http1_feed(&p, data, cut, &used, &err);
	if (rc == 0) {
		rc = http1_feed(&p, data + cut, size - cut, &used, &err);
	}
	if (rc == 0) {
		rc = http1_eof(&p, &err);
	}
	http1_release(&p);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_answer a;
	struct http_answer b;
	size_t cut = size == 0 ? 0 : data[size - 1] % size;
	int x = run((const char *)data, size, 0, &a);
	int y = run((const char *)data, size, cut, &b);

	if (x != y || (x == 1 && (a.status != b.status || a.body.len != b.body.len ||
				  a.body.len > BODY_MAX))) {
		abort();
	}
	http_retry_after_ms(a.retry_after, 0);
	http_answer_release(&a);
	http_answer_release(&b);
	return 0;
}
