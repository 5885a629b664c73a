/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_run.c - from a schedule and an instant to a flow run.
 */
#include "api/services/schedule_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/db/db.h"
#include "api/orchestration/create.h"
#include "api/orchestration/orchestration.h"
#include "api/services/schedule_plan.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/schedule.h"
#include "base/timefmt.h"

#define STATE_SCHEDULED 1

static char *dup_text(const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	return s != NULL ? xstrdup(s) : NULL;
}

void schedule_due_from_row(struct schedule_due *s, const struct db_rows *r)
{
	*s = (struct schedule_due){
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

void schedule_due_release(struct schedule_due *s)
{
	free(s->schedule);
	free(s->parameters);
	free(s->slug);
	free(s->version);
	free(s->tags);
	free(s->base_parameters);
	free(s->queue_name);
}

static json_t *load_or(const char *text, json_t *standard)
{
	json_t *v = text != NULL ? json_loads(text, 0, NULL) : NULL;

	if (v == NULL) {
		return standard;
	}
	json_decref(standard);
	return v;
}

void schedule_parts_init(struct schedule_parts *p, const struct schedule_due *s,
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

void schedule_parts_release(struct schedule_parts *p)
{
	json_decref(p->parameters);
	json_decref(p->tags);
	json_decref(p->created_by);
}

int schedule_run_make(struct tx *tx, const struct schedule_due *s,
		      const struct schedule_parts *p, int64_t at_us, struct error *err)
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
