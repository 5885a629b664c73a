/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - requests of workers to the simulated APIs.
 */
#ifndef TESTS_SIM_HTTP_H
#define TESTS_SIM_HTTP_H

#include <stddef.h>

struct sim_node;
struct httpc_req;

/* A request that has arrived at NODE; answered once with http_answer(). */
struct http_msg {
	struct httpc_req *req;
	struct sim_node *server;
	char *method, *path; /* below /api */
	char *body;
	size_t len;
};
/* The replica that a load balancer picks. */
extern struct sim_node *(*http_pick)(void);
/* What a replica does with a request (M is taken). */
extern void (*http_serve)(struct http_msg *m);
/* Connections to SERVER break. */
void http_server_died(struct sim_node *server);
void http_reset(void);
void http_answer(struct http_msg *m, int status, const void *body, size_t len);

#endif
