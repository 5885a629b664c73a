/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters_list.c - limit, offset, page and sort of list requests.
 */
#include "api/routes/filters.h"

#include <string.h>

#include "api/api.h"
#include "api/db/pred.h"
#include "api/http/http.h"
#include "api/routes/decode.h"
#include "base/compiler.h"
#include "base/error.h"

#define SORTS_MAX 16
#define PAGE_MAX  INT32_MAX /* there is nothing behind it; keeps the product small */

struct sort {
	const char
	    *name; /* NULL ends; the one without a name is the entity's only order */
	enum sql_frag order;
};

struct sorts {
	const struct sort *list; /* NULL: no "sort" in the body */
	size_t standard;         /* index of the default */
};

static const struct sort flow_sorts[] = {
    {"CREATED_DESC", FRAG_F_BY_CREATED_DESC},
    {"UPDATED_DESC", FRAG_F_BY_UPDATED_DESC},
    {"NAME_ASC", FRAG_F_BY_NAME_ASC},
    {"NAME_DESC", FRAG_F_BY_NAME_DESC},
    {0},
};
static const struct sort flow_run_sorts[] = {
    {"ID_DESC", FRAG_FR_BY_ID_DESC},
    {"START_TIME_ASC", FRAG_FR_BY_START_ASC},
    {"START_TIME_DESC", FRAG_FR_BY_START_DESC},
    {"EXPECTED_START_TIME_ASC", FRAG_FR_BY_EXPECTED_ASC},
    {"EXPECTED_START_TIME_DESC", FRAG_FR_BY_EXPECTED_DESC},
    {"NAME_ASC", FRAG_FR_BY_NAME_ASC},
    {"NAME_DESC", FRAG_FR_BY_NAME_DESC},
    {"NEXT_SCHEDULED_START_TIME_ASC", FRAG_FR_BY_NEXT_ASC},
    {"END_TIME_DESC", FRAG_FR_BY_END_DESC},
    {0},
};
static const struct sort task_run_sorts[] = {
    {"ID_DESC", FRAG_TR_BY_ID_DESC},
    {"EXPECTED_START_TIME_ASC", FRAG_TR_BY_EXPECTED_ASC},
    {"EXPECTED_START_TIME_DESC", FRAG_TR_BY_EXPECTED_DESC},
    {"NAME_ASC", FRAG_TR_BY_NAME_ASC},
    {"NAME_DESC", FRAG_TR_BY_NAME_DESC},
    {"NEXT_SCHEDULED_START_TIME_ASC", FRAG_TR_BY_NEXT_ASC},
    {"END_TIME_DESC", FRAG_TR_BY_END_DESC},
    {0},
};
static const struct sort deployment_sorts[] = {
    {"CREATED_DESC", FRAG_D_BY_CREATED_DESC},
    {"UPDATED_DESC", FRAG_D_BY_UPDATED_DESC},
    {"NAME_ASC", FRAG_D_BY_NAME_ASC},
    {"NAME_DESC", FRAG_D_BY_NAME_DESC},
    {0},
};
static const struct sort log_sorts[] = {
    {"TIMESTAMP_ASC", FRAG_L_BY_TIME_ASC},
    {"TIMESTAMP_DESC", FRAG_L_BY_TIME_DESC},
    {0},
};
static const struct sort artifact_sorts[] = {
    {"CREATED_DESC", FRAG_A_BY_CREATED_DESC}, {"UPDATED_DESC", FRAG_A_BY_UPDATED_DESC},
    {"ID_DESC", FRAG_A_BY_ID_DESC},           {"KEY_DESC", FRAG_A_BY_KEY_DESC},
    {"KEY_ASC", FRAG_A_BY_KEY_ASC},           {0},
};
static const struct sort variable_sorts[] = {
    {"CREATED_DESC", FRAG_V_BY_CREATED_DESC},
    {"UPDATED_DESC", FRAG_V_BY_UPDATED_DESC},
    {"NAME_DESC", FRAG_V_BY_NAME_DESC},
    {"NAME_ASC", FRAG_V_BY_NAME_ASC},
    {0},
};
static const struct sort automation_sorts[] = {
    {"CREATED_DESC", FRAG_AU_BY_CREATED_DESC},
    {"UPDATED_DESC", FRAG_AU_BY_UPDATED_DESC},
    {"NAME_ASC", FRAG_AU_BY_NAME_ASC},
    {"NAME_DESC", FRAG_AU_BY_NAME_DESC},
    {0},
};
static const struct sort block_document_sorts[] = {
    {"NAME_DESC", FRAG_BD_BY_NAME_DESC},
    {"NAME_ASC", FRAG_BD_BY_NAME_ASC},
    {"BLOCK_TYPE_AND_NAME_ASC", FRAG_BD_BY_TYPE_AND_NAME},
    {0},
};

static const struct sorts sorts[ENT_MAX] = {
    [ENT_FLOW] = {flow_sorts, 2},
    [ENT_FLOW_RUN] = {flow_run_sorts, 0},
    [ENT_TASK_RUN] = {task_run_sorts, 0},
    [ENT_DEPLOYMENT] = {deployment_sorts, 2},
    [ENT_LOG] = {log_sorts, 0},
    [ENT_ARTIFACT] = {artifact_sorts, 2},
    [ENT_ARTIFACT_COLLECTION] = {artifact_sorts, 2},
    [ENT_VARIABLE] = {variable_sorts, 3},
    [ENT_AUTOMATION] = {automation_sorts, 2},
    [ENT_BLOCK_DOCUMENT] = {block_document_sorts, 1},
};

struct list_body {
	int64_t limit, offset, page;
	const char *sort;
};

/* A limit out of range is told in words of its own, before anything else is looked at.
 */
static int limit_in_range(struct http_req *r, int64_t limit)
{
	if (limit < 0) {
		http_reply_detail(r, 422,
				  "Invalid limit: must be greater than or equal to 0.");
		return 0;
	}
	if (limit > API_DEFAULT_LIMIT) {
		http_reply_detail(r, 422,
				  "Invalid limit: must be less than or equal to %d.",
				  API_DEFAULT_LIMIT);
		return 0;
	}
	return 1;
}

static enum sql_frag order_of(const struct sorts *s, const char *name)
{
	size_t i;

	if (s->list == NULL) {
		return SQL_FRAG_NONE;
	}
	for (i = 0; name != NULL && s->list[i].name != NULL; i++) {
		if (strcmp(s->list[i].name, name) == 0) {
			return s->list[i].order;
		}
	}
	return s->list[s->standard].order;
}

static void names_of(const struct sorts *s, const char **ret_choices)
{
	for (size_t i = 0; s->list != NULL && i < SORTS_MAX && s->list[i].name != NULL;
	     i++) {
		ret_choices[i] = s->list[i].name;
	}
}

void list_sort_decode(const json_t *body, enum entity target, enum sql_frag *ret_order,
		      struct http_invalid *v)
{
	const char *choices[SORTS_MAX + 1] = {NULL};
	struct list_body b = {.sort = NULL};
	const struct field fields[] = {
	    FIELD(struct list_body, sort, F_STR, .choices = choices),
	};

	names_of(&sorts[target], choices);
	if (decode_object(body, fields, 1, 0, "", &b, NULL, v) == 0 && b.sort != NULL) {
		*ret_order = order_of(&sorts[target], b.sort);
	}
}

int list_args_decode(struct http_req *r, const json_t *body, enum entity target,
		     int paged, struct list_args *ret, struct http_invalid *v)
{
	const struct sorts *s = &sorts[target];
	const char *choices[SORTS_MAX + 1] = {NULL};
	struct list_body b = {.limit = API_DEFAULT_LIMIT, .page = 1};
	const struct field limit_field[] = {FIELD(struct list_body, limit, F_INT)};
	const struct field fields[] = {
	    FIELD(struct list_body, offset, F_INT, .min = 0, .max = INT64_MAX),
	    FIELD(struct list_body, sort, F_STR, .choices = choices),
	};
	const struct field paged_fields[] = {
	    FIELD(struct list_body, page, F_INT, .min = 1, .max = INT64_MAX),
	    FIELD(struct list_body, sort, F_STR, .choices = choices),
	};

	names_of(s, choices);
	if (decode_object(body, limit_field, 1, 0, "", &b, NULL, v) == 0 &&
	    !limit_in_range(r, b.limit)) {
		return -ERR_INVALID;
	}
	(void)decode_object(body, paged ? paged_fields : fields,
			    s->list != NULL ? 2 : 1, 0, "", &b, NULL, v);
	ret->limit = b.limit;
	ret->page = b.page;
	ret->offset = paged ? (MIN_OF(b.page, PAGE_MAX) - 1) * b.limit : b.offset;
	ret->order = order_of(s, b.sort);
	return 0;
}

int filter_request(struct http_req *r, enum entity target, int paged,
		   struct list_args *la, struct db_pred **ret_pred)
{
	json_t *body = http_json(r, 1);
	struct db_pred *p = NULL;
	struct http_invalid *v;
	int rc = 0;

	if (body == NULL) {
		return -ERR_INVALID;
	}
	v = http_invalid_new();
	if (la != NULL) {
		rc = list_args_decode(r, body, target, paged, la, v);
		if (rc < 0) {
			http_invalid_free(v);
			return rc;
		}
	}
	(void)filter_decode(body, target, &p, v);
	if (http_invalid_count(v) > 0) {
		pred_free(p);
		http_reply_invalid(r, v);
		return -ERR_INVALID;
	}
	http_invalid_free(v);
	*ret_pred = p;
	return 0;
}
