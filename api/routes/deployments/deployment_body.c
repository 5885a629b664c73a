/* SPDX-License-Identifier: Apache-2.0 */
/* deployment_body.c - decoding of deployments. */
#include "api/routes/deployments/deployment_body.h"

#include <stdlib.h>

#include "api/http/http.h"
#include "api/routes/body.h"
#include "api/routes/deployments/schedule_store.h"
#include "api/routes/schema/schema.h"
#include "base/error.h"
#include "base/mem.h"

static const char *const on_lost_choices[] = {"crash", "requeue", NULL};
static const char *const strategies[] = {"ENQUEUE", "CANCEL_NEW", NULL};

#define DB(member, ftype, ...) \
	FIELD(struct deployment_body, member, ftype, ##__VA_ARGS__)
static const struct field fields[] = {
    [DF_VERSION] = DB(version, F_STR),
    [DF_DESCRIPTION] = DB(description, F_STR),
    [DF_PAUSED] = DB(paused, F_BOOL, .flags = F_NOT_NULL),
    [DF_SCHEDULES] = DB(schedules, F_ARR, .flags = F_NOT_NULL),
    [DF_LIMIT] = DB(concurrency_limit, F_INT, .flags = F_GT, .max = INT32_MAX),
    [DF_OPTIONS] = DB(concurrency_options, F_OBJ),
    [DF_GLOBAL_LIMIT] = DB(global_concurrency_limit_id, F_UUID),
    [DF_PARAMETERS] = DB(parameters, F_OBJ),
    [DF_SCHEMA] = DB(parameter_openapi_schema, F_OBJ),
    [DF_TAGS] = DB(tags, F_TAGS, .flags = F_NOT_NULL),
    [DF_QUEUE] = DB(work_queue_name, F_STR),
    [DF_POOL] = DB(work_pool_name, F_STR),
    [DF_PATH] = DB(path, F_STR),
    [DF_JOB_VARIABLES] = DB(job_variables, F_OBJ),
    [DF_PULL_STEPS] = DB(pull_steps, F_ARR),
    [DF_ENTRYPOINT] = DB(entrypoint, F_STR),
    [DF_STORAGE] = DB(storage_document_id, F_UUID),
    [DF_INFRASTRUCTURE] = DB(infrastructure_document_id, F_UUID),
    [DF_ENFORCE] = DB(enforce_parameter_schema, F_BOOL),
    [DF_VERSION_INFO] = DB(version_info, F_OBJ),
    [DF_ON_LOST] = DB(on_lost, F_STR, .choices = on_lost_choices),
    [DF_MAX_ATTEMPTS] = DB(max_attempts, F_INT, .min = 1, .max = 1000),
    [DF_NAME] = DB(name, F_STR, .flags = F_REQUIRED | F_NAME),
    [DF_FLOW_ID] = DB(flow_id, F_UUID, .flags = F_REQUIRED),
    [DF_LABELS] = DB(labels, F_LABEL_MAP),
};
static const struct body_spec create_spec = {fields, DF_COUNT, 1, 0};
static const struct body_spec update_spec = {fields, DF_NAME, 1, 0};

struct options {
	const char *collision_strategy;
	int64_t grace_period_seconds;
};
static const struct field option_fields[] = {
    FIELD(struct options, collision_strategy, F_STR, .flags = F_REQUIRED,
	  .choices = strategies),
    FIELD(struct options, grace_period_seconds, F_INT, .min = 60, .max = 86400),
};

void deployment_body_free(void *arg)
{
	struct deployment_body *b = arg;

	schedule_list_free(b->list, b->count);
	json_decref(b->creator);
	json_decref(b->root);
	free(b);
}

/* POST checks parameters only when the body itself asks for it (corrections 2). */
static void check_parameters(const struct deployment_body *b, struct http_invalid *v)
{
	struct error err = {0};

	if (!DECODED_HAS(&b->has, DF_ENFORCE) || !b->enforce_parameter_schema ||
	    b->parameters == NULL || b->parameter_openapi_schema == NULL) {
		return;
	}
	if (schema_validate(b->parameters, b->parameter_openapi_schema,
			    SCHEMA_IGNORE_REQUIRED, &err) < 0) {
		body_value_error(v, "", b->root, &err);
	}
}

static void check_parts(struct deployment_body *b, int create, int64_t now_us,
			struct http_invalid *v)
{
	struct options o;
	struct decoded d;

	if (b->concurrency_options != NULL) {
		(void)decode_object(b->concurrency_options, option_fields, 2, 0,
				    "concurrency_options", &o, &d, v);
	}
	b->list = schedule_decode_list(b->schedules, create, "schedules", now_us,
				       &b->count, v);
	if (create && http_invalid_count(v) == 0) {
		check_parameters(b, v);
	}
}

struct deployment_body *deployment_body_decode(struct http_req *r, int create)
{
	struct deployment_body *b = xcalloc(1, sizeof(*b));
	struct http_invalid *v = NULL;

	b->root = body_decode(r, create ? &create_spec : &update_spec, b, &b->has, &v);
	if (b->root == NULL) {
		deployment_body_free(b);
		return NULL;
	}
	check_parts(b, create, http_arrived_us(r), v);
	if (body_end(r, v) < 0) {
		deployment_body_free(b);
		return NULL;
	}
	if (!create) {
		http_param_uuid(r, "id", &b->id);
	}
	return b;
}
