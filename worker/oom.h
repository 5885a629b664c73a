/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom.h - whether the kernel kills processes for want of memory, from its counters.
 *
 * memory.events of our cgroup counts kills below it, /proc/vmstat those of the machine.
 * Neither names the process, so what follows from them is only probable.
 */
#ifndef WORKER_OOM_H
#define WORKER_OOM_H

#include <stdint.h>

enum oom_verdict {
	OOM_UNKNOWN = 0, /* the counters cannot be read */
	OOM_NO,          /* nothing was killed since we looked last */
	OOM_RUN,         /* something in the run's own control group was: certain */
	OOM_CGROUP,      /* something in our control group was */
	OOM_MACHINE,     /* something on this machine was */
};

struct oom {
	int64_t cgroup, machine; /* -1: cannot be read */
	char cgroup_path[512];   /* of memory.events, "" when there is none */
};

/* PROC is "/proc", CGROUP "/sys/fs/cgroup"; others in tests. */
void oom_init(struct oom *o, const char *proc, const char *cgroup);
/* After a process was killed (SIGKILL) and not by us.  One kill that is counted answers
 * for one process. */
enum oom_verdict oom_look(struct oom *o, const char *proc);

#endif
