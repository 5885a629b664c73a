/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_limit_math.c - usage, decay and waiting times of concurrency limits.
 */
#include <criterion/criterion.h>

#include "api/routes/limit_math.h"
#include "base/timefmt.h"

#define S 1000000LL

static struct limit_state rate(double decay, double used, int64_t limit)
{
	return (struct limit_state){.limit = limit,
				    .decay = decay,
				    .decayed_slots = used,
				    .decayed_at_us = 0,
				    .avg_occupancy_s = 2};
}

Test(limit_math, a_limit_without_decay_is_used_by_its_leases)
{
	struct limit_state l = {.limit = 3, .held = 2, .decayed_at_us = TIME_NONE};

	cr_expect_eq(limit_active_slots(&l, 100 * S), 2);
	cr_expect(limit_fits(&l, 1, 0));
	cr_expect_not(limit_fits(&l, 2, 0));
}

Test(limit_math, a_rate_limit_leaks)
{
	struct limit_state l = rate(0.5, 4, 4);

	cr_expect_not(limit_fits(&l, 1, 0));
	cr_expect_not(limit_fits(&l, 1, S));
	cr_expect(limit_fits(&l, 1, 2 * S));
	cr_expect_eq(limit_active_slots(&l, 3 * S), 3);
	cr_expect_eq(limit_active_slots(&l, 100 * S), 0);
	cr_expect_eq(limit_active_slots(&l, -S), 4,
		     "a clock that goes back adds nothing");
}

Test(limit_math, denials_are_forgotten_with_time)
{
	struct limit_state l = {
	    .limit = 1, .denied = 4, .decayed_at_us = 0, .avg_occupancy_s = 2};

	cr_expect_float_eq(limit_denied(&l, 0), 4, 1e-9);
	cr_expect_float_eq(limit_denied(&l, 4 * S), 2, 1e-9);
	cr_expect_float_eq(limit_denied(&l, 100 * S), 0, 1e-9);
}

Test(limit_math, the_wait_is_the_average_with_bounded_jitter)
{
	struct limit_state l = {.limit = 1, .decayed_at_us = 0, .avg_occupancy_s = 2};
	double u;

	for (u = 0; u < 1; u += 0.01) {
		double s = limit_retry_after(&l, 1, 1, 0, u);

		cr_expect(s >= 2 * 0.7 - 1e-9 && s <= 2 * 1.3 + 1e-9, "%f", s);
	}
	l.denied = 1000;
	cr_expect_leq(limit_retry_after(&l, 1, 1, 0, 0.999), 30 * 1.3);
	l.is_tag = 1;
	cr_expect_leq(limit_retry_after(&l, 1, 1, 0, 0.999), 10 * 1.3);
}

Test(limit_math, the_limit_that_blocks_longest_decides)
{
	struct limit_state l[2] = {{.limit = 10, .avg_occupancy_s = 2},
				   rate(0.1, 5, 5)};

	cr_expect_geq(limit_retry_after(l, 2, 1, 0, 0), 10 * 0.7 - 1e-9);
}

Test(limit_math, the_average_occupancy_follows_what_was_held)
{
	struct limit_state l = {.limit = 1, .avg_occupancy_s = 2};

	cr_expect_float_eq(limit_new_average(&l, 1, 10), 6, 1e-9);
	cr_expect_float_eq(limit_new_average(&l, 1, 0), 1.05, 1e-9);
	l.limit = 0;
	cr_expect_float_eq(limit_new_average(&l, 1, 10), 6, 1e-9,
			   "a limit of 0 is no division");
}
