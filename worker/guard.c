/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.c - see guard.h.  The table is written by the worker and read by the guard, one
 * atomic word at a time: pid, then until, so that a slot in use always has both.
 */
#include "worker/guard.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"

struct guard_slot {
	_Atomic(int64_t) until_ms; /* 0: free */
	_Atomic(pid_t) pid;
};
struct guard_table {
	_Atomic(int) top; /* slots from here on were never used */
	struct guard_slot slots[GUARD_MAX];
};
struct guard {
	struct guard_table *table; /* shared */
	struct proc *proc;
	int stopping;
};

static void look(struct guard_table *t, int64_t now_ms)
{
	int top = atomic_load(&t->top);

	for (int i = 0; i < top; i++) {
		struct guard_slot *s = &t->slots[i];
		int64_t until = atomic_load(&s->until_ms);

		if (until != 0 && until <= now_ms) {
			/* again each time: it has nobody else to end it */
			(void)proc_fn_signal(atomic_load(&s->pid), SIGKILL, NULL);
		}
	}
}

static int guard_main(void *arg)
{
	struct guard_table *t = arg;

	(void)prctl(PR_SET_NAME, "wf-guard");
	for (;;) {
		look(t, clock_mono_ms());
		clock_sleep_ms(GUARD_LOOK_MS);
	}
	return 0;
}

static void on_exit_of_guard(struct proc *p, const struct proc_exit *exit, void *arg)
{
	struct guard *g = arg;

	(void)p;
	g->proc = NULL;
	if (!g->stopping) {
		log_warn("the guard of leases ended (%s): runs are ended by the worker "
			 "alone",
			 exit->spawn_errno != 0 ? "not started" : "killed");
	}
}

struct guard *guard_start(struct loop *loop, struct error *err)
{
	struct guard *g = xcalloc(1, sizeof(*g));
	struct proc_spec spec = {.fd = {-1, -1, -1, -1},
				 .fork_fn = guard_main,
				 .exit_fn = on_exit_of_guard,
				 .arg = g};
	void *mem = mmap(NULL, sizeof(*g->table), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED) {
		(void)err_errno(err, "memory for the guard of leases");
		free(g);
		return NULL;
	}
	g->table = mem;
	spec.fork_arg = mem;
	if (proc_spawn(loop, &spec, &g->proc, err) < 0) {
		(void)munmap(g->table, sizeof(*g->table));
		free(g);
		return NULL;
	}
	return g;
}

void guard_stop(struct guard *g)
{
	if (g == NULL) {
		return;
	}
	g->stopping = 1;
	if (g->proc != NULL) {
		(void)proc_signal(g->proc, SIGKILL); /* reaped by proc_fini() */
	}
	(void)munmap(g->table, sizeof(*g->table));
	free(g);
}

int guard_add(struct guard *g, pid_t pid, int64_t until_ms)
{
	int top = g != NULL ? atomic_load(&g->table->top) : 0;

	for (int i = 0; g != NULL && i < GUARD_MAX && i <= top; i++) {
		struct guard_slot *s = &g->table->slots[i];

		if (atomic_load(&s->until_ms) == 0) {
			atomic_store(&s->pid, pid);
			atomic_store(&s->until_ms, until_ms);
			if (i == top) {
				atomic_store(&g->table->top, top + 1);
			}
			return i;
		}
	}
	return GUARD_NONE;
}

pid_t guard_pid(const struct guard *g)
{
	return g != NULL && g->proc != NULL ? proc_pid(g->proc) : 0;
}

void guard_move(struct guard *g, int slot, int64_t until_ms)
{
	if (g != NULL && slot != GUARD_NONE && until_ms > 0) {
		atomic_store(&g->table->slots[slot].until_ms, until_ms);
	}
}

void guard_drop(struct guard *g, int slot)
{
	if (g != NULL && slot != GUARD_NONE) {
		atomic_store(&g->table->slots[slot].until_ms, 0);
	}
}
