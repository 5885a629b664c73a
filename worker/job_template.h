/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_template.h - the job of a run out of the pool's base job template: pure.
 *
 * Rules: worker-and-engine 1.4.  Blocks and variables are looked up by the caller
 * beforehand (job_refs) and passed in as JSON, so that nothing here waits.
 */
#ifndef WORKER_JOB_TEMPLATE_H
#define WORKER_JOB_TEMPLATE_H

#include <jansson.h>

#include "base/cgroup.h"
#include "base/proc.h"

struct error;

struct job {
	char *command;     /* NULL: the default of the kind of flow */
	char *working_dir; /* NULL: none given */
	char *name;        /* NULL: the run's */
	json_t *env;       /* object: name -> string, or null: removed */
	json_t *labels;    /* object: name -> string */
	int stream_output;
	struct proc_limits limits;  /* memory_limit, cpu_limit, nice */
	struct cgroup_limits group; /* memory_max, cpu_max */
};

/* What the template may name; all borrowed, any may be NULL. */
struct job_input {
	const json_t *base_job_template;    /* of the pool; {} is the process default */
	const json_t *deployment_variables; /* job_variables of the deployment */
	const json_t *run_variables;        /* job_variables of the run */
	const json_t *flow, *flow_run;      /* for {{ ctx.flow.* }} in the name */
	const json_t *variables;            /* name -> value of prefect.variables */
	const json_t
	    *blocks; /* "slug/name" -> data of prefect.blocks; "id:<id>" -> data */
};

/* Names of the variables and blocks that the job needs: appended, without repetition,
 * to the arrays: "name" and "slug/name" or "id:<uuid>". */
int job_refs(const struct job_input *in, json_t *variables, json_t *blocks,
	     struct error *err);
/* -ERR_INVALID says which placeholder or value is wrong. */
int job_resolve(const struct job_input *in, struct job *ret_job, struct error *err);
void job_release(struct job *j);

/*
 * POSIX shell word splitting of COMMAND (quotes and backslashes; nothing is expanded)
 * into a NULL-terminated array, freed with words_free().  -ERR_INVALID for an open
 * quote.
 */
int words_split(const char *command, char ***ret_words, struct error *err);
void words_free(char **words);

#endif
