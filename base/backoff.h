/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.h - exponential delay with full jitter, and the clamped Poisson jitter of
 * task retries (worker-and-engine 4.5).  Pure: the random number is passed in.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t base_ms, cap_ms;
	unsigned int attempt;
};

void backoff_init(struct backoff *b, int64_t base_ms, int64_t cap_ms);
void backoff_reset(struct backoff *b);
/* Delay before the next try, in [half, whole] of min(cap, base * 2^attempt). */
int64_t backoff_next(struct backoff *b, double random_01);

/* Uniform in [0,1): getrandom. */
double random_unit(void);
/*
 * delay in [lower, upper] around BASE with factor F: U = 1+F; L = log2(2^U/(2^U-1)), 0
 * for U >= 50; u ~ Uniform(1-e^-L, 1-e^-U); delay = -ln(max(1-u, 1e-10)) * base.
 */
double clamped_poisson(double base, double factor, double random_01);

#endif
