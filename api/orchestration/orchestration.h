/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orchestration.h - what may happen to a run: pure, table-driven rules.
 *
 * (run, current state, proposed state, facts, now) -> decision + effects.  No I/O, no
 * clock. flow_rules.c and task_rules.c hold one small function per rule of
 * server-contract section 5 and the ordered tables (policies): the table is the
 * documentation.
 */
#ifndef API_ORCHESTRATION_ORCHESTRATION_H
#define API_ORCHESTRATION_ORCHESTRATION_H

#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct error;

/* Values of enum StateType in proto/control.proto; 0 = no state. */
struct orc_state {
	struct uuid id;
	int type;
	char name[128];
	int64_t at_us;
	char *message;   /* owned; NULL = null */
	json_t *data;    /* owned; NULL = null */
	json_t *details; /* owned; object, state_details with the server's keys */
};

struct orc_run {
	struct uuid id, flow_id;
	int has_deployment;
	struct uuid deployment_id;
	int has_parent_task;
	struct uuid parent_task_run_id;
	int run_count;
	int has_pid;                /* infrastructure_pid set */
	json_t *empirical_policy;   /* owned; object */
	int64_t flow_run_run_count; /* task runs: the flow run's run_count at the last
				       start */
	int64_t start_us, end_us, expected_start_us,
	    next_scheduled_us; /* TIME_NONE = null */
	int64_t total_run_time_us;
	uint64_t fence; /* highest token seen; 0 = none */
};

/* Facts that a rule may ask for; the shell reads them in the same transaction. */
struct orc_facts {
	int deployment_exists;
	int64_t concurrency_limit; /* -1: none */
	int64_t slots_taken;       /* live leases of the deployment's limit */
	/* looked at for PENDING only: the limit that leaves no place, or NULL */
	const char *full_place; /* "pool" or "queue" */
	int64_t place_limit, place_busy;
	int64_t grace_s;          /* lease time while pending */
	int collision_cancel_new; /* CANCEL_NEW instead of ENQUEUE */
	int lease_alive;          /* the current state's lease record exists */
	int client_renews_leases; /* client >= 3.4.11 or ours */
	/* task runs */
	int parent_flow_running, parent_flow_paused;
	int64_t flow_run_run_count;
	const struct orc_state *parent_state; /* borrowed; NULL = outside a flow */
	struct uuid parent_flow_run_id;
	const struct orc_state *cached; /* borrowed; newest unexpired cache entry */
	int tag_limit_zero;             /* a tag limit of the run is 0 */
	int tag_slots_full;
	const char *tag_name; /* which limit, for the reason */
	/* the proposal carries a lease token; a newer one than the run has seen */
	int fenced, takeover;
	/* made by the shell, since rules draw no random numbers */
	struct uuid fresh_lease;   /* id of a lease that a rule may take */
	struct uuid fresh_key;     /* pause key when the proposal has none */
	struct uuid fresh_state;   /* id of a state that a rule makes itself */
	int retry_jitter_permille; /* drawn for RetryFailedTasks; 1000 = no jitter */
};

enum orc_status { ORC_ACCEPT = 1, ORC_REJECT, ORC_WAIT, ORC_ABORT };
enum orc_policy {
	ORC_CORE_FLOW = 1,
	ORC_MINIMAL_FLOW,
	ORC_MARK_LATE,
	ORC_CORE_TASK,
	ORC_BACKGROUND_TASK,
	ORC_MINIMAL_TASK
};
enum orc_effects {
	ORC_FX_TAKE_SLOT =
	    1u << 0, /* create a deployment lease, its id goes into details */
	ORC_FX_RELEASE_SLOT = 1u
			      << 1, /* end the deployment lease of the previous state */
	ORC_FX_RENEW_SLOT = 1u << 2,
	ORC_FX_CANCEL_TIMEOUT = 1u << 3, /* arm the cancelling deadline */
	ORC_FX_ENQUEUE = 1u << 4,        /* entered SCHEDULED: gen+1, outbox */
	ORC_FX_DEQUEUE = 1u << 5, /* left SCHEDULED without a claim: cancel in Redis */
	ORC_FX_CANCEL_RUNNING = 1u << 6, /* entered CANCELLING: tell the worker */
	ORC_FX_KEEP_SLOT =
	    1u << 7, /* the lease never expires: the client cannot renew */
	ORC_FX_TAKE_TAGS = 1u << 8,    /* task: take the slots of its tags */
	ORC_FX_RELEASE_TAGS = 1u << 9, /* task: give them back */
	ORC_FX_CACHE = 1u << 10, /* task: remember the result under its cache key */
};

struct orc_decision {
	enum orc_status status;
	char reason[512];
	int64_t delay_s; /* WAIT */
	int writes;      /* a state is written: `state`, run fields changed in place */
	struct orc_state
	    state; /* owned; what is written; else the current one is the answer */
	unsigned int effects;
};

/* What a proposal meets. */
struct orc_view {
	const struct orc_state *current; /* type 0: none yet */
	const struct orc_facts *facts;
	int64_t now_us;
};

/*
 * Decides and applies the global transforms of section 4.2 to RUN.  CURRENT may have
 * type 0. PROPOSED is consumed.  The result is released with orc_decision_release().
 */
void orc_decide(enum orc_policy policy, struct orc_run *run,
		const struct orc_view *view, struct orc_state *proposed,
		struct orc_decision *ret_decision);
void orc_decision_release(struct orc_decision *d);

/*
 * What Redis has to be told after TO was written: ORC_FX_ENQUEUE, ORC_FX_DEQUEUE,
 * ORC_FX_CANCEL_RUNNING or nothing.  FENCED: by the owner of the lease.
 */
unsigned int orc_delivery(const struct orc_run *run, const struct orc_state *from,
			  const struct orc_state *to, int fenced);

/* An empty state of TYPE (0: none); NAME NULL: the type's default; MESSAGE is copied.
 */
void orc_state_init(struct orc_state *s, int type, const char *name,
		    const char *message);
/* DST is uninitialised. */
void orc_state_copy(struct orc_state *dst, const struct orc_state *src);
void orc_state_release(struct orc_state *s);
void orc_run_init(struct orc_run *r);
void orc_run_release(struct orc_run *r);

/* Details: instants as text, since that is what clients read.  TIME_NONE removes the
 * key. */
int64_t orc_detail_time(const struct orc_state *s, const char *key); /* TIME_NONE */
void orc_detail_set_time(struct orc_state *s, const char *key, int64_t at_us);
const char *orc_detail_str(const struct orc_state *s, const char *key); /* or NULL */
void orc_detail_set_str(struct orc_state *s, const char *key, const char *text);
int orc_detail_true(const struct orc_state *s, const char *key);
/* State data that says where a result is, not that there is none. */
int orc_state_has_result(const struct orc_state *s);

#endif
