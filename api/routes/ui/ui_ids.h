/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui_ids.h - routes of web pages, by file: something for each of a list of ids, and a
 * schema tried on values.
 */
#ifndef API_ROUTES_UI_UI_IDS_H
#define API_ROUTES_UI_UI_IDS_H

struct http_req;

void route_ui_tasks_per_run(struct http_req *r);
void route_ui_deployments_per_flow(struct http_req *r);
void route_ui_next_runs(struct http_req *r);
void route_ui_schema_validate(struct http_req *r);

#endif
