/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.c - randomness from the kernel, and comparison of secrets (declared in
 * digest.h).
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/digest.h"
#include "base/error.h"

int equal_constant_time(const void *a, size_t alen, const void *b, size_t blen)
{
	const volatile uint8_t *x = a;
	const volatile uint8_t *y = b;
	size_t n = alen < blen ? alen : blen;
	unsigned int diff = alen != blen;

	for (size_t i = 0; i < n; i++) {
		diff |= (unsigned int)(x[i] ^ y[i]);
	}
	return diff == 0;
}

void random_bytes(void *dst, size_t len)
{
	uint8_t *p = dst;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			BUG("getrandom: %s", strerror(errno));
		}
		p += n;
		len -= (size_t)n;
	}
}
