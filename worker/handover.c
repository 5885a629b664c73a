/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.c - see handover.h: the new program's half.  upgrade.c is the old one's.
 */
#include "worker/handover.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/carry.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "worker/agent_link.h"
#include "worker/handover_priv.h"
#include "worker/py_control.h"
#include "worker/run.h"

struct handover {
	struct buf text;
	size_t at; /* behind the head */
	json_t *head;
};

static int check(const struct handover *h, struct error *err)
{
	long long version = carry_int(h->head, "version");

	return version == HANDOVER_VERSION
		   ? 0
		   : err_set(err, ERR_UNSUPPORTED,
			     "the program before wrote version %lld of its state, this "
			     "one reads %d",
			     version, HANDOVER_VERSION);
}

int handover_read(struct handover **ret_handover, struct error *err)
{
	struct handover *h = xcalloc(1, sizeof(*h));
	int rc;

	buf_init(&h->text);
	rc = carry_read(HANDOVER_VARIABLE, &h->text, err);
	if (rc == 0 && h->text.len == 0) {
		handover_free(h);
		*ret_handover = NULL;
		return 0;
	}
	if (rc == 0) {
		h->head = carry_next(&h->text, &h->at, err);
		rc = h->head != NULL ? check(h, err)
				     : err_set(err, ERR_PROTOCOL, "no state is there");
	}
	carry_forget(HANDOVER_VARIABLE);
	if (rc < 0) {
		handover_free(h);
		return err_wrap(err, "take over from the program before");
	}
	*ret_handover = h;
	return 0;
}

void handover_free(struct handover *h)
{
	if (h != NULL) {
		buf_release(&h->text);
		json_decref(h->head);
		free(h);
	}
}

int handover_is_trial(const struct handover *h)
{
	return h != NULL && json_is_true(json_object_get(h->head, "trial"));
}

const char *handover_name(const struct handover *h)
{
	return carry_str(h->head, "name");
}

const char *handover_redis_url(const struct handover *h)
{
	return json_string_value(json_object_get(h->head, "redis_url"));
}

const char *handover_journal(const struct handover *h, int *ret_fd)
{
	*ret_fd = carry_take_fd(h->head, "journal_fd");
	return *ret_fd >= 0 ? carry_str(h->head, "journal") : NULL;
}

static void take_head(const struct handover *h, struct worker *w)
{
	int guard = (int)carry_int(h->head, "guard_pid");

	w->started = (uint64_t)carry_int(h->head, "started");
	w->finished = (uint64_t)carry_int(h->head, "finished");
	w->ready = json_is_true(json_object_get(h->head, "ready"));
	w->py = py_control_carried(w->loop, h->head);
	w->dir.fd = carry_take_fd(h->head, "rundir_fd");
	if (w->dir.fd >= 0) {
		w->dir.path = xstrdup(carry_str(h->head, "rundir"));
	}
	agent_link_carried(w->link, json_object_get(h->head, "link"));
	if (guard > 1) {
		/* the one of before has its own table: ours guards from now on */
		(void)proc_signal_pid(guard, SIGKILL, NULL);
	}
}

static int take_line(struct worker *w, const json_t *line, struct error *err)
{
	const char *what = carry_str(line, "what");

	if (strcmp(what, "run") == 0) {
		return run_carried(w, line, err);
	}
	if (strcmp(what, "ending") == 0) {
		agent_link_drop(w->link, carry_str(line, "id"),
				(uint64_t)carry_int(line, "token"), 1);
	}
	return w->source_ops->carried != NULL
		   ? w->source_ops->carried(w->source, line, err)
		   : 0;
}

void handover_take(const struct handover *h, struct worker *w)
{
	struct error err = {0};
	size_t at = h->at;
	json_t *line;

	take_head(h, w);
	while ((line = carry_next(&h->text, &at, &err)) != NULL) {
		if (take_line(w, line, &err) < 0) {
			log_error("upgrade: %s", err.msg);
		}
		json_decref(line);
	}
	proc_reap_soon(w->loop); /* a SIGCHLD may have come before us */
	log_info("took over %zu runs from the program before (pid %d)",
		 map_count(&w->runs), (int)getpid());
}
