/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.h - a new version of wf-worker takes over (SIGUSR2), in the same process:
 * what runs stays its child, with its channels, pipes and leases.
 *
 *   SIGUSR2 -> the new program is tried (it must understand what we would leave)
 *           -> nothing new is claimed; what is being started gets started, or is handed
 *              back
 *           -> exec; there handover_take() goes on with everything
 *
 * At each step before the exec, and when the exec fails, the old program goes on.
 */
#ifndef WORKER_HANDOVER_H
#define WORKER_HANDOVER_H

#include "worker/worker.h"

struct error;
struct handover;
struct notify;
struct upgrade;

/* ---- the old program ---- */

struct upgrade_conf {
	char *const *argv; /* as given; borrowed */
	const struct notify *notify;
	const char *redis_url; /* NULL: REST */
};
/* Begins; UPGRADE is *ret_upgrade until upgrade_free().  Refusals are logged. */
void upgrade_start(struct worker *w, const struct upgrade_conf *conf,
		   struct upgrade **ret_upgrade);
void upgrade_free(struct upgrade *u); /* accepts NULL */

/* ---- the new program ---- */

/* What the program before left; *ret_handover NULL: nothing, it is a usual start. */
int handover_read(struct handover **ret_handover, struct error *err);
void handover_free(struct handover *h); /* accepts NULL */
/* Only whether we could: leave with 0. */
int handover_is_trial(const struct handover *h);
const char *handover_name(const struct handover *h);      /* of the worker */
const char *handover_redis_url(const struct handover *h); /* NULL: REST */
const char *handover_journal(const struct handover *h, int *ret_fd);
/* When backend and source are open: leases, runs, the rest. */
void handover_take(const struct handover *h, struct worker *w);

#endif
