/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom.c - the kernel's counters of processes that it killed for want of memory.
 */
#include "worker/oom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define FILE_MAX (256u << 10)

/* The number after "NAME " at the start of a line, -1 when it is not there. */
static int64_t counter(const char *path, const char *name)
{
	size_t len = strlen(name);
	int64_t value = -1;
	struct buf b;
	const char *at;

	if (path[0] == '\0') {
		return -1;
	}
	buf_init(&b);
	if (buf_read_file(&b, path, FILE_MAX, NULL) == 0) {
		for (at = b.data; at != NULL; at = strchr(at, '\n')) {
			at += *at == '\n';
			if (strncmp(at, name, len) == 0 && at[len] == ' ') {
				value = strtoll(at + len, NULL, 10);
				break;
			}
		}
	}
	buf_release(&b);
	return value;
}

static int64_t of_machine(const char *proc)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/vmstat", proc);
	return counter(path, "oom_kill");
}

/* The line "0::/path" of /proc/self/cgroup. */
static void find_cgroup(struct oom *o, const char *proc, const char *cgroup)
{
	char path[512];
	struct buf b;
	const char *at;

	o->cgroup_path[0] = '\0';
	(void)snprintf(path, sizeof(path), "%s/self/cgroup", proc);
	buf_init(&b);
	if (buf_read_file(&b, path, FILE_MAX, NULL) == 0) {
		at = strstr(b.data, "0::/");
		if (at != NULL && (at == b.data || at[-1] == '\n')) {
			at += 3;
			(void)snprintf(o->cgroup_path, sizeof(o->cgroup_path),
				       "%s%.*s/memory.events", cgroup,
				       (int)strcspn(at, "\n"), at);
		}
	}
	buf_release(&b);
}

void oom_init(struct oom *o, const char *proc, const char *cgroup)
{
	find_cgroup(o, proc, cgroup);
	o->cgroup = counter(o->cgroup_path, "oom_kill");
	o->machine = of_machine(proc);
}

/* Takes one kill off the difference between *SEEN and NOW. */
static int take_one(int64_t *seen, int64_t now)
{
	if (*seen < 0 || now <= *seen) {
		return 0;
	}
	(*seen)++;
	return 1;
}

enum oom_verdict oom_look(struct oom *o, const char *proc)
{
	int64_t cgroup = counter(o->cgroup_path, "oom_kill");
	int64_t machine = of_machine(proc);
	int below = take_one(&o->cgroup, cgroup);

	if (take_one(&o->machine, machine) || below) {
		return below ? OOM_CGROUP : OOM_MACHINE;
	}
	return o->cgroup < 0 && o->machine < 0 ? OOM_UNKNOWN : OOM_NO;
}
