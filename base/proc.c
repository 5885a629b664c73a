/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.c - supervision of child processes on the event loop.
 *
 *      fork -> RUNNING --stop--> STOPPING (TERM, CONT; after the grace KILL, CONT, ...)
 *                 |                  |
 *                 +----- reaped -----+--> DRAINING --> finished: exit_fn, freed
 *
 * DRAINING waits for the end of file of the outputs and for the rest of the process
 * group, which gets TERM, for at most drain_ms; then the group gets KILL and the
 * outputs are closed. Orphans of our children become our children (subreaper), so their
 * end is seen here too.
 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/proc_forker.h"
#include "base/proc_priv.h"
#include "base/queue_ext.h"

#define PROC_GRACE_MS   5000 /* default between TERM and KILL */
#define PROC_DRAIN_MS   2000 /* default after reaping */
#define PROC_REKILL_MS  5000 /* KILL again while a process is not reaped */
#define PROC_READ_BYTES 65536
#define BLOCK_BYTES     512 /* of struct rusage */
#define PROC_LAST_READS \
	16 /* of what is left in a pipe that gets closed at the deadline */

struct proc {
	TAILQ_ENTRY(proc) link;
	struct heap_node due; /* the earliest of the *_at_ms below */
	struct loop *loop;
	proc_output_fn output_fn;
	proc_exit_fn exit_fn;
	void *arg;
	int64_t grace_ms, drain_ms;
	int64_t limit_at_ms; /* time limit */
	int64_t kill_at_ms;  /* next KILL of the ladder */
	int64_t drain_at_ms; /* end of DRAINING */
	struct proc_exit exit;
	struct cgroup *cgroup; /* the owner's; or NULL */
	char *marks[PROC_MARKS];
	int strays;           /* orphans of it were found */
	int stopping, killed; /* ladder started; KILL sent */
	int execed, reaped, finished;
	int lean_slot; /* -1: we forked it ourselves */
	int notify_fd, out_fd[2];
	struct loop_io *notify_io, *out_io[2];
};
TAILQ_HEAD(proc_list, proc);

static struct {
	struct loop *loop;
	struct loop_signal *sigchld;
	struct loop_timer *timer;
	struct heap due;
	struct proc_list procs;
	struct map by_pid; /* those that are not reaped */
	int count;
	char *read_buf;
} mod = {.procs = TAILQ_HEAD_INITIALIZER(mod.procs)};

static struct metric spawned = {.name = "wf_proc_spawned_total",
				.help = "Processes started.",
				.type = METRIC_COUNTER};
static struct metric strays = {
    .name = "wf_proc_strays_total",
    .help = "Orphaned descendants of our processes that were reaped here.",
    .type = METRIC_COUNTER};
static struct metric running = {.name = "wf_proc_running",
				.help = "Processes that are not finished.",
				.type = METRIC_GAUGE};

static void rearm(struct proc *p)
{
	int64_t at_ms = MIN_OF(p->limit_at_ms, MIN_OF(p->kill_at_ms, p->drain_at_ms));

	if (at_ms == INT64_MAX) {
		heap_remove(&mod.due, &p->due);
	} else {
		heap_set(&mod.due, &p->due, at_ms);
	}
	loop_timer_at(mod.timer, heap_min_key(&mod.due));
}

/* ---- signals ---- */

static int group_exists(const struct proc *p)
{
	return p->execed && kill(-p->exit.pid, 0) == 0;
}

/* Before exec there may be no group yet; after it all in the group are meant. */
static int send_signal(struct proc *p, int signo)
{
	PRE(p->exit.pid > 1);
	trace("proc %d: signal %d", (int)p->exit.pid, signo);
	if (p->execed && kill(-p->exit.pid, signo) == 0) {
		return 0;
	}
	if (!p->reaped && kill(p->exit.pid, signo) == 0) {
		return 0;
	}
	return -ERR_NOT_FOUND;
}

static struct proc *find(pid_t pid)
{
	return map_get_n(&mod.by_pid, &pid, sizeof(pid));
}

int proc_is_known(pid_t pid)
{
	return find(pid) != NULL || proc_forker_is(pid);
}

static void know(struct proc *p)
{
	(void)map_set_n(&mod.by_pid, &p->exit.pid, sizeof(p->exit.pid), p, NULL);
}

/* Reaped, or gone: its number may be another's. */
static void forget(const struct proc *p)
{
	if (find(p->exit.pid) == p) {
		(void)map_remove_n(&mod.by_pid, &p->exit.pid, sizeof(p->exit.pid));
	}
}

/* ---- those that left the group ---- */

/* After the leader's death: orphans that came to us, and what is in its cgroup. */
static int has_left_overs(const struct proc *p)
{
	const char *const marks[PROC_MARKS + 1] = {p->marks[0], p->marks[1]};

	if (p->cgroup != NULL) {
		return !cgroup_is_empty(p->cgroup);
	}
	return p->strays && proc_reach_strays(marks, 0) > 0;
}

static void signal_left_overs(struct proc *p, int signo)
{
	const char *const marks[PROC_MARKS + 1] = {p->marks[0], p->marks[1]};

	if (p->cgroup != NULL) {
		cgroup_signal(p->cgroup, signo);
	} else if (p->marks[0] != NULL) {
		p->strays = proc_reach_strays(marks, signo) > 0;
	}
}

static void send_kill(struct proc *p)
{
	p->killed = 1;
	if (p->reaped || p->cgroup != NULL) {
		signal_left_overs(p, SIGKILL);
	}
	if (p->execed && !p->reaped && p->cgroup == NULL) {
		(void)kill(p->exit.pid, SIGSTOP); /* it makes no more of them */
		proc_reach_below(p->exit.pid, SIGKILL);
	}
	(void)send_signal(p, SIGKILL);
	(void)send_signal(p, SIGCONT);
}

void proc_stop(struct proc *p, enum proc_stop_reason reason, int64_t grace_ms)
{
	int64_t now_ms = clock_mono_ms(), kill_at_ms;

	if (p->reaped) {
		return;
	}
	grace_ms = grace_ms < 0 ? p->grace_ms : grace_ms;
	kill_at_ms = now_ms + grace_ms;
	p->limit_at_ms = INT64_MAX;
	if (!p->stopping) {
		p->stopping = 1;
		p->exit.reason = reason;
		(void)send_signal(p, SIGTERM);
		(void)send_signal(p, SIGCONT);
	}
	p->kill_at_ms = MIN_OF(p->kill_at_ms, kill_at_ms);
	if (p->kill_at_ms <= now_ms) {
		send_kill(p);
		p->kill_at_ms = now_ms + PROC_REKILL_MS;
	}
	rearm(p);
}

int proc_signal(struct proc *p, int signo)
{
	return p->reaped ? -ERR_NOT_FOUND : send_signal(p, signo);
}

void proc_kill_all(void)
{
	struct proc *p;

	TAILQ_FOREACH (p, &mod.procs, link) {
		if (!p->reaped || group_exists(p)) {
			send_kill(p);
		}
	}
}

/* ---- the join ---- */

static void close_output(struct proc *p, int i)
{
	loop_io_free(p->out_io[i]);
	p->out_io[i] = NULL;
	if (p->out_fd[i] >= 0) {
		close(p->out_fd[i]);
		p->out_fd[i] = -1;
	}
}

static void close_notify(struct proc *p)
{
	loop_io_free(p->notify_io);
	p->notify_io = NULL;
	if (p->notify_fd >= 0) {
		close(p->notify_fd);
		p->notify_fd = -1;
	}
}

static void proc_free(struct proc *p)
{
	close_output(p, 0);
	close_output(p, 1);
	close_notify(p);
	proc_forker_give(p->lean_slot);
	heap_remove(&mod.due, &p->due);
	TAILQ_REMOVE(&mod.procs, p, link);
	forget(p);
	for (int i = 0; i < PROC_MARKS; i++) {
		free(p->marks[i]);
	}
	metric_set(&running, --mod.count);
	free(p);
}

static void finish(void *arg)
{
	struct proc *p = arg;

	if (p->exit_fn != NULL) {
		p->exit_fn(p, &p->exit, p->arg);
	}
	proc_free(p);
}

/* Finishes P when nothing is awaited any more; the callback runs from the loop. */
static void join(struct proc *p)
{
	if (!p->reaped || p->finished || p->out_fd[0] >= 0 || p->out_fd[1] >= 0) {
		return;
	}
	if (p->drain_at_ms != INT64_MAX && (group_exists(p) || has_left_overs(p))) {
		return;
	}
	p->finished = 1;
	p->limit_at_ms = p->kill_at_ms = p->drain_at_ms = INT64_MAX;
	rearm(p);
	loop_defer(p->loop, finish, p);
}

/* One read.  1: there may be more; 0: nothing now; -1: end of file. */
static int read_output(struct proc *p, int i)
{
	ssize_t n = read(p->out_fd[i], mod.read_buf, PROC_READ_BYTES);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return 0;
	}
	if (n <= 0) {
		return -1;
	}
	if (p->output_fn != NULL) {
		p->output_fn(p, i + 1, mod.read_buf, (size_t)n, p->arg);
	}
	return 1;
}

static void on_output(int fd, unsigned int events, void *arg)
{
	struct proc *p = arg;
	int i = fd == p->out_fd[0] ? 0 : 1;

	(void)events;
	if (read_output(p, i) < 0) {
		close_output(p, i);
		join(p);
	}
}

static void take_failure(struct proc *p, const struct proc_failure *failure)
{
	p->exit.spawn_errno = failure->error;
	p->exit.spawn_step = proc_step_name(failure->step);
}

static void read_notify(struct proc *p)
{
	struct proc_failure failure;
	ssize_t n;

	if (p->notify_fd < 0) {
		return;
	}
	n = read(p->notify_fd, &failure, sizeof(failure));
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n == (ssize_t)sizeof(failure)) {
		take_failure(p, &failure);
	} else {
		p->execed = 1;
	}
	close_notify(p);
}

static void on_notify(int fd, unsigned int events, void *arg)
{
	(void)fd;
	(void)events;
	read_notify(arg);
}

/* ---- reaping ---- */

static void on_reaped(struct proc *p, int status, const struct rusage *ru)
{
	p->reaped = 1;
	forget(p);
	p->exit.status = status;
	p->exit.ended_ms = clock_mono_ms();
	p->exit.max_rss_kb = ru->ru_maxrss;
	p->exit.cpu_us = (ru->ru_utime.tv_sec + ru->ru_stime.tv_sec) * CLOCK_US_PER_S +
			 ru->ru_utime.tv_usec + ru->ru_stime.tv_usec;
	p->exit.read_bytes = ru->ru_inblock * BLOCK_BYTES;
	p->exit.written_bytes = ru->ru_oublock * BLOCK_BYTES;
	p->limit_at_ms = p->kill_at_ms = INT64_MAX;
	p->drain_at_ms = p->exit.ended_ms + p->drain_ms;
	rearm(p);
	join(p);
}

/* The leader is a zombie still, so that its number cannot mean another group. */
static void before_reap(struct proc *p)
{
	struct proc_failure failure;

	read_notify(p);
	close_notify(p);
	if (proc_forker_failure(p->lean_slot, &failure)) {
		take_failure(p, &failure);
	}
	if (group_exists(p)) {
		(void)send_signal(p, p->killed ? SIGKILL : SIGTERM);
		(void)send_signal(p, SIGCONT);
	}
	if (p->execed) {
		signal_left_overs(p, p->killed ? SIGKILL : SIGTERM);
	}
}

static void on_sigchld(int signo, void *arg)
{
	struct proc *p, *next;
	struct rusage ru;
	siginfo_t si;
	int status;

	(void)signo;
	(void)arg;
	for (;;) {
		si.si_pid = 0;
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    si.si_pid == 0) {
			break;
		}
		p = find(si.si_pid);
		if (p != NULL) {
			before_reap(p);
		}
		if (wait4(si.si_pid, &status, WNOHANG, &ru) != si.si_pid) {
			break;
		}
		if (p != NULL) {
			on_reaped(p, status, &ru);
		} else {
			metric_add(&strays, 1);
		}
	}
	/* a stray may have been the last of a group that is waited for */
	TAILQ_FOREACH_SAFE (p, &mod.procs, link, next) {
		join(p);
	}
}

/* ---- deadlines ---- */

/* Takes what is in the pipe already; more than that is not awaited. */
static void read_rest(struct proc *p, int i)
{
	int n, rc = 1;

	for (n = 0; rc > 0 && n < PROC_LAST_READS; n++) {
		rc = read_output(p, i);
	}
	if (rc >= 0) {
		p->exit.output_cut = 1;
	}
	close_output(p, i);
}

static void drain_over(struct proc *p)
{
	int i;

	p->drain_at_ms = INT64_MAX;
	/* before KILL, so that it does not depend on timing what "cut" means */
	for (i = 0; i < 2; i++) {
		if (p->out_fd[i] >= 0) {
			read_rest(p, i);
		}
	}
	if (group_exists(p) || has_left_overs(p)) {
		send_kill(p);
	}
	join(p);
}

static void on_due(void *arg)
{
	int64_t now_ms = clock_mono_ms();
	struct heap_node *n;
	struct proc *p;

	(void)arg;
	while ((n = heap_min(&mod.due)) != NULL && n->key <= now_ms) {
		p = container_of(n, struct proc, due);
		if (p->drain_at_ms <= now_ms) {
			drain_over(p);
		} else if (p->limit_at_ms <= now_ms) {
			proc_stop(p, PROC_STOP_TIMEOUT, -1);
		} else {
			send_kill(p);
			p->kill_at_ms = now_ms + PROC_REKILL_MS;
		}
		rearm(p);
	}
	loop_timer_at(mod.timer, heap_min_key(&mod.due));
}

/* ---- start ---- */

int proc_init(struct loop *loop, struct error *err)
{
	PRE(mod.loop == NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
		return err_errno(err, "become a child subreaper");
	}
	metric_register(&spawned);
	metric_register(&strays);
	metric_register(&running);
	mod.loop = loop;
	heap_init(&mod.due);
	map_init(&mod.by_pid, 0);
	mod.read_buf = xmalloc(PROC_READ_BYTES);
	mod.timer = loop_timer_new(loop, on_due, NULL);
	mod.sigchld = loop_signal_new(loop, SIGCHLD, on_sigchld, NULL);
	return 0;
}

void proc_fini(void)
{
	struct proc *p, *next;

	if (mod.loop == NULL) {
		return;
	}
	proc_kill_all();
	proc_forker_stop();
	TAILQ_FOREACH_SAFE (p, &mod.procs, link, next) {
		if (p->finished) {
			p->exit_fn = NULL; /* finish() is under way and frees it */
		} else {
			proc_free(p);
		}
	}
	loop_signal_free(mod.sigchld);
	loop_timer_free(mod.timer);
	heap_release(&mod.due);
	map_release(&mod.by_pid);
	free(mod.read_buf);
	mod.loop = NULL;
}

static const char *spec_name(const struct proc_spec *spec)
{
	return spec->argv != NULL ? spec->argv[0] : "a task";
}

/* The source of the child's descriptor I; a pipe's other end goes into P. */
static int open_fd(struct proc *p, const struct proc_spec *spec, int i, int *null_fd)
{
	int pair[2];

	if (spec->fd[i] == PROC_FD_PIPE) {
		PRE(i == 1 || i == 2);
		if (pipe2(pair, O_CLOEXEC) != 0) {
			return -1;
		}
		p->out_fd[i - 1] = pair[0];
		return pair[1];
	}
	if (spec->fd[i] >= 0) {
		return spec->fd[i];
	}
	if (*null_fd < 0) {
		*null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	return *null_fd;
}

/* The parent's ends go into P, the child's into C; both stay open on failure. */
static int open_fds(struct proc *p, const struct proc_spec *spec, struct proc_child *c,
		    int *null_fd, struct error *err)
{
	int i, pair[2];

	if (!c->share && p->lean_slot < 0) {
		if (pipe2(pair, O_CLOEXEC) != 0) {
			return err_errno(err, "start %s: open the notify pipe",
					 spec_name(spec));
		}
		p->notify_fd = pair[0];
		c->notify_fd = pair[1];
	}
	for (i = 0; i < 4; i++) {
		if (i == 3 && spec->fd[i] < 0) {
			continue; /* closed in the child */
		}
		if (p->lean_slot >= 0 && spec->fd[i] == -1) {
			continue; /* the forker has it open */
		}
		c->fd[i] = open_fd(p, spec, i, null_fd);
		if (c->fd[i] < 0) {
			return err_errno(err, "start %s: open descriptor %d",
					 spec_name(spec), i);
		}
	}
	return 0;
}

static void watch(struct proc *p)
{
	int i;

	if (p->notify_fd >= 0) {
		(void)fcntl(p->notify_fd, F_SETFL, O_NONBLOCK);
		p->notify_io =
		    loop_io_new(p->loop, p->notify_fd, LOOP_READ, on_notify, p);
	}
	for (i = 0; i < 2; i++) {
		if (p->out_fd[i] >= 0) {
			(void)fcntl(p->out_fd[i], F_SETFL, O_NONBLOCK);
			p->out_io[i] =
			    loop_io_new(p->loop, p->out_fd[i], LOOP_READ, on_output, p);
		}
	}
}

static struct proc *proc_new(struct loop *loop, const struct proc_spec *spec)
{
	struct proc *p = xcalloc(1, sizeof(*p));
	int64_t now_ms = clock_mono_ms();

	*p = (struct proc){
	    .loop = loop,
	    .output_fn = spec->output_fn,
	    .exit_fn = spec->exit_fn,
	    .arg = spec->arg,
	    .grace_ms = spec->kill_grace_ms > 0 ? spec->kill_grace_ms : PROC_GRACE_MS,
	    .drain_ms = spec->drain_ms > 0 ? spec->drain_ms : PROC_DRAIN_MS,
	    .limit_at_ms =
		spec->time_limit_ms > 0 ? now_ms + spec->time_limit_ms : INT64_MAX,
	    .kill_at_ms = INT64_MAX,
	    .drain_at_ms = INT64_MAX,
	    .cgroup = spec->cgroup,
	    .exit = {.started_ms = now_ms},
	    .notify_fd = -1,
	    .out_fd = {-1, -1},
	    .lean_slot = -1,
	};
	for (int i = 0; i < PROC_MARKS && spec->marks[i] != NULL; i++) {
		p->marks[i] = xstrdup(spec->marks[i]);
	}
	TAILQ_INSERT_TAIL(&mod.procs, p, link);
	metric_set(&running, ++mod.count);
	return p;
}

/* Sets p->exit.pid; 1: the forker is gone. */
static int fork_child(struct proc *p, const struct proc_spec *spec,
		      struct proc_child *c, struct error *err)
{
	pid_t pid = p->lean_slot >= 0
			? proc_forker_fork(c, p->lean_slot, spec->lean_size, err)
			: proc_child_fork(c, err);

	p->exit.pid = pid;
	if (pid <= 0) {
		return pid == 0 ? 1 : (int)pid;
	}
	know(p);
	if (c->share && c->failure.step != 0) {
		take_failure(p, &c->failure);
	} else {
		p->execed = c->share || p->lean_slot >= 0;
	}
	return 0;
}

static int spawn(struct loop *loop, const struct proc_spec *spec,
		 struct proc **ret_proc, struct error *err)
{
	struct proc_child *c = xcalloc(1, sizeof(*c));
	struct proc *p;
	int null_fd = -1, rc, i;

	PRE(mod.loop == loop && spec->exit_fn != NULL);
	p = proc_new(loop, spec);
	*c = (struct proc_child){
	    .argv = spec->argv,
	    .envp = spec->envp,
	    .cwd = spec->cwd,
	    .cgroup_fd = spec->cgroup != NULL ? cgroup_procs_fd(spec->cgroup) : 0,
	    .fd = {-1, -1, -1, -1},
	    .notify_fd = -1,
	    .new_session = spec->new_session,
	    .death_signal = spec->death_signal == 0  ? SIGKILL
			    : spec->death_signal < 0 ? 0
						     : spec->death_signal,
	    .share = spec->share_until_exec && spec->fork_fn == NULL,
	    .limits = spec->limits,
	    .fork_fn = spec->fork_fn,
	    .fork_arg = spec->fork_arg,
	};
	if (c->fork_fn == NULL) {
		proc_child_resolve(c);
	}
	if (spec->lean_size > 0 && spec->cgroup == NULL) {
		p->lean_slot = proc_forker_slot();
	}
	rc = open_fds(p, spec, c, &null_fd, err);
	if (rc == 0) {
		rc = fork_child(p, spec, c, err);
	}
	for (i = 1; i <= 2; i++) {
		if (spec->fd[i] == PROC_FD_PIPE && c->fd[i] >= 0) {
			close(c->fd[i]);
		}
	}
	if (c->notify_fd >= 0) {
		close(c->notify_fd);
	}
	if (null_fd >= 0) {
		close(null_fd);
	}
	free(c);
	if (rc != 0) {
		proc_free(p);
		return rc;
	}
	metric_add(&spawned, 1);
	trace("proc %d: started %s", (int)p->exit.pid, spec_name(spec));
	watch(p);
	rearm(p);
	if (ret_proc != NULL) {
		*ret_proc = p;
	}
	return 0;
}

int proc_spawn(struct loop *loop, const struct proc_spec *spec, struct proc **ret_proc,
	       struct error *err)
{
	int rc = spawn(loop, spec, ret_proc, err);

	return rc > 0 ? spawn(loop, spec, ret_proc, err) : rc;
}

int proc_adopt(struct loop *loop, const struct proc_spec *spec, pid_t pid,
	       const int out[2], struct proc **ret_proc, struct error *err)
{
	siginfo_t si = {0};
	struct proc *p;

	PRE(mod.loop == loop && spec->exit_fn != NULL && pid > 1);
	p = proc_new(loop, spec);
	p->out_fd[0] = out[0];
	p->out_fd[1] = out[1];
	if (find(pid) != NULL ||
	    waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) != 0) {
		proc_free(p);
		return err_set(err, ERR_NOT_FOUND, "process %d is no child of ours",
			       (int)pid);
	}
	p->exit.pid = pid;
	p->execed = 1;
	know(p);
	if (p->cgroup != NULL && cgroup_add(p->cgroup, pid, err) < 0) {
		log_debug("%s", err->msg); /* then only its group is reached */
	}
	metric_add(&spawned, 1);
	trace("proc %d: taken over", (int)pid);
	watch(p);
	rearm(p);
	*ret_proc = p;
	return 0;
}

int proc_carry(struct proc *p, struct proc_carry *ret)
{
	read_notify(p);
	if (!p->execed || p->reaped) {
		return -ERR_BUSY;
	}
	*ret = (struct proc_carry){.pid = p->exit.pid,
				   .out = {p->out_fd[0], p->out_fd[1]},
				   .reason = p->exit.reason,
				   .stopping = p->stopping,
				   .killed = p->killed,
				   .started_ms = p->exit.started_ms,
				   .limit_at_ms = p->limit_at_ms,
				   .kill_at_ms = p->kill_at_ms};
	return 0;
}

void proc_carried(struct proc *p, const struct proc_carry *c)
{
	p->exit.reason = c->reason;
	p->exit.started_ms = c->started_ms;
	p->stopping = c->stopping;
	p->killed = c->killed;
	p->limit_at_ms = c->limit_at_ms;
	p->kill_at_ms = c->kill_at_ms;
	rearm(p);
}

static void reap_now(void *loop)
{
	on_sigchld(SIGCHLD, loop);
}

void proc_reap_soon(struct loop *loop)
{
	loop_defer(loop, reap_now, loop);
}

pid_t proc_pid(const struct proc *p)
{
	return p->exit.pid;
}

int proc_is_running(const struct proc *p)
{
	return !p->reaped;
}

int proc_count(void)
{
	return mod.count;
}
