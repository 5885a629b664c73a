/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h - the single home of fork, exec, kill and wait.
 *
 * A process is finished when it is reaped AND its outputs reached end of file (or
 * drain_ms passed after the reaping): only then the exit callback runs, once.  Kill
 * ladder, always to the group: TERM, CONT, grace, KILL, CONT, repeated every 5 s until
 * reaped.  Why a process was killed is recorded when the signal is sent.  Loop thread
 * only; fork only from the main thread.  The caller is made a child subreaper by
 * proc_init().
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct loop;
struct proc;

enum proc_stop_reason {
	PROC_STOP_NONE = 0,
	PROC_STOP_TIMEOUT,  /* its time limit passed */
	PROC_STOP_CANCEL,   /* somebody asked */
	PROC_STOP_LOST,     /* the lease is gone */
	PROC_STOP_STUCK,    /* no heartbeat */
	PROC_STOP_SHUTDOWN, /* we are going down */
};

struct proc_exit {
	pid_t pid;
	int status;             /* raw wait(2) status; valid when spawn_errno is 0 */
	int spawn_errno;        /* exec or an earlier step failed with this errno */
	const char *spawn_step; /* "exec", "chdir", ...; NULL when spawned */
	enum proc_stop_reason reason; /* why we signalled it, if we did */
	int64_t started_ms, ended_ms;
	int output_cut; /* a grandchild kept the output open beyond drain_ms */
	int64_t max_rss_kb, cpu_us;        /* with the descendants that it waited for */
	int64_t read_bytes, written_bytes; /* of disks, not of caches */
};

/* Chunk of output; stream is 1 (stdout) or 2 (stderr).  DATA is borrowed. */
typedef void (*proc_output_fn)(struct proc *p, int stream, const char *data, size_t len,
			       void *arg);
typedef void (*proc_exit_fn)(struct proc *p, const struct proc_exit *exit, void *arg);

#define PROC_CPU_GRACE_S 5
struct proc_limits {
	int64_t address_space_bytes; /* 0: inherit */
	int64_t
	    cpu_s; /* then SIGXCPU, which says why, and PROC_CPU_GRACE_S later KILL */
	int64_t open_files;
	int core_off; /* RLIMIT_CORE 0 */
	int nice;
};

#define PROC_MARKS 2
struct cgroup;

struct proc_spec {
	char *const
	    *argv; /* borrowed; argv[0] is found in PATH of envp when it has no slash */
	char *const *envp; /* borrowed; the whole environment, never inherited */
	const char *cwd;   /* NULL: / */
	int fd[4];         /* become 0,1,2,3 in the child; -1: /dev/null (3: closed);
			      PROC_FD_PIPE for 1 and 2: captured through output_fn.
			      Borrowed: the caller closes its ends afterwards. */
	int64_t time_limit_ms; /* 0: none; then the ladder with PROC_STOP_TIMEOUT */
	int64_t kill_grace_ms; /* between TERM and KILL; 0: 5000 */
	int64_t drain_ms;      /* after reaping, for open outputs; 0: 2000 */
	int new_session;       /* setsid instead of setpgid */
	/*
	 * vfork: the child borrows our memory until exec and we wait for that.  Much
	 * cheaper for a process with a large heap and short children, but an exec from
	 * a dead network folder holds the loop: for the engine, and for programs of
	 * ours that are started without a cwd.
	 */
	int share_until_exec;
	int death_signal; /* PR_SET_PDEATHSIG; 0: SIGKILL, -1: none */
	struct proc_limits limits;
	struct cgroup *cgroup; /* to run in; borrowed until exit_fn has returned */
	/* "NAME=value": what is in the environment of all its descendants, and of no
	 * others.  So those are found that left the group and became our orphans. */
	const char *marks[PROC_MARKS];
	/*
	 * Instead of exec (argv and envp NULL): runs fork_fn(fork_arg) and exits with
	 * its result.  For the engine and C flows only; descriptors above 3 are closed.
	 */
	int (*fork_fn)(void *arg);
	void *fork_arg;
	/* > 0: fork_arg is plain memory of this size; the forker may copy it */
	size_t lean_size;
	proc_output_fn output_fn; /* may be NULL when nothing is PROC_FD_PIPE */
	proc_exit_fn exit_fn;
	void *arg;
};
#define PROC_FD_PIPE  (-2)
#define PROC_LEAN_MAX 1024 /* of lean_size */

/* Once per process, before the first spawn: SIGCHLD, subreaper.  0 or -code. */
int proc_init(struct loop *loop, struct error *err);
void proc_fini(void); /* KILLs what is left; no exit_fn is called any more.  Not from
		       * an output_fn. */

/*
 * Starts the process.  Returns 0 when exit_fn will be called (also for a failing exec:
 * then with spawn_errno), a negative code when it will not (fork or pipe failed).  *ret
 * is owned by the module and valid until exit_fn has returned.
 */
int proc_spawn(struct loop *loop, const struct proc_spec *spec, struct proc **ret_proc,
	       struct error *err);

/*
 * Takes over a process that somebody else forked for us and that has become our child
 * (we are the subreaper): from here on it is supervised as if proc_spawn() had started
 * it.  It must lead its own session or group already.  OUT: the read ends of its
 * stdout and stderr, which become ours (also on failure), -1: none.  Of SPEC counts
 * time_limit_ms, kill_grace_ms, drain_ms and the callbacks.  -ERR_NOT_FOUND: no child
 * of ours.
 */
int proc_adopt(struct loop *loop, const struct proc_spec *spec, pid_t pid,
	       const int out[2], struct proc **ret_proc, struct error *err);

/* What the next program has to know of a running process to supervise it on: the
 * instants are monotonic, the descriptors are borrowed. */
struct proc_carry {
	pid_t pid;
	int out[2];
	enum proc_stop_reason reason;
	int stopping, killed;
	int64_t started_ms, limit_at_ms, kill_at_ms; /* INT64_MAX: none */
};
/* -ERR_BUSY: its exec is under way still, or it has ended: a moment later. */
int proc_carry(struct proc *p, struct proc_carry *ret);
/* After proc_adopt(): goes on where the program before was. */
void proc_carried(struct proc *p, const struct proc_carry *c);

pid_t proc_pid(const struct proc *p);
int proc_is_running(const struct proc *p); /* not yet reaped */
/* Starts the ladder (idempotent; the first reason stays; a shorter grace wins).
 * GRACE_MS 0: KILL at once; negative: the kill_grace_ms of the spec. */
void proc_stop(struct proc *p, enum proc_stop_reason reason, int64_t grace_ms);
/* One signal to the group, without a ladder. */
int proc_signal(struct proc *p, int signo);
/* Everything out at once: KILL to every group we own.  For the second SIGTERM. */
void proc_kill_all(void);
int proc_count(void); /* not yet finished ones */
/*
 * KILLs our children that no spawn started: orphans of our processes that left their
 * group (setsid) and came to us as the subreaper, and all below them.  For a moment
 * when no process runs that such an orphan may belong to.  Returns how many.
 */
int proc_kill_strays(void);

/* "exit status 3", "signal 9 (SIGKILL)": for messages. */
void proc_describe(const struct proc_exit *exit, char *buf, size_t size);
const char *proc_stop_reason_name(enum proc_stop_reason reason);
/* Prefect's convention: exit status, or minus the signal. */
int proc_exit_code(const struct proc_exit *exit);

/*
 * Fork WITHOUT exec, for the engine and C flows only (design.md section 2): the child
 * runs FN(ARG) and _exits with its result.  No loop, no threads in the caller.
 */
pid_t proc_fork_fn(int (*fn)(void *arg), void *arg, struct error *err);
/* For the pid of proc_fork_fn(): 1 and *ret_status when reaped, 0 when it runs still.
 */
int proc_fn_wait(pid_t pid, int block, int *ret_status, struct error *err);
int proc_fn_signal(pid_t pid, int signo, struct error *err); /* to its group */

/* A child that outlives us (wf server start --background): setsid, stdio to LOG_FD.
 * Waits until exec has succeeded.  The pid, or -code. */
pid_t proc_spawn_detached(char *const *argv, char *const *envp, int log_fd,
			  struct error *err);
/* exec in place: never returns on success.  For `wf flow run` handing over to
 * wf-engine. */
int proc_exec(char *const *argv, char *const *envp, struct error *err);
/*
 * exec of a new version of ourselves, for a handover: all signals stay blocked until
 * that program calls proc_unblock_signals() behind its handlers, and its children are
 * still children.  Returns only on failure, with the signals as they were.
 */
int proc_reexec(const char *path, char *const *argv, char *const *envp,
		struct error *err);
void proc_unblock_signals(void);
/* Looks for children that have ended, also without a SIGCHLD: after a handover. */
void proc_reap_soon(struct loop *loop);
/* A signal to a process that is not ours (wf server stop). -ERR_NOT_FOUND: no such
 * process. */
int proc_signal_pid(pid_t pid, int signo, struct error *err);
/* Absolute path of a sister program of ours: same folder as the running one, else PATH.
 * Owned by the caller; NULL when it is nowhere. */
char *proc_find_program(const char *name);

#endif
