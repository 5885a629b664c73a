/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_cache.c - results that are there already, and keeping those that are made.
 *
 * The key is that of the cache, or, for a task whose result is to be persisted, one of
 * its own in this flow run: then a run that goes on in another process finds it.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/timefmt.h"
#include "engine/expr/tmpl.h"
#include "engine/runner_priv.h"
#include "engine/store/store.h"

#define LOCK_POLL_MS   50
#define CACHE_FILE_MAX (256u << 20)

typedef void (*make_fn)(struct slot *s, const struct sched_run *run);

struct lookup { /* of one attempt */
	struct slot *s;
	struct sched_run run;
	make_fn make;
	struct loop_timer *timer;
	int asked; /* the store will answer */
};

static struct store *store_of(struct slot *s, struct error *err)
{
	struct runner *r = s->runner;
	const char *where = r->test_store != NULL      ? r->test_store
			    : s->plan->storage != NULL ? s->plan->storage
			    : r->flow->storage != NULL ? r->flow->storage
						       : opts_env("WF_RESULT_STORAGE");
	size_t i;

	for (i = 0; i < r->store_count; i++) {
		if (strcmp(r->stores[i].where, where != NULL ? where : "") == 0) {
			return r->stores[i].store;
		}
	}
	r->stores = xreallocarray(r->stores, r->store_count + 1, sizeof(*r->stores));
	r->stores[i].store = store_open(r->loop, where, err);
	if (r->stores[i].store == NULL) {
		return NULL;
	}
	r->stores[i].where = xstrdup(where != NULL ? where : "");
	r->store_count++;
	return r->stores[i].store;
}

/* ---- keys ---- */

static int add_files(const struct plan_cache *c, const char *cwd, json_t *parts,
		     struct error *err)
{
	json_t *all = json_object();
	char hex[65], *pattern;
	size_t i, k;
	int rc = 0;

	for (i = 0; i < c->files.count && rc == 0; i++) {
		glob_t found;

		pattern = *c->files.items[i] == '/'
			      ? xstrdup(c->files.items[i])
			      : xasprintf("%s/%s", cwd, c->files.items[i]);
		if (glob(pattern, GLOB_MARK, NULL, &found) == 0) {
			for (k = 0; k < found.gl_pathc && rc == 0; k++) {
				struct buf b;

				buf_init(&b);
				rc = buf_read_file(&b, found.gl_pathv[k],
						   CACHE_FILE_MAX, err);
				sha256_hex(b.data, b.len, hex);
				(void)json_object_set_new(all, found.gl_pathv[k],
							  json_string(hex));
				buf_release(&b);
			}
		}
		globfree(&found);
		free(pattern);
	}
	(void)json_object_set_new(parts, "files", all);
	return rc < 0 ? err_wrap(err, "cache.files") : 0;
}

static json_t *counted_inputs(const struct slot *s)
{
	json_t *inputs = json_copy(s->with != NULL ? s->with : NULL);
	size_t i;

	if (inputs == NULL) {
		inputs = json_object();
	}
	if (s->item != NULL) { /* what makes one item another one */
		const char *key;
		json_t *v;

		json_object_foreach (s->item, key, v) {
			if (strcmp(key, "index") != 0 &&
			    json_object_get(inputs, key) == NULL) {
				(void)json_object_set(inputs, key, v);
			}
		}
	}
	for (i = 0; i < s->plan->cache->minus.count; i++) {
		(void)json_object_del(inputs, s->plan->cache->minus.items[i]);
	}
	return inputs;
}

/* The key that the policy gives, or NULL: nothing to tell one call from another. */
static char *policy_key(const struct slot *s, struct error *err)
{
	const struct plan_cache *c = s->plan->cache;
	const struct runner *r = s->runner;
	json_t *parts = json_object(), *inputs;
	char id[UUID_TEXT_SIZE], *key = NULL;

	if ((c->policy & PLAN_CACHE_INPUTS) != 0) {
		inputs = counted_inputs(s);
		if (json_object_size(inputs) > 0) {
			(void)json_object_set(parts, "inputs", inputs);
		}
		json_decref(inputs);
	}
	if ((c->policy & PLAN_CACHE_SOURCE) != 0) {
		(void)json_object_set_new(parts, "source",
					  json_string(s->plan->source));
	}
	if ((c->policy & PLAN_CACHE_RUN_ID) != 0) {
		(void)json_object_set_new(parts, "run",
					  json_string(uuid_format(&r->run_id, id)));
	}
	if ((c->policy & PLAN_CACHE_PARAMS) != 0 && json_object_size(r->params) > 0) {
		(void)json_object_set(parts, "parameters", r->params);
	}
	if ((c->policy & PLAN_CACHE_FILES) == 0 ||
	    add_files(c, r->cwd, parts, err) == 0) {
		key = json_object_size(parts) > 0 ? store_key(parts) : NULL;
	}
	json_decref(parts);
	return key;
}

static int eval_key(const struct slot *s, const struct tmpl *t,
		    const struct sched_run *run, const char *what, char **ret_key,
		    struct error *err)
{
	struct values v = {.runner = s->runner, .env = &s->runner->env};
	json_t *task_run = runner_task_run_root(s, run);
	struct expr_scope scope = runner_scope(&v, s->with, task_run);
	char *text = NULL;
	int rc;

	scope.item = s->item;
	rc = runner_eval_text(t, &scope, what, &text, err);
	if (rc == 0 && *text != '\0') {
		*ret_key = store_key_clean(text);
	}
	free(text);
	json_decref(task_run);
	return rc;
}

static int persists(const struct slot *s)
{
	const struct plan_flow *f = s->runner->flow;

	if (s->plan->persist_result != PLAN_INHERIT) {
		return s->plan->persist_result;
	}
	return f->persist_result == 1 || f->suspends || s->plan->storage != NULL;
}

/* One result of this run: it is found again when the run goes on elsewhere. */
static char *run_key(const struct slot *s)
{
	size_t item = sched_item_of(s->runner->sched, s->unit);
	char id[UUID_TEXT_SIZE], *key;
	json_t *parts =
	    json_pack("{s:s, s:s, s:I}", "run", uuid_format(&s->runner->run_id, id),
		      "task", s->plan->key, "item",
		      item == SCHED_NO_TASK ? (json_int_t)-1 : (json_int_t)item);

	key = store_key(parts);
	json_decref(parts);
	return key;
}

static int make_key(struct slot *s, const struct sched_run *run, struct error *err)
{
	const struct plan_cache *c = s->plan->cache;
	const char *off = opts_env("WF_DISABLE_CACHING");

	free(s->cache_key);
	s->cache_key = NULL;
	if (s->plan->generator || s->plan->persist_result == 0) {
		return 0;
	}
	if (c != NULL && (off == NULL || *off == '\0')) {
		if (c->key != NULL) {
			return eval_key(s, c->key, run, "cache.key", &s->cache_key,
					err);
		}
		err->code = 0;
		s->cache_key = policy_key(s, err);
		if (err->code != 0) {
			return -err->code;
		}
	}
	if (s->cache_key == NULL && s->plan->storage_key != NULL) {
		return eval_key(s, s->plan->storage_key, run, "result_storage_key",
				&s->cache_key, err);
	}
	if (s->cache_key == NULL && c == NULL && persists(s)) {
		s->cache_key = run_key(s);
	}
	return 0;
}

/* ---- looking ---- */

static void note(struct slot *s, const char *what, const char *why)
{
	char text[700];

	(void)snprintf(text, sizeof(text), "%s: %.600s", what, why);
	runner_log(s->runner, s->unit, LEVEL_WARNING, "prefect.task_runs", text);
}

static void lookup_free(struct lookup *l)
{
	loop_timer_free(l->timer);
	free(l);
}

static void end_lookup(struct lookup *l)
{
	l->s->lookup = NULL;
	lookup_free(l);
}

static void make_it(struct lookup *l)
{
	struct slot *s = l->s;
	struct sched_run run = l->run;
	make_fn make = l->make;

	end_lookup(l);
	make(s, &run);
}

static int refreshes(const struct slot *s)
{
	const char *all = opts_env("PREFECT_TASKS_REFRESH_CACHE");

	return (s->plan->cache != NULL && s->plan->cache->refresh) ||
	       (all != NULL && (strcmp(all, "true") == 0 || strcmp(all, "1") == 0));
}

static void on_found(int rc, const char *text, size_t len, const char *why, void *arg)
{
	struct lookup *l = arg;
	struct slot *s = l->s;
	struct store_record record = {NULL, TIME_NONE};
	struct sched_event ev = {.type = SCHED_EV_ATTEMPT, .verdict = SCHED_CACHED};
	struct error err;

	if (s == NULL) {
		lookup_free(l);
		return;
	}
	if (rc == 0) {
		rc = record_read(text, len, &record, &err);
		why = rc < 0 ? err.msg : "";
	}
	if (rc < 0 && rc != -ERR_NOT_FOUND) {
		note(s, "A stored result is not used", why);
	}
	if (rc < 0 || (record.expires_us != TIME_NONE &&
		       record.expires_us <= runner_now(s->runner).us)) {
		json_decref(record.value);
		make_it(l);
		return;
	}
	ev.task = s->unit;
	json_decref(s->result);
	s->result = record.value;
	free(s->cache_key); /* it is stored already */
	s->cache_key = NULL;
	end_lookup(l);
	runner_feed(s->runner, &ev);
}

static void look(struct lookup *l)
{
	struct error err;
	struct store *store = store_of(l->s, &err);

	if (store == NULL) {
		note(l->s, "The result is neither looked for nor kept", err.msg);
		free(l->s->cache_key);
		l->s->cache_key = NULL;
		make_it(l);
	} else if (refreshes(l->s)) {
		make_it(l);
	} else {
		l->asked = 1;
		store_get(store, l->s->cache_key, on_found, l);
	}
}

static void try_lock(void *arg)
{
	struct lookup *l = arg;
	struct error err;
	struct store *store = store_of(l->s, &err);
	int fd = store != NULL ? store_lock(store, l->s->cache_key, &err) : -err.code;

	if (fd == -ERR_BUSY) {
		loop_timer_in(l->timer, LOCK_POLL_MS);
		return;
	}
	if (fd < 0) {
		note(l->s, "The key could not be locked", err.msg);
	} else {
		l->s->lock_fd = fd;
	}
	look(l);
}

static int is_serial(const struct slot *s)
{
	const struct plan_flow *f = s->runner->flow;

	return (s->plan->cache != NULL && s->plan->cache->serializable) ||
	       (s->plan->txn > 0 && f->txns[s->plan->txn - 1].serializable);
}

void runner_cache_run(struct slot *s, const struct sched_run *run, make_fn make)
{
	struct error err = {.code = 0};
	struct lookup *l;

	if (make_key(s, run, &err) < 0) {
		note(s, "The result is not cached", err.msg);
		free(s->cache_key);
		s->cache_key = NULL;
	}
	if (s->cache_key == NULL) {
		make(s, run);
		return;
	}
	l = s->lookup = xcalloc(1, sizeof(*l));
	l->s = s;
	l->run = *run;
	l->make = make;
	if (is_serial(s) && s->lock_fd < 0) {
		l->timer = loop_timer_new(s->runner->loop, try_lock, l);
		try_lock(l);
	} else {
		look(l);
	}
}

/* ---- keeping ---- */

static void on_kept(int rc, const char *text, size_t len, const char *why, void *arg)
{
	struct runner *r = arg;
	char line[700];

	(void)text;
	(void)len;
	if (rc < 0) {
		(void)snprintf(line, sizeof(line), "A result was not kept: %.600s",
			       why);
		runner_log(r, SCHED_NO_TASK, LEVEL_WARNING, "prefect.flow_runs", line);
	}
	if (--r->storing == 0 && r->ending && !r->freeing) {
		r->session->ops->close(r->session);
	}
}

static void on_removed(int rc, const char *text, size_t len, const char *why, void *arg)
{
	(void)rc;
	(void)text;
	(void)len;
	(void)why;
	(void)arg;
}

void runner_cache_store(struct runner *r, size_t unit)
{
	struct slot *s = runner_slot(r, unit);
	struct store *store;
	struct error err;
	int64_t expires = TIME_NONE;
	char *text;

	if (s->cache_key == NULL || s->result == NULL) {
		return;
	}
	store = store_of(s, &err);
	if (store == NULL) {
		return;
	}
	if (s->plan->cache != NULL && s->plan->cache->expires_s > 0) {
		expires = runner_now(r).us + (int64_t)(s->plan->cache->expires_s * 1e6);
	}
	text = record_write(store, s->cache_key, s->result, expires);
	r->storing++;
	store_put(store, s->cache_key, text, strlen(text), on_kept, r);
	free(text);
	runner_cache_unlock(s);
}

/* Rolled back: what was made does not count. */
void runner_cache_drop(struct runner *r, size_t unit)
{
	struct slot *s = runner_slot(r, unit);
	struct error err;
	struct store *store;

	if (s->cache_key != NULL && (store = store_of(s, &err)) != NULL) {
		store_remove(store, s->cache_key, on_removed, NULL);
		free(s->cache_key);
		s->cache_key = NULL;
	}
	runner_cache_unlock(s);
}

void runner_cache_unlock(struct slot *s)
{
	store_unlock(s->lock_fd);
	s->lock_fd = -1;
	if (s->lookup != NULL) {
		struct lookup *l = s->lookup;

		s->lookup = NULL;
		if (l->asked) {
			l->s = NULL;
		} else {
			lookup_free(l);
		}
	}
}
