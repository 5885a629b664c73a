/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler.c - makes the runs of active schedules ahead of time.
 *
 * A schedule row says when it wants to be looked at again (horizon); null means now.
 * The run of one nominal time has one idempotency key, so a second look makes nothing
 * twice.
 */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "api/db/db.h"
#include "api/orchestration/create.h"
#include "api/orchestration/orchestration.h"
#include "api/services/schedule_plan.h"
#include "api/services/service.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/schedule.h"
#include "base/timefmt.h"

#define SCHEDULES_PER_PASS 50
#define STATE_SCHEDULED    1

/* Columns of schedule_due. */
struct due_schedule {
	struct uuid id, deployment_id, flow_id, queue_id, infrastructure_id;
	int has_queue, has_infrastructure;
	char *schedule, *parameters, *slug, *version, *tags, *base_parameters,
	    *queue_name;
};

static char *dup_text(const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	return s != NULL ? xstrdup(s) : NULL;
}

static void from_row(struct due_schedule *s, const struct db_rows *r)
{
	*s = (struct due_schedule){
	    .schedule = dup_text(r, 2),
	    .parameters = dup_text(r, 3),
	    .slug = dup_text(r, 4),
	    .version = dup_text(r, 7),
	    .tags = dup_text(r, 8),
	    .base_parameters = dup_text(r, 9),
	    .queue_name = dup_text(r, 11),
	};
	(void)db_uuid(r, 0, &s->id);
	(void)db_uuid(r, 1, &s->deployment_id);
	(void)db_uuid(r, 6, &s->flow_id);
	s->has_queue = db_uuid(r, 10, &s->queue_id);
	s->has_infrastructure = db_uuid(r, 14, &s->infrastructure_id);
}

static void due_release(struct due_schedule *s)
{
	free(s->schedule);
	free(s->parameters);
	free(s->slug);
	free(s->version);
	free(s->tags);
	free(s->base_parameters);
	free(s->queue_name);
}

/* The parts that all runs of one pass share. */
struct run_parts {
	json_t *parameters, *tags, *created_by;
};

static json_t *load_or(const char *text, json_t *standard)
{
	json_t *v = text != NULL ? json_loads(text, 0, NULL) : NULL;

	if (v == NULL) {
		return standard;
	}
	json_decref(standard);
	return v;
}

static void parts_init(struct run_parts *p, const struct due_schedule *s,
		       const struct schedule *when)
{
	json_t *over = load_or(s->parameters, json_object());
	json_t *tags = load_or(s->tags, json_array());
	char id[UUID_TEXT_SIZE];

	p->parameters = load_or(s->base_parameters, json_object());
	json_object_update(p->parameters, over);
	json_decref(over);
	p->tags = json_pack("[s]", "auto-scheduled");
	json_array_extend(p->tags, tags);
	json_decref(tags);
	p->created_by = json_pack(
	    "{s:s,s:s,s:s}", "id", uuid_format(&s->id, id), "type", "SCHEDULE",
	    "display_value", s->slug != NULL ? s->slug : schedule_class_name(when));
}

static void parts_release(struct run_parts *p)
{
	json_decref(p->parameters);
	json_decref(p->tags);
	json_decref(p->created_by);
}

/* 1 made, 0 there already. */
static int make_run(struct tx *tx, const struct due_schedule *s,
		    const struct run_parts *p, int64_t at_us, struct error *err)
{
	char key[200], a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], when[48],
	    text[TIME_TEXT_SIZE];
	struct orc_state state = {.type = STATE_SCHEDULED, .name = "Scheduled"};
	struct flow_run_new n = {
	    .flow_id = s->flow_id,
	    .deployment_id = &s->deployment_id,
	    .work_queue_id = s->has_queue ? &s->queue_id : NULL,
	    .schedule_id = &s->id,
	    .infrastructure_document_id =
		s->has_infrastructure ? &s->infrastructure_id : NULL,
	    .deployment_version = s->version,
	    .work_queue_name = s->queue_name,
	    .idempotency_key = key,
	    .parameters = p->parameters,
	    .tags = p->tags,
	    .created_by = p->created_by,
	    .auto_scheduled = 1,
	    .no_event = 1,
	    .state = &state,
	};
	struct uuid id;
	int created = 0;
	int rc;

	(void)snprintf(key, sizeof(key), "scheduled %s %s %s",
		       uuid_format(&s->deployment_id, a), uuid_format(&s->id, b),
		       schedule_key_time(at_us, when, sizeof(when)));
	state.message = xstrdup("Flow run scheduled");
	state.details = json_pack("{s:s}", "scheduled_time",
				  time_format(at_us, text, sizeof(text)));
	rc = flow_run_create(tx, &n, &id, &created, err);
	return rc < 0 ? rc : created;
}

static int set_check(struct tx *tx, const struct uuid *id, int64_t at_us,
		     struct error *err)
{
	return db_exec(tx->c, SQL_SCHEDULE_SET_HORIZON,
		       DB_ARGS(db_a_uuid(id), db_a_int(at_us)), 2, NULL, err);
}

static int make_runs(struct tx *tx, struct service_pass *p,
		     const struct due_schedule *s, const struct schedule *when,
		     struct error *err)
{
	int64_t dates[PLAN_MAX_RUNS];
	struct schedule_plan plan;
	struct run_parts parts;
	size_t count = 0;
	int rc = schedule_next(when, tx->now_us, dates, PLAN_MAX_RUNS, &count, err);

	if (rc < 0) {
		return rc;
	}
	schedule_plan(tx->now_us, dates, count, &plan);
	parts_init(&parts, s, when);
	for (size_t i = 0; rc >= 0 && i < plan.take; i++) {
		rc = make_run(tx, s, &parts, dates[i], err);
		p->done += rc > 0;
		if (rc > 0 && service_is_late(p) && i + 1 < plan.take) {
			p->more = 1;
			break;
		}
	}
	parts_release(&parts);
	if (rc < 0 || p->more) {
		return rc < 0 ? rc : 0;
	}
	return set_check(tx, &s->id, plan.check_us, err);
}

/* A schedule that cannot be read must not stop the others: it is looked at again in a
 * day. */
static int serve(struct tx *tx, struct service_pass *p, const struct due_schedule *s,
		 struct error *err)
{
	struct error why = {0};
	struct schedule *when = NULL;
	json_t *obj = s->schedule != NULL ? json_loads(s->schedule, 0, NULL) : NULL;
	int rc = schedule_from_json(obj, &when, &why);

	json_decref(obj);
	if (rc == 0) {
		rc = make_runs(tx, p, s, when, err);
	} else {
		log_warn("schedule %s of deployment %s makes no runs: %s",
			 uuid_str(&s->id), uuid_str(&s->deployment_id), why.msg);
		rc = set_check(tx, &s->id, tx->now_us + 86400 * 1000000LL, err);
	}
	schedule_free(when);
	return rc;
}

static int read_due(struct tx *tx, size_t max, struct due_schedule *list,
		    size_t *ret_count, struct error *err)
{
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc =
	    db_query(tx->c, SQL_SCHEDULE_DUE,
		     DB_ARGS(db_a_int(tx->now_us), db_a_int((int64_t)max)), 2, &r, err);

	while (rc == 0 && n < max && (rc = db_next(r, err)) > 0) {
		from_row(&list[n++], r);
		rc = 0;
	}
	db_rows_free(r);
	*ret_count = n;
	return rc;
}

static int next_check(struct tx *tx, struct service_pass *p, struct error *err)
{
	int64_t at = 0;
	int rc = db_one_int(tx->c, SQL_SCHEDULE_NEXT_HORIZON, NULL, 0, &at, err);

	p->next_us = at;
	return rc < 0 ? rc : 0;
}

static int probe(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct due_schedule one = {0};
	size_t count = 0;
	int rc = read_due(tx, 1, &one, &count, err);

	due_release(&one);
	if (rc == 0 && count == 0) {
		rc = next_check(tx, p, err);
	}
	return rc < 0 ? rc : count > 0;
}

static int pass(struct tx *tx, struct service_pass *p, struct error *err)
{
	struct due_schedule *list = xcalloc(SCHEDULES_PER_PASS, sizeof(*list));
	size_t count = 0;
	int rc = read_due(tx, SCHEDULES_PER_PASS, list, &count, err);

	for (size_t i = 0; i < count; i++) {
		if (rc == 0 && !p->more) {
			rc = serve(tx, p, &list[i], err);
			p->more |= service_is_late(p) && i + 1 < count;
		}
		due_release(&list[i]);
	}
	p->more |= count == SCHEDULES_PER_PASS;
	free(list);
	return rc == 0 ? next_check(tx, p, err) : rc;
}

const struct service service_scheduler = {
    .name = "scheduler",
    .interval_ms = 60000,
    .probe = probe,
    .pass = pass,
};
