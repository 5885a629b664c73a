/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scene.h - what is in the database at the beginning, and what users do to it.
 */
#ifndef TESTS_SIM_SCENE_H
#define TESTS_SIM_SCENE_H

#include <stdint.h>

#include "base/uuid.h"

#define RUNS_MAX        24
#define QUEUES          2
#define DEPLOYMENTS_MAX 3

struct scene_deployment {
	struct uuid id;
	int queue;     /* 0 or 1 */
	int requeue;   /* on_lost: requeue */
	int64_t limit; /* -1: none */
};
struct scene_run {
	struct uuid id;
	char key[UUID_TEXT_SIZE];
	int deployment;
	int created; /* a user was told so */
};
struct scene {
	struct uuid flow, pool, queues[QUEUES];
	int64_t pool_limit, queue_limit[QUEUES];
	struct scene_deployment deployments[DEPLOYMENTS_MAX];
	int deployment_count;
	struct scene_run runs[RUNS_MAX];
	int run_count;
};
extern struct scene scene;

void scene_make(void); /* draws everything but the runs, and writes it */
/* A user creates a run that is due DELAY_US from now. */
void scene_create_run(int64_t delay_us);
void scene_cancel(int run);
void scene_pause_pool(int paused);
struct scene_run *scene_find(const struct uuid *id); /* or NULL */

#endif
