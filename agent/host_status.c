/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_status.c - DATA_DIR/agent/status.json for people and monitors, a line for
 * systemd, and what SIGUSR1 prints.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host.h"
#include "agent/slot_frame.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/notify.h"
#include "base/timefmt.h"

static const char *state_of(const struct host_pool *p)
{
	const struct host_worker *w = p->current;

	if (w == NULL) {
		return p->drained ? "drained" : "waiting";
	}
	if (w->proc == NULL) {
		return "died";
	}
	if (w->stop_told || (w->flags & SLOT_DRAINING) != 0) {
		return "draining";
	}
	return (w->flags & SLOT_READY) != 0 ? "serving" : "starting";
}

static int granted(const struct host_worker *w)
{
	return w != NULL && w->sharer >= 0
		   ? w->pool->host->slots.sharer[w->sharer].granted
		   : 0;
}

static json_t *pool_json(const struct host_pool *p)
{
	const struct host_worker *w = p->current;
	int64_t now = loop_now_ms(p->host->loop);
	json_t *queues = json_null();
	json_t *o;

	if (p->queues != NULL) {
		queues = json_array();
		for (size_t i = 0; p->queues[i] != NULL; i++) {
			json_array_append_new(queues, json_string(p->queues[i]));
		}
	}
	o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o}", "pool", p->name,
		      "worker", p->worker_name, "state", state_of(p), "pid",
		      w != NULL && w->proc != NULL ? w->pid : 0, "weight", p->weight,
		      "slots_used", w != NULL ? w->held : 0, "slots_granted",
		      granted(w), "wanted", w != NULL ? w->want : 0, "queues", queues);
	json_object_set_new(o, "deaths", json_integer((json_int_t)p->tally.deaths));
	json_object_set_new(o, "deaths_in_a_row",
			    json_integer((json_int_t)p->tally.in_a_row));
	if (p->tally.deaths > 0) {
		json_object_set_new(o, "last_death", json_string(p->tally.last));
		json_object_set_new(
		    o, "last_death_seconds_ago",
		    json_integer((json_int_t)((now - p->tally.last_death_ms) / 1000)));
	}
	return o;
}

static json_t *status_json(const struct host *h)
{
	char when[TIME_TEXT_SIZE], why[160];
	struct host_pool *p;
	struct host_worker *w;
	json_t *pools = json_array(), *retired = json_array(), *o;

	TAILQ_FOREACH (p, &h->pool_list, link) {
		json_array_append_new(pools, pool_json(p));
	}
	TAILQ_FOREACH (w, &h->workers, link) {
		if (w->retired) {
			json_array_append_new(
			    retired, json_pack("{s:s, s:i, s:i}", "pool", w->pool->name,
					       "pid", w->pid, "slots_used", w->held));
		}
	}
	admit_describe(&h->admit, why, sizeof(why));
	o = json_pack("{s:s, s:s, s:i, s:s, s:b, s:s, s:i, s:i, s:o, s:o}", "name",
		      h->conf->name, "version", PACKAGE_VERSION, "pid", (int)getpid(),
		      "updated", time_format(loop_wall_us(h->loop), when, sizeof(when)),
		      "draining", h->draining, "admission", why, "slots_used",
		      slots_held(&h->slots), "slots_limit", h->slots.limit, "pools",
		      pools, "retired_workers", retired);
	if (h->admit.last.load >= 0) {
		json_object_set_new(o, "load", json_real(h->admit.last.load));
	}
	if (h->admit.last.free_bytes >= 0) {
		json_object_set_new(o, "free_memory_bytes",
				    json_integer((json_int_t)h->admit.last.free_bytes));
	}
	return o;
}

static void tell_manager(struct host *h)
{
	struct host_pool *p;
	int ready = 1;

	TAILQ_FOREACH (p, &h->pool_list, link) {
		ready &= p->drained || strcmp(state_of(p), "starting") != 0;
	}
	if (ready && !h->started_told) {
		h->started_told = 1;
		notify_ready(h->notify);
		log_info("Agent '%s' started! %d pools, %d slots", h->conf->name,
			 h->pool_count, h->slots.limit);
	}
	notify_status(h->notify, "%d pools, %d of %d slots used%s%s", h->pool_count,
		      slots_held(&h->slots), h->slots.limit,
		      admit_is_open(&h->admit) ? "" : ", the host is full",
		      h->draining ? ", draining" : "");
}

/* A rename, no sync: after a crash of the machine nobody needs it. */
static void write_file(const struct host *h, const char *text)
{
	char *path = xasprintf("%s/status.json", h->dir);
	char *fresh = xasprintf("%s/status.new", h->dir);
	FILE *f = fopen(fresh, "we");
	int ok = f != NULL && fputs(text, f) >= 0 && fputs("\n", f) >= 0;

	if (f != NULL) {
		ok = fclose(f) == 0 && ok;
	}
	if (!ok || rename(fresh, path) != 0) {
		log_debug("cannot write %s", path);
	}
	free(fresh);
	free(path);
}

void host_status_write(struct host *h)
{
	json_t *o = status_json(h);
	char *body = json_text(o);

	write_file(h, body);
	tell_manager(h);
	free(body);
	json_decref(o);
}

static void write_now(void *arg)
{
	struct host *h = arg;

	h->status_pending = 0;
	tell_manager(h);
}

void host_status_changed(struct host *h)
{
	if (!h->status_pending) {
		h->status_pending = 1;
		loop_defer(h->loop, write_now, h);
	}
}

void host_status_dump(const struct host *h)
{
	json_t *o = status_json(h);
	char *body = json_text(o);

	log_info("state: %s", body);
	trace_dump(STDERR_FILENO);
	free(body);
	json_decref(o);
}
