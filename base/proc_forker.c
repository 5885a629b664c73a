/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_forker.c - a small process that forks for a large one.
 *
 *     we --- SOCK_SEQPACKET: struct request, data, cwd; descriptors --> the forker
 *        <-- pid or -errno ------------------------------------------
 *
 * fork() copies page tables, and each page that either side writes afterwards: some 100
 * page faults per child of an engine with a few MB of heap, and 11 of a process that
 * did nothing yet. The forker is made before the heap grows; its children are born with
 * CLONE_PARENT, so they are ours: wait(), death signal and process group are those of a
 * child that we forked.  It has no loop and no heap of its own and ends with its
 * socket, or with us (PR_SET_PDEATHSIG).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/proc_forker.h"
#include "base/proc_priv.h"

#define SLOTS    1024 /* children at a time; more are forked by ourselves */
#define NO_SLOT  (-1)
#define FD_COUNT 4

struct request {
	int (*fn)(void *arg);
	int slot;
	int sent[FD_COUNT]; /* comes along; else: */
	int same[FD_COUNT]; /* as the forker's own, or else /dev/null; 3: closed */
	int new_session, death_signal;
	struct proc_limits limits;
	size_t size; /* of the data */
};

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FD_COUNT * sizeof(int))];
};

union data {
	max_align_t align;
	char bytes[PROC_LEAN_MAX];
};

static struct {
	int fd;
	pid_t pid, owner;
	struct proc_failure *failures; /* shared with the children; by slot */
	unsigned char used[SLOTS];
	int next;
} mod = {.fd = -1};

/* ---- the forker ---- */

/* What the kernel clears at the end of the thread; libc keeps its thread id there. */
static int *tid_address(void)
{
	int *at = NULL;

	return prctl(PR_GET_TID_ADDRESS, &at, 0, 0, 0) == 0 ? at : NULL;
}

/* As fork(), but the child is our parent's. */
static pid_t fork_sibling(int *tid)
{
	long pid = syscall(SYS_clone, (unsigned long)(CLONE_PARENT | SIGCHLD), NULL,
			   NULL, NULL, NULL);

	if (pid == 0 && tid != NULL) {
		*tid = (int)syscall(SYS_set_tid_address, tid);
	}
	return (pid_t)pid;
}

static void take_fds(const struct request *q, const struct msghdr *msg, int null_fd,
		     int *fd, int *ret_got)
{
	struct cmsghdr *cm;
	int got[FD_COUNT], n = 0, i;

	for (cm = CMSG_FIRSTHDR(msg); cm != NULL;
	     cm = CMSG_NXTHDR((struct msghdr *)(uintptr_t)msg, cm)) {
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS) {
			n = (int)((cm->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(got, CMSG_DATA(cm), (size_t)n * sizeof(int));
		}
	}
	*ret_got = n;
	for (i = 0, n = 0; i < FD_COUNT; i++) {
		fd[i] = q->sent[i] ? got[n++] : q->same[i] ? i : i < 3 ? null_fd : -1;
	}
}

/* One request; returns what to answer. */
static int serve(const struct request *q, union data *data, const char *cwd,
		 const int *fd)
{
	static int *tid;
	struct proc_child c = {
	    .cwd = cwd,
	    .fd = {fd[0], fd[1], fd[2], fd[3]},
	    .notify_fd = -1,
	    .new_session = q->new_session,
	    .death_signal = q->death_signal,
	    .limits = q->limits,
	    .fork_fn = q->fn,
	    .fork_arg = data,
	    .lean = &mod.failures[q->slot],
	};
	pid_t pid;

	if (tid == NULL) {
		tid = tid_address();
	}
	pid = fork_sibling(tid);
	if (pid == 0) {
		proc_child_main(&c, mod.owner);
	}
	return pid < 0 ? -errno : (int)pid;
}

WF_NORETURN static void forker_main(int fd)
{
	static union data data;
	static char cwd[PATH_MAX];
	union control control;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), answer, n, fds[FD_COUNT];
	struct request q;
	ssize_t len;

	for (;;) {
		struct iovec parts[] = {
		    {&q, sizeof(q)}, {&data, sizeof(data)}, {cwd, sizeof(cwd)}};
		struct msghdr msg = {.msg_iov = parts,
				     .msg_iovlen = 3,
				     .msg_control = &control,
				     .msg_controllen = sizeof(control)};

		len = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
		if (len < (ssize_t)(sizeof(q) + sizeof(data)) || null_fd < 0) {
			_exit(0);
		}
		take_fds(&q, &msg, null_fd, fds, &n);
		answer = serve(&q, &data, cwd, fds);
		for (n = 0; n < FD_COUNT; n++) {
			if (q.sent[n]) {
				(void)close(fds[n]);
			}
		}
		if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0) {
			_exit(0);
		}
	}
}

/* ---- ours ---- */

int proc_forker_start(struct error *err)
{
	sigset_t before;
	int pair[2];
	void *page;
	pid_t pid;

	if (mod.fd >= 0 && mod.owner == getpid()) {
		return 0;
	}
	page = mmap(NULL, SLOTS * sizeof(struct proc_failure), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) {
		return err_errno(err, "share memory with the forker");
	}
	mod.failures = page;
	mod.owner = getpid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		return err_errno(err, "make a socket for the forker");
	}
	pid = proc_child_fork_blocked(&before);
	if (pid == 0) {
		/* signals stay blocked: ^C is for the engine, which ends us */
		(void)close(pair[0]);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != mod.owner) {
			_exit(0);
		}
		proc_child_reset_handlers();
		forker_main(pair[1]);
	}
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return err_errno(err, "start the forker");
	}
	mod.fd = pair[0];
	mod.pid = pid;
	memset(mod.used, 0, sizeof(mod.used));
	return 0;
}

void proc_forker_stop(void)
{
	int status;

	if (mod.fd < 0 || mod.owner != getpid()) {
		return;
	}
	(void)close(mod.fd);
	mod.fd = -1;
	(void)kill(mod.pid, SIGKILL);
	(void)waitpid(mod.pid, &status, 0);
	mod.pid = 0;
}

int proc_forker_is(pid_t pid)
{
	return pid == mod.pid && mod.fd >= 0;
}

int proc_forker_ready(void)
{
	return mod.fd >= 0 && mod.owner == getpid();
}

int proc_forker_slot(void)
{
	int i, at;

	for (i = 0; proc_forker_ready() && i < SLOTS; i++) {
		at = (mod.next + i) % SLOTS;
		if (!mod.used[at]) {
			mod.used[at] = 1;
			mod.next = at + 1;
			mod.failures[at] = (struct proc_failure){0, 0};
			return at;
		}
	}
	return NO_SLOT;
}

void proc_forker_give(int slot)
{
	if (slot >= 0) {
		mod.used[slot] = 0;
	}
}

int proc_forker_failure(int slot, struct proc_failure *ret)
{
	if (slot < 0) {
		return 0;
	}
	*ret = mod.failures[slot];
	return ret->step != 0;
}

/* Its own 1 and 2 are ours. */
static void choose_fds(const struct proc_child *c, struct request *q, int *fds,
		       size_t *ret_n)
{
	size_t n = 0;
	int i;

	for (i = 0; i < FD_COUNT; i++) {
		q->same[i] = c->fd[i] == i && (i == 1 || i == 2);
		q->sent[i] = c->fd[i] >= 0 && !q->same[i];
		if (q->sent[i]) {
			fds[n++] = c->fd[i];
		}
	}
	*ret_n = n;
}

static void add_fds(struct msghdr *msg, union control *control, const int *fds,
		    size_t n)
{
	struct cmsghdr *cm;

	if (n == 0) {
		return;
	}
	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(n * sizeof(int));
	cm = CMSG_FIRSTHDR(msg);
	if (cm != NULL) {
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	}
}

static int exchange(const struct msghdr *msg, int *ret_answer)
{
	ssize_t n;

	do {
		n = sendmsg(mod.fd, msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	while (n >= 0) {
		n = recv(mod.fd, ret_answer, sizeof(*ret_answer), 0);
		if (n == (ssize_t)sizeof(*ret_answer)) {
			return 0;
		}
		if (n >= 0 || errno != EINTR) {
			break;
		}
		n = 0;
	}
	return -1;
}

pid_t proc_forker_fork(const struct proc_child *c, int slot, size_t size,
		       struct error *err)
{
	union control control = {.bytes = {0}};
	const char *cwd = c->cwd != NULL ? c->cwd : "/";
	struct request q = {.fn = c->fork_fn,
			    .slot = slot,
			    .new_session = c->new_session,
			    .death_signal = c->death_signal,
			    .limits = c->limits,
			    .size = size};
	union data data = {.bytes = {0}};
	struct iovec parts[] = {{&q, sizeof(q)},
				{&data, sizeof(data)},
				{(void *)(uintptr_t)cwd, strlen(cwd) + 1}};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 3};
	int fds[FD_COUNT], answer = 0;
	size_t n;

	PRE(size <= sizeof(data));
	memcpy(&data, c->fork_arg, size);
	choose_fds(c, &q, fds, &n);
	add_fds(&msg, &control, fds, n);
	if (exchange(&msg, &answer) < 0) {
		proc_forker_stop(); /* somebody killed it */
		return 0;
	}
	if (answer < 0) {
		errno = -answer;
		return (pid_t)err_errno(err, "fork for a task");
	}
	return (pid_t)answer;
}
