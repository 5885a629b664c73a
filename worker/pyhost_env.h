/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pyhost_env.h - what of a run's environment decides whether, and by which template, it
 * can be started warm: pure.
 *
 * Variables that act when an interpreter starts or Prefect is imported (PYTHON*, LD_*,
 * MALLOC_*, locale, HOME, certificates) cannot be given to a fork.  They are frozen:
 * each combination of them has a template of its own, started with exactly these.
 */
#ifndef WORKER_PYHOST_ENV_H
#define WORKER_PYHOST_ENV_H

/* Why a process with this environment must be started cold, or NULL. */
const char *pyhost_env_refusal(char *const *env);
/* The key of the template for ENV: PYTHON and the frozen variables; owned. */
char *pyhost_env_key(char *const *env, const char *python);
/* The environment of a template: BASE without secrets and what belongs to one run, with
 * the frozen variables and Prefect's settings of ENV.  env_free(). */
char **pyhost_env_template(char *const *base, char *const *env);

#endif
