/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beat.c - see beat.h.
 */
#include "worker/beat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "base/uuid.h"
#include "worker/agent_link.h"
#include "worker/worker.h"

/* Which queues we claim from (none: all), so that the API knows them to be looked
 * after. */
static json_t *served_queues(const struct worker *w)
{
	const char *const *list = worker_queues(w);
	json_t *names = json_array();

	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		json_array_append_new(names, json_string(list[i]));
	}
	return names;
}

/* This process, as against another one of the same name. */
static const char *instance(void)
{
	static char text[UUID_TEXT_SIZE];
	struct uuid id;

	if (text[0] == '\0') {
		uuid_v4(&id);
		(void)uuid_format(&id, text);
	}
	return text;
}

static void add_renewal(const struct worker *w, json_t *m)
{
	char when[TIME_TEXT_SIZE];
	int64_t at_ms = w->source != NULL && w->source_ops->renewed_ms != NULL
			    ? w->source_ops->renewed_ms(w->source)
			    : 0;

	if (at_ms > 0) {
		int64_t ago_ms = loop_now_ms(w->loop) - at_ms;

		json_object_set_new(
		    m, "last_renewal",
		    json_string(
			time_format(loop_wall_us(w->loop) - ago_ms * CLOCK_US_PER_MS,
				    when, sizeof(when))));
	}
}

static json_t *metadata(const struct worker *w)
{
	char host[256] = "";
	double load = 0;
	json_t *m;

	(void)gethostname(host, sizeof(host) - 1);
	m = json_pack("{s:s, s:s, s:s, s:s*, s:i, s:I, s:I}", "version",
		      PACKAGE_VERSION, "instance", instance(), "state",
		      w->draining ? "draining" : "serving", "host", host, "pid",
		      (int)getpid(), "slots_used", (json_int_t)map_count(&w->runs),
		      "slots_limit", (json_int_t)w->limit);
	if (getloadavg(&load, 1) == 1) {
		json_object_set_new(m, "load", json_real(load));
	}
	add_renewal(w, m);
	if (w->link != NULL) {
		json_object_set_new(
		    m, "deaths", json_integer((json_int_t)agent_link_deaths(w->link)));
		if (agent_link_last_death(w->link)[0] != '\0') {
			json_object_set_new(
			    m, "last_death",
			    json_string(agent_link_last_death(w->link)));
		}
	}
	return m;
}

json_t *beat_body(const struct worker *w)
{
	json_t *body = json_pack(
	    "{s:s, s:I, s:o}", "name", w->conf->name, "heartbeat_interval_seconds",
	    (json_int_t)w->conf->heartbeat_s, "metadata", metadata(w));

	if (!w->no_queues) {
		json_object_set_new(body, "work_queue_names", served_queues(w));
	}
	return body;
}
