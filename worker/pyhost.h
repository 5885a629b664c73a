/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pyhost.h - warm starts of Python flows: templates (wf-pyhost) that have imported
 * Prefect and are forked per run.  Loop thread only.
 *
 *	pyhost_spawn --> [template starts] --> forked, prepared, held --> FN(child)
 *	      |                                                            go | drop
 *	      +-- cannot be warm: error at once, or FN(NULL): start it cold
 *
 * A child becomes ours (its parent ends at once, we are the subreaper), so the life of
 * a run does not depend on its template.  It is held until pyhost_child_go() has put it
 * under supervision.  Why a run is not warm is logged here, once per environment and
 * reason at info, then at debug.
 */
#ifndef WORKER_PYHOST_H
#define WORKER_PYHOST_H

#include <stddef.h>

struct error;
struct loop;
struct proc;
struct proc_spec;
struct pyhost;
struct pyhost_child;

struct pyhost_conf {
	const char *python;  /* path or name */
	const char *program; /* wf-pyhost; NULL: found beside us or where installed */
	const char *preload; /* "numpy,pandas", "" */
	unsigned int forks_max; /* of one template; 0: 500 */
	char *const *environ_;  /* ours; borrowed for ever */
};

/* NULL: wf-pyhost is not installed. */
struct pyhost *pyhost_new(struct loop *loop, const struct pyhost_conf *conf,
			  struct error *err);
/* Ends the templates, drops held children; no FN is called any more; accepts NULL. */
void pyhost_free(struct pyhost *h);

/* CHILD, which must be let go or dropped, or NULL: start it cold, WHY is logged. */
typedef void (*pyhost_fn)(struct pyhost_child *child, const char *why, void *arg);

/* Wants a child that runs module argv[0] ("prefect.engine") with envp, cwd and limits
 * of SPEC.  0: FN will be called, once.  Negative: it must be started cold. */
int pyhost_spawn(struct pyhost *h, const struct proc_spec *spec, pyhost_fn fn,
		 void *arg, struct error *err);
/* Supervises it as SPEC says and lets it run; the child is used up in either case. */
int pyhost_child_go(struct pyhost_child *c, const struct proc_spec *spec,
		    struct proc **ret_proc, struct error *err);
void pyhost_child_drop(struct pyhost_child *c);
/* A line for each template, for SIGUSR1. */
void pyhost_log(const struct pyhost *h);
/* Says why a run is not warm: for reasons that are known to the caller only. */
void pyhost_note_cold(struct pyhost *h, const char *key, const char *why);

#endif
