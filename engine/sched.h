/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched.h - the pure scheduler of one flow run: events in, actions out, no I/O, no
 * clock.
 *
 * It decides when a task run is created, started, tried again or given up, in which
 * states they go, and which state the flow proposes.  Ids and random numbers come from
 * functions in its configuration, times from the caller, so that a test replays
 * exactly.
 *
 *  flow:  NEW -> ASKING -> RUNNING -> ENDING -> DONE      (the owner answers each
 * proposal) ^ WAIT: again later |        ^ REJECT AwaitingRetry: back to ASKING
 *
 *  task:  WAITING -> CREATED -> QUEUED -> RUNNING -> DONE
 *                       |          ^         v
 *                       v          +----- DELAYED (AwaitingRetry)
 *                      DONE (NotReady, Skipped, Cached)
 *
 * What runs is a unit: a task (units by their index), or an item of a task with
 * for_each (behind them; used again after SCHED_ACT_FORGET).  A task with state
 * handlers asks before each state (SCHED_ACT_CONSULT), one with hooks waits for them
 * after it.
 */
#ifndef ENGINE_SCHED_H
#define ENGINE_SCHED_H

#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"
#include "engine/state.h"

struct buf;
struct plan_flow;
struct plan_task;
struct sched;

#define SCHED_NO_TASK      ((size_t)-1)
#define SCHED_CREATE_AHEAD 256 /* so many runs are created ahead of free slots */

struct sched_now {
	int64_t ms; /* monotonic */
	int64_t us; /* wall */
};

struct sched_config {
	int run_count; /* of the flow run, before this process */
	void (*new_id)(struct uuid *ret_id, int64_t now_us, void *arg);
	double (*random)(void *arg); /* [0,1) */
	void *arg;
	/* Whether TASK needs a permit (SCHED_ACT_ACQUIRE) before it runs; may be NULL.
	 */
	int (*needs_permit)(const struct plan_task *task, void *arg);
};

enum sched_answer {
	SCHED_ACCEPT = 1,
	SCHED_REJECT,
	SCHED_WAIT,
	SCHED_ABORT,
	SCHED_SUPERSEDED,
	SCHED_UNAVAILABLE,
};

/* How an attempt of a task ended, or how its preparation did. */
enum sched_verdict {
	SCHED_OK = 1, /* prepared; or completed */
	SCHED_SKIP,   /* prepared: `if` is false */
	SCHED_FAIL,   /* failed, MESSAGE says why */
	SCHED_TIMED_OUT,
	SCHED_STOPPED, /* by SCHED_ACT_STOP */
	SCHED_STATE,   /* the task gave its own state: see .state */
	SCHED_CACHED,  /* not run: its result was there */
};
#define SCHED_STREAM ((size_t)-1) /* .count of EXPANDED: items come by EV_ITEMS */

enum sched_event_type {
	SCHED_EV_START =
	    1,             /* begin: the run's facts are known and its parameters fit */
	SCHED_EV_INVALID,  /* they do not fit: MESSAGE */
	SCHED_EV_ANSWER,   /* to the proposal; for REJECT, .state is the one in force */
	SCHED_EV_PREPARED, /* of SCHED_ACT_CREATE: OK, SKIP or FAIL */
	SCHED_EV_ATTEMPT,  /* an attempt ended */
	SCHED_EV_RETURNED, /* of SCHED_ACT_RETURN: OK or FAIL; of a dynamic flow:
			      .state is the flow's, NULL: its task runs decide */
	SCHED_EV_TICK,
	SCHED_EV_CANCEL,    /* somebody asked for it */
	SCHED_EV_CRASH,     /* a signal ends us: MESSAGE becomes the Crashed state's */
	SCHED_EV_LOST,      /* the owner is gone: stop everything, propose nothing */
	SCHED_EV_EXPANDED,  /* of EXPAND: OK and .count items, SKIP, or FAIL */
	SCHED_EV_ITEMS,     /* generator .task has given .count items by now */
	SCHED_EV_CONSULTED, /* of CONSULT: OK and .state (NULL: as it was), or FAIL */
	SCHED_EV_HOOKED,    /* of HOOKS, COMMIT, ROLLBACK: OK, or FAIL (of COMMIT) */
	SCHED_EV_ACQUIRED,  /* of ACQUIRE: OK, or FAIL */
	SCHED_EV_LEAVE,     /* the run goes on elsewhere, in .state: stop everything */
	SCHED_EV_ERROR,     /* the flow itself failed: MESSAGE */
};
struct sched_event {
	enum sched_event_type type;
	size_t task;
	enum sched_verdict verdict;
	enum sched_answer answer;
	const struct run_state *state; /* borrowed */
	int64_t delay_ms;              /* of WAIT */
	const char *message;           /* borrowed */
	const char *error; /* class of the failure for the log: "CommandFailed" */
	int no_retry;      /* trying again would fail the same way */
	size_t count;      /* of EXPANDED, ITEMS */
};

enum sched_action_type {
	SCHED_ACT_PROPOSE = 1, /* .state, .force; answered by SCHED_EV_ANSWER */
	SCHED_ACT_CREATE, /* .task gets a run (.blocked, .alone); not blocked and not
			     reused: evaluate, answer SCHED_EV_PREPARED */
	SCHED_ACT_TASK_STATE, /* record .state of .task; .from the type before */
	SCHED_ACT_RUN,        /* start an attempt of .task */
	SCHED_ACT_STOP,       /* stop the attempt of .task, or the flow's function */
	SCHED_ACT_RETURN,     /* evaluate `return`, or start the flow's function; answer
				 SCHED_EV_RETURNED */
	SCHED_ACT_LOG,        /* .level .text, of .task or of the flow */
	SCHED_ACT_END,      /* it is over; .state is the last known one, type NONE when
			       the run belongs to somebody else now */
	SCHED_ACT_EXPAND,   /* evaluate `if` and for_each of .task */
	SCHED_ACT_CONSULT,  /* call the handlers of .task with the proposed .state */
	SCHED_ACT_HOOKS,    /* run the hooks of .task (or of the flow) for .state */
	SCHED_ACT_ACQUIRE,  /* take the limits that .task runs under */
	SCHED_ACT_COMMIT,   /* of the transaction: on_commit of .task */
	SCHED_ACT_ROLLBACK, /* on_rollback of .task */
	SCHED_ACT_FORGET,   /* .task, an item, is over: its number is used again */
};
/* Facts about a task's run. */
struct sched_run {
	struct uuid id;
	unsigned int number; /* dynamic key: counts the runs of the task */
	int run_count;       /* attempts begun */
	int64_t expected_us; /* creation */
	int64_t start_us;    /* first Running; TIME_NONE before */
	int64_t end_us;      /* TIME_NONE before the end */
	int64_t total_run_us;
};
struct sched_action {
	enum sched_action_type type;
	size_t task;
	struct run_state state; /* owned */
	enum state_type from;
	struct uuid previous; /* id of the state before; nil for the first */
	struct sched_run run; /* facts about the task's run in this state */
	int force;
	int blocked; /* an upstream failed: the run gets its name without evaluation */
	int alone;   /* nothing else runs or is ready */
	int reused;  /* finished in an earlier attempt of the flow */
	int level;   /* 20 INFO, 30 WARNING, 40 ERROR */
	enum sched_answer
	    answer; /* of END: ACCEPT, or why the run is not ours to end */
	char *text; /* owned */
};
void sched_action_release(struct sched_action *a);

struct sched *sched_new(const struct plan_flow *flow,
			const struct sched_config *config);
void sched_free(struct sched *s); /* accepts NULL */

void sched_event(struct sched *s, const struct sched_event *ev, struct sched_now now);
/* The next action in order; 1 and *ret_action (owned by the caller), or 0. */
int sched_take(struct sched *s, struct sched_action *ret_action);
/*
 * Dynamic flows (plan_flow.dynamic): the flow's function asks for task runs while it
 * runs.  ADD (its plan borrowed until the next attempt of the flow) goes the way of any
 * other task run and ends in the same states; -> its index, which counts from 0 in each
 * attempt; SCHED_NO_TASK when the attempt takes no more (it is being stopped).
 */
struct sched_add {
	const struct plan_task *plan;
	unsigned int number; /* dynamic key */
	size_t blocker;      /* an upstream that did not complete, or SCHED_NO_TASK */
	int called;          /* the caller waits for it: "immediately" */
	int reuse;           /* its result is known: Cached */
};
size_t sched_add(struct sched *s, const struct sched_add *add, struct sched_now now);
/* A running task waits for others (+1), or goes on (-1): its slot is free meanwhile. */
void sched_lend(struct sched *s, int by, struct sched_now now);
/* When SCHED_EV_TICK is wanted, in monotonic ms; INT64_MAX: never. */
int64_t sched_due(const struct sched *s);
/* While held, no attempt starts (back-pressure); releasing starts what waited. */
void sched_hold(struct sched *s, int held, struct sched_now now);

void sched_get_run(const struct sched *s, size_t task, struct sched_run *ret_run);
/* Flow attempts accepted so far, with those before this process. */
int sched_run_count(const struct sched *s);
/* When a DELAYED task is tried again (monotonic ms), or 0. */
int64_t sched_task_due(const struct sched *s, size_t task);
void sched_counts(const struct sched *s, size_t *ret_running, size_t *ret_done);
/* The plan's task behind a unit, and which item of it (SCHED_NO_TASK: it has none). */
size_t sched_task_of(const struct sched *s, size_t unit);
size_t sched_item_of(const struct sched *s, size_t unit);
/* Items of TASK that are not yet taken: how far a generator is ahead. */
size_t sched_backlog(const struct sched *s, size_t task);

#endif
