/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment_routes.h - handlers of deployments that live in files of their own, and
 * what those share.
 */
#ifndef API_ROUTES_DEPLOYMENTS_DEPLOYMENT_ROUTES_H
#define API_ROUTES_DEPLOYMENTS_DEPLOYMENT_ROUTES_H

struct deployment_body;
struct error;
struct http_req;
struct tx;
struct uuid;

void route_deployment_create(struct http_req *r);
void route_deployment_update(struct http_req *r);
void route_deployment_run(struct http_req *r);
void route_deployment_run_bulk(struct http_req *r);
void route_deployment_due_runs(struct http_req *r);
void route_deployment_schedule(struct http_req *r); /* schedule_now.c */

/* All schedules of the deployment become those of the body that have a schedule. */
int deployment_replace_schedules(struct tx *tx, const struct uuid *id,
				 const struct deployment_body *b, struct error *err);
/* By slug, as far as slugs are there (server-contract 2.6, PATCH rules). */
int deployment_patch_schedules(struct tx *tx, const struct uuid *id,
			       const struct deployment_body *b, struct error *err);

#endif
