/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update.h - makes updates about one run (proto/updates.proto) and hands them to the
 * backend.
 */
#ifndef WORKER_UPDATE_H
#define WORKER_UPDATE_H

#include <stdint.h>

#include "base/uuid.h"
#include "worker/backend.h"

struct error;

struct update_run {
	const struct backend *backend;
	struct uuid id;
	uint64_t fence;
};

struct update_state {
	int type;            /* enum StateType */
	const char *name;    /* NULL: the default of the type */
	const char *message; /* or NULL */
	int force, want_facts;
	struct uuid *ret_id; /* gets the id of the update; or NULL */
};
/* Proposes a state made here. */
int update_propose(const struct update_run *r, const struct update_state *s,
		   int64_t now_us, outbox_fn fn, void *arg, struct error *err);
/* Passes on a state that the engine proposes; *ret_id is the id of the update. */
int update_propose_frame(const struct update_run *r, const Wf__Control__ProposeState *p,
			 outbox_fn fn, void *arg, struct uuid *ret_id,
			 struct error *err);
/* One log line of the worker about the run. */
int update_log(const struct update_run *r, int level, const char *message,
	       int64_t now_us, struct error *err);
/* Everything else that an engine sends; -ERR_LIMIT means: later. */
int update_frame(const struct update_run *r, const wf_frame *f, struct error *err);
int update_run_info(const struct update_run *r, const char *pid,
		    const char *labels_json, struct error *err);
/* What the process of the run used. */
struct proc_exit;
int update_usage(const struct update_run *r, const struct proc_exit *exit, int oom,
		 struct error *err);
/* Verdict of the reaper about somebody else's run. */
int update_lost(const struct update_run *r, const char *worker, int started,
		const char *reason, uint64_t new_fence, struct error *err);

#endif
