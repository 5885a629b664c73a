/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.c - open addressing with linear probing.
 *
 * A removed entry leaves a tombstone, so that removing never moves an entry under an
 * iterator. Only inserting rebuilds the table: at 3/4 used (entries and tombstones
 * together).
 */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"

#define MAP_FIRST_SIZE 16 /* a power of two */

enum slot_state { SLOT_FREE = 0, SLOT_TOMB, SLOT_USED };

struct map_slot {
	char *key; /* owned, NUL terminated besides its length */
	size_t len;
	void *value;
	uint64_t hash;
	enum slot_state state;
};

void map_init(struct map *m, size_t max)
{
	*m = (struct map){.max = max};
	random_bytes(&m->seed, sizeof(m->seed));
}

void map_release(struct map *m)
{
	for (size_t i = 0; i < m->size; i++) {
		free(m->slots[i].key);
	}
	free(m->slots);
	*m = (struct map){.max = m->max, .seed = m->seed};
}

static uint64_t hash_key(const struct map *m, const void *key, size_t len)
{
	return XXH3_64bits_withSeed(key, len, m->seed);
}

static struct map_slot *find(const struct map *m, const void *key, size_t len,
			     uint64_t hash)
{
	if (m->count == 0) {
		return NULL;
	}
	for (size_t at = hash & (m->size - 1);; at = (at + 1) & (m->size - 1)) {
		struct map_slot *s = &m->slots[at];

		if (s->state == SLOT_FREE) {
			return NULL;
		}
		if (s->state == SLOT_USED && s->hash == hash && s->len == len &&
		    memcmp(s->key, key, len) == 0) {
			return s;
		}
	}
}

void *map_get_n(const struct map *m, const void *key, size_t len)
{
	struct map_slot *s = find(m, key, len, hash_key(m, key, len));

	return s == NULL ? NULL : s->value;
}

void *map_get(const struct map *m, const char *key)
{
	return map_get_n(m, key, strlen(key));
}

/* The first slot of the probe sequence that holds no entry; there always is one. */
static struct map_slot *vacant(struct map_slot *slots, size_t size, uint64_t hash)
{
	size_t at = hash & (size - 1);

	while (slots[at].state == SLOT_USED) {
		at = (at + 1) & (size - 1);
	}
	return &slots[at];
}

static void rebuild(struct map *m)
{
	size_t size = m->size == 0 ? MAP_FIRST_SIZE : m->size;
	struct map_slot *slots;

	/* Doubles when half full of entries; else it only gets rid of tombstones. */
	if (m->count >= size / 2) {
		size *= 2;
	}
	slots = xcalloc(size, sizeof(*slots));
	for (size_t i = 0; i < m->size; i++) {
		if (m->slots[i].state == SLOT_USED) {
			*vacant(slots, size, m->slots[i].hash) = m->slots[i];
		}
	}
	free(m->slots);
	m->slots = slots;
	m->size = size;
	m->used = m->count;
}

int map_set_n(struct map *m, const void *key, size_t len, void *value, void **ret_old)
{
	uint64_t hash = hash_key(m, key, len);
	struct map_slot *s = find(m, key, len, hash);

	if (s != NULL) {
		if (ret_old != NULL) {
			*ret_old = s->value;
		}
		s->value = value;
		return 0;
	}
	if (m->max != 0 && m->count >= m->max) {
		return -ERR_LIMIT;
	}
	if (m->used + 1 > m->size / 4 * 3) {
		rebuild(m);
	}
	s = vacant(m->slots, m->size, hash);
	m->used += s->state == SLOT_FREE;
	m->count++;
	*s = (struct map_slot){
	    .key = xmalloc(len + 1),
	    .len = len,
	    .value = value,
	    .hash = hash,
	    .state = SLOT_USED,
	};
	if (len > 0) {
		memcpy(s->key, key, len);
	}
	s->key[len] = '\0';
	if (ret_old != NULL) {
		*ret_old = NULL;
	}
	return 0;
}

int map_set(struct map *m, const char *key, void *value, void **ret_old)
{
	return map_set_n(m, key, strlen(key), value, ret_old);
}

void *map_remove_n(struct map *m, const void *key, size_t len)
{
	struct map_slot *s = find(m, key, len, hash_key(m, key, len));
	void *value;

	if (s == NULL) {
		return NULL;
	}
	value = s->value;
	free(s->key);
	*s = (struct map_slot){.state = SLOT_TOMB};
	m->count--;
	return value;
}

void *map_remove(struct map *m, const char *key)
{
	return map_remove_n(m, key, strlen(key));
}

size_t map_count(const struct map *m)
{
	return m->count;
}

int map_next(const struct map *m, struct map_iter *i)
{
	while (i->at < m->size) {
		const struct map_slot *s = &m->slots[i->at++];

		if (s->state == SLOT_USED) {
			i->key = s->key;
			i->key_len = s->len;
			i->value = s->value;
			return 1;
		}
	}
	return 0;
}
