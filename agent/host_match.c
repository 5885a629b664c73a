/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_match.c - see host_match.h.
 */
#include "agent/host_match.h"

#include <stdlib.h>
#include <string.h>

#include "agent/slot_frame.h"
#include "base/mem.h"
#include "base/opts.h"

static int in_list(const struct opt_list *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(l->items[i], name) == 0) {
			return 1;
		}
	}
	return 0;
}

static int has_prefix(const struct opt_list *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strncmp(l->items[i], name, strlen(l->items[i])) == 0) {
			return 1;
		}
	}
	return 0;
}

static int exists(char *const *existing, const char *name)
{
	for (; *existing != NULL; existing++) {
		if (strcmp(*existing, name) == 0) {
			return 1;
		}
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void host_match(const struct opt_list *named, const struct opt_list *prefixes,
		char *const *existing, struct host_match *ret_match)
{
	struct host_match m = {0};
	size_t n = 0;

	while (existing[n] != NULL) {
		n++;
	}
	m.served = xcalloc(n + named->count + 1, sizeof(char *));
	m.missing = xcalloc(named->count + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		if (in_list(named, existing[i]) || has_prefix(prefixes, existing[i])) {
			m.served[m.count++] = xstrdup(existing[i]);
		}
	}
	for (size_t i = 0; i < named->count; i++) {
		if (!exists(existing, named->items[i]) &&
		    !exists(m.missing, named->items[i])) {
			m.missing[m.missing_count++] = xstrdup(named->items[i]);
			m.served[m.count++] = xstrdup(named->items[i]);
		}
	}
	qsort(m.served, m.count, sizeof(char *), by_name);
	while (m.count > SLOT_QUEUES_MAX) {
		free(m.served[--m.count]);
		m.served[m.count] = NULL;
		m.left_out++;
	}
	*ret_match = m;
}

static void free_all(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		free(list[i]);
	}
	free(list);
}

void host_match_release(struct host_match *m)
{
	free_all(m->served);
	free_all(m->missing);
	*m = (struct host_match){0};
}

int host_match_same(char *const *a, char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++) {
		if (strcmp(*a, *b) != 0) {
			return 0;
		}
	}
	return *a == NULL && *b == NULL;
}
