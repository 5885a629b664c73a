/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - the engine's side of a C flow: its processes ("bodies") and the task runs
 * that they ask for.
 *
 *   body (flow)  --submit, wait, log, ...-->  host  --sched_add-->  scheduler
 *   body (task)  <------- done, go ---------  host  <--create, run, state, stop--
 *
 * A call is one task run: WAITING for the results it takes, then with the scheduler,
 * then DONE.  Its body is there while an attempt runs.  Single-threaded, on the loop.
 */
#ifndef SDK_SRC_HOST_H
#define SDK_SRC_HOST_H

#include <jansson.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/proc.h"
#include "engine/runner_priv.h"
#include "engine/task/lines.h"
#include "sdk/src/body.h"
#include "sdk/src/registry.h"

#define HOST_DRAIN_MS  1000
#define HOST_WAITS_MAX 64       /* nested inline runs */
#define HOST_READS_MAX 4096     /* of a line after the exit */
#define HOST_CALLS_MAX 10000000 /* of one run */

enum body_kind { BODY_FLOW = 1, BODY_TASK, BODY_HANDLER };

struct call; /* below */
struct store;
struct wait {
	struct call **calls; /* that are waited for */
	size_t count, left;
	int any;
};
struct body {
	struct host *h;
	enum body_kind kind;
	struct call *call; /* NULL: of the flow */
	struct proc *proc;
	int fd;
	struct loop_io *io;
	struct buf in, out;
	struct lines out_lines, err_lines;
	int log_prints, ended, stopped;
	json_t *at; /* of a handler's process: which one runs */
	size_t at_count;
	char *tail;          /* its last line on stderr */
	json_t *end;         /* how the function returned */
	struct call **calls; /* by future id - 1 */
	size_t call_count, call_size;
	struct wait waits[HOST_WAITS_MAX];
	size_t wait_count;
	int goes;             /* inline attempts that wait to be told */
	double limit_s;       /* of a handler's process */
	struct call *next_of; /* wf_next() waits for a value of it */
	size_t next_index;
	struct body_start start;
	struct rest *rest; /* a request to the API that is on its way */
	struct gate *gate; /* of a handler's process */
	struct txn *txn;   /* the innermost open one */
	int txn_busy, txn_ended;
	size_t eager;       /* runs that are being committed at once */
	int eager_failed;   /* one of them could not be, since the last commit */
	loop_fn eager_then; /* waits for them */
	void *eager_arg;
	struct proc_exit exit; /* while its transactions are closed */
};

struct rest {
	struct body *body; /* NULL: nobody waits any more */
};

struct call {
	struct host *h;
	struct body *owner; /* who asked; NULL when that body is gone */
	int fut;            /* its id there */
	size_t task;        /* number in the registry */
	size_t index;       /* in the scheduler; SCHED_NO_TASK: not there (yet) */
	json_t *in, *inputs, *result;
	char *name, *cache_key;
	char *store_key;           /* of its result; NULL: not kept */
	int looking;               /* the store will answer */
	char *given_name;          /* of run_name_fn */
	json_t *from;              /* the call that asked, for __parents__; a text */
	int called, done, waiting; /* upstreams that are not done */
	int code;                  /* of the last failure */
	int lends;                 /* its slot, while it runs inline */
	int go;                    /* an inline attempt waits for its process */
	uint64_t waited;           /* by which waits of its owner */
	struct call **consumers;   /* calls that wait for this one */
	size_t consumer_count, consumer_size;
	struct call **upstream;
	size_t upstream_count;
	json_t *values; /* of a generator */
	struct wf_state state;
	char *state_name, *state_message;
	struct body *body;
	struct txn *txn; /* it belongs to, or NULL */
	struct uuid state_id;
	int undone; /* rolled back: not used again */
};

struct host {
	struct runner *runner;
	struct loop *loop;
	const wf_flow *def;
	struct call **calls; /* all, by creation */
	size_t call_count, call_size;
	struct call **runs; /* by the scheduler's index */
	size_t run_count, run_size;
	struct body *flow_body;
	size_t waiting; /* calls that wait for others */
	int returned;   /* the flow's function has, while some of them wait */
	unsigned int numbers[2 * REGISTRY_MAX]; /* dynamic keys, by task */
	json_t *reuse;       /* "task|inputs" -> results of earlier attempts */
	struct store *store; /* of cached results; or NULL */
	json_t *masks;       /* secrets that the log does not show */
};

/* host.c */
extern const struct runner_ops host_ops;
struct host *host_new(struct loop *loop, const wf_flow *def);
void host_free(struct host *h); /* accepts NULL */
struct sched_now host_now(const struct host *h);
/* Performs what the scheduler decided meanwhile. */
void host_perform(struct host *h);
/* The flow's function returned nothing, and all that it asked for is a run by now. */
void host_return_now(struct host *h);

/* Takes TEXT; secrets in it are replaced. */
char *host_masked(const struct host *h, char *text);

/* calls.c */
void call_submit(struct body *b, const json_t *msg);
void call_finish(struct call *c);
void call_free(struct call *c);
/* The slot that an inline run lent. */
void call_take_back(struct call *c);
json_t *call_done_json(const struct call *c);
void host_forget_calls(struct host *h);
int call_must_block(const struct call *c);

/* bodies.c */
struct body *body_start_process(struct host *h, enum body_kind kind, struct call *c,
				struct error *err);
int body_launch(struct body *b, struct error *err);
void body_send(struct body *b, json_t *msg);
void body_close(struct body *b);
/* The process is over, and nothing that it asked for is going on. */
void body_conclude(struct body *b);
/* A body's line says something; 0 at its end. */
int body_read(struct body *b);
void body_printed(struct body *b, int stream, const char *text, size_t len);

/* requests.c */
void request_take(struct body *b, json_t *msg);
/* Answers the topmost wait of B if it is over. */
void request_check_waits(struct body *b);
void request_inline_ended(struct body *b, const json_t *msg);

/* attempt.c: how an attempt ended. */
void attempt_ended(struct body *b, const struct proc_exit *e);
void attempt_judge_return(struct call *c, const json_t *end);
void flow_ended(struct body *b, const struct proc_exit *e);

/* gate.c: state handlers and hooks */
/* ERROR NULL: all went well; STATE replaces the proposed one, NULL: it stays. */
typedef void (*gate_fn)(struct host *h, const char *error, const json_t *state,
			void *arg);
struct gate_spec {
	struct call *call; /* NULL: of the flow */
	const struct wf_state *old, *neu;
	const wf_hook_fn *hooks; /* NULL: the handlers are called */
	gate_fn done;
	void *arg;
};
struct gate {
	struct call *call;
	struct wf_state old, neu; /* owned */
	const wf_hook_fn *hooks;
	size_t skip;
	gate_fn done;
	void *arg;
};
void gate_open(struct host *h, const struct gate_spec *spec);
void gate_release(struct gate *g); /* accepts NULL */
void handler_ended(struct body *b, const struct proc_exit *e);

#endif
