/* SPDX-License-Identifier: Apache-2.0 */
/* schedule_store.c - rows and JSON of schedules. */
#include "api/routes/deployments/schedule_store.h"

#include <stdlib.h>

#include "api/db/db.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

static char *dup_text(const struct db_rows *r, int col)
{
	const char *s = db_text(r, col);

	return s != NULL ? xstrdup(s) : NULL;
}

/* Columns of schedule_by_id. */
static void from_row(struct schedule_row *s, const struct db_rows *r)
{
	*s = (struct schedule_row){
	    .created_us = db_time(r, 1),
	    .updated_us = db_time(r, 2),
	    .schedule = dup_text(r, 4),
	    .active = (int)db_int(r, 5),
	    .max_scheduled_runs = db_is_null(r, 6) ? -1 : db_int(r, 6),
	    .parameters = dup_text(r, 7),
	    .slug = dup_text(r, 8),
	};
	(void)db_uuid(r, 0, &s->id);
	(void)db_uuid(r, 3, &s->deployment_id);
}

void schedule_row_release(struct schedule_row *s)
{
	free(s->schedule);
	free(s->parameters);
	free(s->slug);
	*s = (struct schedule_row){0};
}

void schedule_rows_free(struct schedule_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		schedule_row_release(&rows[i]);
	}
	free(rows);
}

static void take_row(const struct db_rows *r, void *arg)
{
	from_row(arg, r);
}

int schedule_find(struct tx *tx, const struct uuid *id, struct schedule_row *ret_row,
		  struct error *err)
{
	return db_one(tx->c, SQL_SCHEDULE_BY_ID, DB_ARGS(db_a_uuid(id)), 1, take_row,
		      ret_row, err);
}

int schedule_of_deployment(struct tx *tx, const struct uuid *deployment_id,
			   struct schedule_row **ret_rows, size_t *ret_count,
			   struct error *err)
{
	struct schedule_row *list = NULL;
	struct db_rows *r = NULL;
	size_t n = 0;
	int rc = db_query(tx->c, SQL_SCHEDULE_OF_DEPLOYMENT,
			  DB_ARGS(db_a_uuid(deployment_id)), 1, &r, err);

	while (rc == 0 && n < SCHEDULES_PER_DEPLOYMENT_MAX &&
	       (rc = db_next(r, err)) > 0) {
		list = xreallocarray(list, n + 1, sizeof(*list));
		from_row(&list[n++], r);
		rc = 0;
	}
	db_rows_free(r);
	if (rc < 0) {
		schedule_rows_free(list, n);
		return rc;
	}
	*ret_rows = list;
	*ret_count = n;
	return 0;
}

void schedule_write(struct jsonw *w, const char *key, const struct schedule_row *s)
{
	jsonw_obj(w, key);
	jsonw_uuid(w, "id", &s->id);
	jsonw_time(w, "created", s->created_us);
	jsonw_time(w, "updated", s->updated_us);
	jsonw_uuid(w, "deployment_id", &s->deployment_id);
	jsonw_raw(w, "schedule", s->schedule);
	jsonw_bool(w, "active", s->active);
	if (s->max_scheduled_runs >= 0) {
		jsonw_int(w, "max_scheduled_runs", s->max_scheduled_runs);
	} else {
		jsonw_null(w, "max_scheduled_runs");
	}
	jsonw_raw(w, "parameters", s->parameters);
	jsonw_str(w, "slug", s->slug);
	jsonw_obj_end(w);
}

int schedule_write_all(struct tx *tx, struct jsonw *w, const char *key,
		       const struct uuid *deployment_id, struct error *err)
{
	struct schedule_row *rows = NULL;
	size_t count = 0;
	int rc = schedule_of_deployment(tx, deployment_id, &rows, &count, err);

	jsonw_arr(w, key);
	for (size_t i = 0; i < count; i++) {
		schedule_write(w, NULL, &rows[i]);
	}
	jsonw_arr_end(w);
	schedule_rows_free(rows, count);
	return rc;
}

int schedule_insert(struct tx *tx, const struct uuid *deployment_id,
		    const struct schedule_in *in, struct uuid *ret_id,
		    struct error *err)
{
	char *schedule = json_text(in->schedule);
	char *parameters = in->parameters != NULL ? json_text(in->parameters) : NULL;
	struct uuid id;
	int rc;

	uuid_v4(&id);
	rc =
	    db_exec(tx->c, SQL_SCHEDULE_INSERT,
		    DB_ARGS(db_a_uuid(&id), db_a_time(tx->now_us + in->place),
			    db_a_uuid(deployment_id), db_a_text(schedule),
			    db_a_int(DECODED_HAS(&in->has, SF_ACTIVE) ? in->active : 1),
			    DECODED_HAS(&in->has, SF_MAX_RUNS)
				? db_a_int(in->max_scheduled_runs)
				: db_a_null(),
			    db_a_text(parameters != NULL ? parameters : "{}"),
			    db_a_text(in->slug)),
		    8, NULL, err);
	free(schedule);
	free(parameters);
	if (rc == 0 && ret_id != NULL) {
		*ret_id = id;
	}
	tx->fx |= FX_SCHEDULES;
	return rc;
}

/* As the reference: null leaves a field alone, too. */
static void apply(struct schedule_row *row, const struct schedule_in *in)
{
	if (in->schedule != NULL) {
		free(row->schedule);
		row->schedule = json_text(in->schedule);
	}
	if (DECODED_HAS(&in->has, SF_ACTIVE)) {
		row->active = in->active;
	}
	if (DECODED_HAS(&in->has, SF_MAX_RUNS)) {
		row->max_scheduled_runs = in->max_scheduled_runs;
	}
	if (DECODED_HAS(&in->has, SF_PARAMETERS)) {
		free(row->parameters);
		row->parameters = json_text(in->parameters);
	}
	if (DECODED_HAS(&in->has, SF_SLUG)) {
		free(row->slug);
		row->slug = xstrdup(in->slug);
	}
}

int schedule_change(struct tx *tx, struct schedule_row *row,
		    const struct schedule_in *in, struct error *err)
{
	apply(row, in);
	tx->fx |= FX_SCHEDULES;
	return db_exec(tx->c, SQL_SCHEDULE_UPDATE,
		       DB_ARGS(db_a_uuid(&row->id), db_a_time(tx->now_us + in->place),
			       db_a_text(row->schedule), db_a_int(row->active),
			       row->max_scheduled_runs >= 0
				   ? db_a_int(row->max_scheduled_runs)
				   : db_a_null(),
			       db_a_text(row->parameters), db_a_text(row->slug)),
		       7, NULL, err);
}
