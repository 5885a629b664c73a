/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h - the tasks and flows that the program declares, in their order.
 */
#ifndef SDK_SRC_REGISTRY_H
#define SDK_SRC_REGISTRY_H

#include <stddef.h>

#include "wf.h"

struct error;
struct plan_flow;
struct plan_task;

#define REGISTRY_MAX 500

size_t registry_tasks(void);
size_t registry_flows(void);
/* Behind the tasks the flows follow, as parts of others. */
const wf_task *registry_get_task(size_t i);
const wf_flow *registry_get_flow(size_t i);
/* The number of a declared one, or -1. */
int registry_task(const wf_task *t);
int registry_flow(const wf_flow *f);
/* By the function's name or the flow's; NULL: the only one.  -code and a message. */
int registry_find(const char *name, const wf_flow **ret_flow, struct error *err);
const char *registry_flow_name(const wf_flow *f);
/* All declarations; every problem is printed with file and line.  0 or -1. */
int registry_check(void);

/* plan.c: the engine's view.  The plan of FLOW and of task I; owned by the module. */
const struct plan_flow *registry_plan(const wf_flow *f, struct error *err);
const struct plan_task *registry_plan_task(size_t i);
/* Names this build of the program; hex. */
const char *registry_build_id(void);

/* params.c: "{name: type = default}" into FLOW. */
int params_parse(const char *text, struct plan_flow *flow, struct error *err);

#endif
