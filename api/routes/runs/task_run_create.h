/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_run_create.h - POST /task_runs/.
 */
#ifndef API_ROUTES_RUNS_TASK_RUN_CREATE_H
#define API_ROUTES_RUNS_TASK_RUN_CREATE_H

struct http_req;

void route_task_run_create(struct http_req *r);

#endif
