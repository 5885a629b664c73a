/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.c - see cgroup.h.
 *
 * A group with processes in it cannot hand controllers down: ours move into the leaf
 * wf-main beside the groups of the runs, "<run id>.<pid of the worker>.<number>".
 */
#include "base/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/queue_ext.h"

#define MOUNT      "/sys/fs/cgroup"
#define MAIN       "wf-main"
#define FILE_MAX   (1u << 20)
#define CPU_PERIOD 100000

struct stale {
	TAILQ_ENTRY(stale) link;
	char *path;
};

struct cgroups {
	char *path, *controllers;
	unsigned int number;
	TAILQ_HEAD(, stale) stale; /* folders that could not be removed yet */
};

struct cgroup {
	struct cgroups *groups;
	char *path;
	const char *name; /* in path */
	int procs_fd;
};

/* ---- files ---- */

static int read_file(const char *dir, const char *name, struct buf *b)
{
	char *path = xasprintf("%s/%s", dir, name);
	int rc = buf_read_file(b, path, FILE_MAX, NULL);

	free(path);
	return rc;
}

static int write_file(const char *dir, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = -1;

	if (fd >= 0) {
		rc = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
		(void)close(fd);
	}
	free(path);
	return rc;
}

static int has_file(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	int found = access(path, F_OK) == 0;

	free(path);
	return found;
}

/* The sum of what follows KEY and SEP in the file: "usage_usec 12", "rbytes=34". */
static int64_t sum_of(const char *dir, const char *name, const char *key)
{
	size_t len = strlen(key);
	int64_t sum = -1;
	const char *at;
	struct buf b;

	buf_init(&b);
	if (read_file(dir, name, &b) == 0) {
		sum = 0;
		for (at = b.data; (at = strstr(at, key)) != NULL; at += len) {
			if ((at == b.data || at[-1] == '\n' || at[-1] == ' ') &&
			    (at[len] == ' ' || at[len] == '=')) {
				sum += strtoll(at + len + 1, NULL, 10);
			}
		}
	}
	buf_release(&b);
	return sum;
}

/* Each pid in the file to FN. */
static void each_pid(const char *dir, void (*fn)(pid_t pid, const void *arg),
		     const void *arg)
{
	char *at, *end;
	struct buf b;
	long pid;

	buf_init(&b);
	if (read_file(dir, "cgroup.procs", &b) == 0) {
		for (at = b.data; (pid = strtol(at, &end, 10)) > 1; at = end) {
			fn((pid_t)pid, arg);
		}
	}
	buf_release(&b);
}

static void signal_one(pid_t pid, const void *arg)
{
	(void)proc_signal_pid(pid, *(const int *)arg, NULL);
}

static void signal_all(const char *dir, int signo)
{
	if (signo != SIGKILL || write_file(dir, "cgroup.kill", "1") < 0) {
		each_pid(dir, signal_one, &signo);
	}
}

/* ---- removing ---- */

static int remove_group(const char *path)
{
	signal_all(path, SIGKILL);
	return rmdir(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* Processes that were killed leave in their own time. */
int cgroups_tidy(struct cgroups *g)
{
	struct stale *s, *next;
	int left = 0;

	TAILQ_FOREACH_SAFE (s, &g->stale, link, next) {
		if (remove_group(s->path) == 0) {
			TAILQ_REMOVE(&g->stale, s, link);
			free(s->path);
			free(s);
		} else {
			left++;
		}
	}
	return left;
}

/* PATH is taken. */
static void remove_soon(struct cgroups *g, char *path)
{
	struct stale *s;

	if (remove_group(path) == 0) {
		free(path);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->path = path;
	TAILQ_INSERT_TAIL(&g->stale, s, link);
}

/* What a worker left that is not there any more. */
static void sweep(struct cgroups *g, const char *proc)
{
	DIR *d = opendir(g->path);
	const struct dirent *e;
	char *path;

	while (d != NULL && (e = readdir(d)) != NULL) {
		const char *dot = strchr(e->d_name, '.');
		long pid = dot != NULL ? strtol(dot + 1, NULL, 10) : 0;

		if (pid <= 1 || dot - e->d_name != 36) {
			continue;
		}
		path = xasprintf("%s/%ld", proc, pid);
		if (access(path, F_OK) != 0) {
			free(path);
			path = xasprintf("%s/%s", g->path, e->d_name);
			remove_soon(g, path);
		} else {
			free(path);
		}
	}
	if (d != NULL) {
		(void)closedir(d);
	}
}

/* ---- the folder ---- */

static int is_delegated(const char *path)
{
	static const char *const names[] = {"user.delegate", "trusted.delegate"};
	char value[4] = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (getxattr(path, names[i], value, sizeof(value) - 1) == 1 &&
		    value[0] == '1') {
			return 1;
		}
	}
	return 0;
}

/* Our own group: "0::/path" of /proc/self/cgroup, owned; NULL: none. */
static char *own_group(const struct cgroups_conf *conf)
{
	const char *mount = conf->mount != NULL ? conf->mount : MOUNT;
	const char *proc = conf->proc != NULL ? conf->proc : "/proc";
	char *path = NULL;
	const char *at;
	struct buf b;
	size_t len;

	buf_init(&b);
	if (read_file(proc, "self/cgroup", &b) == 0 &&
	    (at = strstr(b.data, "0::/")) != NULL && (at == b.data || at[-1] == '\n')) {
		len = strcspn(at + 3, "\n");
		path =
		    xasprintf("%s%s%.*s", mount,
			      has_file(mount, "cgroup.controllers") ? "" : "/unified",
			      (int)len, at + 3);
		len = strlen(path);
		if (len > strlen(MAIN) &&
		    strcmp(path + len - strlen(MAIN), MAIN) == 0) {
			path[len - strlen(MAIN) - 1] = '\0';
		}
	}
	buf_release(&b);
	return path;
}

static void move_one(pid_t pid, const void *arg)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	(void)write_file(arg, "cgroup.procs", text);
}

/* Hands the controllers that we were given down to the runs. */
static void enable(struct cgroups *g)
{
	static const char *const names[] = {"memory", "cpu", "io", "pids"};
	char *leaf = xasprintf("%s/" MAIN, g->path), text[16];
	struct buf b;

	if (mkdir(leaf, 0755) == 0 || errno == EEXIST) {
		each_pid(g->path, move_one, leaf);
	}
	free(leaf);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(text, sizeof(text), "+%s", names[i]);
		(void)write_file(g->path, "cgroup.subtree_control", text);
	}
	buf_init(&b);
	if (read_file(g->path, "cgroup.subtree_control", &b) == 0) {
		free(g->controllers);
		g->controllers = buf_take(&b, NULL);
	}
	buf_release(&b);
}

int cgroups_open(const struct cgroups_conf *conf, struct cgroups **ret_groups,
		 struct error *err)
{
	char *path = conf->base != NULL ? xstrdup(conf->base) : own_group(conf);
	struct cgroups *g;

	if (path == NULL || !has_file(path, "cgroup.procs") ||
	    access(path, W_OK) != 0 || (conf->base == NULL && !is_delegated(path))) {
		(void)err_set(err, ERR_NOT_FOUND,
			      "%s is no control group (v2) that was delegated to us",
			      path != NULL ? path : "there");
		free(path);
		return -ERR_NOT_FOUND;
	}
	g = xcalloc(1, sizeof(*g));
	g->path = path;
	g->controllers = xstrdup("");
	TAILQ_INIT(&g->stale);
	enable(g);
	sweep(g, conf->proc != NULL ? conf->proc : "/proc");
	*ret_groups = g;
	return 0;
}

void cgroups_close(struct cgroups *g)
{
	struct stale *s;

	if (g == NULL) {
		return;
	}
	(void)cgroups_tidy(g);
	while ((s = TAILQ_FIRST(&g->stale)) != NULL) {
		TAILQ_REMOVE(&g->stale, s, link);
		free(s->path);
		free(s);
	}
	free(g->path);
	free(g->controllers);
	free(g);
}

const char *cgroups_path(const struct cgroups *g)
{
	return g->path;
}

int cgroups_has(const struct cgroups *g, const char *controller)
{
	return g != NULL && strstr(g->controllers, controller) != NULL;
}

/* ---- a run's group ---- */

static int open_group(struct cgroups *g, char *path, struct cgroup **ret_group,
		      struct error *err)
{
	struct cgroup *c = xcalloc(1, sizeof(*c));
	char *procs = xasprintf("%s/cgroup.procs", path);
	int rc = 0;

	c->groups = g;
	c->path = path;
	c->name = strrchr(path, '/') + 1;
	c->procs_fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (c->procs_fd < 0) {
		rc = err_errno(err, "open %s", procs);
		free(c->path);
		free(c);
	} else {
		*ret_group = c;
	}
	free(procs);
	return rc;
}

int cgroup_new(struct cgroups *g, const char *id, const struct cgroup_limits *limits,
	       struct cgroup **ret_group, struct error *err)
{
	char *path = xasprintf("%s/%s.%d.%u", g->path, id, (int)getpid(), ++g->number);
	char text[48];

	(void)cgroups_tidy(g);
	if (mkdir(path, 0755) != 0) {
		int rc = err_errno(err, "make the control group %s", path);

		free(path);
		return rc;
	}
	if (limits->memory_max > 0) {
		(void)snprintf(text, sizeof(text), "%lld",
			       (long long)limits->memory_max);
		(void)write_file(path, "memory.max", text);
		(void)write_file(path, "memory.swap.max", "0");
		(void)write_file(path, "memory.oom.group", "1");
	}
	if (limits->cpu_max_us > 0) {
		(void)snprintf(text, sizeof(text), "%lld %d",
			       (long long)limits->cpu_max_us, CPU_PERIOD);
		(void)write_file(path, "cpu.max", text);
	}
	return open_group(g, path, ret_group, err);
}

int cgroup_carried(struct cgroups *g, const char *name, struct cgroup **ret_group,
		   struct error *err)
{
	return open_group(g, xasprintf("%s/%s", g->path, name), ret_group, err);
}

const char *cgroup_name(const struct cgroup *c)
{
	return c->name;
}

void cgroup_free(struct cgroup *c)
{
	if (c == NULL) {
		return;
	}
	(void)close(c->procs_fd);
	remove_soon(c->groups, c->path);
	free(c);
}

int cgroup_procs_fd(const struct cgroup *c)
{
	return c->procs_fd;
}

int cgroup_add(const struct cgroup *c, pid_t pid, struct error *err)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)pid);

	return write(c->procs_fd, text, (size_t)len) == (ssize_t)len
		   ? 0
		   : err_errno(err, "move process %d into %s", (int)pid, c->path);
}

int cgroup_is_empty(const struct cgroup *c)
{
	return sum_of(c->path, "cgroup.events", "populated") <= 0;
}

void cgroup_signal(const struct cgroup *c, int signo)
{
	signal_all(c->path, signo);
}

void cgroup_usage(const struct cgroup *c, struct cgroup_usage *ret)
{
	struct buf b;

	ret->cpu_us = sum_of(c->path, "cpu.stat", "usage_usec");
	ret->read_bytes = sum_of(c->path, "io.stat", "rbytes");
	ret->written_bytes = sum_of(c->path, "io.stat", "wbytes");
	ret->oom_kills = sum_of(c->path, "memory.events", "oom_kill");
	buf_init(&b);
	ret->peak_bytes =
	    read_file(c->path, "memory.peak", &b) == 0 ? strtoll(b.data, NULL, 10) : -1;
	buf_release(&b);
}
