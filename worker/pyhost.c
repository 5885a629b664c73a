/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pyhost.c - which template forks which run, when templates come and go, and why a run
 * is not warm.
 */
#include "worker/pyhost.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "worker/env.h"
#include "worker/pyhost_env.h"
#include "worker/pyhost_priv.h"

#ifndef PYHOST_DIR
#	define PYHOST_DIR "/usr/local/libexec/wf"
#endif
#define TICK_BUSY_MS 1000
#define TICK_IDLE_MS 30000

/* ---- why not ---- */

void pyhost_note_cold(struct pyhost *h, const char *key, const char *why)
{
	char *id = xasprintf("%s\n%s", key, why);

	/* the map is full of reasons when something is very wrong: debug then */
	if (map_get(&h->reasons, id) == NULL &&
	    map_set(&h->reasons, id, h, NULL) == 0) {
		log_info("Python runs start cold: %s", why);
	} else {
		log_debug("a Python run starts cold: %s", why);
	}
	free(id);
}

void pyhost_cold(struct pyhost_child *c, const char *why)
{
	pyhost_fn fn = c->fn;
	void *arg = c->arg;

	pyhost_note_cold(c->host, c->key->text, why);
	pyhost_child_free(c);
	fn(NULL, why, arg);
}

void pyhost_key_failed(struct pyhost *h, struct pyhost_key *key, const char *why)
{
	key->cold_until_ms = loop_now_ms(h->loop) + PYHOST_RETRY_MS;
	(void)snprintf(key->why, sizeof(key->why), "%.*s", (int)sizeof(key->why) - 1,
		       why);
}

/* ---- which template ---- */

static struct pyhost_template *best(const struct pyhost *h,
				    const struct pyhost_key *key)
{
	struct pyhost_template *t, *found = NULL;

	TAILQ_FOREACH (t, &h->templates, link) {
		if (t->key != key || t->state == TEMPLATE_ENDING) {
			continue;
		}
		/* ready before starting, fresh before stale */
		if (found == NULL ||
		    (t->state == TEMPLATE_READY && found->state != TEMPLATE_READY) ||
		    (t->state == found->state && found->stale && !t->stale)) {
			found = t;
		}
	}
	return found;
}

static int has_fresh(const struct pyhost *h, const struct pyhost_key *key)
{
	const struct pyhost_template *t;

	TAILQ_FOREACH (t, &h->templates, link) {
		if (t->key == key && !t->stale && t->state != TEMPLATE_ENDING) {
			return 1;
		}
	}
	return 0;
}

/* Ends the one that was not wanted for the longest time, if one is idle. */
static void make_room(struct pyhost *h)
{
	struct pyhost_template *t, *oldest = NULL;

	TAILQ_FOREACH (t, &h->templates, link) {
		if (t->state == TEMPLATE_READY && TAILQ_EMPTY(&t->queue) &&
		    (oldest == NULL || t->used_ms < oldest->used_ms)) {
			oldest = t;
		}
	}
	if (oldest != NULL) {
		pyhost_template_retire(oldest, "another environment needs its place");
	}
}

static struct pyhost_template *start_template(struct pyhost *h, struct pyhost_key *key,
					      struct error *err)
{
	struct pyhost_template *t;

	if (h->templates_count >= PYHOST_FIRST_TEMPLATES && key->seen < 2) {
		(void)err_set(err, ERR_BUSY, "its environment was not seen before");
		return NULL;
	}
	if (h->templates_count >= PYHOST_TEMPLATES_MAX) {
		make_room(h); /* for the next one: this place is free in a moment */
		(void)err_set(err, ERR_LIMIT,
			      "there are %d templates for other environments",
			      PYHOST_TEMPLATES_MAX);
		return NULL;
	}
	t = pyhost_template_new(h, key, err);
	if (t == NULL) {
		pyhost_key_failed(h, key, err->msg);
	} else {
		pyhost_watch_time(h);
	}
	return t;
}

static void look_at_age(struct pyhost *h, struct pyhost_template *t)
{
	struct error err;

	if (t->forks >= h->forks_max ||
	    loop_now_ms(h->loop) - t->started_ms >= PYHOST_AGE_MAX_MS) {
		t->stale = 1;
	}
	/* it goes on until its successor is ready */
	if (t->stale && t->state == TEMPLATE_READY && !has_fresh(h, t->key)) {
		(void)start_template(h, t->key, &err);
	}
}

int pyhost_place(struct pyhost *h, struct pyhost_child *c, struct error *err)
{
	struct pyhost_template *t = best(h, c->key);

	if (t == NULL && c->key->cold_until_ms > loop_now_ms(h->loop)) {
		return err_set(err, ERR_UNAVAILABLE, "%s", c->key->why);
	}
	if (t != NULL) {
		look_at_age(h, t);
	} else {
		t = start_template(h, c->key, err);
	}
	if (t == NULL) {
		return -err->code;
	}
	pyhost_template_add(t, c);
	return 0;
}

void pyhost_template_ready(struct pyhost_template *t)
{
	struct pyhost_template *other, *next;

	TAILQ_FOREACH_SAFE (other, &t->host->templates, link, next) {
		if (other != t && other->key == t->key && other->stale &&
		    other->state == TEMPLATE_READY) {
			pyhost_template_retire(other, "it is replaced");
		}
	}
}

/* ---- time ---- */

static int64_t look_at_template(struct pyhost *h, struct pyhost_template *t,
				int64_t now_ms)
{
	const struct pyhost_child *c = TAILQ_FIRST(&t->queue);

	if (t->state == TEMPLATE_STARTING && now_ms - t->started_ms > PYHOST_START_MS) {
		pyhost_template_fail(t, "wf-pyhost was not ready in time");
	} else if (t->state == TEMPLATE_READY && t->sent && c->due_ms <= now_ms) {
		pyhost_template_fail(t, "wf-pyhost did not answer in time");
	} else if (t->state == TEMPLATE_READY && c == NULL &&
		   (t->stale || now_ms - t->used_ms > PYHOST_IDLE_MS)) {
		if (!t->stale || has_fresh(h, t->key)) {
			pyhost_template_retire(t, "it is not needed");
		}
	}
	return t->state == TEMPLATE_READY && c == NULL ? TICK_IDLE_MS : TICK_BUSY_MS;
}

void pyhost_watch_time(struct pyhost *h)
{
	loop_timer_in(h->timer, TICK_BUSY_MS);
}

static void tick(void *arg)
{
	struct pyhost *h = arg;
	struct pyhost_template *t, *next;
	struct pyhost_child *c, *next_child;
	int64_t now_ms = loop_now_ms(h->loop), in_ms = TICK_IDLE_MS;

	TAILQ_FOREACH_SAFE (t, &h->templates, link, next) {
		in_ms = MIN_OF(in_ms, look_at_template(h, t, now_ms));
	}
	TAILQ_FOREACH_SAFE (c, &h->held, link, next_child) {
		in_ms = TICK_BUSY_MS;
		if (c->due_ms <= now_ms) {
			TAILQ_REMOVE(&h->held, c, link);
			pyhost_cold(c, "the child was not ready in time");
		}
	}
	if (!TAILQ_EMPTY(&h->templates) || !TAILQ_EMPTY(&h->held)) {
		loop_timer_in(h->timer, in_ms);
	}
}

/* ---- the way in ---- */

static struct pyhost_key *key_of(struct pyhost *h, char *const *env, struct error *err)
{
	char *text = pyhost_env_key(env, h->python);
	struct pyhost_key *key = map_get(&h->keys, text);

	if (key == NULL) {
		key = xcalloc(1, sizeof(*key));
		if (map_set(&h->keys, text, key, NULL) < 0) {
			(void)err_set(err, ERR_LIMIT,
				      "there are more than %d environments",
				      PYHOST_KEYS_MAX);
			pyhost_note_cold(h, "", err->msg);
			free(key);
			free(text);
			return NULL;
		}
		key->text = text;
		key->env = pyhost_env_template(h->environ_, env);
	} else {
		free(text);
	}
	key->seen++;
	return key;
}

/* NULL: cold. */
static struct pyhost_child *make_child(struct pyhost *h, const struct proc_spec *spec,
				       struct error *err)
{
	const char *why = pyhost_env_refusal(spec->envp);

	if (why != NULL) {
		(void)err_set(err, ERR_UNSUPPORTED, "%s", why);
		return NULL;
	}
	return pyhost_child_new(h, spec, err);
}

int pyhost_spawn(struct pyhost *h, const struct proc_spec *spec, pyhost_fn fn,
		 void *arg, struct error *err)
{
	struct pyhost_key *key = key_of(h, spec->envp, err);
	struct pyhost_child *c;
	int rc = -ERR_UNSUPPORTED;

	if (key == NULL) {
		return -err->code;
	}
	c = make_child(h, spec, err);
	if (c != NULL) {
		c->key = key;
		c->fn = fn;
		c->arg = arg;
		rc = pyhost_place(h, c, err);
	}
	if (rc < 0) {
		pyhost_note_cold(h, key->text, err->msg);
		pyhost_child_free(c);
	}
	return rc;
}

/* ---- life ---- */

static char *find_program(void)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	static const char *const beside[] = {"worker/pyhost", "../libexec/wf"};
	char *path, *slash;

	self[len > 0 ? len : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; i < ARRAY_LEN(beside) && slash != NULL; i++) {
		path = xasprintf("%.*s/%s/wf-pyhost", (int)(slash - self), self,
				 beside[i]);
		if (access(path, R_OK) == 0) {
			return path;
		}
		free(path);
	}
	path = xstrdup(PYHOST_DIR "/wf-pyhost");
	if (access(path, R_OK) == 0) {
		return path;
	}
	free(path);
	return NULL;
}

struct pyhost *pyhost_new(struct loop *loop, const struct pyhost_conf *conf,
			  struct error *err)
{
	char *program = conf->program != NULL ? xstrdup(conf->program) : find_program();
	struct pyhost *h;

	if (program == NULL) {
		(void)err_set(err, ERR_NOT_FOUND,
			      "wf-pyhost is not installed (in " PYHOST_DIR ")");
		return NULL;
	}
	h = xcalloc(1, sizeof(*h));
	h->loop = loop;
	h->program = program;
	h->python = xstrdup(conf->python);
	h->preload = xstrdup(conf->preload);
	h->environ_ = conf->environ_;
	h->forks_max = conf->forks_max > 0 ? conf->forks_max : PYHOST_FORKS_MAX;
	h->timer = loop_timer_new(loop, tick, h);
	map_init(&h->keys, PYHOST_KEYS_MAX);
	map_init(&h->reasons, PYHOST_REASONS_MAX);
	TAILQ_INIT(&h->templates);
	TAILQ_INIT(&h->held);
	return h;
}

void pyhost_free(struct pyhost *h)
{
	struct pyhost_template *t;
	struct pyhost_child *c;

	if (h == NULL) {
		return;
	}
	while ((t = TAILQ_FIRST(&h->templates)) != NULL) {
		pyhost_template_free(t);
	}
	while ((c = TAILQ_FIRST(&h->held)) != NULL) {
		TAILQ_REMOVE(&h->held, c, link);
		pyhost_child_free(c);
	}
	for (struct map_iter i = {0}; map_next(&h->keys, &i);) {
		struct pyhost_key *key = i.value;

		env_free(key->env);
		free(key->text);
		free(key);
	}
	map_release(&h->keys);
	map_release(&h->reasons);
	loop_timer_free(h->timer);
	free(h->python);
	free(h->program);
	free(h->preload);
	free(h);
}

void pyhost_log(const struct pyhost *h)
{
	const struct pyhost_template *t;
	static const char *const states[] = {"", "starting", "ready", "ending"};

	TAILQ_FOREACH (t, &h->templates, link) {
		log_info("  wf-pyhost %d %s: %u runs, %lld MB",
			 t->proc != NULL ? (int)proc_pid(t->proc) : 0, states[t->state],
			 t->forks, (long long)(t->rss_kb / 1024));
	}
}
