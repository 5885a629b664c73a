/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_reach.c - descendants that left their process group: by ancestry while their
 * parents live, afterwards (they came to us, the subreaper) by what their environment
 * says.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/proc_priv.h"

#define CHILDREN_MAX 1048576 /* bytes of the kernel's list */
#define ENVIRON_MAX  (4u << 20)
#define DEPTH_MAX    32

struct visit {
	int signo; /* 0: only count */
	const char *const *marks;
	int count;
};

static void visit_children(pid_t pid, struct visit *v, int depth);

/* A process below one that is meant is meant, too. */
static void visit_one(pid_t pid, struct visit *v, int depth)
{
	if (v->signo == SIGKILL) {
		(void)kill(pid, SIGSTOP); /* first: it makes no more of them */
	}
	visit_children(pid, v, depth + 1);
	if (kill(pid, v->signo) == 0) {
		v->count++;
		if (v->signo == SIGTERM) {
			(void)kill(pid, SIGCONT);
		}
	}
}

/* The variables are separated by NUL. */
static int is_marked(pid_t pid, const char *const *marks)
{
	char path[64];
	const char *at, *end;
	struct buf b;
	int found = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	buf_init(&b);
	if (buf_read_file(&b, path, ENVIRON_MAX, NULL) == 0) {
		end = b.data + b.len;
		for (at = b.data; at < end && !found; at += strlen(at) + 1) {
			for (size_t i = 0; marks[i] != NULL && !found; i++) {
				found = strcmp(at, marks[i]) == 0;
			}
		}
	}
	buf_release(&b);
	return found;
}

/* Of our own children only those that no spawn started. */
static int is_meant(pid_t child, const struct visit *v, int depth)
{
	return depth > 0 || (!proc_is_known(child) &&
			     (v->marks == NULL || is_marked(child, v->marks)));
}

static void visit_list(const char *path, struct visit *v, int depth)
{
	struct buf list;
	char *at, *end;
	long child;

	buf_init(&list);
	if (buf_read_file(&list, path, CHILDREN_MAX, NULL) == 0) {
		for (at = list.data; (child = strtol(at, &end, 10)) > 1; at = end) {
			if (is_meant((pid_t)child, v, depth)) {
				visit_one((pid_t)child, v, depth);
			}
		}
	}
	buf_release(&list);
}

/*
 * The kernel lists the children of a thread.  Ours all belong to the main thread, to
 * which orphans come as well.  They cannot be reaped (so no pid is used again) before
 * we return to the loop.
 */
static void visit_children(pid_t pid, struct visit *v, int depth)
{
	char path[300];
	const struct dirent *e;
	DIR *d;

	if (depth >= DEPTH_MAX) {
		return;
	}
	if (depth == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
			       (int)pid, (int)pid);
		visit_list(path, v, depth);
		return;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.') {
			(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/children",
				       (int)pid, e->d_name);
			visit_list(path, v, depth);
		}
	}
	if (d != NULL) {
		(void)closedir(d);
	}
}

int proc_kill_strays(void)
{
	struct visit v = {.signo = SIGKILL};

	visit_children(getpid(), &v, 0);
	return v.count;
}

int proc_reach_strays(const char *const *marks, int signo)
{
	struct visit v = {.signo = signo, .marks = marks};

	visit_children(getpid(), &v, 0);
	return v.count;
}

void proc_reach_below(pid_t pid, int signo)
{
	struct visit v = {.signo = signo};

	visit_children(pid, &v, 1);
}
