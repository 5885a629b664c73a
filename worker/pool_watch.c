/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_watch.c - reads the pool, beats, looks again.
 */
#include "worker/pool_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "worker/beat.h"
#include "worker/rest.h"
#include "worker/worker.h"

#define TEMPLATE_MAX (1u << 20)
#define JITTER       0.3
#define QUEUES_MAX   200
#define QUICK_MS     2000 /* between heartbeats because of the slots in use */

struct pool_watch {
	struct worker *w;
	char *path; /* "/work_pools/<name>" */
	struct loop_timer *timer, *quick;
	int64_t beat_ms; /* last heartbeat, and what it said */
	size_t beat_slots;
	int beat_draining;
	struct backoff backoff;
	void (*ready)(struct worker *w);
	void (*failed)(struct worker *w, const char *message);
	int calls, freed, is_ready, paused, failing, missing;
	char *paused_queues; /* names, for the log */
};

static void look(void *arg);
static void beat(struct pool_watch *p);

static void maybe_free(struct pool_watch *p)
{
	if (p->freed && p->calls == 0) {
		loop_timer_free(p->timer);
		loop_timer_free(p->quick);
		free(p->path);
		free(p->paused_queues);
		free(p);
	}
}

static int ended(struct pool_watch *p)
{
	p->calls--;
	if (p->freed) {
		maybe_free(p);
		return 1;
	}
	return 0;
}

static int ask(struct pool_watch *p, const char *method, json_t *body, rest_fn fn,
	       const char *path)
{
	int rc;

	p->calls++;
	rc = rest_call(p->w->rest, method, body, fn, p, "%s", path);
	if (rc < 0) {
		p->calls--;
		loop_timer_in(p->timer, backoff_next(&p->backoff, random_unit()));
	}
	return rc;
}

static void again(struct pool_watch *p, const struct error *err)
{
	if (!p->failing) {
		log_warn("the API does not answer: %s; trying again", err->msg);
	}
	p->failing = 1;
	loop_timer_in(p->timer, backoff_next(&p->backoff, random_unit()));
}

static void next_beat(struct pool_watch *p)
{
	double ms = clamped_poisson((double)p->w->conf->heartbeat_s * 1000.0, JITTER,
				    random_unit());

	if (p->failing) {
		log_info("the API answers again");
		p->failing = 0;
	}
	backoff_reset(&p->backoff);
	loop_timer_in(p->timer, (int64_t)ms);
}

static void on_beat(int rc, int status, const json_t *body, const struct error *err,
		    void *arg)
{
	struct pool_watch *p = arg;

	if (ended(p)) {
		return;
	}
	if (rc < 0 && http_is_retryable(status == 0 ? rc : 0, status)) {
		again(p, err);
		return;
	}
	if (rc < 0) {
		log_warn("heartbeat: %s", err->msg);
	}
	next_beat(p);
	if (json_is_true(json_object_get(body, "drain"))) {
		p->w->on_drain(p->w);
	}
	if (!p->is_ready) {
		p->is_ready = 1;
		p->ready(p->w);
	}
}

static void beat(struct pool_watch *p)
{
	char *path;

	if (p->w->retired) {
		next_beat(p); /* our successor has our name */
		return;
	}
	path = xasprintf("%s/workers/heartbeat", p->path);
	p->beat_ms = loop_now_ms(p->w->loop);
	p->beat_slots = map_count(&p->w->runs);
	p->beat_draining = p->w->draining;
	(void)ask(p, "POST", beat_body(p->w), on_beat, path);
	free(path);
}

/* A beat between two looks at the pool. */
static void quick_beat(void *arg)
{
	struct pool_watch *p = arg;

	if (p->is_ready && !p->freed && p->calls == 0) {
		beat(p);
	}
}

void pool_watch_changed(struct pool_watch *p)
{
	int64_t now, at;

	if (p == NULL || !p->is_ready) {
		return;
	}
	if (p->beat_draining != p->w->draining) {
		p->beat_draining = p->w->draining;
		loop_timer_in(p->quick, 0);
	} else if (p->beat_slots != map_count(&p->w->runs)) {
		now = loop_now_ms(p->w->loop);
		at = p->beat_ms + QUICK_MS;
		p->beat_slots = map_count(&p->w->runs);
		loop_timer_at(p->quick, MAX_OF(at, now));
	}
}

static int serves(const struct pool_watch *p, const char *queue)
{
	const char *const *list = worker_queues(p->w);

	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		if (strcmp(list[i], queue) == 0) {
			return 1;
		}
	}
	return list == NULL;
}

static void on_queues(int rc, int status, const json_t *body, const struct error *err,
		      void *arg)
{
	struct pool_watch *p = arg;
	struct buf names;
	size_t i;
	json_t *q;

	(void)status;
	(void)err;
	if (ended(p)) {
		return;
	}
	buf_init(&names);
	json_array_foreach (rc == 0 ? body : NULL, i, q) {
		const char *name = json_string_value(json_object_get(q, "name"));

		if (name != NULL && serves(p, name) &&
		    json_is_true(json_object_get(q, "is_paused"))) {
			buf_addf(&names, "%s'%s'", names.len > 0 ? ", " : "", name);
		}
	}
	if (rc == 0 && strcmp(names.data, p->paused_queues) != 0) {
		if (names.len > 0) {
			log_warn("paused work queues: %s; their runs wait", names.data);
		} else {
			log_info("no work queue is paused any more");
		}
		free(p->paused_queues);
		p->paused_queues = xstrdup(names.data);
	}
	buf_release(&names);
	beat(p);
}

static void take_pool(struct pool_watch *p, const json_t *pool)
{
	int paused = json_is_true(json_object_get(pool, "is_paused"));
	const char *type = json_string_value(json_object_get(pool, "type"));
	char *path;

	json_decref(p->w->pool);
	p->w->pool = json_deep_copy(pool);
	if (paused != p->paused) {
		if (paused) {
			log_warn("work pool '%s' is paused: its runs wait",
				 p->w->conf->pool);
		} else {
			log_info("work pool '%s' is not paused any more",
				 p->w->conf->pool);
		}
	}
	p->paused = paused;
	if (!p->is_ready && type != NULL && strcmp(type, "process") != 0) {
		log_warn(
		    "work pool '%s' is of type '%s'; its runs are started as processes",
		    p->w->conf->pool, type);
	}
	path = xasprintf("%s/queues/filter", p->path);
	(void)ask(p, "POST", json_pack("{s:i}", "limit", QUEUES_MAX), on_queues, path);
	free(path);
}

static void on_created(int rc, int status, const json_t *body, const struct error *err,
		       void *arg)
{
	struct pool_watch *p = arg;

	if (ended(p)) {
		return;
	}
	if (rc == 0) {
		log_info("created work pool '%s'", p->w->conf->pool);
		take_pool(p, body);
	} else if (status == 409) {
		look(p); /* somebody else was quicker */
	} else if (http_is_retryable(status == 0 ? rc : 0, status)) {
		again(p, err);
	} else {
		p->failed(p->w, err->msg);
	}
}

/* The template of --base-job-template; {} lets the server or the first worker fill it.
 */
static json_t *own_template(const struct pool_watch *p)
{
	const char *file = p->w->conf->base_job_template;
	json_t *v = NULL;
	struct error err = {0};
	struct buf b;

	if (file[0] == '\0') {
		return json_object();
	}
	buf_init(&b);
	if (buf_read_file(&b, file, TEMPLATE_MAX, &err) == 0) {
		v = json_parse(b.data, b.len, TEMPLATE_MAX, &err);
	}
	if (v == NULL) {
		log_warn("--base-job-template %s is not used: %s", file, err.msg);
	}
	buf_release(&b);
	return v != NULL ? v : json_object();
}

static void create(struct pool_watch *p)
{
	if (!p->w->conf->create_pool) {
		if (!p->missing) {
			log_warn("work pool '%s' does not exist and is not created "
				 "(--no-create-pool-if-not-found): waiting for it",
				 p->w->conf->pool);
		}
		p->missing = 1;
		loop_timer_in(p->timer, backoff_next(&p->backoff, random_unit()));
		return;
	}
	(void)ask(p, "POST",
		  json_pack("{s:s, s:s, s:o}", "name", p->w->conf->pool, "type",
			    p->w->conf->type, "base_job_template", own_template(p)),
		  on_created, "/work_pools/");
}

static void on_pool(int rc, int status, const json_t *body, const struct error *err,
		    void *arg)
{
	struct pool_watch *p = arg;

	if (ended(p)) {
		return;
	}
	if (rc == 0) {
		take_pool(p, body);
	} else if (status == 404) {
		create(p);
	} else if (http_is_retryable(status == 0 ? rc : 0, status)) {
		again(p, err);
	} else {
		p->failed(p->w, err->msg);
	}
}

static void look(void *arg)
{
	struct pool_watch *p = arg;

	p->w->looked_ms = loop_now_ms(p->w->loop);
	(void)ask(p, "GET", NULL, on_pool, p->path);
}

struct pool_watch *pool_watch_new(struct worker *w, void (*ready)(struct worker *w),
				  void (*failed)(struct worker *w, const char *message))
{
	struct pool_watch *p = xcalloc(1, sizeof(*p));
	char *enc = url_encode(w->conf->pool);

	p->w = w;
	p->ready = ready;
	p->failed = failed;
	p->path = xasprintf("/work_pools/%s", enc);
	p->paused_queues = xstrdup("");
	backoff_init(&p->backoff, 250, 30000);
	p->timer = loop_timer_new(w->loop, look, p);
	p->quick = loop_timer_new(w->loop, quick_beat, p);
	free(enc);
	look(p);
	return p;
}

void pool_watch_free(struct pool_watch *p)
{
	if (p != NULL) {
		p->freed = 1;
		loop_timer_stop(p->timer);
		loop_timer_stop(p->quick);
		maybe_free(p);
	}
}
