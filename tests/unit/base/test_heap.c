/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_heap.c - the binary heap.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/heap.h"

Test(heap, empty_has_no_minimum)
{
	struct heap h;

	heap_init(&h);
	cr_assert_null(heap_min(&h));
	cr_assert_eq(heap_min_key(&h), INT64_MAX);
	heap_release(&h);
}

Test(heap, gives_keys_in_order)
{
	enum { N = 1000 };
	static struct heap_node nodes[N];
	struct heap h;
	int64_t last = INT64_MIN;

	heap_init(&h);
	for (int i = 0; i < N; i++) {
		heap_set(&h, &nodes[i], (int64_t)i * 7919 % 1009);
	}
	cr_assert_eq(h.count, N);
	while (heap_min(&h) != NULL) {
		struct heap_node *n = heap_min(&h);

		cr_assert_geq(n->key, last);
		last = n->key;
		heap_remove(&h, n);
		cr_assert_not(heap_contains(n));
	}
	heap_release(&h);
}

Test(heap, set_moves_an_element_both_ways)
{
	struct heap_node a = {0};
	struct heap_node b = {0};
	struct heap_node c = {0};
	struct heap h;

	heap_init(&h);
	heap_set(&h, &a, 10);
	heap_set(&h, &b, 20);
	heap_set(&h, &c, 30);
	heap_set(&h, &c, 5);
	cr_assert_eq(heap_min(&h), &c);
	heap_set(&h, &c, 40);
	cr_assert_eq(heap_min(&h), &a);
	heap_set(&h, &a, 35);
	cr_assert_eq(heap_min_key(&h), 20);
	cr_assert_eq(h.count, 3);
	heap_release(&h);
	cr_assert_not(heap_contains(&a), "release takes the elements out");
}

Test(heap, removing_twice_does_nothing)
{
	struct heap_node a = {0};
	struct heap_node b = {0};
	struct heap h;

	heap_init(&h);
	heap_set(&h, &a, 1);
	heap_set(&h, &b, 2);
	heap_remove(&h, &a);
	heap_remove(&h, &a);
	cr_assert_eq(h.count, 1);
	cr_assert_eq(heap_min(&h), &b);
	heap_release(&h);
}

/* Random sets, moves and removals against a linear search for the minimum. */
Test(heap, agrees_with_a_linear_search)
{
	enum { N = 60 };
	static struct heap_node nodes[N];
	struct heap h;
	unsigned int seed = 42;

	heap_init(&h);
	for (int step = 0; step < 20000; step++) {
		struct heap_node *n = &nodes[rand_r(&seed) % N];
		int64_t min = INT64_MAX;

		if (rand_r(&seed) % 3 == 0) {
			heap_remove(&h, n);
		} else {
			heap_set(&h, n, rand_r(&seed) % 1000);
		}
		for (int i = 0; i < N; i++) {
			if (heap_contains(&nodes[i]) && nodes[i].key < min) {
				min = nodes[i].key;
			}
		}
		cr_assert_eq(heap_min_key(&h), min);
	}
	heap_release(&h);
}
