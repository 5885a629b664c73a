/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.h - the environment of a run's process: pure, but for reading our own environment
 * once.
 *
 * Order, lowest first (worker-and-engine 1.4, 1.5): the worker's environment; the run's
 * id and attribution; the job's env (null removes); the worker's PREFECT_* settings
 * again; the fixed set.  Values are never logged.
 */
#ifndef WORKER_ENV_H
#define WORKER_ENV_H

#include <stdint.h>

#include <jansson.h>

struct env_run {
	const char *flow_run_id;
	const char *flow_id, *flow_name, *deployment_id,
	    *deployment_name; /* NULL: none */
	const char *worker_name;
	const char *api_url;
	const json_t *job_env; /* of struct job */
	const char *run_dir;   /* native: WF_RUN_DIR, or NULL */
	const char *data_dir;  /* native: of the worker; results are kept below it */
	uint64_t fence;        /* 0: none */
};
struct env_python {
	int control_port;
	const char *control_token;
};

/* NULL-terminated "NAME=VALUE" array; env_free(). */
char **env_for_python(char *const *base, const struct env_run *run,
		      const struct env_python *py);
/* Without credentials: the engine speaks to the worker only. */
char **env_for_native(char *const *base, const struct env_run *run);
void env_free(char **env);
/* The value of NAME in ENV, borrowed, or NULL. */
const char *env_get(char *const *env, const char *name);

#endif
