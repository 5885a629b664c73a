/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes.h - the programs of the world: workers (worker/main.c and everything below it)
 * and API replicas (orchestration, updates, relay, services, reconciler).
 */
#ifndef TESTS_SIM_NODES_H
#define TESTS_SIM_NODES_H

#include <stddef.h>
#include <stdint.h>

#include "api/tx.h"
#include "tests/sim/sim.h"

struct api;
struct app;
struct claimer;
struct error;
struct lease;

#define WORKERS_MAX 4
#define APIS_MAX    3

struct worker_node {
	struct sim_node node; /* first member */
	struct app *app;      /* of the present incarnation */
	int64_t limit;        /* slots */
	int64_t stopped_us;   /* it left by itself; 0: it did not */
};
struct api_node {
	struct sim_node node; /* first member */
	struct api *api;
};
extern struct worker_node workers[WORKERS_MAX];
extern struct api_node apis[APIS_MAX];
extern struct sim_node redis_host;
extern int worker_count, api_count;

void nodes_reset(int nworkers, int napis);

void worker_boot(struct worker_node *w);
void worker_kill(struct worker_node *w, int power);
const struct claimer *worker_claimer(const struct worker_node *w); /* or NULL */
size_t worker_runs(const struct worker_node *w);
size_t worker_updates_waiting(const struct worker_node *w);

void api_boot(struct api_node *a);
void api_kill(struct api_node *a);
void api_serve_requests(void); /* makes http.h's hooks ours */
/* Database work as a request of a user, through any replica; again until it succeeds.
 * ARG lives for ever.  DONE may be NULL. */
void user_request(tx_work_fn work, void *arg, void (*done)(void *arg));

#endif
