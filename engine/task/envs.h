/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envs.h - the environment of task processes: the engine's own, then the flow's `env`,
 * then the task's, then WF_*; a later one replaces an earlier one of the same name.
 */
#ifndef ENGINE_TASK_ENVS_H
#define ENGINE_TASK_ENVS_H

#include <stddef.h>

struct envs {
	char **items; /* "NAME=value", NULL terminated */
	size_t count, size, owned_from;
};

/* Borrows the strings of BASE. */
void envs_init(struct envs *e, char *const *base);
void envs_release(struct envs *e);
void envs_set(struct envs *e, const char *name, const char *value, size_t len);
void envs_unset(struct envs *e, const char *name);
const char *envs_get(const struct envs *e, const char *name);

#endif
