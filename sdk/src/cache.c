/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.c - results that are there already: .cache, .cache_key, .cache_ttl.
 *
 * The keys are made of the same parts as those of YAML tasks; records are those of
 * engine/store/.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/timefmt.h"
#include "engine/store/store.h"
#include "sdk/src/host.h"
#include "sdk/src/parts.h"
#include "sdk/src/registry.h"

static struct store *store_of(struct host *h, struct error *err)
{
	if (h->store == NULL) {
		h->store = store_open(h->loop, opts_env("WF_RESULT_STORAGE"), err);
	}
	return h->store;
}

/* Without the inputs of .cache_without, "token,now". */
static json_t *counted_inputs(const struct call *c, const wf_task *t)
{
	json_t *inputs = json_copy(c->in);
	char *list, *at, *one;

	if (t->cache_without == NULL) {
		return inputs;
	}
	list = at = xstrdup(t->cache_without);
	while ((one = strsep(&at, ", ")) != NULL) {
		(void)json_object_del(inputs, one);
	}
	free(list);
	return inputs;
}

static char *policy_key(const struct call *c, const wf_task *t)
{
	const struct runner *r = c->h->runner;
	json_t *parts = json_object(), *inputs;
	char id[UUID_TEXT_SIZE], *key;

	if ((t->cache & WF_INPUTS) != 0) {
		inputs = counted_inputs(c, t);
		if (json_object_size(inputs) > 0) {
			(void)json_object_set(parts, "inputs", inputs);
		}
		json_decref(inputs);
	}
	if ((t->cache & WF_TASK_SOURCE) != 0) {
		(void)json_object_set_new(
		    parts, "source",
		    json_string(registry_plan_task(c->task)->task_key));
	}
	if ((t->cache & WF_RUN_ID) != 0) {
		(void)json_object_set_new(parts, "run",
					  json_string(uuid_format(&r->run_id, id)));
	}
	if ((t->cache & WF_FLOW_PARAMETERS) != 0 && json_object_size(r->params) > 0) {
		(void)json_object_set(parts, "parameters", r->params);
	}
	key = json_object_size(parts) > 0 ? store_key(parts) : NULL;
	json_decref(parts);
	return key;
}

static void warn(const struct call *c, const char *what, const char *why)
{
	char *text = xasprintf("%s: %s", what, why != NULL ? why : "unknown reason");

	runner_log(c->h->runner, c->index, LEVEL_WARNING, "prefect.task_runs", text);
	free(text);
}

static int is_fresh(const struct call *c, const struct store_record *record)
{
	return record->expires_us == TIME_NONE ||
	       record->expires_us > host_now(c->h).us;
}

static void on_found(int rc, const char *text, size_t len, const char *why, void *arg)
{
	struct call *c = arg;
	struct store_record record = {.value = NULL};
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT, .task = c->index, .verdict = SCHED_CACHED};
	struct error err;

	c->looking = 0;
	if (rc == 0 && record_read(text, len, &record, &err) == 0 &&
	    is_fresh(c, &record)) {
		json_decref(c->result);
		c->result = record.value;
		runner_feed(c->h->runner, &ev);
		return;
	}
	json_decref(record.value);
	if (rc < 0 && rc != -ERR_NOT_FOUND) {
		warn(c, "The result could not be looked up", why);
	}
	host_attempt(c);
}

int cache_look(struct call *c)
{
	const wf_task *t = registry_get_task(c->task);
	struct error err;

	free(c->store_key);
	c->store_key = NULL;
	if (t->cache_key != NULL && c->cache_key != NULL) {
		c->store_key = store_key_clean(c->cache_key);
	} else if (t->cache_key == NULL && t->cache != WF_NO_CACHE) {
		c->store_key = policy_key(c, t);
	}
	if (c->store_key == NULL) {
		return 0;
	}
	if (store_of(c->h, &err) == NULL) {
		warn(c, "Results cannot be stored", err.msg);
		free(c->store_key);
		c->store_key = NULL;
		return 0;
	}
	if (t->cache_refresh) {
		return 0;
	}
	c->looking = 1;
	store_get(c->h->store, c->store_key, on_found, c);
	return 1;
}

static void on_kept(int rc, const char *text, size_t len, const char *why, void *arg)
{
	struct call *c = arg;
	struct sched_event ev = {
	    .type = SCHED_EV_ATTEMPT, .task = c->index, .verdict = SCHED_OK};

	(void)text;
	(void)len;
	c->looking = 0;
	if (rc < 0) {
		warn(c, "The result could not be stored", why);
	}
	runner_feed(c->h->runner, &ev);
}

int cache_keep(struct call *c)
{
	const wf_task *t = registry_get_task(c->task);
	int64_t expires_us = TIME_NONE;
	char *text;

	if (c->store_key == NULL) {
		return 0;
	}
	if (t->cache_ttl > 0) {
		expires_us = host_now(c->h).us + (int64_t)(t->cache_ttl * 1e6);
	}
	text = record_write(c->h->store, c->store_key, c->result, expires_us);
	c->looking = 1;
	store_put(c->h->store, c->store_key, text, strlen(text), on_kept, c);
	free(text);
	return 1;
}

/* Before the calls go: answers that are still on their way are for them. */
void cache_close(struct host *h)
{
	size_t i;

	for (i = 0; i < h->call_count; i++) {
		if (h->calls[i]->looking) {
			store_free(h->store);
			h->store = NULL;
			return;
		}
	}
}
