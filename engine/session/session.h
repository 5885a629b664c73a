/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - whom the engine reports to: a worker over fd 3 (control.c), nobody
 * (offline.c), or the API over REST (remote.c).  The runner knows only this.
 *
 * All callbacks come from the loop, never from inside a call of the session.
 */
#ifndef ENGINE_SESSION_SESSION_H
#define ENGINE_SESSION_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "engine/sched.h"
#include "engine/state.h"

struct error;
struct plan_task;
struct session;
struct session_spec;

/* Facts about the flow run; everything is borrowed. */
struct session_run {
	struct uuid id;
	const char *name;
	const char *deployment_name; /* or NULL */
	const char *entrypoint;      /* from a worker: "path.flow.yaml:name"; or NULL */
	const char *working_dir;     /* or NULL: where the engine was started */
	const json_t *parameters;    /* object */
	const json_t *tags;          /* array of texts */
	const json_t *policy; /* empirical_policy; NULL: the flow's is in force */
	int run_count;
	int64_t heartbeat_ms; /* 0: none wanted */
};
/* One state of one task run. */
struct session_task {
	const struct plan_task *plan;
	const struct sched_run *run;
	const char *name;
	const char
	    *dynamic_key; /* tells the runs of a task apart, also across processes */
	const struct run_state *state;
	enum state_type from;
	struct uuid previous;
	const json_t *tags;   /* array */
	const json_t *inputs; /* task_inputs, object */
	int flow_run_count;
};
struct session_log {
	int level;
	const char *logger; /* "prefect.flow_runs", ... */
	const char *message;
	int64_t at_us;
	const struct uuid *task_run; /* or NULL */
};

struct session_events {
	/* Once: RUN, or NULL and ERR when there is nothing to run. */
	void (*on_run)(const struct session_run *run, const struct error *err,
		       void *arg);
	void (*on_answer)(const struct sched_event *answer, void *arg);
	void (*on_cancel)(const char *reason, int64_t grace_ms, void *arg);
	void (*on_lost)(const char *why, void *arg);
	void (*on_room)(void *arg); /* congestion is over */
	void (*on_closed)(
	    void *arg); /* of close: everything is delivered, or given up */
};

/* A request to the API; the answer comes from the loop, once. */
struct session_call {
	const char *method, *path; /* path like "/variables/name/x"; borrowed */
	const json_t *body;        /* borrowed; NULL: none */
	/* STATUS 0: no answer, ERR says why; BODY is NULL when there is none. */
	void (*done)(int status, const json_t *body, const struct error *err,
		     void *arg);
	void *arg;
};

struct session_ops {
	void (*open)(struct session *s);
	void (*propose)(struct session *s, const struct run_state *state, int force);
	void (*task_state)(struct session *s, const struct session_task *task);
	void (*log)(struct session *s, const struct session_log *log);
	/* TASK_RUN NULL: of the flow. */
	void (*result)(struct session *s, const struct uuid *task_run,
		       const json_t *value);
	void (*artifact)(struct session *s, const struct uuid *task_run,
			 const json_t *artifact);
	/* NULL: unchanged. POLICY is empirical_policy as JSON text. */
	void (*set_run)(struct session *s, const char *name, const char *version,
			const char *policy);
	void (*heartbeat)(struct session *s, size_t running, size_t done);
	void (*close)(struct session *s);
	void (*free)(struct session *s);
	/* NULL: there is nobody to ask (--offline). */
	void (*call)(struct session *s, const struct session_call *call);
	/* A session for a subflow of the same run, or NULL; see session_spec.parent. */
	struct session *(*child)(struct session *s, const struct session_spec *spec);
};
struct session {
	const struct session_ops *ops;
	const struct session_events *events;
	void *arg;
	int keeps_flow_result, keeps_task_results; /* else a large one is not stored */
	int congested; /* more is queued than should be: start nothing new */
};

struct loop;
struct plan_flow;

struct session_spec {
	struct loop *loop;
	const struct session_events *events;
	void *arg;
	/* by hand only */
	const struct plan_flow *flow;
	const json_t *parameters;  /* borrowed */
	const char *name;          /* of the run; NULL: made up */
	const json_t *tags;        /* beside those of the flow; may be NULL */
	const struct uuid *parent; /* task run whose subflow it is, or NULL */
	const int64_t *skew_ms;    /* of a test's clock; offline only; NULL: none */
};
struct session *offline_session_new(const struct session_spec *spec);
/* The same as remote_session_new(), with every request made by VIA. */
struct session *remote_session_via(const struct session_spec *spec,
				   struct session *via);
/* FD is the socket to the worker; closed by the session. */
struct session *control_session_new(const struct session_spec *spec, int fd);
/* URL like http://host:4200/api; AUTH is the value of Authorization, or NULL. */
struct session *remote_session_new(const struct session_spec *spec, const char *url,
				   const char *auth);

#endif
