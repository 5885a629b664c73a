/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters_other.c - filter tables of pools, logs, artifacts, variables, automations,
 * blocks.
 */
#include "api/routes/filters_priv.h"

#include <stddef.h>

static const struct filter_node wp_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_WP_ID_ANY},
    {0},
};
static const struct filter_node wp_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_WP_NAME_ANY},
    {0},
};
static const struct filter_node wp_type[] = {
    {"any_", N_TEXTS, .frag = FRAG_WP_TYPE_ANY},
    {0},
};
static const struct filter_node pool_nodes[] = {
    {"id", N_GROUP, .members = wp_id},
    {"name", N_GROUP, .members = wp_name},
    {"type", N_GROUP, .members = wp_type},
    {0},
};

static const struct filter_node wq_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_WQ_ID_ANY},
    {0},
};
static const struct filter_node wq_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_WQ_NAME_ANY},
    {"startswith_", N_PREFIXES, .frag = FRAG_WQ_NAME_STARTS},
    {0},
};
static const struct filter_node queue_nodes[] = {
    {"id", N_GROUP, .members = wq_id},
    {"name", N_GROUP, .members = wq_name},
    {0},
};

static const struct filter_node w_heartbeat[] = {
    {"before_", N_TIME, .frag = FRAG_W_HEARTBEAT_BEFORE},
    {"after_", N_TIME, .frag = FRAG_W_HEARTBEAT_AFTER},
    {0},
};
static const struct filter_node w_status[] = {
    {"any_", N_WORKER_STATES, .frag = FRAG_W_STATUS_ANY},
    {"not_any_", N_WORKER_STATES, .frag = FRAG_W_STATUS_NOT_ANY,
     .flags = NODE_EMPTY_TRUE},
    {0},
};
static const struct filter_node worker_nodes[] = {
    {"last_heartbeat_time", N_GROUP, .members = w_heartbeat},
    {"status", N_GROUP, .members = w_status},
    {0},
};

static const struct filter_node l_level[] = {
    {"ge_", N_INT, .frag = FRAG_L_LEVEL_GE},
    {"le_", N_INT, .frag = FRAG_L_LEVEL_LE},
    {0},
};
static const struct filter_node l_time[] = {
    {"before_", N_TIME, .frag = FRAG_L_TIME_BEFORE},
    {"after_", N_TIME, .frag = FRAG_L_TIME_AFTER},
    {0},
};
static const struct filter_node l_run[] = {
    {"any_", N_UUIDS, .frag = FRAG_L_RUN_ANY},
    {0},
};
static const struct filter_node l_task[] = {
    {"any_", N_UUIDS, .frag = FRAG_L_TASK_ANY},
    {"is_null_", N_BOOL, .frag = FRAG_L_TASK_NULL, .frag_else = FRAG_L_TASK_NOT_NULL},
    {0},
};
static const struct filter_node l_text[] = {
    {"query", N_TEXT_QUERY, .frag = FRAG_L_TEXT_HAS, .frag_else = FRAG_L_TEXT_HAS_NOT},
    {0},
};
static const struct filter_node log_nodes[] = {
    {"level", N_GROUP, .members = l_level},
    {"timestamp", N_GROUP, .members = l_time},
    {"flow_run_id", N_GROUP, .members = l_run},
    {"task_run_id", N_GROUP, .members = l_task},
    {"text", N_GROUP, .members = l_text},
    {0},
};

static const struct filter_node a_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_A_ID_ANY},
    {0},
};
static const struct filter_node a_key[] = {
    {"any_", N_TEXTS, .frag = FRAG_A_KEY_ANY},
    {"like_", N_LIKE, .frag = FRAG_A_KEY_LIKE},
    {"exists_", N_BOOL, .frag = FRAG_A_KEY_NOT_NULL, .frag_else = FRAG_A_KEY_NULL},
    {0},
};
static const struct filter_node a_run[] = {
    {"any_", N_UUIDS, .frag = FRAG_A_RUN_ANY},
    {0},
};
static const struct filter_node a_task[] = {
    {"any_", N_UUIDS, .frag = FRAG_A_TASK_ANY},
    {0},
};
static const struct filter_node a_type[] = {
    {"any_", N_TEXTS, .frag = FRAG_A_TYPE_ANY},
    {"not_any_", N_TEXTS, .frag = FRAG_A_TYPE_NOT_ANY, .flags = NODE_EMPTY_TRUE},
    {0},
};
static const struct filter_node ac_latest[] = {
    {"any_", N_UUIDS, .frag = FRAG_AC_LATEST_ANY},
    {0},
};
static const struct filter_node artifact_nodes[] = {
    {"id", N_GROUP, .members = a_id},
    {"key", N_GROUP, .members = a_key},
    {"flow_run_id", N_GROUP, .members = a_run},
    {"task_run_id", N_GROUP, .members = a_task},
    {"type", N_GROUP, .members = a_type},
    {0},
};
static const struct filter_node collection_nodes[] = {
    {"latest_id", N_GROUP, .members = ac_latest},
    {"key", N_GROUP, .members = a_key},
    {"flow_run_id", N_GROUP, .members = a_run},
    {"task_run_id", N_GROUP, .members = a_task},
    {"type", N_GROUP, .members = a_type},
    {0},
};
static const struct filter_relation artifact_relations[] = {
    {"flow_runs", ENT_FLOW_RUN, FRAG_X_A_FR, NULL},
    {"task_runs", ENT_TASK_RUN, FRAG_X_A_TR, NULL},
    {"flows", ENT_FLOW, FRAG_X_A_F, NULL},
    {"deployments", ENT_DEPLOYMENT, FRAG_X_A_D, NULL},
    {0},
};

static const struct filter_node v_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_V_ID_ANY},
    {0},
};
static const struct filter_node v_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_V_NAME_ANY},
    {"like_", N_LIKE, .frag = FRAG_V_NAME_LIKE},
    {0},
};
static const struct filter_node v_tags[] = {
    {"all_", N_TAGS_ALL, .frag = FRAG_V_TAGS_ALL},
    {"is_null_", N_BOOL, .frag = FRAG_V_TAGS_NULL, .frag_else = FRAG_V_TAGS_NOT_NULL},
    {0},
};
static const struct filter_node variable_nodes[] = {
    {"id", N_GROUP, .members = v_id},
    {"name", N_GROUP, .members = v_name},
    {"tags", N_GROUP, .members = v_tags, .flags = NODE_OPERATOR},
    {0},
};

static const struct filter_node au_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_AU_ID_ANY},
    {0},
};
static const struct filter_node au_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_AU_NAME_ANY},
    {0},
};
static const struct filter_node au_created[] = {
    {"before_", N_TIME, .frag = FRAG_AU_CREATED_BEFORE},
    {0},
};
static const struct filter_node au_tags[] = {
    {"all_", N_TAGS_ALL, .frag = FRAG_AU_TAGS_ALL},
    {"any_", N_TAGS_ANY, .frag = FRAG_AU_TAGS_ANY},
    {"is_null_", N_BOOL, .frag = FRAG_AU_TAGS_NULL, .frag_else = FRAG_AU_TAGS_NOT_NULL},
    {0},
};
static const struct filter_node automation_nodes[] = {
    {"id", N_GROUP, .members = au_id},
    {"name", N_GROUP, .members = au_name},
    {"created", N_GROUP, .members = au_created},
    {"tags", N_GROUP, .members = au_tags, .flags = NODE_OPERATOR},
    {0},
};

static const struct filter_node bt_name[] = {
    {"like_", N_LIKE, .frag = FRAG_BT_NAME_LIKE},
    {0},
};
static const struct filter_node bt_slug[] = {
    {"any_", N_TEXTS, .frag = FRAG_BT_SLUG_ANY},
    {0},
};
static const struct filter_node block_type_nodes[] = {
    {"name", N_GROUP, .members = bt_name},
    {"slug", N_GROUP, .members = bt_slug},
    {0},
};
static const struct filter_node bs_type[] = {
    {"any_", N_UUIDS, .frag = FRAG_BS_TYPE_ANY},
    {0},
};
static const struct filter_node bs_capabilities[] = {
    {"all_", N_TAGS_ALL, .frag = FRAG_BS_CAPABILITIES_ALL},
    {0},
};
static const struct filter_node bs_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_BS_ID_ANY},
    {0},
};
static const struct filter_node bs_version[] = {
    {"any_", N_TEXTS, .frag = FRAG_BS_VERSION_ANY},
    {0},
};
static const struct filter_node block_schema_nodes[] = {
    {"block_type_id", N_GROUP, .members = bs_type},
    {"block_capabilities", N_GROUP, .members = bs_capabilities},
    {"id", N_GROUP, .members = bs_id},
    {"version", N_GROUP, .members = bs_version},
    {0},
};
static const struct filter_node bd_id[] = {
    {"any_", N_UUIDS, .frag = FRAG_BD_ID_ANY},
    {0},
};
static const struct filter_node bd_anonymous[] = {
    {"eq_", N_BOOL, .frag = FRAG_BD_ANONYMOUS, .frag_else = FRAG_BD_NOT_ANONYMOUS},
    {0},
};
static const struct filter_node bd_type[] = {
    {"any_", N_UUIDS, .frag = FRAG_BD_TYPE_ANY},
    {0},
};
static const struct filter_node bd_name[] = {
    {"any_", N_TEXTS, .frag = FRAG_BD_NAME_ANY},
    {"like_", N_LIKE, .frag = FRAG_BD_NAME_LIKE},
    {0},
};
static const struct filter_node block_document_nodes[] = {
    {"id", N_GROUP, .members = bd_id},
    {"is_anonymous", N_GROUP, .members = bd_anonymous, .frag = FRAG_BD_NOT_ANONYMOUS,
     .flags = NODE_HIDE_DEFAULT},
    {"block_type_id", N_GROUP, .members = bd_type},
    {"name", N_GROUP, .members = bd_name},
    {0},
};
static const struct filter_relation block_type_relations[] = {
    {"block_schemas", ENT_BLOCK_SCHEMA, FRAG_X_BT_BS, NULL},
    {0},
};
static const struct filter_relation block_document_relations[] = {
    {"block_types", ENT_BLOCK_TYPE, FRAG_X_BD_BT, NULL},
    {"block_schemas", ENT_BLOCK_SCHEMA, FRAG_X_BD_BS, NULL},
    {0},
};

static const struct filter_entity entities[] = {
    [ENT_WORK_POOL] = {"work_pools", pool_nodes, NODE_OPERATOR, NULL},
    [ENT_WORK_QUEUE] = {"work_queues", queue_nodes, NODE_OPERATOR, NULL},
    [ENT_WORKER] = {"workers", worker_nodes, NODE_OPERATOR, NULL},
    [ENT_LOG] = {"logs", log_nodes, NODE_OPERATOR, NULL},
    [ENT_ARTIFACT] = {"artifacts", artifact_nodes, NODE_OPERATOR, artifact_relations},
    [ENT_ARTIFACT_COLLECTION] = {"artifacts", collection_nodes, NODE_OPERATOR,
				 artifact_relations},
    [ENT_VARIABLE] = {"variables", variable_nodes, NODE_OPERATOR, NULL},
    [ENT_AUTOMATION] = {"automations", automation_nodes, NODE_OPERATOR, NULL},
    [ENT_BLOCK_TYPE] = {"block_types", block_type_nodes, 0, block_type_relations},
    [ENT_BLOCK_SCHEMA] = {"block_schemas", block_schema_nodes, NODE_OPERATOR, NULL},
    [ENT_BLOCK_DOCUMENT] = {"block_documents", block_document_nodes, NODE_OPERATOR,
			    block_document_relations},
};

const struct filter_entity *filter_entity_other(enum entity ent)
{
	if ((size_t)ent >= sizeof(entities) / sizeof(entities[0]) ||
	    entities[ent].key == NULL) {
		return NULL;
	}
	return &entities[ent];
}
