/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_handover.c - a new version of the program takes over (SIGUSR2), in the same
 * process: the workers stay its children and their sockets stay open.
 *
 * What the new program has to know goes into a memory file whose descriptor is named in
 * the environment.  It then starts a worker of the new version for each pool; the old
 * ones drain without a limit, so no run is ended.  Signals stay blocked from before the
 * exec until the new program has its handlers.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/host.h"
#include "agent/slot_frame.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/notify.h"
#include "base/opts.h"

#define VARIABLE      "WF_AGENT_HANDOVER"
#define STATE_VERSION 1
#define STATE_MAX     (4u << 20)

extern char **environ;

/* ---- the old program ---- */

static json_t *pack_worker(const struct host_worker *w)
{
	const struct slots_sharer none = {0};
	const struct slots_sharer *s =
	    w->sharer >= 0 ? &w->pool->host->slots.sharer[w->sharer] : &none;
	int64_t now = loop_now_ms(w->pool->host->loop);

	return json_pack("{s:s, s:i, s:i, s:s, s:b, s:b, s:b, s:I, s:i, s:i, s:i, s:b, "
			 "s:i, s:I, s:i}",
			 "pool", w->pool->name, "pid", w->pid, "fd", w->fd, "table",
			 w->table, "retired", w->retired, "stop_told", w->stop_told,
			 "current", w->pool->current == w, "kill_in_ms",
			 (json_int_t)(w->kill_at_ms > 0 ? w->kill_at_ms - now : 0),
			 "held", w->held, "want", w->want, "flags", (int)w->flags,
			 "shares", w->sharer >= 0, "granted", s->granted, "told",
			 (json_int_t)s->told, "believed", s->believed);
}

static json_t *pack_pool(const struct host_pool *p)
{
	return json_pack("{s:s, s:b, s:I, s:I, s:i, s:s}", "pool", p->name, "drained",
			 p->drained, "deaths", (json_int_t)p->tally.deaths, "in_a_row",
			 (json_int_t)p->tally.in_a_row, "attempt",
			 (int)p->tally.backoff.attempt, "last", p->tally.last);
}

static char *pack(const struct host *h)
{
	json_t *pools = json_array(), *workers = json_array(), *o;
	struct host_pool *p;
	struct host_worker *w;
	char *text;

	TAILQ_FOREACH (p, &h->pool_list, link) {
		json_array_append_new(pools, pack_pool(p));
	}
	TAILQ_FOREACH (w, &h->workers, link) {
		json_array_append_new(workers, pack_worker(w));
	}
	o = json_pack("{s:i, s:i, s:I, s:o, s:o}", "version", STATE_VERSION, "lock_fd",
		      h->lock_fd, "table_seq", (json_int_t)h->table_seq, "pools", pools,
		      "workers", workers);
	text = json_text(o);
	json_decref(o);
	return text;
}

static void keep_open(int fd, int keep)
{
	if (fd >= 0) {
		(void)fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
	}
}

static void keep_all_open(const struct host *h, int keep)
{
	struct host_worker *w;

	keep_open(h->lock_fd, keep);
	TAILQ_FOREACH (w, &h->workers, link) {
		keep_open(w->fd, keep);
	}
}

static int write_state(const struct host *h, struct error *err)
{
	char *text = pack(h);
	size_t len = strlen(text), at = 0;
	int fd = memfd_create("wf-agent", MFD_CLOEXEC);

	while (fd >= 0 && at < len) {
		ssize_t n = write(fd, text + at, len - at);

		if (n <= 0 && errno != EINTR) {
			(void)close(fd);
			fd = -1;
		} else if (n > 0) {
			at += (size_t)n;
		}
	}
	free(text);
	return fd < 0 ? err_errno(err, "write the state down") : fd;
}

/* A loss that is being settled has callbacks under way: a moment later it has not. */
static int busy(const struct host *h)
{
	struct host_worker *w;

	TAILQ_FOREACH (w, &h->workers, link) {
		if (w->proc == NULL) {
			return 1;
		}
	}
	return 0;
}

void host_hand_over(struct host *h)
{
	char *program = proc_find_program("wf-agent"), *value;
	struct error err = {0};
	int fd;

	h->handing_over = 0;
	if (h->draining || program == NULL) {
		log_warn("SIGUSR2: %s", h->draining ? "the agent drains: no handover"
						    : "wf-agent is not found");
		free(program);
		return;
	}
	if (busy(h)) {
		log_info("SIGUSR2: when the dead worker's runs are settled");
		h->handing_over = 1; /* the tick comes back */
		free(program);
		return;
	}
	fd = write_state(h, &err);
	if (fd >= 0) {
		log_info("handing over to %s", program);
		value = xasprintf("%d", fd);
		opts_env_set(VARIABLE, value);
		free(value);
		notify_restore_env(h->notify);
		keep_open(fd, 1);
		keep_all_open(h, 1);
		(void)proc_reexec(program, h->argv, environ, &err);
		/* still here: it failed */
		keep_all_open(h, 0);
		opts_env_set(VARIABLE, NULL);
		notify_forget_env(h->notify);
		(void)close(fd);
	}
	log_error("no handover: %s", err.msg);
	free(program);
}

/* ---- the new program ---- */

static int64_t number(const json_t *o, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(o, key));
}

static int truth(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static void take_pool(struct host *h, const json_t *o)
{
	struct host_pool *p = host_pool_want(h, word(o, "pool"), 1);

	if (p == NULL) {
		return;
	}
	p->drained = truth(o, "drained");
	p->tally.deaths = (uint64_t)number(o, "deaths");
	p->tally.in_a_row = (uint64_t)number(o, "in_a_row");
	p->tally.backoff.attempt = (unsigned int)number(o, "attempt");
	(void)snprintf(p->tally.last, sizeof(p->tally.last), "%s", word(o, "last"));
}

static void share(struct host_worker *w, const json_t *o)
{
	struct slots *s = &w->pool->host->slots;
	struct slots_sharer *x;

	w->sharer = slots_add(s, w->pool->weight);
	if (w->sharer >= 0) {
		x = &s->sharer[w->sharer];
		x->held = w->held;
		x->want = 0;
		x->granted = (int)number(o, "granted");
		x->told = (uint32_t)number(o, "told");
		x->believed = (int)number(o, "believed");
		x->finite = 1;
	}
}

/* The worker drains from now on, and says no more to the API that it lives: that is its
 * successor's. */
static void retire(struct host_worker *w)
{
	const struct slot_frame f = {.kind = SLOT_RETIRE};

	w->retired = 1;
	(void)slot_frame_send(w->fd, &f, NULL);
	host_worker_drain(w, SIGINT);
}

static int take_worker(struct host *h, const json_t *o, struct error *err)
{
	struct host_pool *p = host_pool_find(h, word(o, "pool"));
	struct host_worker *w;
	struct proc_spec spec = {.exit_fn = host_worker_on_exit};
	const int no_output[2] = {-1, -1};
	int rc;

	if (p == NULL) {
		return err_set(err, ERR_INVALID, "a worker of no pool");
	}
	w = host_worker_new(p);
	w->pid = (int)number(o, "pid");
	w->fd = (int)number(o, "fd");
	w->table = xstrdup(word(o, "table"));
	w->retired = truth(o, "retired");
	w->stop_told = truth(o, "stop_told");
	w->held = (int)number(o, "held");
	w->flags = (unsigned int)number(o, "flags");
	if (number(o, "kill_in_ms") > 0) {
		w->kill_at_ms = w->started_ms + number(o, "kill_in_ms");
	}
	keep_open(w->fd, 0);
	spec.arg = w;
	spec.kill_grace_ms = h->conf->cancel_grace_ms;
	rc = proc_adopt(h->loop, &spec, w->pid, no_output, &w->proc, err);
	proc_reap_soon(h->loop); /* its SIGCHLD may have come before us */
	host_worker_watch(w);
	if (truth(o, "shares")) {
		share(w, o);
	}
	if (rc == 0 && !w->retired && !w->stop_told) {
		retire(w);
	}
	return rc;
}

static int take_all(struct host *h, const json_t *state, struct error *err)
{
	const json_t *workers = json_object_get(state, "workers");
	size_t i;
	json_t *o;
	int rc = 0;

	if (number(state, "version") != STATE_VERSION) {
		return err_set(err, ERR_UNSUPPORTED,
			       "the state is of version %lld, not %d",
			       (long long)number(state, "version"), STATE_VERSION);
	}
	h->table_seq = number(state, "table_seq");
	json_array_foreach (json_object_get(state, "pools"), i, o) {
		take_pool(h, o);
	}
	json_array_foreach (workers, i, o) {
		rc = take_worker(h, o, err);
		if (rc < 0) {
			return rc;
		}
	}
	log_info("took over %zu workers; they finish their runs, new ones take over",
		 json_array_size(workers));
	return 0;
}

int host_handover_lock(void)
{
	const char *value = opts_env(VARIABLE);
	json_t *state = NULL;
	struct buf b;
	int fd = -1;

	if (value == NULL) {
		return -1;
	}
	buf_init(&b);
	if (lseek((int)strtol(value, NULL, 10), 0, SEEK_SET) == 0 &&
	    buf_read_fd(&b, (int)strtol(value, NULL, 10), STATE_MAX, NULL) == 0) {
		state = json_parse(b.data, b.len, STATE_MAX, NULL);
		fd = state != NULL ? (int)number(state, "lock_fd") : -1;
		keep_open(fd, 0);
	}
	json_decref(state);
	buf_release(&b);
	return fd;
}

int host_take_over(struct host *h, struct error *err)
{
	const char *value = opts_env(VARIABLE);
	json_t *state;
	struct buf b;
	int fd, rc;

	if (value == NULL) {
		return 0;
	}
	fd = (int)strtol(value, NULL, 10);
	opts_env_set(VARIABLE, NULL);
	buf_init(&b);
	rc = lseek(fd, 0, SEEK_SET) == 0 ? buf_read_fd(&b, fd, STATE_MAX, err)
					 : err_errno(err, "read the state");
	(void)close(fd);
	state = rc == 0 ? json_parse(b.data, b.len, STATE_MAX, err) : NULL;
	rc = state != NULL ? take_all(h, state, err) : -err->code;
	json_decref(state);
	buf_release(&b);
	return rc < 0 ? err_wrap(err, "take over from the program before") : 0;
}
