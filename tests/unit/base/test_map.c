/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_map.c - the hash map.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"

static void *value_of(intptr_t v)
{
	return (void *)v;
}

Test(map, finds_what_was_set_and_nothing_else)
{
	struct map m;
	void *old = &m;

	map_init(&m, 0);
	cr_assert_null(map_get(&m, "a"));
	cr_assert_eq(map_set(&m, "a", value_of(1), &old), 0);
	cr_assert_null(old);
	cr_assert_eq(map_set(&m, "a", value_of(2), &old), 0);
	cr_assert_eq(old, value_of(1));
	cr_assert_eq(map_get(&m, "a"), value_of(2));
	cr_assert_null(map_get(&m, "b"));
	cr_assert_eq(map_count(&m), 1);
	cr_assert_eq(map_remove(&m, "a"), value_of(2));
	cr_assert_null(map_remove(&m, "a"));
	cr_assert_eq(map_count(&m), 0);
	map_release(&m);
}

Test(map, keys_are_bytes)
{
	struct map m;

	map_init(&m, 0);
	map_set_n(&m, "a\0b", 3, value_of(1), NULL);
	map_set_n(&m, "a\0c", 3, value_of(2), NULL);
	map_set_n(&m, "", 0, value_of(3), NULL);
	cr_assert_eq(map_get_n(&m, "a\0b", 3), value_of(1));
	cr_assert_eq(map_get_n(&m, "a\0c", 3), value_of(2));
	cr_assert_eq(map_get(&m, ""), value_of(3));
	cr_assert_null(map_get(&m, "a"));
	map_release(&m);
}

Test(map, refuses_more_than_its_maximum)
{
	struct map m;

	map_init(&m, 2);
	cr_assert_eq(map_set(&m, "a", value_of(1), NULL), 0);
	cr_assert_eq(map_set(&m, "b", value_of(1), NULL), 0);
	cr_assert_eq(map_set(&m, "c", value_of(1), NULL), -ERR_LIMIT);
	cr_assert_eq(map_set(&m, "a", value_of(2), NULL), 0, "replacing is no growth");
	map_remove(&m, "b");
	cr_assert_eq(map_set(&m, "c", value_of(1), NULL), 0);
	map_release(&m);
}

Test(map, removing_while_iterating_sees_each_entry_once)
{
	enum { N = 5000 };
	struct map m;
	char key[16];
	int seen = 0;
	intptr_t sum = 0;

	map_init(&m, 0);
	for (int i = 0; i < N; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		map_set(&m, key, value_of(i), NULL);
	}
	for (struct map_iter i = {0}; map_next(&m, &i);) {
		sum += (intptr_t)i.value;
		seen++;
		cr_assert_eq(strlen(i.key), i.key_len);
		map_remove_n(&m, i.key, i.key_len);
	}
	cr_assert_eq(seen, N);
	cr_assert_eq(sum, (intptr_t)N * (N - 1) / 2);
	cr_assert_eq(map_count(&m), 0);
	map_release(&m);
}

/* Many removals and insertions must not fill the table with tombstones. */
Test(map, stays_small_under_churn)
{
	struct map m;
	char key[16];

	map_init(&m, 0);
	for (int i = 0; i < 200000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		map_set(&m, key, value_of(i), NULL);
		if (i >= 10) {
			snprintf(key, sizeof(key), "k%d", i - 10);
			cr_assert_eq(map_remove(&m, key), value_of(i - 10));
		}
	}
	cr_assert_eq(map_count(&m), 10);
	cr_assert_leq(m.size, 64);
	map_release(&m);
}

Test(map, agrees_with_an_array)
{
	enum { N = 300 };
	intptr_t model[N] = {0};
	struct map m;
	unsigned int seed = 7;

	map_init(&m, 0);
	for (int step = 1; step < 50000; step++) {
		int k = rand_r(&seed) % N;
		void *want = value_of(model[k]);

		switch (rand_r(&seed) % 3) {
		case 0:
			cr_assert_eq(map_remove_n(&m, &k, sizeof(k)), want);
			model[k] = 0;
			break;
		case 1:
			map_set_n(&m, &k, sizeof(k), value_of(step), NULL);
			model[k] = step;
			break;
		default:
			cr_assert_eq(map_get_n(&m, &k, sizeof(k)), want);
			break;
		}
	}
	map_release(&m);
}
