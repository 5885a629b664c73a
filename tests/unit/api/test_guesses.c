/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_guesses.c - how often an address may send wrong credentials.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "api/http/guesses.h"

Test(guesses, some_are_free_and_then_one_comes_back_at_a_time)
{
	struct guesses *g = guesses_new();
	int64_t now = 1000000;

	for (int i = 0; i < GUESSES_FREE; i++) {
		cr_assert_eq(guesses_wait_ms(g, "a", now), 0, "attempt %d", i);
		guesses_failed(g, "a", now);
	}
	cr_expect_eq(guesses_wait_ms(g, "a", now), GUESSES_EACH_MS);
	cr_expect_eq(guesses_wait_ms(g, "b", now), 0);
	cr_expect_eq(guesses_wait_ms(g, "a", now + GUESSES_EACH_MS - 1), 1);
	now += GUESSES_EACH_MS;
	cr_expect_eq(guesses_wait_ms(g, "a", now), 0);
	guesses_failed(g, "a", now);
	cr_expect_gt(guesses_wait_ms(g, "a", now), 0);
	/* all are back after a while of silence */
	now += (int64_t)GUESSES_FREE * GUESSES_EACH_MS;
	cr_expect_eq(guesses_wait_ms(g, "a", now), 0);
	guesses_free(g);
}

Test(guesses, the_longest_silent_address_is_forgotten)
{
	struct guesses *g = guesses_new();
	char address[32];

	for (int i = 0; i < GUESSES_FREE; i++) {
		guesses_failed(g, "first", 1);
	}
	cr_assert_gt(guesses_wait_ms(g, "first", 1), 0);
	for (int i = 0; i < GUESSES_MAX; i++) {
		snprintf(address, sizeof(address), "10.0.%d.%d", i / 256, i % 256);
		guesses_failed(g, address, 2);
	}
	cr_expect_eq(guesses_wait_ms(g, "first", 2), 0);
	guesses_free(g);
}
