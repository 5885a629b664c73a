/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_run_routes.h - handlers of the table in flow_runs.c that live in files of their
 * own.
 */
#ifndef API_ROUTES_RUNS_FLOW_RUN_ROUTES_H
#define API_ROUTES_RUNS_FLOW_RUN_ROUTES_H

struct http_req;
#include "api/http/http.h"

extern const struct route routes_flow_runs[];
extern const struct route routes_task_runs[];
extern const struct route routes_run_states[];
extern const struct route routes_updates[];

void route_flow_run_create(struct http_req *r);         /* run_create.c */
void route_flow_run_set_state(struct http_req *r);      /* run_state.c */
void route_flow_run_bulk_set_state(struct http_req *r); /* run_bulk.c */
void route_flow_run_resume(struct http_req *r);         /* run_resume.c */
void route_flow_run_history(struct http_req *r);        /* run_history.c */
void route_flow_run_lateness(struct http_req *r);
void route_task_run_history(struct http_req *r);
void route_flow_run_graph(struct http_req *r);    /* run_graph.c */
void route_flow_run_graph_v1(struct http_req *r); /* run_graph_v1.c */
void route_flow_run_logs(struct http_req *r);     /* run_logs.c */
void route_run_input_create(struct http_req *r);  /* run_inputs.c */
void route_run_input_filter(struct http_req *r);
void route_run_input_read(struct http_req *r);
void route_run_input_delete(struct http_req *r);

#endif
