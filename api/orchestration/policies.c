/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies.c - which rules a proposal meets, in which order: the table is the
 * documentation.
 *
 * docs/orchestration.md is made from it (tests/unit/api/test_orc_docs.c compares).
 */
#include "api/orchestration/rules.h"

static const struct orc_rule *const core_flow[] = {
    &rule_preserve_lease_id,
    &rule_prevent_duplicates,
    &rule_flow_terminal,
    &rule_first_terminal_wins,
    &rule_cancelling_to_cancelled,
    &rule_bypass_cancelling,
    &rule_prevent_pending,
    &rule_validate_slot_at_running,
    &rule_secure_place,
    &rule_secure_flow_slots,
    &rule_remove_lease_for_old_clients,
    &rule_only_scheduled_late,
    &rule_pausing,
    &rule_resuming,
    &rule_copy_scheduled_time,
    &rule_wait_for_scheduled_time,
    &rule_retry_failed_flows,
    &rule_instrument,
    &rule_release_flow_slots,
    NULL,
};

static const struct orc_rule *const minimal_flow[] = {
    &rule_prevent_result_loss,
    &rule_bypass_cancelling,
    &rule_instrument,
    &rule_release_flow_slots,
    NULL,
};

static const struct orc_rule *const mark_late[] = {
    &rule_only_scheduled_late,
    &rule_enforce_limit_on_late,
    &rule_instrument,
    NULL,
};

static const struct orc_rule *const core_task[] = {
    &rule_cache_retrieval,    &rule_task_terminal,       &rule_stopped_flows,
    &rule_secure_task_slots,  &rule_copy_scheduled_time, &rule_wait_for_scheduled_time,
    &rule_retry_failed_tasks, &rule_rename_reruns,       &rule_update_flow_run_tracker,
    &rule_cache_insertion,    &rule_release_task_slots,  NULL,
};

static const struct orc_rule *const background_task[] = {
    &rule_prevent_pending,
    &rule_cache_retrieval,
    &rule_task_terminal,
    &rule_copy_scheduled_time,
    &rule_copy_task_parameters,
    &rule_wait_for_scheduled_time,
    &rule_retry_failed_tasks,
    &rule_rename_reruns,
    &rule_update_flow_run_tracker,
    &rule_cache_insertion,
    &rule_release_task_slots,
    &rule_enqueue_scheduled_tasks,
    NULL,
};

static const struct orc_rule *const minimal_task[] = {
    &rule_release_task_slots,
    NULL,
};

static const struct orc_rules policies[] = {
    [ORC_CORE_FLOW] = {"CoreFlowPolicy", core_flow, 0},
    [ORC_MINIMAL_FLOW] = {"MinimalFlowPolicy", minimal_flow, 0},
    [ORC_MARK_LATE] = {"MarkLateRunsPolicy", mark_late, 0},
    [ORC_CORE_TASK] = {"CoreTaskPolicy", core_task, 1},
    [ORC_BACKGROUND_TASK] = {"BackgroundTaskPolicy", background_task, 1},
    [ORC_MINIMAL_TASK] = {"MinimalTaskPolicy", minimal_task, 1},
};

const struct orc_rules *orc_rules_of(enum orc_policy policy)
{
	if (policy < ORC_CORE_FLOW || policy > ORC_MINIMAL_TASK) {
		return NULL;
	}
	return &policies[policy];
}
