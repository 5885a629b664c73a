/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_link.c - see agent_link.h.
 *
 * A report is made at the end of the turn in which something changed: a burst of runs
 * is one packet.  When the socket is full the report is tried again shortly: only the
 * last one counts.
 */
#include "worker/agent_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/run_table.h"
#include "agent/slot_frame.h"
#include "base/carry.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "worker/worker.h"

#define MANY     10000
#define RETRY_MS 20

struct agent_link {
	struct worker *w;
	int fd;
	struct loop_io *io;
	struct loop_timer *retry;
	struct run_table *table;
	uint32_t number; /* of the last grant */
	enum link_want want;
	int pending, closed, table_full;
	struct slot_frame sent;
	uint64_t deaths;
	char last_death[256];
};

static void send_report(struct agent_link *l)
{
	const struct worker *w = l->w;
	int asked = w->source != NULL && w->source_ops->asked != NULL
			? w->source_ops->asked(w->source)
			: 0;
	struct slot_frame f = {
	    .kind = SLOT_REPORT,
	    .number = l->number,
	    .held = (uint32_t)map_count(&w->runs) + (uint32_t)asked,
	    .want = w->draining || w->no_queues ? 0
		    : l->want == LINK_WANT_MANY ? MANY
						: (uint32_t)l->want,
	    .flags = (w->ready ? SLOT_READY | SLOT_UPGRADES : 0u) |
		     (w->draining ? SLOT_DRAINING : 0u),
	};
	struct error err;

	if (f.number == l->sent.number && f.held == l->sent.held &&
	    f.want == l->sent.want && f.flags == l->sent.flags &&
	    l->sent.kind == SLOT_REPORT) {
		return;
	}
	if (slot_frame_send(l->fd, &f, &err) == -ERR_BUSY) {
		loop_timer_in(l->retry, RETRY_MS);
		return;
	}
	l->sent = f; /* when the socket is broken, reading tells */
}

static void on_retry(void *arg)
{
	send_report(arg);
}

static void report_later(void *arg)
{
	struct agent_link *l = arg;

	l->pending = 0;
	if (!l->closed) {
		send_report(l);
	}
}

void agent_link_changed(struct agent_link *l)
{
	if (l != NULL && !l->pending && !l->closed) {
		l->pending = 1;
		loop_defer(l->w->loop, report_later, l);
	}
}

void agent_link_appetite(struct agent_link *l, enum link_want want)
{
	if (l != NULL) {
		/* one that has slots knows better than one that was only woken */
		if (want != LINK_WANT_ONE || l->want == LINK_WANT_NONE) {
			l->want = want;
		}
		agent_link_changed(l);
	}
}

/* ---- what the agent says ---- */

static void free_list(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		free(list[i]);
	}
	free(list);
}

static void take_grant(struct agent_link *l, const struct slot_frame *f)
{
	struct worker *w = l->w;
	int64_t before = worker_free_slots(w);

	l->number = f->number;
	w->limit = f->slots;
	agent_link_changed(l);
	if (before == 0 && worker_free_slots(w) > 0 && w->source != NULL) {
		w->source_ops->kick(w->source);
	}
}

/* The strings move from F to the worker. */
static void take_queues(struct agent_link *l, struct slot_frame *f)
{
	struct worker *w = l->w;
	char **old = w->queues;

	w->queues = f->all ? NULL : f->queues;
	w->no_queues = !f->all && f->queue_count == 0;
	if (f->all) {
		free_list(f->queues);
	}
	f->queues = NULL;
	f->queue_count = 0;
	if (w->source != NULL && w->source_ops->set_queues != NULL) {
		w->source_ops->set_queues(w->source);
	}
	free_list(old);
	agent_link_changed(l);
}

static void take(struct agent_link *l, struct slot_frame *f)
{
	if (f->kind == SLOT_GRANT) {
		take_grant(l, f);
	} else if (f->kind == SLOT_QUEUES) {
		take_queues(l, f);
	} else if (f->kind == SLOT_TALLY) {
		l->deaths = f->deaths;
		(void)snprintf(l->last_death, sizeof(l->last_death), "%s", f->text);
	} else if (f->kind == SLOT_RETIRE) {
		l->w->retired = 1;
	}
}

static void on_readable(int fd, unsigned int events, void *arg)
{
	struct agent_link *l = arg;
	struct slot_frame f;
	struct error err;
	int rc;

	(void)events;
	for (;;) {
		f = (struct slot_frame){0};
		rc = slot_frame_read(fd, &f, &err);
		if (rc < 0) {
			break;
		}
		if (rc > 0) {
			take(l, &f);
			slot_frame_release(&f);
		}
	}
	if (rc != -ERR_EMPTY) {
		loop_io_free(l->io);
		l->io = NULL;
		log_warn("the agent is gone (%s): no new runs; those that run go on",
			 err.msg);
		l->w->on_orphaned(l->w);
	}
}

/* ---- the run table ---- */

void agent_link_hold(struct agent_link *l, const char *run_id, uint64_t token)
{
	struct error err;

	if (l == NULL) {
		return;
	}
	agent_link_changed(l);
	if (run_table_hold(l->table, run_id, token, &err) < 0 && !l->table_full) {
		/* its lease still ends by itself */
		log_warn("run %s is not in the agent's table: %s", run_id, err.msg);
		l->table_full = 1;
	}
}

void agent_link_ending(struct agent_link *l, const char *run_id)
{
	if (l != NULL) {
		run_table_ending(l->table, run_id);
	}
}

void agent_link_drop(struct agent_link *l, const char *run_id, uint64_t token,
		     int ending)
{
	if (l != NULL) {
		run_table_drop(l->table, run_id, token, ending);
		agent_link_changed(l);
	}
}

uint64_t agent_link_deaths(const struct agent_link *l)
{
	return l != NULL ? l->deaths : 0;
}

const char *agent_link_last_death(const struct agent_link *l)
{
	return l != NULL ? l->last_death : "";
}

/* ---- a handover ---- */

json_t *agent_link_carry(const struct agent_link *l, struct carry *to)
{
	json_t *o, *list = json_array();

	if (l == NULL) {
		json_decref(list);
		return json_null();
	}
	for (size_t i = 0; l->w->queues != NULL && l->w->queues[i] != NULL; i++) {
		json_array_append_new(list, json_string(l->w->queues[i]));
	}
	o = json_pack("{s:o, s:I, s:I, s:i, s:b, s:b, s:o, s:I, s:s}", "fd",
		      carry_fd(to, l->fd), "limit", (json_int_t)l->w->limit, "number",
		      (json_int_t)l->number, "want", (int)l->want, "all",
		      l->w->queues == NULL, "no_queues", l->w->no_queues, "queues",
		      list, "deaths", (json_int_t)l->deaths, "last_death",
		      l->last_death);
	return o;
}

void agent_link_carried(struct agent_link *l, const json_t *o)
{
	const json_t *list = json_object_get(o, "queues");
	size_t i, n = json_array_size(list);
	json_t *name;

	if (l == NULL) {
		return;
	}
	l->w->limit = carry_int(o, "limit");
	l->number = (uint32_t)carry_int(o, "number");
	l->want = (enum link_want)carry_int(o, "want");
	l->deaths = (uint64_t)carry_int(o, "deaths");
	l->w->no_queues = json_is_true(json_object_get(o, "no_queues"));
	(void)snprintf(l->last_death, sizeof(l->last_death), "%s",
		       carry_str(o, "last_death"));
	if (!json_is_true(json_object_get(o, "all"))) {
		free_list(l->w->queues);
		l->w->queues = xcalloc(n + 1, sizeof(*l->w->queues));
		json_array_foreach (list, i, name) {
			l->w->queues[i] = xstrdup(json_string_value(name));
		}
		if (l->w->source != NULL && l->w->source_ops->set_queues != NULL) {
			l->w->source_ops->set_queues(l->w->source);
		}
	}
	agent_link_changed(l);
}

/* ---- life ---- */

int agent_link_open(struct worker *w, int fd, const char *run_table, struct error *err)
{
	struct agent_link *l = xcalloc(1, sizeof(*l));
	int rc = run_table_open(run_table, &l->table, err);

	if (rc < 0) {
		free(l);
		return err_wrap(err, "--run-table %s", run_table);
	}
	l->w = w;
	l->fd = fd;
	l->want = LINK_WANT_ONE; /* nothing is known yet */
	l->retry = loop_timer_new(w->loop, on_retry, l);
	l->io = loop_io_new(w->loop, fd, LOOP_READ, on_readable, l);
	if (l->io == NULL) {
		agent_link_close(l);
		return err_set(err, ERR_INVALID, "--slots-fd %d is no socket", fd);
	}
	w->limit = 0;
	w->link = l;
	agent_link_changed(l);
	return 0;
}

static void free_link(void *arg)
{
	struct agent_link *l = arg;

	run_table_close(l->table);
	free(l);
}

void agent_link_close(struct agent_link *l)
{
	if (l == NULL) {
		return;
	}
	l->closed = 1;
	loop_io_free(l->io);
	loop_timer_free(l->retry);
	(void)close(l->fd);
	free_list(l->w->queues);
	l->w->queues = NULL;
	l->w->link = NULL;
	loop_defer_free(l->w->loop, free_link, l);
}
