/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - the runs of one worker: offers, slots, cancellations, losses.
 */
#include "worker/worker.h"

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/uuid.h"
#include "worker/agent_link.h"
#include "worker/run_priv.h"

#define IDLE_MS 3000 /* without a run, before unused memory is given back */

/* A burst leaves a heap with holes: 2.2 MB after 1000 tasks, 0.4 when given back. */
void worker_on_idle(void *arg)
{
	struct worker *w = arg;

	if (map_count(&w->runs) == 0) {
		mem_trim();
	}
}

int worker_free_slots(const struct worker *w)
{
	int64_t free_slots = w->limit - (int64_t)map_count(&w->runs);

	return w->draining || w->handing_over || w->once_done || w->no_queues ||
		       free_slots < 0
		   ? 0
		   : (int)free_slots;
}

const char *const *worker_queues(const struct worker *w)
{
	if (w->queues != NULL) {
		return (const char *const *)w->queues;
	}
	return w->conf->queues.count > 0 ? (const char *const *)w->conf->queues.items
					 : NULL;
}

/* Room for one that was claimed: a grant that was lowered meanwhile does not count. */
static int has_room(const struct worker *w)
{
	return worker_free_slots(w) > 0 ||
	       (!w->draining && (int64_t)map_count(&w->runs) < w->limit_claimed);
}

int worker_offer(struct worker *w, const struct worker_offer *offer, struct error *err)
{
	struct uuid id;
	struct run *r, *old;

	if (uuid_parse(offer->run_id, &id) < 0) {
		return err_set(err, ERR_INVALID, "'%s' is not a run id", offer->run_id);
	}
	if (!has_room(w)) {
		return err_set(err, ERR_LIMIT, "no free slot (limit %lld)",
			       (long long)w->limit);
	}
	old = map_get(&w->runs, offer->run_id);
	if (old != NULL) {
		return err_set(err, ERR_CONFLICT, "it is %s here", run_state_text(old));
	}
	r = run_new(w, offer);
	if (r == NULL) {
		return err_set(err, ERR_UNAVAILABLE, "nothing can be recorded now");
	}
	agent_link_hold(w->link, r->id, offer->fence);
	(void)map_set(&w->runs, r->id, r, NULL);
	TAILQ_INSERT_TAIL(&w->list, r, link);
	w->started++;
	w->on_change(w);
	return 0;
}

void worker_cancel(struct worker *w, const char *run_id_text)
{
	struct run *r = map_get(&w->runs, run_id_text);

	if (r != NULL) {
		run_cancel(r);
	}
}

void worker_trust(struct worker *w)
{
	struct run *r;

	TAILQ_FOREACH (r, &w->list, link) {
		run_trust(r);
	}
}

void worker_lost(struct worker *w, const char *run_id_text, uint64_t fence,
		 const char *why)
{
	struct run *r = map_get(&w->runs, run_id_text);

	if (r != NULL && run_fence(r) == fence) {
		run_lost(r, why);
	}
}

void worker_run_done(struct worker *w, struct run *r)
{
	(void)map_remove(&w->runs, r->id);
	TAILQ_REMOVE(&w->list, r, link);
	w->finished++;
	agent_link_drop(w->link, r->id, run_fence(r), 0);
	if (map_count(&w->runs) == 0) {
		/* orphans that left their group; they cannot be told apart while runs
		 * go on */
		int strays = proc_kill_strays();

		rundir_clear(&w->dir); /* what killed engines left */
		if (w->idle != NULL) {
			loop_timer_in(w->idle, IDLE_MS);
		}

		if (strays > 0) {
			log_warn("killed %d processes that had survived their run",
				 strays);
		}
	}
	w->source_ops->kick(w->source);
	w->on_change(w);
}
