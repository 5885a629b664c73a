/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_backoff.c - delays, with the random number as a parameter.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "base/backoff.h"

Test(backoff, doubles_up_to_the_cap)
{
	static const int64_t whole[] = {100, 200, 400, 800, 1000, 1000, 1000};
	struct backoff lo, hi;
	size_t i;

	backoff_init(&lo, 100, 1000);
	backoff_init(&hi, 100, 1000);
	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		cr_assert_eq(backoff_next(&lo, 0), whole[i] / 2);
		cr_assert_geq(backoff_next(&hi, 0.999999), whole[i] - 1);
		cr_assert_leq(whole[i], 1000);
	}
}

Test(backoff, starts_anew_after_a_reset)
{
	struct backoff b;

	backoff_init(&b, 100, 60000);
	backoff_next(&b, 0);
	backoff_next(&b, 0);
	cr_assert_eq(backoff_next(&b, 0), 200);
	backoff_reset(&b);
	cr_assert_eq(backoff_next(&b, 0), 50);
}

Test(backoff, never_overflows)
{
	struct backoff b;
	int64_t d = 0;
	int i;

	backoff_init(&b, 3, INT64_MAX);
	for (i = 0; i < 1000; i++) {
		d = backoff_next(&b, 0.5);
		cr_assert_gt(d, 0);
	}
	cr_assert_gt(d, INT64_MAX / 2);
}

Test(backoff, odd_parameters_are_made_sane)
{
	struct backoff b;

	backoff_init(&b, 0, 0);
	cr_assert_eq(backoff_next(&b, 0), 1);
	backoff_init(&b, 500, 10);
	cr_assert_eq(backoff_next(&b, 0), 250);
}

Test(backoff, the_poisson_jitter_stays_in_its_bounds)
{
	static const double factors[] = {0.1, 0.5, 1, 3, 60};
	double lo, hi, mid, upper, lower;
	size_t i;

	for (i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
		upper = 1 + factors[i];
		lower = upper < 50 ? log2(exp2(upper) / (exp2(upper) - 1)) : 0;
		lo = clamped_poisson(10, factors[i], 0);
		hi = clamped_poisson(10, factors[i], 1 - 0x1p-53);
		mid = clamped_poisson(10, factors[i], 0.5);
		cr_assert_float_eq(lo, 10 * lower, 1e-6, "factor %g", factors[i]);
		cr_assert_leq(hi, 10 * fmin(upper, 23.1), "factor %g: %g", factors[i],
			      hi);
		cr_assert(lo < mid && mid < hi);
	}
}

Test(backoff, the_random_unit_is_in_range)
{
	double r, sum = 0;
	int i;

	for (i = 0; i < 1000; i++) {
		r = random_unit();
		cr_assert(r >= 0 && r < 1);
		sum += r;
	}
	cr_assert(sum > 300 && sum < 700);
}
