/* SPDX-License-Identifier: Apache-2.0 */
/* webhooks.c - webhooks as stored objects (events-and-automations 8.3). */
#include <stdlib.h>
#include <string.h>

#include "api/http/http.h"
#include "api/routes/req.h"
#include "api/routes/template_check.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define BODY_MAX   ((size_t)1 << 20)
#define SLUG_BYTES 16
#define LIST_MAX   200

enum {
	W_ID,
	W_CREATED,
	W_UPDATED,
	W_NAME,
	W_DESCRIPTION,
	W_ENABLED,
	W_TEMPLATE,
	W_SLUG,
	W_ACCOUNT
};

struct webhook {
	struct req_arg base;
	const char *name, *description, *template;
	int enabled;
	struct uuid service_account_id;
};
enum { B_NAME, B_DESCRIPTION, B_TEMPLATE, B_ENABLED, B_ACCOUNT };
#define COMMON(required)                                                            \
	[B_NAME] = FIELD(struct webhook, name, F_STR, .flags = (required)),         \
	[B_DESCRIPTION] = FIELD(struct webhook, description, F_STR),                \
	[B_TEMPLATE] = FIELD(struct webhook, template, F_STR, .flags = (required)), \
	[B_ENABLED] = FIELD(struct webhook, enabled, F_BOOL, .flags = F_NOT_NULL)
static const struct field create_fields[] = {
    COMMON(F_REQUIRED),
    [B_ACCOUNT] = FIELD(struct webhook, service_account_id, F_UUID),
};
static const struct field patch_fields[] = {COMMON(F_NOT_NULL)};

/* 22 characters that nobody guesses. */
static char *new_slug(void)
{
	unsigned char bytes[SLUG_BYTES];
	char *text, *s;

	random_bytes(bytes, sizeof(bytes));
	text = base64_encode(bytes, sizeof(bytes));
	for (s = text; *s != '\0' && *s != '='; s++) {
		if (*s == '+') {
			*s = '-';
		} else if (*s == '/') {
			*s = '_';
		}
	}
	*s = '\0'; /* without the padding */
	return text;
}

static void write_webhook(struct jsonw *w, const struct db_rows *r)
{
	struct uuid id = {{0}}, account;
	int has_account = db_uuid(r, W_ACCOUNT, &account);

	(void)db_uuid(r, W_ID, &id);
	jsonw_obj(w, NULL);
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "created", db_time(r, W_CREATED));
	jsonw_time(w, "updated", db_time(r, W_UPDATED));
	jsonw_str(w, "name", db_text(r, W_NAME));
	jsonw_str(w, "description", db_text(r, W_DESCRIPTION));
	jsonw_bool(w, "enabled", (int)db_int(r, W_ENABLED));
	jsonw_str(w, "template", db_text(r, W_TEMPLATE));
	jsonw_str(w, "slug", db_text(r, W_SLUG));
	jsonw_uuid(w, "service_account_id", has_account ? &account : NULL);
	jsonw_obj_end(w);
}

static void answer_row(const struct db_rows *r, void *arg)
{
	struct jsonw w;

	jsonw_init(&w, arg);
	write_webhook(&w, r);
}

static int answer(struct tx *tx, const struct uuid *id, struct error *err)
{
	int rc = db_one(tx->c, SQL_WEBHOOK_BY_ID, DB_ARGS(db_a_uuid(id)), 1, answer_row,
			&tx->body, err);

	return rc == 0 ? tx_detail(tx, err, ERR_NOT_FOUND, 404, "Webhook not found")
		       : MIN_OF(rc, 0);
}

static void check(void *arg, struct http_invalid *v)
{
	const struct webhook *a = arg;
	struct error err = {0};
	int line;

	if (a->template != NULL && template_text_check(a->template, &line, &err) < 0) {
		char *msg =
		    xasprintf("Value error, the template is not valid: %s", err.msg);

		http_invalid_add(v, "value_error", "template", NULL, msg);
		free(msg);
	}
}

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct webhook *a = arg;
	char *slug = new_slug();
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(tx->c, SQL_WEBHOOK_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(a->name),
			     db_a_text(a->description), db_a_int(a->enabled),
			     db_a_text(a->template), db_a_text(slug),
			     db_a_uuid(uuid_is_nil(&a->service_account_id)
					   ? NULL
					   : &a->service_account_id)),
		     8, NULL, err);
	free(slug);
	tx->status = 201;
	return rc < 0 ? rc : answer(tx, &id, err);
}

static void route_create(struct http_req *r)
{
	struct webhook *a = req_arg_new(r, sizeof(*a));

	a->enabled = 1;
	if (req_body_checked(r, a, create_fields, ARRAY_LEN(create_fields), check) ==
	    0) {
		tx_submit(r, DB_WRITE, create_work, a, req_arg_free);
	}
}

static int update_work(struct tx *tx, void *arg, struct error *err)
{
	const struct webhook *a = arg;
	const struct decoded *d = &a->base.given;
	int64_t changes = 0;
	int rc = db_exec(
	    tx->c, SQL_WEBHOOK_UPDATE,
	    DB_ARGS(db_a_uuid(&a->base.id), db_a_time(tx->now_us), db_a_text(a->name),
		    db_a_int(DECODED_HAS(d, B_DESCRIPTION) ? 1 : 0),
		    db_a_text(a->description), db_a_text(a->template),
		    DECODED_HAS(d, B_ENABLED) ? db_a_int(a->enabled) : db_a_null()),
	    7, &changes, err);

	if (rc == 0 && changes == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Webhook not found");
	}
	return rc < 0 ? rc : req_no_content(tx);
}

static void update(struct http_req *r, const struct field *fields, size_t n)
{
	struct webhook *a = req_arg_new(r, sizeof(*a));

	if (req_body_checked(r, a, fields, n, check) == 0) {
		tx_submit(r, DB_WRITE, update_work, a, req_arg_free);
	}
}

static void route_replace(struct http_req *r)
{
	update(r, create_fields, B_ACCOUNT);
}

static void route_patch(struct http_req *r)
{
	update(r, patch_fields, ARRAY_LEN(patch_fields));
}

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	return answer(tx, &((struct req_arg *)arg)->id, err);
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static int rotate_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	char *slug = new_slug();
	int rc =
	    db_exec(tx->c, SQL_WEBHOOK_ROTATE,
		    DB_ARGS(db_a_uuid(&a->id), db_a_time(tx->now_us), db_a_text(slug)),
		    3, NULL, err);

	free(slug);
	return rc < 0 ? rc : answer(tx, &a->id, err);
}

static void route_rotate(struct http_req *r)
{
	tx_submit(r, DB_WRITE, rotate_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	int64_t changes = 0;
	int rc = db_exec(tx->c, SQL_WEBHOOK_DELETE, DB_ARGS(db_a_uuid(&a->id)), 1,
			 &changes, err);

	if (rc == 0 && changes == 0) {
		return tx_detail(tx, err, ERR_NOT_FOUND, 404, "Webhook not found");
	}
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

struct filter {
	struct req_arg base;
	int64_t limit, offset;
	json_t *webhooks;
};
static const struct field filter_fields[] = {
    FIELD(struct filter, limit, F_INT),
    FIELD(struct filter, offset, F_INT),
    FIELD(struct filter, webhooks, F_OBJ),
};

static int is_wanted(const json_t *filter, const struct db_rows *r)
{
	const json_t *names = json_object_get(json_object_get(filter, "name"), "any_");
	const json_t *enabled =
	    json_object_get(json_object_get(filter, "enabled"), "eq_");
	json_t *item;
	size_t i;
	int hit = !json_is_array(names);

	json_array_foreach (names, i, item) {
		const char *s = json_string_value(item);

		hit |= s != NULL && strcmp(s, db_text(r, W_NAME)) == 0;
	}
	return hit && (!json_is_boolean(enabled) ||
		       json_is_true(enabled) == (db_int(r, W_ENABLED) != 0));
}

static int filter_work(struct tx *tx, void *arg, struct error *err)
{
	const struct filter *a = arg;
	struct db_rows *r = NULL;
	struct jsonw w;
	int rc = db_query(
	    tx->c, SQL_WEBHOOK_LIST,
	    DB_ARGS(db_a_int(a->limit > 0 && a->limit < LIST_MAX ? a->limit : LIST_MAX),
		    db_a_int(a->offset > 0 ? a->offset : 0)),
	    2, &r, err);

	if (rc < 0) {
		return rc;
	}
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while ((rc = db_next(r, err)) == 1) {
		if (is_wanted(a->webhooks, r)) {
			write_webhook(&w, r);
		}
	}
	jsonw_arr_end(&w);
	db_rows_free(r);
	return rc;
}

static void route_filter(struct http_req *r)
{
	struct filter *a = req_arg_new(r, sizeof(*a));

	if (req_embedded(r, a, filter_fields, ARRAY_LEN(filter_fields)) == 0) {
		tx_submit(r, DB_READ, filter_work, a, req_arg_free);
	}
}

extern const struct route routes_webhooks[];
const struct route routes_webhooks[] = {
    {"POST", "/webhooks/", route_create, 0, BODY_MAX},
    {"POST", "/webhooks/filter", route_filter, 0, 0},
    {"GET", "/webhooks/{id}", route_read, 0, 0},
    {"PUT", "/webhooks/{id}", route_replace, 0, BODY_MAX},
    {"PATCH", "/webhooks/{id}", route_patch, 0, BODY_MAX},
    {"POST", "/webhooks/{id}/rotate", route_rotate, 0, 0},
    {"DELETE", "/webhooks/{id}", route_delete, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
