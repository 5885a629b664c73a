/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stress_resolve.c - many lookups at once, half of them cancelled at any moment: each
 * that was not cancelled is answered exactly once.  Meant for ThreadSanitizer.
 *
 *	stress_resolve [LOOKUPS]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/resolve.h"

#define LOOKUPS     400
#define IN_FLIGHT   (RESOLVE_THREADS_MAX / 2)
#define CANCEL_EACH 2

struct lookup {
	struct resolve *handle;
	struct stress *s;
	int answers;
	int cancelled;
};

struct stress {
	struct loop *loop;
	struct loop_timer *again;
	struct lookup *all;
	int total;
	int started;
	int open;
};

static void start_more(struct stress *s);

static void on_answer(int rc, const struct resolve_addrs *addrs,
		      const struct error *err, void *arg)
{
	struct lookup *l = arg;

	(void)err;
	if (rc == 0 && addrs->count < 1) {
		(void)fprintf(stderr, "an answer without an address\n");
		exit(1);
	}
	l->handle = NULL;
	l->answers++;
	l->s->open--;
	start_more(l->s);
}

/* A lookup that was started a while ago is given up while its thread works. */
static void cancel_older(struct stress *s, int i)
{
	struct lookup *l = i < 0 ? NULL : &s->all[i];

	if (l != NULL && l->handle != NULL) {
		resolve_cancel(l->handle);
		l->handle = NULL;
		l->cancelled = 1;
		s->open--;
	}
}

static void start_more(struct stress *s)
{
	struct error err;

	while (s->open < IN_FLIGHT && s->started < s->total) {
		struct lookup *l = &s->all[s->started];

		l->s = s;
		l->handle = resolve_start(s->loop, "localhost", 80, on_answer, l, &err);
		if (l->handle == NULL && err.code == ERR_BUSY) {
			loop_timer_in(s->again, 1); /* threads of cancelled ones */
			return;
		}
		if (l->handle == NULL) {
			(void)fprintf(stderr, "lookup %d: %s\n", s->started, err.msg);
			exit(1);
		}
		s->open++;
		if (s->started % CANCEL_EACH == 0) {
			cancel_older(s, s->started - IN_FLIGHT / 2);
		}
		s->started++;
	}
	if (s->open == 0) {
		loop_stop(s->loop, 0);
	}
}

static void on_again(void *arg)
{
	start_more(arg);
}

int main(int argc, char **argv)
{
	struct stress s = {.total = argc > 1 ? atoi(argv[1]) : LOOKUPS};
	int bad = 0, answered = 0;
	struct error err;

	s.loop = loop_new(&err);
	if (s.loop == NULL) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	s.again = loop_timer_new(s.loop, on_again, &s);
	s.all = xcalloc((size_t)s.total, sizeof(*s.all));
	start_more(&s);
	(void)loop_run(s.loop);
	for (int i = 0; i < s.total; i++) {
		bad += s.all[i].answers + s.all[i].cancelled != 1;
		answered += s.all[i].answers;
	}
	(void)printf("%d lookups, %d answered, %d wrong\n", s.total, answered, bad);
	free(s.all);
	loop_timer_free(s.again);
	loop_free(s.loop);
	return bad != 0;
}
