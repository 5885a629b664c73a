/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters_runs.c - filter tables of flows, flow runs, task runs and deployments.
 */
#include "api/routes/filters_priv.h"

#include <stddef.h>

static const struct filter_node f_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_F_ID_ANY},
    {"not_any_", N_UUIDS, .frag = FRAG_F_ID_NOT_ANY, .flags = NODE_EMPTY_TRUE},
    {0},
};
static const struct filter_node f_deployment[] = {
    {"is_null_", N_BOOL, .frag = FRAG_F_NO_DEPLOYMENT,
     .frag_else = FRAG_F_HAS_DEPLOYMENT},
    {0},
};
static const struct filter_node f_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_F_NAME_ANY},
    {"like_", N_LIKE, .frag = FRAG_F_NAME_LIKE},
    {0},
};
static const struct filter_node f_tags[] = {
    {"all_", N_TAGS_ALL, .frag = FRAG_F_TAGS_ALL},
    {"is_null_", N_BOOL, .frag = FRAG_F_TAGS_NULL, .frag_else = FRAG_F_TAGS_NOT_NULL},
    {0},
};
static const struct filter_node flow_nodes[] = {
    {"id", N_GROUP, .members = f_id},
    {"deployment", N_GROUP, .members = f_deployment, .flags = NODE_OPERATOR},
    {"name", N_GROUP, .members = f_name},
    {"tags", N_GROUP, .members = f_tags, .flags = NODE_OPERATOR},
    {0},
};

static const struct filter_node fr_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_FR_ID_ANY},
    {"not_any_", N_UUIDS, .frag = FRAG_FR_ID_NOT_ANY, .flags = NODE_EMPTY_TRUE},
    {0},
};
static const struct filter_node fr_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_FR_NAME_ANY},
    {"like_", N_LIKE, .frag = FRAG_FR_NAME_LIKE},
    {0},
};
static const struct filter_node fr_tags[] = {
    {"all_", N_TAGS_ALL, .frag = FRAG_FR_TAGS_ALL},
    {"any_", N_TAGS_ANY, .frag = FRAG_FR_TAGS_ANY},
    {"is_null_", N_BOOL, .frag = FRAG_FR_TAGS_NULL, .frag_else = FRAG_FR_TAGS_NOT_NULL},
    {0},
};
static const struct filter_node fr_deployment[] = {
    {"any_", N_UUIDS, .frag = FRAG_FR_DEPLOYMENT_ANY},
    {"is_null_", N_BOOL, .frag = FRAG_FR_DEPLOYMENT_NULL,
     .frag_else = FRAG_FR_DEPLOYMENT_NOT_NULL},
    {0},
};
static const struct filter_node fr_queue[] = {
    {"any_", N_TEXTS, .frag = FRAG_FR_QUEUE_NAME_ANY},
    {"is_null_", N_BOOL, .frag = FRAG_FR_QUEUE_NAME_NULL,
     .frag_else = FRAG_FR_QUEUE_NAME_NOT_NULL},
    {0},
};
static const struct filter_node fr_state_type[] = {
    {"any_", N_STATES, .frag = FRAG_FR_STATE_TYPE_ANY},
    {"not_any_", N_STATES, .frag = FRAG_FR_STATE_TYPE_NOT_ANY,
     .flags = NODE_EMPTY_TRUE},
    {0},
};
static const struct filter_node fr_state_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_FR_STATE_NAME_ANY},
    {"not_any_", N_TEXTS, .frag = FRAG_FR_STATE_NAME_NOT_ANY, .flags = NODE_EMPTY_TRUE},
    {0},
};
static const struct filter_node fr_state[] = {
    {"type", N_GROUP, .members = fr_state_type, .flags = NODE_XOR},
    {"name", N_GROUP, .members = fr_state_name, .flags = NODE_XOR},
    {0},
};
static const struct filter_node fr_version[] = {
    {"any_", N_TEXTS, .frag = FRAG_FR_VERSION_ANY},
    {0},
};
static const struct filter_node fr_start[] = {
    {"before_", N_TIME, .frag = FRAG_FR_START_BEFORE},
    {"after_", N_TIME, .frag = FRAG_FR_START_AFTER},
    {"is_null_", N_BOOL, .frag = FRAG_FR_START_NULL,
     .frag_else = FRAG_FR_START_NOT_NULL},
    {0},
};
static const struct filter_node fr_end[] = {
    {"before_", N_TIME, .frag = FRAG_FR_END_BEFORE},
    {"after_", N_TIME, .frag = FRAG_FR_END_AFTER},
    {"is_null_", N_BOOL, .frag = FRAG_FR_END_NULL, .frag_else = FRAG_FR_END_NOT_NULL},
    {0},
};
static const struct filter_node fr_expected[] = {
    {"before_", N_TIME, .frag = FRAG_FR_EXPECTED_BEFORE},
    {"after_", N_TIME, .frag = FRAG_FR_EXPECTED_AFTER},
    {0},
};
static const struct filter_node fr_next[] = {
    {"before_", N_TIME, .frag = FRAG_FR_NEXT_BEFORE},
    {"after_", N_TIME, .frag = FRAG_FR_NEXT_AFTER},
    {0},
};
static const struct filter_node fr_parent_run[] = {
    {"any_", N_UUIDS, .frag = FRAG_FR_PARENT_RUN_ANY},
    {0},
};
static const struct filter_node fr_parent_task[] = {
    {"any_", N_UUIDS, .frag = FRAG_FR_PARENT_TASK_ANY},
    {"is_null_", N_BOOL, .frag = FRAG_FR_PARENT_TASK_NULL,
     .frag_else = FRAG_FR_PARENT_TASK_NOT_NULL},
    {0},
};
static const struct filter_node fr_key[] = {
    {"any_", N_TEXTS, .frag = FRAG_FR_KEY_ANY},
    {"not_any_", N_TEXTS, .frag = FRAG_FR_KEY_NOT_ANY, .flags = NODE_EMPTY_TRUE},
    {0},
};
static const struct filter_node fr_creator[] = {
    {"id_", N_UUID_TEXTS, .frag = FRAG_FR_CREATOR_ID_ANY},
    {"type_", N_TEXTS, .frag = FRAG_FR_CREATOR_TYPE_ANY},
    {"is_null_", N_BOOL, .frag = FRAG_FR_CREATOR_NULL,
     .frag_else = FRAG_FR_CREATOR_NOT_NULL},
    {0},
};
static const struct filter_node flow_run_nodes[] = {
    {"id", N_GROUP, .members = fr_id},
    {"name", N_GROUP, .members = fr_name},
    {"tags", N_GROUP, .members = fr_tags, .flags = NODE_OPERATOR},
    {"deployment_id", N_GROUP, .members = fr_deployment, .flags = NODE_OPERATOR},
    {"work_queue_name", N_GROUP, .members = fr_queue, .flags = NODE_OPERATOR},
    {"state", N_GROUP, .members = fr_state, .flags = NODE_OPERATOR},
    {"flow_version", N_GROUP, .members = fr_version},
    {"start_time", N_GROUP, .members = fr_start},
    {"end_time", N_GROUP, .members = fr_end},
    {"expected_start_time", N_GROUP, .members = fr_expected},
    {"next_scheduled_start_time", N_GROUP, .members = fr_next},
    {"parent_flow_run_id", N_GROUP, .members = fr_parent_run, .flags = NODE_OPERATOR},
    {"parent_task_run_id", N_GROUP, .members = fr_parent_task, .flags = NODE_OPERATOR},
    {"idempotency_key", N_GROUP, .members = fr_key},
    {"created_by", N_GROUP, .members = fr_creator, .flags = NODE_OPERATOR},
    {0},
};

static const struct filter_node tr_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_TR_ID_ANY},
    {0},
};
static const struct filter_node tr_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_TR_NAME_ANY},
    {"like_", N_LIKE, .frag = FRAG_TR_NAME_LIKE},
    {0},
};
static const struct filter_node tr_tags[] = {
    {"all_", N_TAGS_ALL, .frag = FRAG_TR_TAGS_ALL},
    {"is_null_", N_BOOL, .frag = FRAG_TR_TAGS_NULL, .frag_else = FRAG_TR_TAGS_NOT_NULL},
    {0},
};
static const struct filter_node tr_state_type[] = {
    {"any_", N_STATES, .frag = FRAG_TR_STATE_TYPE_ANY},
    {0},
};
static const struct filter_node tr_state_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_TR_STATE_NAME_ANY},
    {0},
};
static const struct filter_node tr_state[] = {
    {"type", N_GROUP, .members = tr_state_type},
    {"name", N_GROUP, .members = tr_state_name},
    {0},
};
static const struct filter_node tr_start[] = {
    {"before_", N_TIME, .frag = FRAG_TR_START_BEFORE},
    {"after_", N_TIME, .frag = FRAG_TR_START_AFTER},
    {"is_null_", N_BOOL, .frag = FRAG_TR_START_NULL,
     .frag_else = FRAG_TR_START_NOT_NULL},
    {0},
};
static const struct filter_node tr_end[] = {
    {"before_", N_TIME, .frag = FRAG_TR_END_BEFORE},
    {"after_", N_TIME, .frag = FRAG_TR_END_AFTER},
    {"is_null_", N_BOOL, .frag = FRAG_TR_END_NULL, .frag_else = FRAG_TR_END_NOT_NULL},
    {0},
};
static const struct filter_node tr_expected[] = {
    {"before_", N_TIME, .frag = FRAG_TR_EXPECTED_BEFORE},
    {"after_", N_TIME, .frag = FRAG_TR_EXPECTED_AFTER},
    {0},
};
static const struct filter_node tr_subflow[] = {
    {"exists_", N_BOOL, .frag = FRAG_TR_HAS_SUBFLOW, .frag_else = FRAG_TR_NO_SUBFLOW},
    {0},
};
static const struct filter_node tr_run[] = {
    {"any_", N_UUIDS, .frag = FRAG_TR_RUN_ANY},
    {"is_null_", N_BOOL, .frag = FRAG_TR_RUN_NULL, .frag_else = FRAG_TR_RUN_NOT_NULL},
    {0},
};
static const struct filter_node task_run_nodes[] = {
    {"id", N_GROUP, .members = tr_id},
    {"name", N_GROUP, .members = tr_name},
    {"tags", N_GROUP, .members = tr_tags, .flags = NODE_OPERATOR},
    {"state", N_GROUP, .members = tr_state, .flags = NODE_OPERATOR},
    {"start_time", N_GROUP, .members = tr_start},
    {"end_time", N_GROUP, .members = tr_end},
    {"expected_start_time", N_GROUP, .members = tr_expected},
    {"subflow_runs", N_GROUP, .members = tr_subflow},
    {"flow_run_id", N_GROUP, .members = tr_run, .frag = FRAG_TR_RUN_NOT_NULL,
     .flags = NODE_OPERATOR | NODE_HAS_PARENT},
    {0},
};

static const struct filter_node d_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_D_ID_ANY},
    {"not_any_", N_UUIDS, .frag = FRAG_D_ID_NOT_ANY, .flags = NODE_EMPTY_TRUE},
    {0},
};
static const struct filter_node d_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_D_NAME_ANY},
    {"like_", N_LIKE, .frag = FRAG_D_NAME_LIKE},
    {0},
};
static const struct filter_node d_or_flow_name[] = {
    {"like_", N_LIKE, .frag = FRAG_D_OR_FLOW_NAME_LIKE},
    {0},
};
static const struct filter_node d_paused[] = {
    {"eq_", N_BOOL, .frag = FRAG_D_PAUSED, .frag_else = FRAG_D_NOT_PAUSED},
    {0},
};
static const struct filter_node d_tags[] = {
    {"all_", N_TAGS_ALL, .frag = FRAG_D_TAGS_ALL},
    {"any_", N_TAGS_ANY, .frag = FRAG_D_TAGS_ANY},
    {"is_null_", N_BOOL, .frag = FRAG_D_TAGS_NULL, .frag_else = FRAG_D_TAGS_NOT_NULL},
    {0},
};
static const struct filter_node d_queue_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_D_QUEUE_NAME_ANY},
    {0},
};
static const struct filter_node d_limit[] = {
    {"ge_", N_IGNORED, .frag = SQL_FRAG_NONE},
    {"le_", N_IGNORED, .frag = SQL_FRAG_NONE},
    {"is_null_", N_IGNORED, .frag = SQL_FRAG_NONE},
    {0},
};
static const struct filter_node deployment_nodes[] = {
    {"id", N_GROUP, .members = d_id},
    {"name", N_GROUP, .members = d_name},
    {"flow_or_deployment_name", N_GROUP, .members = d_or_flow_name},
    {"paused", N_GROUP, .members = d_paused},
    {"tags", N_GROUP, .members = d_tags, .flags = NODE_OPERATOR},
    {"work_queue_name", N_GROUP, .members = d_queue_name},
    {"concurrency_limit", N_GROUP, .members = d_limit},
    {0},
};

static const struct filter_node ds_active[] = {
    {"eq_", N_BOOL, .frag = FRAG_DS_ACTIVE, .frag_else = FRAG_DS_NOT_ACTIVE},
    {0},
};
static const struct filter_node schedule_nodes[] = {
    {"active", N_GROUP, .members = ds_active},
    {0},
};

static const struct filter_relation in_run_tasks[] = {
    {"task_runs", ENT_TASK_RUN, FRAG_X_FR_TR, NULL},
    {0},
};
static const struct filter_relation in_deployment_pools[] = {
    {"work_pools", ENT_WORK_POOL, FRAG_X_D_WP, NULL},
    {0},
};
static const struct filter_relation flow_relations[] = {
    {"flow_runs", ENT_FLOW_RUN, FRAG_X_F_FR, in_run_tasks},
    {"deployments", ENT_DEPLOYMENT, FRAG_X_F_D, in_deployment_pools},
    {0},
};
static const struct filter_relation flow_run_relations[] = {
    {"flows", ENT_FLOW, FRAG_X_FR_F, NULL},
    {"task_runs", ENT_TASK_RUN, FRAG_X_FR_TR, NULL},
    {"deployments", ENT_DEPLOYMENT, FRAG_X_FR_D, NULL},
    {"work_pools", ENT_WORK_POOL, FRAG_X_FR_WP, NULL},
    {"work_pool_queues", ENT_WORK_QUEUE, FRAG_X_FR_WQ, NULL},
    {0},
};
static const struct filter_relation in_task_run[] = {
    {"flows", ENT_FLOW, FRAG_X_FR_F, NULL},
    {"deployments", ENT_DEPLOYMENT, FRAG_X_FR_D, NULL},
    {0},
};
static const struct filter_relation task_run_relations[] = {
    {"flow_runs", ENT_FLOW_RUN, FRAG_X_TR_FR, in_task_run},
    {0},
};
static const struct filter_relation deployment_relations[] = {
    {"flows", ENT_FLOW, FRAG_X_D_F, NULL},
    {"flow_runs", ENT_FLOW_RUN, FRAG_X_D_FR, in_run_tasks},
    {"work_pools", ENT_WORK_POOL, FRAG_X_D_WP, NULL},
    {"work_pool_queues", ENT_WORK_QUEUE, FRAG_X_D_WQ, NULL},
    {0},
};

static const struct filter_entity entities[] = {
    [ENT_FLOW] = {"flows", flow_nodes, NODE_OPERATOR, flow_relations},
    [ENT_FLOW_RUN] = {"flow_runs", flow_run_nodes, NODE_OPERATOR, flow_run_relations},
    [ENT_TASK_RUN] = {"task_runs", task_run_nodes, NODE_OPERATOR, task_run_relations},
    [ENT_DEPLOYMENT] = {"deployments", deployment_nodes, NODE_OPERATOR,
			deployment_relations},
    [ENT_DEPLOYMENT_SCHEDULE] = {"schedules", schedule_nodes, NODE_OPERATOR, NULL},
};

const struct filter_entity *filter_entity_runs(enum entity ent)
{
	if ((size_t)ent >= sizeof(entities) / sizeof(entities[0]) ||
	    entities[ent].key == NULL) {
		return NULL;
	}
	return &entities[ent];
}
