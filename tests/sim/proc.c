/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.c - base/proc.h: processes of the world.  What runs in them is a small engine
 * that behaves to its worker as wf-engine does (docs/protocol.md).
 */
#include "base/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/queue_ext.h"
#include "base/rundir.h"
#include "tests/sim/child.h"
#include "tests/sim/sim.h"

#define BEAT_US       (5 * SIM_S)
#define TYPE(t)       ((int)WF__CONTROL__STATE_TYPE__##t)
#define ANSWER(a)     ((int)WF__CONTROL__ANSWER__##a)
#define EXITED(code)  ((code) << 8)
#define SPAWN_FAIL_PM 5

enum engine_phase { ENGINE_STARTING, ENGINE_ASKING, ENGINE_WORKING, ENGINE_ENDING };

struct proc {
	TAILQ_ENTRY(proc) link;
	struct sim_node *host;
	unsigned int inc;
	int fd; /* its end of the channel */
	pid_t pid;
	int alive, known, silent;
	int killed; /* SIGKILL was sent: it does nothing more */
	struct uuid run;
	uint64_t fence;
	struct child_plan plan;
	enum engine_phase phase;
	int proposed, cancelled, marks_left;
	uint64_t request_id;
	int64_t grace_ms;
	enum proc_stop_reason reason;
	int64_t started_ms;
	int status;
	proc_exit_fn exit_fn;
	void *arg;
};
static TAILQ_HEAD(proc_list, proc) procs = TAILQ_HEAD_INITIALIZER(procs);
static pid_t next_pid;

struct child_plan (*child_draw)(const struct uuid *run);
struct child_events child_events;
uint64_t (*child_fence)(const void *arg);

void child_reset(void)
{
	TAILQ_INIT(&procs);
	next_pid = 1000;
}

int child_count(const struct sim_node *host)
{
	const struct proc *p;
	int n = 0;

	TAILQ_FOREACH (p, &procs, link) {
		n += p->alive && p->host == host;
	}
	return n;
}

/* ---- death ---- */

static void tell_exit(void *arg)
{
	struct proc *p = arg;
	struct proc_exit e = {.pid = p->pid,
			      .status = p->status,
			      .reason = p->reason,
			      .started_ms = p->started_ms,
			      .ended_ms = clock_mono_ms()};

	p->exit_fn(p, &e, p->arg);
}

static void die(struct proc *p, int status)
{
	if (!p->alive) {
		return;
	}
	p->alive = 0;
	p->status = status;
	sim_trace("process %d of run %s ends, status 0x%x", (int)p->pid,
		  uuid_str(&p->run), (unsigned int)status);
	if (p->known) {
		child_events.gone(p->host, &p->run, p->fence);
	}
	if (p->host->up && p->host->inc == p->inc) {
		channel_hangup(p->fd);
		(void)sim_at(p->host, sim_now_us + rnd_range(100, 5 * SIM_MS),
			     tell_exit, p);
	}
}

static void die_killed(void *arg)
{
	die(arg, SIGKILL);
}

static void die_of_term(void *arg)
{
	die(arg, SIGTERM);
}

void child_worker_died(struct sim_node *host, int power)
{
	struct proc *p;

	TAILQ_FOREACH (p, &procs, link) {
		if (p->host == host && p->alive && power) {
			die(p, SIGKILL);
		} else if (p->host == host && p->alive) {
			(void)sim_at_host(host, sim_now_us + rnd_range(100, 5 * SIM_MS),
					  die_killed, p);
		}
	}
}

/* ---- the engine ---- */

static void send_frame(struct proc *p, int kind, void *body)
{
	wf_frame f;

	wf__control__frame__init(&f);
	f.body_case = (Wf__Control__Frame__BodyCase)kind;
	f.hello = body; /* all members of the union are pointers */
	channel_hears(p->fd, &f);
}

static void propose(struct proc *p, int type)
{
	Wf__Control__ProposeState ps;
	Wf__Control__State s;
	struct uuid id;

	wf__control__propose_state__init(&ps);
	wf__control__state__init(&s);
	uuid_v7(&id, clock_wall_us());
	s.id = (ProtobufCBinaryData){sizeof(id.b), id.b};
	s.type = (Wf__Control__StateType)type;
	s.name = (char *)(uintptr_t)state_type_default_name(type);
	s.timestamp_us = clock_wall_us();
	ps.state = &s;
	ps.request_id = ++p->request_id;
	p->proposed = type;
	p->phase = type == TYPE(RUNNING) ? ENGINE_ASKING : ENGINE_ENDING;
	send_frame(p, WF__CONTROL__FRAME__BODY_PROPOSE, &ps);
}

static void beat(void *arg)
{
	struct proc *p = arg;
	Wf__Control__Heartbeat h;

	if (p->alive && !p->silent) {
		wf__control__heartbeat__init(&h);
		send_frame(p, WF__CONTROL__FRAME__BODY_HEARTBEAT, &h);
		(void)sim_at_host(p->host, sim_now_us + BEAT_US, beat, p);
	}
}

static void hello(void *arg)
{
	struct proc *p = arg;
	Wf__Control__Hello h;

	if (p->alive) {
		wf__control__hello__init(&h);
		h.pid = (int32_t)p->pid;
		send_frame(p, WF__CONTROL__FRAME__BODY_HELLO, &h);
		beat(p);
	}
}

static void work(void *arg)
{
	struct proc *p = arg;

	if (!p->alive || p->phase != ENGINE_WORKING) {
		return;
	}
	child_events.worked(p->host, &p->run, p->fence);
	if (p->cancelled) {
		propose(p, TYPE(CANCELLED));
	} else if (p->plan.stuck && p->marks_left < p->plan.marks / 2) {
		p->silent = 1;
	} else if (p->marks_left-- > 0) {
		(void)sim_at_host(p->host,
				  sim_now_us + p->plan.work_us / (p->plan.marks + 1),
				  work, p);
	} else if (p->plan.end == 0) {
		die(p, rnd_permille(500) ? EXITED(1) : SIGSEGV);
	} else {
		propose(p, p->plan.end);
	}
}

static void start_work(struct proc *p)
{
	p->phase = ENGINE_WORKING;
	p->marks_left = p->plan.marks;
	work(p);
}

static void ask_again(void *arg)
{
	struct proc *p = arg;

	if (p->alive && p->phase == ENGINE_ASKING) {
		propose(p, TYPE(RUNNING));
	}
}

static void ask_later(struct proc *p, int64_t delay_us)
{
	p->phase = ENGINE_ASKING;
	(void)sim_at_host(p->host, sim_now_us + delay_us, ask_again, p);
}

static int is_final(int type)
{
	return state_type_is_terminal(type) || type == TYPE(PAUSED);
}

static void rejected(struct proc *p, int in_force)
{
	if (in_force == TYPE(CANCELLING)) {
		propose(p, TYPE(CANCELLED));
	} else if (in_force == TYPE(RUNNING) && p->phase == ENGINE_ASKING) {
		start_work(p);
	} else if (is_final(in_force)) {
		die(p, EXITED(1));
	} else {
		ask_later(p, SIM_S);
	}
}

static void answered(struct proc *p, const struct child_in *in)
{
	if (in->request_id != p->request_id) {
		return;
	}
	sim_trace("process %d is answered %d, state in force %s, wait %.1f s",
		  (int)p->pid, in->answer,
		  in->state_type != 0 ? state_type_text(in->state_type) : "-",
		  (double)in->delay_us / SIM_S);
	if (in->answer == ANSWER(ACCEPT) && p->phase == ENGINE_ASKING) {
		start_work(p);
	} else if (in->answer == ANSWER(ACCEPT)) {
		die(p, EXITED(p->proposed == TYPE(COMPLETED) ? 0 : 1));
	} else if (in->answer == ANSWER(REJECT)) {
		rejected(p, in->state_type);
	} else if (in->answer == ANSWER(WAIT)) {
		ask_later(p, in->delay_us);
	} else {
		die(p, EXITED(in->answer == ANSWER(ABORT) ? 0 : 3));
	}
}

struct hearing {
	struct proc *p;
	struct child_in in;
};

static void hear(void *arg)
{
	struct hearing *h = arg;
	struct proc *p = h->p;

	if (!p->alive || p->killed) {
		/* nobody listens */
	} else if (h->in.kind == WF__CONTROL__FRAME__BODY_RUN_SPEC) {
		propose(p, TYPE(RUNNING));
	} else if (h->in.kind == WF__CONTROL__FRAME__BODY_STATE_ANSWER) {
		answered(p, &h->in);
	} else if (h->in.kind == WF__CONTROL__FRAME__BODY_CANCEL && !p->plan.deaf) {
		p->cancelled = 1;
	}
	free(h);
}

void child_hears(int end_fd, const struct child_in *in)
{
	struct proc *p;

	TAILQ_FOREACH (p, &procs, link) {
		if (p->fd == end_fd && p->alive) {
			struct hearing *h = xmalloc(sizeof(*h));
			*h = (struct hearing){p, *in};
			(void)sim_at_host(p->host, sim_now_us + rnd_range(20, 500),
					  hear, h);
		}
	}
}

/* ---- base/proc.h ---- */

int proc_init(struct loop *loop, struct error *err)
{
	(void)loop;
	(void)err;
	return 0;
}

void proc_fini(void)
{
	child_worker_died(sim_node, 1);
}

/* The run's id is in the environment, its token is known to who started it. */
static void who(struct proc *p, const struct proc_spec *spec)
{
	static const char key[] = "PREFECT__FLOW_RUN_ID=";

	for (char *const *e = spec->envp; e != NULL && *e != NULL; e++) {
		if (strncmp(*e, key, sizeof(key) - 1) == 0 &&
		    uuid_parse(*e + sizeof(key) - 1, &p->run) == 0) {
			p->known = 1;
		}
	}
}

int proc_spawn(struct loop *loop, const struct proc_spec *spec, struct proc **ret_proc,
	       struct error *err)
{
	struct proc *p;

	(void)loop;
	if (rnd_permille(SPAWN_FAIL_PM)) {
		return err_set(err, ERR_IO, "fork: Resource temporarily unavailable");
	}
	p = xcalloc(1, sizeof(*p));
	p->host = sim_node;
	p->inc = sim_node->inc;
	p->fd = spec->fd[3];
	p->pid = ++next_pid;
	p->alive = 1;
	p->grace_ms = spec->kill_grace_ms > 0 ? spec->kill_grace_ms : 5000;
	p->started_ms = clock_mono_ms();
	p->exit_fn = spec->exit_fn;
	p->arg = spec->arg;
	who(p, spec);
	if (!p->known) {
		free(p);
		return err_set(err, ERR_UNSUPPORTED, "only engines in the simulator");
	}
	p->fence = child_fence(spec->arg);
	p->plan = child_draw(&p->run);
	TAILQ_INSERT_TAIL(&procs, p, link);
	sim_trace("process %d of run %s starts, token %llu", (int)p->pid,
		  uuid_str(&p->run), (unsigned long long)p->fence);
	child_events.started(p->host, &p->run, p->fence);
	(void)sim_at_host(p->host, sim_now_us + rnd_range(2 * SIM_MS, 30 * SIM_MS),
			  hello, p);
	*ret_proc = p;
	return 0;
}

int proc_adopt(struct loop *loop, const struct proc_spec *spec, pid_t pid,
	       const int out[2], struct proc **ret_proc, struct error *err)
{
	(void)loop;
	(void)spec;
	(void)out;
	(void)ret_proc;
	return err_set(err, ERR_NOT_FOUND, "process %d is no child of ours", (int)pid);
}

/* The world has no second program to execute: SIGUSR2 is not drawn. */
int proc_carry(struct proc *p, struct proc_carry *ret)
{
	(void)p;
	(void)ret;
	return -ERR_BUSY;
}

void proc_carried(struct proc *p, const struct proc_carry *c)
{
	(void)p;
	(void)c;
}

int proc_reexec(const char *path, char *const *argv, char *const *envp,
		struct error *err)
{
	(void)argv;
	(void)envp;
	return err_set(err, ERR_UNSUPPORTED, "%s is not executed here", path);
}

void proc_unblock_signals(void)
{
}

void proc_reap_soon(struct loop *loop)
{
	(void)loop;
}

int proc_signal_pid(pid_t pid, int signo, struct error *err)
{
	(void)signo;
	return err_set(err, ERR_NOT_FOUND, "no process %d", (int)pid);
}

int proc_fn_signal(pid_t pid, int signo, struct error *err)
{
	(void)signo;
	return err_set(err, ERR_NOT_FOUND, "process %d is no child of ours", (int)pid);
}

pid_t proc_pid(const struct proc *p)
{
	return p->pid;
}

int proc_is_running(const struct proc *p)
{
	return p->alive;
}

void proc_stop(struct proc *p, enum proc_stop_reason reason, int64_t grace_ms)
{
	int64_t grace = grace_ms < 0 ? p->grace_ms : grace_ms;

	if (p->reason == PROC_STOP_NONE) {
		p->reason = reason;
	}
	sim_trace("process %d is stopped: %s", (int)p->pid,
		  proc_stop_reason_name(reason));
	if (grace > 0 && !p->plan.deaf) {
		(void)sim_at_host(p->host, sim_now_us + rnd_range(100, 100 * SIM_MS),
				  die_of_term, p);
	}
	p->killed |= grace == 0;
	(void)sim_at_host(p->host, sim_now_us + grace * SIM_MS + rnd_range(50, SIM_MS),
			  die_killed, p);
}

int proc_signal(struct proc *p, int signo)
{
	(void)p;
	(void)signo;
	return 0;
}

void proc_kill_all(void)
{
	child_worker_died(sim_node, 1);
}

int proc_count(void)
{
	return child_count(sim_node);
}

int proc_kill_strays(void)
{
	return 0;
}

char *proc_find_program(const char *name)
{
	return xstrdup(name);
}

/* ---- base/rundir.h: engines of the simulator leave nothing ---- */

int rundir_open(struct rundir *d, const char *base, struct error *err)
{
	(void)base;
	(void)d;
	return err_set(err, ERR_UNSUPPORTED, "no run folders in the simulator");
}

void rundir_borrow(struct rundir *d, const char *path)
{
	(void)d;
	(void)path;
}

void rundir_clear(const struct rundir *d)
{
	(void)d;
}

void rundir_close(struct rundir *d)
{
	(void)d;
}
