/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - hash map from bytes to pointer, keys copied, keyed hash (XXH3 with a random
 * seed) since keys come from outside.  Bounded by MAX given at init (0: unbounded by
 * contract of the caller).  Iteration order is unspecified; removing the current entry
 * while iterating is allowed.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>

struct map_slot;
struct map {
	struct map_slot *slots; /* private */
	size_t count, size, used, max;
	unsigned long long seed;
};

void map_init(struct map *m, size_t max);
void map_release(struct map *m); /* keys freed; values are the caller's */
void *map_get(const struct map *m, const char *key);
void *map_get_n(const struct map *m, const void *key, size_t len);
/* Returns 0, or -ERR_LIMIT when full.  *ret_old (may be NULL) gets the replaced value.
 */
int map_set(struct map *m, const char *key, void *value, void **ret_old);
int map_set_n(struct map *m, const void *key, size_t len, void *value, void **ret_old);
void *map_remove(struct map *m, const char *key); /* the value, or NULL */
void *map_remove_n(struct map *m, const void *key, size_t len);
size_t map_count(const struct map *m);

struct map_iter {
	size_t at;
	const void *key; /* borrowed, NUL terminated besides its length */
	size_t key_len;
	void *value;
};
/* for (struct map_iter i = {0}; map_next(m, &i);) */
int map_next(const struct map *m, struct map_iter *i);

#endif
