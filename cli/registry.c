/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.c - all command groups, sorted by name.  A new group: one file, one line
 * here.
 */
#include "base/compiler.h"
#include "cli/cli.h"
#include "cli/groups.h"

const struct command_group *const command_groups[] = {
    &group_top,        &group_automation, &group_concurrency, &group_config,
    &group_deployment, &group_event,      &group_flow,        &group_flow_run,
    &group_pool,       &group_profile,    &group_server,      &group_webhook,
    &group_work_pool,  &group_work_queue, &group_worker,
};
const size_t command_group_count = ARRAY_LEN(command_groups);
