/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.c - delays before a retry.
 */
#include "base/backoff.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "base/compiler.h"
#include "base/error.h"

void backoff_init(struct backoff *b, int64_t base_ms, int64_t cap_ms)
{
	*b = (struct backoff){.base_ms = MAX_OF(base_ms, 1),
			      .cap_ms = MAX_OF(cap_ms, MAX_OF(base_ms, 1))};
}

void backoff_reset(struct backoff *b)
{
	b->attempt = 0;
}

int64_t backoff_next(struct backoff *b, double random_01)
{
	int64_t whole = b->base_ms, half;
	unsigned int i;

	for (i = 0; i < b->attempt && whole < b->cap_ms; i++) {
		whole = whole > b->cap_ms / 2 ? b->cap_ms : whole * 2;
	}
	/* at the cap a further attempt changes nothing, so the count need not grow */
	if (whole < b->cap_ms) {
		b->attempt++;
	}
	half = whole / 2;
	return whole - half + (int64_t)((double)half * random_01);
}

double random_unit(void)
{
	uint64_t r = 0;

	/* up to 256 bytes are never returned in part, but a signal may come first */
	while (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r)) {
		if (errno != EINTR) {
			BUG("getrandom: %s", strerror(errno));
		}
	}
	return (double)(r >> 11) * 0x1p-53;
}

double clamped_poisson(double base, double factor, double random_01)
{
	const double max_upper = 50; /* 2^-50 and below: the lower bound is 0 */
	double upper = 1 + factor, lower = 0, lo, hi, u;

	if (upper < max_upper) {
		lower = log2(exp2(upper) / (exp2(upper) - 1));
	}
	lo = 1 - exp(-lower);
	hi = 1 - exp(-upper);
	u = lo + (hi - lo) * random_01;
	return -log(fmax(1 - u, 1e-10)) * base;
}
