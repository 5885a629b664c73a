/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - one control group (cgroup v2) for each run, where a folder for them was
 * delegated to us: nothing that a run starts can leave it, it is killed as one, and the
 * kernel says exactly what it used.
 *
 * Which files are there depends on the controllers that were delegated; what is missing
 * is left out.  Pure file operations: tests use a folder of their own.
 */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

struct cgroup;
struct cgroups;
struct error;

struct cgroups_conf {
	const char
	    *base; /* the folder; NULL: our own group, when systemd delegated it */
	const char *mount; /* NULL: /sys/fs/cgroup, or unified below it */
	const char *proc;  /* NULL: /proc */
};
/* -ERR_NOT_FOUND: nothing was delegated.  Ends what dead workers left there. */
int cgroups_open(const struct cgroups_conf *conf, struct cgroups **ret_groups,
		 struct error *err);
void cgroups_close(struct cgroups *g); /* accepts NULL */
const char *cgroups_path(const struct cgroups *g);
/* Tries again to remove the groups of runs that have ended; how many are left. */
int cgroups_tidy(struct cgroups *g);
/* Whether a limit of the controller ("memory", "cpu") would be kept. */
int cgroups_has(const struct cgroups *g, const char *controller);

struct cgroup_limits {
	int64_t memory_max; /* bytes; 0: none */
	int64_t cpu_max_us; /* of each 100 ms; 0: none */
};
/* For the run ID. */
int cgroup_new(struct cgroups *g, const char *id, const struct cgroup_limits *limits,
	       struct cgroup **ret_group, struct error *err);
/* The group NAME of the program before us in this process. */
int cgroup_carried(struct cgroups *g, const char *name, struct cgroup **ret_group,
		   struct error *err);
const char *cgroup_name(const struct cgroup *c);
/* Kills what is left and removes the folder, at the latest with the next group's. */
void cgroup_free(struct cgroup *c); /* accepts NULL */

int cgroup_procs_fd(const struct cgroup *c); /* "0" written to it moves the writer */
int cgroup_add(const struct cgroup *c, pid_t pid, struct error *err);
int cgroup_is_empty(const struct cgroup *c);
/* To each process in it; SIGKILL as one (cgroup.kill) where the kernel can. */
void cgroup_signal(const struct cgroup *c, int signo);

struct cgroup_usage {
	int64_t cpu_us, peak_bytes, read_bytes, written_bytes; /* -1: not known */
	int64_t oom_kills;                                     /* -1: not known */
};
void cgroup_usage(const struct cgroup *c, struct cgroup_usage *ret);

#endif
