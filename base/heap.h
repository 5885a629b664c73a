/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.h - binary min-heap of int64 keys; the index is stored in the element, so that
 * removal and re-keying are O(log n).  Embed struct heap_node in the object.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	size_t index; /* private: position + 1; 0 = not in a heap */
};
struct heap {
	struct heap_node **nodes; /* private */
	size_t count, size;
};

void heap_init(struct heap *h);
void heap_release(struct heap *h); /* frees the array, not the elements */
/* Inserts, or moves an element that is already in this heap to its new key. */
void heap_set(struct heap *h, struct heap_node *n, int64_t key);
void heap_remove(struct heap *h, struct heap_node *n); /* no-op when not in it */
struct heap_node *heap_min(const struct heap *h);      /* NULL when empty */
/* Key of the minimum, INT64_MAX when empty: the value that a tick function returns. */
int64_t heap_min_key(const struct heap *h);
int heap_contains(const struct heap_node *n);

#endif
