/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envs.c - environments as arrays; a few dozen entries, searched from the front.
 */
#include "engine/task/envs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Borrowed strings come first; those from owned_from on are ours. */
void envs_init(struct envs *e, char *const *base)
{
	size_t n = 0;

	memset(e, 0, sizeof(*e));
	while (base != NULL && base[n] != NULL) {
		n++;
	}
	e->size = n + 32;
	e->items = xcalloc(e->size, sizeof(*e->items));
	if (n > 0) {
		memcpy(e->items, base, n * sizeof(*e->items));
	}
	e->count = e->owned_from = n;
}

void envs_release(struct envs *e)
{
	size_t i;

	for (i = e->owned_from; i < e->count; i++) {
		free(e->items[i]);
	}
	free(e->items);
	memset(e, 0, sizeof(*e));
}

static size_t find(const struct envs *e, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < e->count; i++) {
		if (strncmp(e->items[i], name, len) == 0 && e->items[i][len] == '=') {
			return i;
		}
	}
	return e->count;
}

void envs_unset(struct envs *e, const char *name)
{
	size_t i = find(e, name);

	if (i == e->count) {
		return;
	}
	if (i >= e->owned_from) {
		free(e->items[i]);
		e->items[i] = e->items[e->count - 1];
	} else {
		/* fill the hole with the last borrowed one, and its hole with the last
		 */
		e->items[i] = e->items[--e->owned_from];
		e->items[e->owned_from] = e->items[e->count - 1];
	}
	e->items[--e->count] = NULL;
}

void envs_set(struct envs *e, const char *name, const char *value, size_t len)
{
	size_t name_len = strlen(name);
	char *s = xmalloc(name_len + len + 2);

	memcpy(s, name, name_len);
	s[name_len] = '=';
	memcpy(s + name_len + 1, value, len);
	s[name_len + 1 + len] = '\0';
	envs_unset(e, name);
	if (e->count + 1 >= e->size) {
		e->size *= 2;
		e->items = xreallocarray(e->items, e->size, sizeof(*e->items));
	}
	e->items[e->count++] = s;
	e->items[e->count] = NULL;
}

const char *envs_get(const struct envs *e, const char *name)
{
	size_t i = find(e, name);

	return i == e->count ? NULL : e->items[i] + strlen(name) + 1;
}
