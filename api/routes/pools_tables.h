/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools_tables.h - route tables of pools, queues, workers and deployments, for
 * tables.c.
 */
#ifndef API_ROUTES_POOLS_TABLES_H
#define API_ROUTES_POOLS_TABLES_H

#include "api/http/http.h"

extern const struct route work_pool_routes[];
extern const struct route work_pool_run_routes[]; /* polls and slots */
extern const struct route concurrency_status_routes[];
extern const struct route work_queue_routes[];
extern const struct route worker_routes[];
extern const struct route worker_fleet_routes[];
extern const struct route deployment_routes[];
extern const struct route schedule_routes[];
extern const struct route explain_routes[];
extern const struct route usage_routes[];
extern const struct route concurrency_routes[];
extern const struct route rebuild_routes[];

#endif
