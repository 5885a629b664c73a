/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.c - binary min-heap; every move writes the new position back into the element.
 */
#include "base/heap.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"

#define HEAP_FIRST_SIZE 16

void heap_init(struct heap *h)
{
	*h = (struct heap){0};
}

void heap_release(struct heap *h)
{
	for (size_t i = 0; i < h->count; i++) {
		h->nodes[i]->index = 0;
	}
	free(h->nodes);
	*h = (struct heap){0};
}

static void put(struct heap *h, size_t at, struct heap_node *n)
{
	h->nodes[at] = n;
	n->index = at + 1;
}

static void sift_up(struct heap *h, size_t at)
{
	struct heap_node *n = h->nodes[at];

	while (at > 0) {
		size_t up = (at - 1) / 2;

		if (h->nodes[up]->key <= n->key) {
			break;
		}
		put(h, at, h->nodes[up]);
		at = up;
	}
	put(h, at, n);
}

static void sift_down(struct heap *h, size_t at)
{
	struct heap_node *n = h->nodes[at];

	for (;;) {
		size_t kid = 2 * at + 1;

		if (kid >= h->count) {
			break;
		}
		if (kid + 1 < h->count && h->nodes[kid + 1]->key < h->nodes[kid]->key) {
			kid++;
		}
		if (n->key <= h->nodes[kid]->key) {
			break;
		}
		put(h, at, h->nodes[kid]);
		at = kid;
	}
	put(h, at, n);
}

void heap_set(struct heap *h, struct heap_node *n, int64_t key)
{
	if (n->index != 0) {
		PRE(n->index <= h->count && h->nodes[n->index - 1] == n);
		n->key = key;
		sift_up(h, n->index - 1);
		sift_down(h, n->index - 1);
		return;
	}
	if (h->count == h->size) {
		h->size = h->size == 0 ? HEAP_FIRST_SIZE : h->size * 2;
		/* an array of pointers */
		/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
		h->nodes = xreallocarray(h->nodes, h->size, sizeof(*h->nodes));
	}
	n->key = key;
	put(h, h->count++, n);
	sift_up(h, h->count - 1);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *last;
	size_t at;

	if (n->index == 0) {
		return;
	}
	PRE(n->index <= h->count && h->nodes[n->index - 1] == n);
	at = n->index - 1;
	n->index = 0;
	last = h->nodes[--h->count];
	if (last == n) {
		return;
	}
	put(h, at, last);
	sift_up(h, at);
	sift_down(h, last->index - 1);
}

struct heap_node *heap_min(const struct heap *h)
{
	return h->count == 0 ? NULL : h->nodes[0];
}

int64_t heap_min_key(const struct heap *h)
{
	return h->count == 0 ? INT64_MAX : h->nodes[0]->key;
}

int heap_contains(const struct heap_node *n)
{
	return n->index != 0;
}
