/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_priv.h - what proc.c (supervision) and proc_child.c (fork and the child's side)
 * share.
 */
#ifndef BASE_PROC_PRIV_H
#define BASE_PROC_PRIV_H

#include <limits.h>
#include <signal.h>

#include "base/compiler.h"
#include "base/proc.h"

/* What a failing child reports; nothing means that exec succeeded. */
struct proc_failure {
	int step; /* enum proc_step; 0: none */
	int error;
};

/* Everything the child needs, made before fork: the child must not allocate. */
struct proc_child {
	char path[PATH_MAX]; /* resolved argv[0] */
	int path_errno;      /* why there is no path; reported by the child as "exec" */
	char *const *argv;
	char *const *envp;
	const char *cwd;
	int cgroup_fd; /* cgroup.procs to move itself into; 0: none */
	int fd[4];     /* sources of 0..3; -1 only for 3: closed */
	int notify_fd; /* write end; gets struct proc_failure; -1: share */
	int new_session;
	int death_signal; /* 0: none */
	int share; /* vfork: the failure is written into memory, no pipe needed */
	struct proc_failure failure;
	struct proc_limits limits;
	int (*fork_fn)(void *arg); /* instead of exec */
	void *fork_arg;
	struct proc_failure *lean; /* the forker's child: the failure goes there */
};

void proc_child_resolve(struct proc_child *c);
/* Forks with all signals blocked.  The pid, or -code. */
pid_t proc_child_fork(struct proc_child *c, struct error *err);
/* fork() with all signals blocked; in the child they stay so. */
pid_t proc_child_fork_blocked(sigset_t *ret_before);
WF_NORETURN void proc_child_main(struct proc_child *c, pid_t parent);
void proc_child_reset_handlers(void);
const char *proc_step_name(int step);

/* proc_forker.c: a slot for a failure, -1: fork without the forker. */
int proc_forker_slot(void);
void proc_forker_give(int slot);                             /* accepts -1 */
int proc_forker_failure(int slot, struct proc_failure *ret); /* 1: it failed */
/* SIZE bytes at fork_arg are copied.  The pid, 0: the forker is gone, or -code. */
pid_t proc_forker_fork(const struct proc_child *c, int slot, size_t size,
		       struct error *err);
int proc_forker_is(pid_t pid);

/* proc.c: whether PID is one that we supervise and have not reaped. */
int proc_is_known(pid_t pid);
/* proc_reach.c: a signal (0: none) to our children that no spawn started and whose
 * environment has one of MARKS, and to all below them; how many there are. */
int proc_reach_strays(const char *const *marks, int signo);
/* To all below PID, whatever group they are in; not to PID. */
void proc_reach_below(pid_t pid, int signo);

#endif
