/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel_store.c - database work of the worker channel.
 */
#include "api/sockets/channel_store.h"

#include <stdlib.h>
#include <string.h>

#include "api/db/db.h"
#include "api/routes/changes.h"
#include "api/routes/pools/pool_store.h"
#include "api/routes/pools/pool_template.h"
#include "api/routes/pools/queue_store.h"
#include "api/routes/pools/worker_beat.h"
#include "api/sockets/channel_frame.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/mem.h"

#define QUEUES_MAX   1000 /* told to one worker */
#define UNAUTHORIZED "authorization_failed"
#define PROTOCOL     "protocol_error"

/* ---- the pool ---- */

static int make_pool(struct tx *tx, const char *name, const struct channel_hello *h,
		     struct work_pool *p, struct channel_view *v, struct error *err)
{
	struct error why = {0};
	char *base;
	struct pool_new n = {.name = name, .type = h->worker_type, .limit = -1};
	int rc;

	if (!h->create_pool_if_not_found || pool_name_reserved(name)) {
		v->refused = UNAUTHORIZED;
		return 0;
	}
	if (h->default_base_job_template != NULL &&
	    (template_check(h->default_base_job_template, &why) < 0 ||
	     template_check_defaults(h->default_base_job_template, &why) < 0)) {
		v->refused = PROTOCOL;
		return 0;
	}
	base = h->default_base_job_template != NULL
		   ? json_text(h->default_base_job_template)
		   : NULL;
	n.base_job_template = base;
	rc = pool_create(tx, &n, p, err);
	free(base);
	return rc;
}

/* A pool without a template takes that of the first worker. */
static int fill_template(struct tx *tx, struct work_pool *p,
			 const struct channel_hello *h, struct error *err)
{
	struct changes c;
	char *base;
	int rc;

	if (strcmp(p->base_job_template, "{}") != 0 ||
	    json_object_size(h->default_base_job_template) == 0 ||
	    template_check(h->default_base_job_template, NULL) < 0) {
		return 0;
	}
	base = json_text(h->default_base_job_template);
	changes_init(&c);
	changes_json_text(&c, "base_job_template", p->base_job_template, base);
	free(p->base_job_template);
	p->base_job_template = base;
	rc = db_exec(tx->c, SQL_WORK_POOL_UPDATE,
		     DB_ARGS(db_a_uuid(&p->id), db_a_time(tx->now_us),
			     db_a_text(p->description), db_a_text(base),
			     db_a_int(p->is_paused),
			     p->limit >= 0 ? db_a_int(p->limit) : db_a_null(),
			     db_a_text(p->storage)),
		     7, NULL, err);
	if (rc == 0) {
		rc = pool_emit(tx, p, "updated", changes_payload(&c), err);
	}
	changes_release(&c);
	tx->fx |= FX_POOLS;
	return rc;
}

static int beat(struct tx *tx, struct work_pool *p, const char *name,
		int64_t interval_s, const json_t *metadata, struct error *err)
{
	const struct worker_beat b = {
	    .name = name, .interval_s = interval_s, .metadata = metadata};

	return worker_heartbeat(tx, p, &b, err);
}

/* ---- queues ---- */

static void write_queue(struct jsonw *w, const struct uuid *id, const char *name)
{
	jsonw_obj(w, NULL);
	jsonw_uuid(w, "id", id);
	jsonw_str(w, "name", name);
	jsonw_obj_end(w);
}

static int named_queues(struct tx *tx, struct jsonw *w, const char *pool,
			const json_t *names, struct channel_view *v, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		struct work_queue q = {.limit = -1};

		rc = queue_find_by_name(tx, pool, name, &q, err);
		if (rc > 0) {
			write_queue(w, &q.id, q.name);
			rc = 0;
		} else if (rc == 0) {
			v->refused = UNAUTHORIZED;
		}
		queue_release(&q);
	}
	return rc;
}

static int all_queues(struct tx *tx, struct jsonw *w, const struct uuid *pool,
		      struct error *err)
{
	struct db_rows *rows = NULL;
	struct uuid id;
	int rc =
	    db_query(tx->c, SQL_WORK_QUEUE_IDS_OF_POOL,
		     DB_ARGS(db_a_uuid(pool), db_a_int(QUEUES_MAX)), 2, &rows, err);

	while (rc == 0 && (rc = db_next(rows, err)) > 0) {
		(void)db_uuid(rows, 0, &id);
		write_queue(w, &id, db_text(rows, 1));
		rc = 0;
	}
	db_rows_free(rows);
	return rc;
}

/* ---- frames ---- */

static void write_snapshot(struct jsonw *w, const char *key, const struct work_pool *p,
			   int64_t sequence, const char *reason)
{
	if (key != NULL) {
		jsonw_obj(w, key);
	}
	jsonw_int(w, "snapshot_sequence", sequence);
	jsonw_str(w, "reason", reason);
	pool_write(w, "work_pool", p);
	if (key != NULL) {
		jsonw_obj_end(w);
	}
}

static void note(struct channel_view *v, const struct work_pool *p)
{
	v->pool_id = p->id;
	v->seen = xasprintf("%d %lld %s %s", p->is_paused, (long long)p->limit,
			    p->base_job_template, p->storage);
}

static void write_capabilities(struct jsonw *w, const json_t *requested)
{
	jsonw_arr(w, "accepted_capabilities");
	jsonw_str(w, NULL, CHANNEL_BEATS);
	jsonw_str(w, NULL, CHANNEL_POOL);
	jsonw_arr_end(w);
	jsonw_arr(w, "rejected_capabilities");
	for (size_t i = 0; i < json_array_size(requested); i++) {
		const char *s = json_string_value(json_array_get(requested, i));

		if (strcmp(s, CHANNEL_BEATS) != 0 && strcmp(s, CHANNEL_POOL) != 0) {
			jsonw_str(w, NULL, s);
		}
	}
	jsonw_arr_end(w);
	jsonw_int(w, "effective_max_cleanup_concurrency", 0);
}

static int write_ready(struct tx *tx, const struct work_pool *p,
		       const struct channel_hello *h, struct channel_view *v,
		       struct error *err)
{
	struct jsonw w;
	int rc;

	jsonw_init(&w, &tx->body);
	channel_begin(&w, "worker.ready.v1", tx->now_us);
	jsonw_uuid(&w, "consumer_id", &h->consumer_id);
	jsonw_null(&w, "worker_id");
	jsonw_str(&w, "selected_channel_version", CHANNEL_VERSION);
	jsonw_int(&w, "effective_heartbeat_interval_seconds",
		  h->heartbeat_interval_seconds);
	write_capabilities(&w, h->requested_capabilities);
	jsonw_arr(&w, "resolved_work_queues");
	rc = json_array_size(h->work_queue_names) > 0
		 ? named_queues(tx, &w, p->name, h->work_queue_names, v, err)
		 : all_queues(tx, &w, &p->id, err);
	jsonw_arr_end(&w);
	write_snapshot(&w, "initial_snapshot", p, 1, "initial");
	channel_end(&w);
	return rc;
}

int channel_hello(struct tx *tx, const char *pool, const struct channel_hello *h,
		  struct channel_view *ret_view, struct error *err)
{
	struct channel_view v = {.refused = NULL};
	struct work_pool p = {.limit = -1};
	int rc = pool_find(tx, pool, &p, err);

	if (rc == 0) {
		rc = make_pool(tx, pool, h, &p, &v, err);
	} else if (rc > 0) {
		rc = fill_template(tx, &p, h, err);
	}
	if (rc == 0 && v.refused == NULL) {
		rc = beat(tx, &p, h->worker_name, h->heartbeat_interval_seconds,
			  h->worker_metadata, err);
	}
	if (rc == 0 && v.refused == NULL) {
		pool_release(&p);
		p = (struct work_pool){.limit = -1};
		rc = pool_find(tx, pool, &p, err); /* as it is after all this */
		rc = rc > 0 ? write_ready(tx, &p, h, &v, err) : rc;
		note(&v, &p);
	}
	pool_release(&p);
	*ret_view = v;
	return rc;
}

int channel_beat(struct tx *tx, const char *pool, const struct channel_beat *b,
		 struct error *err)
{
	struct work_pool p = {.limit = -1};
	int rc = pool_find(tx, pool, &p, err);

	if (rc > 0) {
		rc = beat(tx, &p, b->worker_name, b->heartbeat_interval_seconds, NULL,
			  err);
	} else if (rc == 0) {
		rc = err_set(err, ERR_NOT_FOUND, "work pool %s is gone", pool);
	}
	pool_release(&p);
	return rc;
}

int channel_snapshot(struct tx *tx, const struct channel_about *about,
		     struct channel_view *ret_view, struct error *err)
{
	struct channel_view v = {.refused = NULL};
	struct work_pool p = {.limit = -1};
	struct jsonw w;
	int rc = pool_find(tx, about->pool, &p, err);

	if (rc == 0 || (rc > 0 && !uuid_equal(&p.id, about->id))) {
		v.refused = UNAUTHORIZED;
		rc = 0;
	} else if (rc > 0) {
		jsonw_init(&w, &tx->body);
		channel_begin(&w, "work_pool.snapshot.v1", tx->now_us);
		write_snapshot(&w, NULL, &p, about->sequence, about->reason);
		channel_end(&w);
		note(&v, &p);
		rc = 0;
	}
	pool_release(&p);
	*ret_view = v;
	return rc;
}
