/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.h - the one way in which a flow run changes its state.
 *
 * run_propose() reads the run and its facts, asks orchestration.h, and writes what
 * follows in the same transaction: state history, run row, deployment lease, outbox
 * row, event, the copy on the parent task run.  Used by REST, the updates RPC, resume,
 * bulk operations and the services.  Database threads only (inside a DB_WRITE work).
 */
#ifndef API_ORCHESTRATION_APPLY_H
#define API_ORCHESTRATION_APPLY_H

#include <stdint.h>

#include "api/orchestration/orchestration.h"

struct error;
struct tx;

struct run_proposal {
	struct uuid flow_run_id;
	struct orc_state *state; /* its contents are taken, also on failure */
	enum orc_policy policy;  /* 0: core, or minimal when FORCE */
	int force;
	uint64_t fence;    /* lease token of the caller; 0: none */
	const char *owner; /* worker that holds the lease; NULL: unchanged */
	int renews_leases; /* the client renews deployment leases (Prefect >= 3.4.11,
			      ours) */
	int keep_state_id; /* state->id and state->at_us are the client's (updates RPC)
			    */
	int requeued;      /* the owner was lost: counts an attempt */
};

struct orc_result {
	enum orc_status status;
	int superseded; /* a newer owner exists: nothing was looked at, status is ABORT
			 */
	int duplicate;  /* this very state (by id) was applied before: ACCEPT */
	int wrote;      /* a state was written */
	char reason[512];
	int64_t delay_s;        /* WAIT */
	struct orc_state state; /* owned; the state in force; type 0: none */
};

/*
 * -ERR_NOT_FOUND: no such run ("Flow run with id ... not found"); nothing of TX's
 * answer is touched.  Otherwise 0 and a result, to be released with
 * orc_result_release().
 */
int run_propose(struct tx *tx, struct run_proposal *p, struct orc_result *ret_result,
		struct error *err);
void orc_result_release(struct orc_result *r);

/* For services: one state, by its parts. */
struct run_simple {
	int type;
	const char *name; /* NULL: the type's default */
	const char *message;
	int force;
	int requeued; /* as in struct run_proposal */
};
int run_propose_simple(struct tx *tx, const struct uuid *flow_run_id,
		       const struct run_simple *s, struct orc_result *ret_result,
		       struct error *err);

/* The OrchestrationResult body and its status, 201 or 200 (server-contract 5.1). */
/* Its members ("state", "status", "details") into an open object. */
struct jsonw;
/* Keys as set_state answers them; STATUS_FIRST: as bulk_set_state does. */
void orc_result_write(struct jsonw *w, const struct orc_result *r, int status_first);
void orc_result_answer(struct tx *tx, const struct orc_result *r);

#endif
