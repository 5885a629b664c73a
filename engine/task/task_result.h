/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_result.h - from what a task left behind to its result.
 */
#ifndef ENGINE_TASK_TASK_RESULT_H
#define ENGINE_TASK_TASK_RESULT_H

#include <stddef.h>

#include <jansson.h>

#include "engine/plan.h"

struct error;

/* Bytes by `outputs`; NONE is read as JSON (WF_RESULT of a task without `outputs`). */
int task_result_decode(enum plan_outputs outputs, const char *data, size_t len,
		       const char *what, json_t **ret_value, struct error *err);
/* {"$file": {"path", "size", "sha256"}} */
int task_result_file(const char *path, json_t **ret_value, struct error *err);
/*
 * The file PATH (WF_RESULT), which is removed.  *ret_value stays NULL when the task did
 * not make it.
 */
int task_result_take(const char *path, enum plan_outputs outputs, json_t **ret_value,
		     struct error *err);

#endif
