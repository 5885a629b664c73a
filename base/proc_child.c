/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_child.c - fork, and what the child does before exec.
 *
 * Between fork and exec only async-signal-safe calls are made: another thread
 * (libcurl's resolver) may hold any lock at the moment of the fork.  All signals are
 * blocked around the fork, since one that arrives in the child would run the parent's
 * handler, which writes into the parent's event loop.
 */
#include "base/proc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define EXIT_INFRA   127 /* "could not even start": never charged to user code */

enum proc_step {
	STEP_CGROUP = 1,
	STEP_GROUP,
	STEP_SESSION,
	STEP_DEATH_SIGNAL,
	STEP_PARENT,
	STEP_DUP,
	STEP_CLOSE,
	STEP_CHDIR,
	STEP_LIMIT,
	STEP_NICE,
	STEP_EXEC,
	STEP_MAX,
};

const char *proc_step_name(int step)
{
	static const char *const names[STEP_MAX] = {
	    [STEP_CGROUP] = "join its control group",
	    [STEP_GROUP] = "setpgid",
	    [STEP_SESSION] = "setsid",
	    [STEP_DEATH_SIGNAL] = "prctl",
	    [STEP_PARENT] = "parent",
	    [STEP_DUP] = "dup2",
	    [STEP_CLOSE] = "close_range",
	    [STEP_CHDIR] = "chdir",
	    [STEP_LIMIT] = "setrlimit",
	    [STEP_NICE] = "setpriority",
	    [STEP_EXEC] = "exec",
	};

	return step > 0 && step < STEP_MAX ? names[step] : "unknown step";
}

/* ---- before fork ---- */

static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		return errno;
	}
	if (!S_ISREG(st.st_mode)) {
		return EACCES;
	}
	return access(path, X_OK) == 0 ? 0 : errno;
}

/* Finds NAME in the absolute folders of PATHS; others depend on a cwd and are skipped.
 */
static int search_path(const char *name, const char *paths, char *dst, size_t size)
{
	const char *end;
	int found = ENOENT, e, n;

	for (;; paths = end + 1) {
		end = strchrnul(paths, ':');
		n = *paths == '/' ? snprintf(dst, size, "%.*s/%s", (int)(end - paths),
					     paths, name)
				  : -1;
		if (n > 0 && (size_t)n < size) {
			e = check_executable(dst);
			if (e == 0) {
				return 0;
			}
			found = e == EACCES ? EACCES : found;
		}
		if (*end == '\0') {
			dst[0] = '\0';
			return found;
		}
	}
}

void proc_child_resolve(struct proc_child *c)
{
	const char *name = c->argv[0], *paths = DEFAULT_PATH;
	size_t i;

	if (strchr(name, '/') != NULL) {
		c->path_errno = strlen(name) < sizeof(c->path) ? 0 : ENAMETOOLONG;
		memcpy(c->path, name, c->path_errno == 0 ? strlen(name) + 1 : 0);
		return;
	}
	for (i = 0; c->envp[i] != NULL; i++) {
		if (strncmp(c->envp[i], "PATH=", 5) == 0) {
			paths = c->envp[i] + 5;
		}
	}
	c->path_errno = name[0] != '\0'
			    ? search_path(name, paths, c->path, sizeof(c->path))
			    : ENOENT;
}

/* ---- in the child ---- */

WF_NORETURN static void child_fail(struct proc_child *c, enum proc_step step, int e)
{
	struct proc_failure failure = {.step = (int)step, .error = e};

	if (c->share) {
		c->failure = failure;
	} else if (c->lean != NULL) {
		*c->lean = failure;
	} else if (write(c->notify_fd, &failure, sizeof(failure)) < 0) {
		_exit(EXIT_INFRA); /* the same: there is nobody else to tell */
	}
	_exit(EXIT_INFRA);
}

static void child_detach(struct proc_child *c, pid_t parent)
{
	if (c->new_session) {
		if (setsid() < 0) {
			child_fail(c, STEP_SESSION, errno);
		}
	} else if (setpgid(0, 0) != 0) {
		child_fail(c, STEP_GROUP, errno);
	}
	if (c->death_signal != 0) {
		if (prctl(PR_SET_PDEATHSIG, c->death_signal) != 0) {
			child_fail(c, STEP_DEATH_SIGNAL, errno);
		}
		/* the parent may have died before the signal was asked for */
		if (getppid() != parent) {
			child_fail(c, STEP_PARENT, ESRCH);
		}
	}
}

/* Sources below 4 would be overwritten by an earlier dup2, so they move up first. */
static void child_map_fds(struct proc_child *c)
{
	int i, fd;

	for (i = 0; i < 5; i++) {
		fd = i < 4 ? c->fd[i] : c->notify_fd;
		if (fd < 0 || fd > 3 || fd == i) {
			continue;
		}
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 4);
		if (fd < 0) {
			child_fail(c, STEP_DUP, errno);
		}
		*(i < 4 ? &c->fd[i] : &c->notify_fd) = fd;
	}
	for (i = 0; i < 4; i++) {
		if (c->fd[i] < 0) {
			close(i);
		} else if (c->fd[i] == i ? fcntl(i, F_SETFD, 0) < 0
					 : dup2(c->fd[i], i) < 0) {
			child_fail(c, STEP_DUP, errno);
		}
	}
	if (c->lean == NULL && close_range(4, ~0u, CLOSE_RANGE_CLOEXEC) != 0) {
		child_fail(c, STEP_CLOSE, errno);
	}
}

/* The hard limit is GRACE higher. */
static void child_limit(struct proc_child *c, int resource, int64_t value,
			int64_t grace)
{
	struct rlimit rl;

	if (getrlimit((__rlimit_resource_t)resource, &rl) != 0) {
		child_fail(c, STEP_LIMIT, errno);
	}
	/* a hard limit that is lower already stays */
	if (rl.rlim_max == RLIM_INFINITY || (rlim_t)(value + grace) < rl.rlim_max) {
		rl.rlim_max = (rlim_t)(value + grace);
	}
	rl.rlim_cur = MIN_OF(rl.rlim_max, (rlim_t)value);
	if (setrlimit((__rlimit_resource_t)resource, &rl) != 0) {
		child_fail(c, STEP_LIMIT, errno);
	}
}

static void child_limits(struct proc_child *c)
{
	const struct proc_limits *l = &c->limits;

	if (l->address_space_bytes > 0) {
		child_limit(c, RLIMIT_AS, l->address_space_bytes, 0);
	}
	if (l->cpu_s > 0) {
		child_limit(c, RLIMIT_CPU, l->cpu_s, PROC_CPU_GRACE_S);
	}
	if (l->open_files > 0) {
		child_limit(c, RLIMIT_NOFILE, l->open_files, 0);
	}
	if (l->core_off) {
		child_limit(c, RLIMIT_CORE, 0, 0);
	}
	if (l->nice != 0 && setpriority(PRIO_PROCESS, 0, l->nice) != 0) {
		child_fail(c, STEP_NICE, errno);
	}
}

void proc_child_reset_handlers(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	int signo;

	for (signo = 1; signo < NSIG; signo++) {
		(void)sigaction(signo, &dfl,
				NULL); /* KILL, STOP and libc's own refuse */
	}
}

static void child_unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_reset_signals(void)
{
	proc_child_reset_handlers();
	child_unblock_signals();
}

void proc_child_main(struct proc_child *c, pid_t parent)
{
	/* before anything that it could start */
	if (c->cgroup_fd > 0 && write(c->cgroup_fd, "0", 1) != 1) {
		child_fail(c, STEP_CGROUP, errno);
	}
	child_detach(c, parent);
	child_map_fds(c);
	if (chdir(c->cwd != NULL ? c->cwd : "/") != 0) {
		child_fail(c, STEP_CHDIR, errno);
	}
	child_limits(c);
	if (c->lean != NULL) {
		child_unblock_signals(); /* the forker has no handlers */
	} else {
		child_reset_signals();
	}
	if (c->fork_fn != NULL) {
		int rc;

		(void)close_range(4, ~0u,
				  0); /* the notify pipe too: the start succeeded */
		rc = c->fork_fn(c->fork_arg);
		(void)fflush(NULL);
		_exit(rc & 0xff);
	}
	if (c->path_errno == 0) {
		execve(c->path, c->argv, c->envp);
		c->path_errno = errno;
	}
	child_fail(c, STEP_EXEC, c->path_errno);
}

/* ---- fork ---- */

pid_t proc_child_fork_blocked(sigset_t *ret_before)
{
	sigset_t all;
	pid_t pid;
	int e;

	/* PR_SET_PDEATHSIG fires when the forking thread ends */
	PRE(getpid() == gettid());
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, ret_before);
	pid = fork();
	if (pid != 0) {
		e = errno;
		(void)pthread_sigmask(SIG_SETMASK, ret_before, NULL);
		errno = e;
	}
	return pid;
}

/*
 * vfork() with all signals blocked.  The child runs in our memory until it execs or
 * exits: it works on COPY, which it may change, and calls nothing that touches the
 * heap.
 */
static pid_t vfork_blocked(struct proc_child *copy, pid_t parent)
{
	sigset_t all, before;
	pid_t pid;
	int e;

	PRE(getpid() == gettid());
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	/* both checks know vfork() with execve() behind it only; this child makes
	 * system calls only and never returns */
	pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (pid == 0) {
		proc_child_main(copy, parent); /* NOLINT(clang-analyzer-unix.Vfork) */
	}
	e = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = e;
	return pid;
}

static pid_t fork_shared(struct proc_child *c, pid_t parent)
{
	struct proc_child *copy = xmemdup(c, sizeof(*c));
	pid_t pid = vfork_blocked(copy, parent);

	c->failure = copy->failure;
	free(copy);
	return pid;
}

pid_t proc_child_fork(struct proc_child *c, struct error *err)
{
	pid_t parent = getpid(), pid;
	sigset_t before;

	if (c->fork_fn != NULL) {
		(void)fflush(NULL); /* or both would write what is buffered */
	}
	pid = c->share ? fork_shared(c, parent) : proc_child_fork_blocked(&before);
	if (pid < 0) {
		return (pid_t)err_errno(err, "fork for %s",
					c->argv != NULL ? c->argv[0] : "a task");
	}
	if (pid == 0) {
		proc_child_main(c, parent);
	}
	return pid;
}

pid_t proc_fork_fn(int (*fn)(void *arg), void *arg, struct error *err)
{
	pid_t parent = getpid(), pid;
	sigset_t before;
	int rc;

	(void)fflush(NULL);
	pid = proc_child_fork_blocked(&before);
	if (pid < 0) {
		return (pid_t)err_errno(err, "fork");
	}
	if (pid != 0) {
		return pid;
	}
	if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
	    getppid() != parent) {
		_exit(EXIT_INFRA);
	}
	child_reset_signals();
	rc = fn(arg);
	(void)fflush(NULL);
	_exit(rc & 0xff);
}

int proc_fn_wait(pid_t pid, int block, int *ret_status, struct error *err)
{
	int status;
	pid_t got;

	do {
		got = waitpid(pid, &status, block ? 0 : WNOHANG);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		return err_errno(err, "wait for process %d", (int)pid);
	}
	if (got == 0) {
		return 0;
	}
	*ret_status = status;
	return 1;
}

int proc_fn_signal(pid_t pid, int signo, struct error *err)
{
	PRE(pid > 1);
	/* the group exists only once the child has run a little */
	if (kill(-pid, signo) != 0 && kill(pid, signo) != 0) {
		return err_errno(err, "send signal %d to process %d", signo, (int)pid);
	}
	return 0;
}

pid_t proc_spawn_detached(char *const *argv, char *const *envp, int log_fd,
			  struct error *err)
{
	struct proc_child c = {.argv = argv,
			       .envp = envp,
			       .fd = {-1, log_fd, log_fd, -1},
			       .new_session = 1};
	struct proc_failure failure;
	int notify[2] = {-1, -1};
	pid_t pid = -1;
	ssize_t n;
	int status;

	proc_child_resolve(&c);
	c.fd[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (c.fd[0] < 0 || pipe2(notify, O_CLOEXEC) != 0) {
		pid = (pid_t)err_errno(err, "start %s: open a pipe", argv[0]);
		goto out;
	}
	c.notify_fd = notify[1];
	pid = proc_child_fork(&c, err);
	if (pid < 0) {
		goto out;
	}
	close(notify[1]);
	notify[1] = -1;
	do {
		n = read(notify[0], &failure, sizeof(failure));
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(failure)) {
		(void)waitpid(pid, &status, 0);
		errno = failure.error;
		pid = (pid_t)err_errno(err, "start %s: %s", argv[0],
				       proc_step_name(failure.step));
	}
out:
	if (c.fd[0] >= 0) {
		close(c.fd[0]);
	}
	if (notify[0] >= 0) {
		close(notify[0]);
	}
	if (notify[1] >= 0) {
		close(notify[1]);
	}
	return pid;
}

int proc_exec(char *const *argv, char *const *envp, struct error *err)
{
	struct proc_child c = {.argv = argv, .envp = envp};

	proc_child_resolve(&c);
	if (c.path_errno == 0) {
		(void)fflush(NULL);
		child_reset_signals();
		execve(c.path, argv, envp);
		c.path_errno = errno;
	}
	errno = c.path_errno;
	return err_errno(err, "run %s", argv[0]);
}

int proc_reexec(const char *path, char *const *argv, char *const *envp,
		struct error *err)
{
	sigset_t all, before;
	int e;

	(void)fflush(NULL);
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	execve(path, argv, envp);
	e = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = e;
	return err_errno(err, "execute %s", path);
}

void proc_unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

int proc_signal_pid(pid_t pid, int signo, struct error *err)
{
	if (kill(pid, signo) == 0) {
		return 0;
	}
	if (errno == ESRCH) {
		return err_set(err, ERR_NOT_FOUND, "no process %d", (int)pid);
	}
	return err_errno(err, "signal %d to process %d", signo, (int)pid);
}

char *proc_find_program(const char *name)
{
	char self[PATH_MAX], path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *paths;
	char *slash;

	if (len > 0) {
		self[len] = '\0';
		slash = strrchr(self, '/');
		if (slash != NULL) {
			*slash = '\0';
			if (search_path(name, self, path, sizeof(path)) == 0) {
				return xstrdup(path);
			}
		}
	}
	paths = opts_env("PATH");
	if (search_path(name, paths != NULL ? paths : DEFAULT_PATH, path,
			sizeof(path)) == 0) {
		return xstrdup(path);
	}
	return NULL;
}
