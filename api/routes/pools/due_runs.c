/* SPDX-License-Identifier: Apache-2.0 */
/* due_runs.c - ranking of waiting runs. */
#include "api/routes/pools/due_runs.h"

#include <stdlib.h>

#include "base/mem.h"

void due_add(struct due_list *l, const struct due_run *run)
{
	if (l->count == l->size) {
		l->size = l->size == 0 ? 64 : l->size * 2;
		l->runs = xreallocarray(l->runs, l->size, sizeof(*l->runs));
	}
	l->runs[l->count] = *run;
	l->runs[l->count].order = l->count;
	l->count++;
}

void due_release(struct due_list *l)
{
	free(l->runs);
	*l = (struct due_list){0};
}

static int compare(const void *a, const void *b)
{
	const struct due_run *x = a, *y = b;

	if (x->priority != y->priority) {
		return x->priority < y->priority ? -1 : 1;
	}
	if (x->due_us != y->due_us) {
		return x->due_us < y->due_us ? -1 : 1;
	}
	return x->order < y->order ? -1 : 1;
}

void due_rank(struct due_list *l, int64_t max)
{
	if (l->count > 1) {
		qsort(l->runs, l->count, sizeof(*l->runs), compare);
	}
	if (max >= 0 && l->count > (size_t)max) {
		l->count = (size_t)max;
	}
}

int64_t due_room(int64_t limit, int64_t busy, int64_t cap)
{
	int64_t room = limit < 0 ? cap : limit - busy;

	if (room > cap) {
		room = cap;
	}
	return room > 0 ? room : 0;
}
