/* SPDX-License-Identifier: Apache-2.0 */
/*
 * automations.c - automations as stored objects: server-contract 2.11,
 * events-and-automations 9.1.  Their evaluation is not here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/object.h"
#include "api/http/http.h"
#include "api/routes/automation_body.h"
#include "api/routes/automation_row.h"
#include "api/routes/list.h"
#include "api/routes/req.h"
#include "api/tx.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"

#define BODY_MAX ((size_t)2 << 20)

enum {
	A_ID,
	A_CREATED,
	A_UPDATED,
	A_NAME,
	A_DESCRIPTION,
	A_ENABLED,
	A_TAGS,
	A_TRIGGER,
	A_ACTIONS,
	A_ON_TRIGGER,
	A_ON_RESOLVE
};

void automation_write(struct jsonw *w, const char *key, const struct db_rows *r,
		      int64_t now_us)
{
	struct uuid id = {{0}};

	(void)now_us;
	(void)db_uuid(r, A_ID, &id);
	jsonw_obj(w, key);
	jsonw_str(w, "name", db_text(r, A_NAME));
	jsonw_str(w, "description", db_text(r, A_DESCRIPTION));
	jsonw_bool(w, "enabled", (int)db_int(r, A_ENABLED));
	jsonw_raw(w, "tags", db_text(r, A_TAGS));
	jsonw_raw(w, "trigger", db_text(r, A_TRIGGER));
	jsonw_raw(w, "actions", db_text(r, A_ACTIONS));
	jsonw_raw(w, "actions_on_trigger", db_text(r, A_ON_TRIGGER));
	jsonw_raw(w, "actions_on_resolve", db_text(r, A_ON_RESOLVE));
	jsonw_uuid(w, "id", &id);
	jsonw_time(w, "created", db_time(r, A_CREATED));
	jsonw_time(w, "updated", db_time(r, A_UPDATED));
	jsonw_obj_end(w);
}

static const struct list_spec automations = {ENT_AUTOMATION, SQL_AUTOMATION_LIST,
					     SQL_AUTOMATION_COUNT, automation_write};

static int not_found(struct tx *tx, struct error *err)
{
	return tx_exception(tx, err, ERR_NOT_FOUND, 404, "Automation not found");
}

static void write_buf(const struct db_rows *r, void *arg)
{
	struct jsonw w;

	jsonw_init(&w, arg);
	automation_write(&w, NULL, r, 0);
}

/* The automation as JSON text into OUT.  1, 0 or an error. */
static int read_text(struct tx *tx, const struct uuid *id, struct buf *out,
		     struct error *err)
{
	return db_one(tx->c, SQL_AUTOMATION_BY_ID, DB_ARGS(db_a_uuid(id)), 1, write_buf,
		      out, err);
}

/* Tells what happened, with the whole automation as payload. */
static int emit(struct tx *tx, const char *what, const struct uuid *id,
		const char *text, struct error *err)
{
	json_t *payload = json_parse(text, strlen(text), BODY_MAX * 2, err);
	json_t *name;
	int rc;

	if (payload == NULL) {
		return -err->code;
	}
	name = json_incref(json_object_get(payload, "name"));
	rc = event_object(tx,
			  &(struct object_event){.kind = "automation",
						 .what = what,
						 .id = id,
						 .name = json_string_value(name),
						 .payload = payload},
			  err);
	json_decref(name);
	return rc;
}

static int emit_present(struct tx *tx, const char *what, const struct uuid *id,
			struct buf *text, struct error *err)
{
	int rc = read_text(tx, id, text, err);

	return rc < 0    ? rc
	       : rc == 0 ? not_found(tx, err)
			 : emit(tx, what, id, text->data, err);
}

/* Trigger evaluation is told, in the order of events. */
static int feed(struct tx *tx, const struct uuid *id, struct error *err)
{
	tx->fx |= FX_TRIGGERS;
	return db_exec(tx->c, SQL_TRIGGER_FEED_AUTOMATION, DB_ARGS(db_a_uuid(id)), 1,
		       NULL, err);
}

/* ---- bodies ---- */

struct automation {
	struct req_arg base;
	const char *name, *description, *owner_resource;
	int enabled;
	json_t *tags, *trigger, *actions, *actions_on_trigger, *actions_on_resolve;
	/* completed; owned */
	json_t *full_trigger, *full_actions, *full_on_trigger, *full_on_resolve;
};
enum {
	B_NAME,
	B_DESCRIPTION,
	B_ENABLED,
	B_TAGS,
	B_TRIGGER,
	B_ACTIONS,
	B_ON_TRIGGER,
	B_ON_RESOLVE
};
static const struct field create_fields[] = {
    [B_NAME] = FIELD(struct automation, name, F_STR, .flags = F_REQUIRED),
    [B_DESCRIPTION] = FIELD(struct automation, description, F_STR, .flags = F_NOT_NULL),
    [B_ENABLED] = FIELD(struct automation, enabled, F_BOOL, .flags = F_NOT_NULL),
    [B_TAGS] = FIELD(struct automation, tags, F_TAGS, .flags = F_NOT_NULL),
    [B_TRIGGER] =
	FIELD(struct automation, trigger, F_OBJ, .flags = F_REQUIRED | F_MODEL),
    [B_ACTIONS] = FIELD(struct automation, actions, F_ARR, .flags = F_REQUIRED),
    [B_ON_TRIGGER] =
	FIELD(struct automation, actions_on_trigger, F_ARR, .flags = F_NOT_NULL),
    [B_ON_RESOLVE] =
	FIELD(struct automation, actions_on_resolve, F_ARR, .flags = F_NOT_NULL),
    FIELD(struct automation, owner_resource, F_STR),
};
/* PUT: the same without the owner */
#define REPLACE_FIELDS (ARRAY_LEN(create_fields) - 1)

static void automation_free(void *arg)
{
	struct automation *a = arg;

	json_decref(a->full_trigger);
	json_decref(a->full_actions);
	json_decref(a->full_on_trigger);
	json_decref(a->full_on_resolve);
	req_arg_free(a);
}

static void check_body(void *arg, struct http_invalid *v)
{
	struct automation *a = arg;
	const char *loop;

	if (a->trigger == NULL || a->actions == NULL) {
		return; /* said already */
	}
	a->full_trigger = trigger_complete(a->trigger, "trigger", v);
	a->full_actions = actions_complete(a->actions, "actions", v);
	if (a->actions_on_trigger != NULL) {
		a->full_on_trigger =
		    actions_complete(a->actions_on_trigger, "actions_on_trigger", v);
	}
	if (a->actions_on_resolve != NULL) {
		a->full_on_resolve =
		    actions_complete(a->actions_on_resolve, "actions_on_resolve", v);
	}
	if (http_invalid_count(v) > 0 || !a->enabled) {
		return;
	}
	loop = automation_loop(a->full_trigger, a->full_actions);
	if (loop != NULL) {
		char msg[700];

		(void)snprintf(msg, sizeof(msg), "Value error, %s", loop);
		http_invalid_add(v, "value_error", "", a->base.body, msg);
	}
}

struct texts {
	char *tags, *trigger, *actions, *on_trigger, *on_resolve;
};

static void texts_release(struct texts *t)
{
	free(t->tags);
	free(t->trigger);
	free(t->actions);
	free(t->on_trigger);
	free(t->on_resolve);
}

/* STANDARD: of the lists that are absent; NULL keeps the stored ones. */
static struct texts texts_of(const struct automation *a, const char *standard)
{
	return (struct texts){
	    .tags = req_json(a->tags, standard),
	    .trigger = json_text(a->full_trigger),
	    .actions = json_text(a->full_actions),
	    .on_trigger = req_json(a->full_on_trigger, standard),
	    .on_resolve = req_json(a->full_on_resolve, standard),
	};
}

/* One relation per deployment that an action runs. */
static int relate_deployments(struct tx *tx, const struct automation *a,
			      const struct uuid *id, struct error *err)
{
	json_t *item;
	size_t i;
	int rc = 0;

	json_array_foreach (a->full_actions, i, item) {
		const char *type = json_string_value(json_object_get(item, "type"));
		const char *target =
		    json_string_value(json_object_get(item, "deployment_id"));
		char resource[80];

		if (rc < 0 || target == NULL || type == NULL ||
		    strcmp(type, "run-deployment") != 0) {
			continue;
		}
		(void)snprintf(resource, sizeof(resource), "prefect.deployment.%s",
			       target);
		rc = db_exec(tx->c, SQL_AUTOMATION_RELATE,
			     DB_ARGS(db_a_uuid(id), db_a_text(resource), db_a_int(0)),
			     3, NULL, err);
	}
	return rc;
}

/* ---- create ---- */

static int create_work(struct tx *tx, void *arg, struct error *err)
{
	const struct automation *a = arg;
	struct texts t = texts_of(a, "[]");
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc = db_exec(tx->c, SQL_AUTOMATION_INSERT,
		     DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us), db_a_text(a->name),
			     db_a_text(a->description), db_a_int(a->enabled),
			     db_a_text(t.tags), db_a_text(t.trigger),
			     db_a_text(t.actions), db_a_text(t.on_trigger),
			     db_a_text(t.on_resolve)),
		     10, NULL, err);
	texts_release(&t);
	if (rc == 0 && a->owner_resource != NULL) {
		rc = db_exec(
		    tx->c, SQL_AUTOMATION_RELATE,
		    DB_ARGS(db_a_uuid(&id), db_a_text(a->owner_resource), db_a_int(1)),
		    3, NULL, err);
	}
	if (rc == 0) {
		rc = relate_deployments(tx, a, &id, err);
	}
	rc = rc < 0 ? rc : feed(tx, &id, err);
	tx->status = 201;
	return rc < 0 ? rc : emit_present(tx, "created", &id, &tx->body, err);
}

static void submit_body(struct http_req *r, size_t fields, tx_work_fn work)
{
	struct automation *a = req_arg_new(r, sizeof(*a));
	json_t *body = http_json(r, 0);
	struct http_invalid *v;

	if (body == NULL) {
		req_arg_free(a);
		return;
	}
	a->enabled = 1;
	a->description = "";
	a->base.body = json_incref(body);
	v = http_invalid_new();
	(void)decode_object(body, create_fields, fields, 1, "", a, &a->base.given, v);
	check_body(a, v);
	if (http_invalid_count(v) > 0) {
		automation_free(a);
		http_reply_invalid(r, v);
		return;
	}
	http_invalid_free(v);
	tx_submit(r, DB_WRITE, work, a, automation_free);
}

static void route_create(struct http_req *r)
{
	submit_body(r, ARRAY_LEN(create_fields), create_work);
}

/* ---- replace, enable ---- */

static int replace_work(struct tx *tx, void *arg, struct error *err)
{
	const struct automation *a = arg;
	const struct decoded *d = &a->base.given;
	struct texts t = texts_of(a, NULL);
	struct buf text;
	int64_t changes = 0;
	int rc = db_exec(
	    tx->c, SQL_AUTOMATION_REPLACE,
	    DB_ARGS(db_a_uuid(&a->base.id), db_a_time(tx->now_us), db_a_text(a->name),
		    DECODED_HAS(d, B_DESCRIPTION) ? db_a_text(a->description)
						  : db_a_null(),
		    DECODED_HAS(d, B_ENABLED) ? db_a_int(a->enabled) : db_a_null(),
		    db_a_text(t.tags), db_a_text(t.trigger), db_a_text(t.actions),
		    db_a_text(t.on_trigger), db_a_text(t.on_resolve)),
	    10, &changes, err);

	texts_release(&t);
	if (rc == 0 && changes == 0) {
		return not_found(tx, err);
	}
	rc = rc < 0 ? rc
		    : db_exec(tx->c, SQL_AUTOMATION_UNRELATE,
			      DB_ARGS(db_a_uuid(&a->base.id)), 1, NULL, err);
	rc = rc < 0 ? rc : relate_deployments(tx, a, &a->base.id, err);
	buf_init(&text);
	rc = rc < 0 ? rc : feed(tx, &a->base.id, err);
	rc = rc < 0 ? rc : emit_present(tx, "updated", &a->base.id, &text, err);
	buf_release(&text);
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_replace(struct http_req *r)
{
	submit_body(r, REPLACE_FIELDS, replace_work);
}

struct enable {
	struct req_arg base;
	int enabled;
};
static const struct field enable_fields[] = {
    FIELD(struct enable, enabled, F_BOOL, .flags = F_NOT_NULL),
};

/* A stored automation that would run for ever is not switched on. */
static int refuse_loop(struct tx *tx, const char *text, struct error *err)
{
	json_t *stored = json_parse(text, strlen(text), BODY_MAX * 2, NULL);
	const char *loop = automation_loop(json_object_get(stored, "trigger"),
					   json_object_get(stored, "actions"));
	struct jsonw w;

	json_decref(stored);
	if (loop == NULL) {
		return 0;
	}
	tx->status = 422;
	tx->keep_answer = 1;
	jsonw_init(&w, &tx->body);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "exception_message", "Invalid request received.");
	jsonw_arr(&w, "exception_detail");
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "type", "value_error");
	jsonw_arr(&w, "loc");
	jsonw_arr_end(&w);
	jsonw_str(&w, "msg", loop);
	jsonw_obj_end(&w);
	jsonw_arr_end(&w);
	jsonw_null(&w, "request_body");
	jsonw_obj_end(&w);
	return err_set(err, ERR_INVALID, "%s", loop);
}

static int enable_work(struct tx *tx, void *arg, struct error *err)
{
	const struct enable *a = arg;
	struct buf text;
	int rc;

	buf_init(&text);
	rc = read_text(tx, &a->base.id, &text, err);
	if (rc == 0) {
		rc = not_found(tx, err);
	} else if (rc == 1 && DECODED_HAS(&a->base.given, 0)) {
		rc = a->enabled ? refuse_loop(tx, text.data, err) : 0;
		rc = rc < 0
			 ? rc
			 : db_exec(tx->c, SQL_AUTOMATION_ENABLE,
				   DB_ARGS(db_a_uuid(&a->base.id),
					   db_a_time(tx->now_us), db_a_int(a->enabled)),
				   3, NULL, err);
		buf_reset(&text);
		rc = rc < 0 ? rc : feed(tx, &a->base.id, err);
		rc = rc < 0 ? rc : emit_present(tx, "updated", &a->base.id, &text, err);
	}
	buf_release(&text);
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_enable(struct http_req *r)
{
	struct enable *a = req_arg_new(r, sizeof(*a));

	if (req_body(r, a, enable_fields, ARRAY_LEN(enable_fields)) == 0) {
		tx_submit(r, DB_WRITE, enable_work, a, req_arg_free);
	}
}

/* ---- read, delete ---- */

static int read_work(struct tx *tx, void *arg, struct error *err)
{
	int rc = read_text(tx, &((struct req_arg *)arg)->id, &tx->body, err);

	return rc == 0 ? not_found(tx, err) : MIN_OF(rc, 0);
}

static void route_read(struct http_req *r)
{
	tx_submit(r, DB_READ, read_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

static int delete_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	struct buf text;
	int rc;

	buf_init(&text);
	rc = emit_present(tx, "deleted", &a->id, &text, err);
	buf_release(&text);
	if (rc == 0) {
		rc = db_exec(tx->c, SQL_AUTOMATION_DELETE, DB_ARGS(db_a_uuid(&a->id)),
			     1, NULL, err);
	}
	rc = rc < 0 ? rc : feed(tx, &a->id, err);
	return rc < 0 ? rc : req_no_content(tx);
}

static void route_delete(struct http_req *r)
{
	tx_submit(r, DB_WRITE, delete_work, req_arg_new(r, sizeof(struct req_arg)),
		  req_arg_free);
}

/* ---- by resource ---- */

static int related_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	struct db_rows *r = NULL;
	struct jsonw w;
	int rc = db_query(tx->c, SQL_AUTOMATION_RELATED, DB_ARGS(db_a_text(a->name)), 1,
			  &r, err);

	if (rc < 0) {
		return rc;
	}
	jsonw_init(&w, &tx->body);
	jsonw_arr(&w, NULL);
	while ((rc = db_next(r, err)) == 1) {
		automation_write(&w, NULL, r, tx->now_us);
	}
	jsonw_arr_end(&w);
	db_rows_free(r);
	return rc;
}

static void route_related(struct http_req *r)
{
	struct req_arg *a = req_arg_new(r, sizeof(*a));

	req_name(r, a, "resource");
	tx_submit(r, DB_READ, related_work, a, req_arg_free);
}

static int delete_owned_work(struct tx *tx, void *arg, struct error *err)
{
	const struct req_arg *a = arg;
	const struct db_arg args[] = {db_a_text(a->name), db_a_time(tx->now_us)};
	int rc = db_exec(tx->c, SQL_TRIGGER_FEED_OWNED, args, 2, NULL, err);

	tx->status = 202;
	tx->fx |= FX_TRIGGERS;
	buf_adds(&tx->body, "null");
	return rc < 0 ? rc
		      : db_exec(tx->c, SQL_AUTOMATION_DELETE_OWNED, args, 2, NULL, err);
}

static void route_delete_owned(struct http_req *r)
{
	struct req_arg *a = req_arg_new(r, sizeof(*a));

	req_name(r, a, "resource");
	tx_submit(r, DB_WRITE, delete_owned_work, a, req_arg_free);
}

/* ---- lists ---- */

static void route_filter(struct http_req *r)
{
	list_filter(r, &automations);
}

static void route_count(struct http_req *r)
{
	list_count(r, &automations);
}

extern const struct route routes_automations[];
const struct route routes_automations[] = {
    {"POST", "/automations/", route_create, 0, BODY_MAX},
    {"POST", "/automations/filter", route_filter, 0, 0},
    {"POST", "/automations/count", route_count, 0, 0},
    {"GET", "/automations/related-to/{resource}", route_related, 0, 0},
    {"DELETE", "/automations/owned-by/{resource}", route_delete_owned, 0, 0},
    {"GET", "/automations/{id}", route_read, 0, 0},
    {"PUT", "/automations/{id}", route_replace, 0, BODY_MAX},
    {"PATCH", "/automations/{id}", route_enable, 0, 0},
    {"DELETE", "/automations/{id}", route_delete, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
