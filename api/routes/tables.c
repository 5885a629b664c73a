/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables.c - which tables exist.  A new resource: one declaration and one line here.
 */
#include "api/routes/tables.h"

#include <stddef.h>

#include "api/events/hub.h"
#include "api/http/http.h"
#include "api/http/ws.h"
#include "api/routes/pools_tables.h"
#include "api/routes/runs/flow_run_routes.h"
#include "api/sockets/task_queue.h"
#include "api/sockets/worker_channel.h"

extern const struct route routes_admin[];
extern const struct route routes_block_documents[];
extern const struct route routes_block_types[];
extern const struct route routes_events_count[];
extern const struct route routes_events[];
extern const struct route routes_automations[];
extern const struct route routes_collections[];
extern const struct route routes_events_in[];
extern const struct route routes_flows[];
extern const struct route routes_info[];
extern const struct route routes_limits_v1[];
extern const struct route routes_limits_take[];
extern const struct route routes_limits_v2[];
extern const struct route routes_templates[];
extern const struct route routes_docs_page[];
extern const struct route routes_openapi[];
extern const struct route routes_ui_runs[];
extern const struct route routes_automation_explain[];
extern const struct route routes_hooks[];
extern const struct route routes_variables[];
extern const struct route routes_webhooks[];
extern const struct route routes_saved_searches[];
extern const struct route routes_logs[];
extern const struct route routes_artifacts[];

const struct route *const route_tables[] = {
    routes_automation_explain,
    routes_hooks,
    routes_webhooks,
    routes_admin,
    routes_block_documents,
    routes_block_types,
    routes_events_count,
    routes_events,
    routes_automations,
    routes_collections,
    routes_events_in,
    routes_flows,
    routes_info,
    routes_limits_v1,
    routes_limits_take,
    routes_limits_v2,
    routes_variables,
    routes_saved_searches,
    routes_logs,
    routes_artifacts,
    concurrency_status_routes,
    explain_routes,
    usage_routes,
    deployment_routes,
    concurrency_routes,
    rebuild_routes,
    schedule_routes,
    work_pool_routes,
    work_pool_run_routes,
    work_queue_routes,
    worker_routes,
    routes_flow_runs,
    routes_run_states,
    routes_task_runs,
    routes_updates,
    task_worker_routes,
    routes_templates,
    worker_fleet_routes,
    routes_ui_runs,
    routes_openapi,
    routes_docs_page,
    NULL,
};

const struct ws_endpoint *const ws_tables[] = {
    events_in_socket,  events_out_socket,     logs_out_socket,
    task_queue_socket, worker_channel_socket, NULL,
};
