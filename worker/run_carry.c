/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_carry.c - a run, handed to the next program in our process: its process stays our
 * child, its descriptors stay open.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/carry.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "worker/channel.h"
#include "worker/guard.h"
#include "worker/run_priv.h"

/* ---- the old program ---- */

static json_t *pack_proc(const struct run *r, const struct proc_carry *p,
			 struct carry *to)
{
	return json_pack(
	    "{s:i, s:o, s:o, s:i, s:b, s:b, s:I, s:I, s:I, s:o}", "pid", (int)p->pid,
	    "out", carry_fd(to, p->out[0]), "err", carry_fd(to, p->out[1]), "reason",
	    (int)p->reason, "stopping", p->stopping, "killed", p->killed, "started_ms",
	    (json_int_t)p->started_ms, "limit_at_ms", (json_int_t)p->limit_at_ms,
	    "kill_at_ms", (json_int_t)p->kill_at_ms, "cgroup", run_confined(r));
}

static json_t *pack_exit(const struct proc_exit *e)
{
	return json_pack(
	    "{s:i, s:i, s:i, s:s, s:i, s:I, s:I, s:i, s:I, s:I, s:I, s:I}", "pid",
	    (int)e->pid, "status", e->status, "spawn_errno", e->spawn_errno,
	    "spawn_step", e->spawn_step != NULL ? e->spawn_step : "", "reason",
	    (int)e->reason, "started_ms", (json_int_t)e->started_ms, "ended_ms",
	    (json_int_t)e->ended_ms, "output_cut", e->output_cut, "max_rss_kb",
	    (json_int_t)e->max_rss_kb, "cpu_us", (json_int_t)e->cpu_us, "read_bytes",
	    (json_int_t)e->read_bytes, "written_bytes", (json_int_t)e->written_bytes);
}

static json_t *pack_proposals(const struct run *r)
{
	json_t *list = json_array();
	char text[UUID_TEXT_SIZE];
	const struct proposal *p;

	TAILQ_FOREACH (p, &r->proposals, link) {
		json_array_append_new(
		    list,
		    json_pack("{s:s, s:I, s:i}", "id", uuid_format(&p->id, text),
			      "request", (json_int_t)p->request_id, "type", p->type));
	}
	return list;
}

static json_t *pack_tail(const struct tail *t)
{
	size_t len = MIN_OF(t->text.len, (size_t)TAIL_MAX);
	json_t *o = json_pack("{s:o, s:o}", "text",
			      carry_bytes(t->text.data + t->text.len - len, len),
			      "line", carry_bytes(t->line.data, t->line.len));

	if (t->prefix != NULL) {
		json_object_set_new(o, "prefix", json_string(t->prefix));
	}
	return o;
}

static json_t *pack(const struct run *r)
{
	char text[UUID_TEXT_SIZE];

	return json_pack(
	    "{s:s, s:s, s:I, s:I, s:i, s:O?, s:I, s:b, s:s, s:o, s:o, s:s, s:I, "
	    "s:i, s:b, s:b, s:b, s:b, s:b, s:b}",
	    "what", "run", "id", r->id, "fence", (json_int_t)r->fence, "attempt",
	    (json_int_t)r->attempt, "state", (int)r->state, "facts", r->facts,
	    "cpu_limit_s", (json_int_t)r->job.limits.cpu_s, "native", r->native,
	    "temp_dir", r->temp_dir != NULL ? r->temp_dir : "", "tail",
	    pack_tail(&r->tail), "proposals", pack_proposals(r), "report",
	    uuid_format(&r->report_id, text), "cancel_by_ms",
	    (json_int_t)r->cancel_by_ms, "oom", r->oom, "exited", r->exited,
	    "channel_ended", r->channel_ended, "concluded", r->concluded, "cancelling",
	    r->cancelling, "lost", r->lost, "kill", r->kill);
}

int run_carry(struct run *r, struct carry *to)
{
	struct proc_carry proc = {0};
	json_t *line, *part;

	if (r->state != RUN_RUNNING && r->state != RUN_REPORTING) {
		return -ERR_BUSY;
	}
	if ((r->proc != NULL && proc_carry(r->proc, &proc) < 0) ||
	    (r->attempt_py != NULL && py_attempt_is_busy(r->attempt_py))) {
		return -ERR_BUSY;
	}
	if (to == NULL) {
		return 0;
	}
	line = pack(r);
	if (r->proc != NULL) {
		json_object_set_new(line, "proc", pack_proc(r, &proc, to));
	}
	if (r->exited) {
		json_object_set_new(line, "exit", pack_exit(&r->exit));
	}
	if (r->channel != NULL) {
		part = json_object();
		channel_carry(r->channel, to, part);
		json_object_set_new(line, "channel", part);
	}
	if (r->attempt_py != NULL) {
		part = json_object();
		py_attempt_carry(r->attempt_py, to, part);
		json_object_set_new(line, "attempt_py", part);
	}
	carry_line(to, line);
	return 0;
}

/* ---- the new program ---- */

static int truth(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static void take_exit(struct run *r, const json_t *o)
{
	static const char step[] = "start";

	r->exit =
	    (struct proc_exit){.pid = (pid_t)carry_int(o, "pid"),
			       .status = (int)carry_int(o, "status"),
			       .spawn_errno = (int)carry_int(o, "spawn_errno"),
			       .reason = (enum proc_stop_reason)carry_int(o, "reason"),
			       .started_ms = carry_int(o, "started_ms"),
			       .ended_ms = carry_int(o, "ended_ms"),
			       .output_cut = (int)carry_int(o, "output_cut"),
			       .max_rss_kb = carry_int(o, "max_rss_kb"),
			       .cpu_us = carry_int(o, "cpu_us"),
			       .read_bytes = carry_int(o, "read_bytes"),
			       .written_bytes = carry_int(o, "written_bytes")};
	r->exit.spawn_step = r->exit.spawn_errno != 0 ? step : NULL;
}

static void take_tail(struct run *r, const json_t *o)
{
	const char *prefix = json_string_value(json_object_get(o, "prefix"));

	carry_take_bytes(o, "text", &r->tail.text);
	carry_take_bytes(o, "line", &r->tail.line);
	r->tail.prefix = prefix != NULL ? xstrdup(prefix) : NULL;
}

/* What RUN_RUNNING, RUN_REPORTING and their callbacks need. */
static struct run *take(struct worker *w, const json_t *line)
{
	struct run *r = xcalloc(1, sizeof(*r));

	r->w = w;
	r->state = (enum run_state)carry_int(line, "state");
	r->guard_slot = GUARD_NONE;
	TAILQ_INIT(&r->proposals);
	tail_init(&r->tail);
	(void)snprintf(r->id, sizeof(r->id), "%s", carry_str(line, "id"));
	(void)uuid_parse(r->id, &r->uuid);
	(void)uuid_parse(carry_str(line, "report"), &r->report_id);
	r->fence = (uint64_t)carry_int(line, "fence");
	r->attempt = carry_int(line, "attempt");
	r->facts = json_incref(json_object_get(line, "facts"));
	r->who = xasprintf("run=%s", run_name(r));
	r->job.limits.cpu_s = carry_int(line, "cpu_limit_s");
	r->native = truth(line, "native");
	r->cancel_by_ms = carry_int(line, "cancel_by_ms");
	r->oom = (int)carry_int(line, "oom");
	r->exited = truth(line, "exited");
	r->channel_ended = truth(line, "channel_ended");
	r->concluded = truth(line, "concluded");
	r->cancelling = truth(line, "cancelling");
	r->lost = truth(line, "lost");
	r->kill = truth(line, "kill");
	if (carry_str(line, "temp_dir")[0] != '\0') {
		r->temp_dir = xstrdup(carry_str(line, "temp_dir"));
	}
	take_tail(r, json_object_get(line, "tail"));
	return r;
}

static int take_proc(struct run *r, const json_t *o, struct error *err)
{
	struct proc_spec spec = {.kill_grace_ms = r->w->conf->cancel_grace_ms,
				 .output_fn = run_on_output,
				 .exit_fn = run_on_exit,
				 .arg = r};
	const struct proc_carry p = {
	    .pid = (pid_t)carry_int(o, "pid"),
	    .out = {carry_take_fd(o, "out"), carry_take_fd(o, "err")},
	    .reason = (enum proc_stop_reason)carry_int(o, "reason"),
	    .stopping = truth(o, "stopping"),
	    .killed = truth(o, "killed"),
	    .started_ms = carry_int(o, "started_ms"),
	    .limit_at_ms = carry_int(o, "limit_at_ms"),
	    .kill_at_ms = carry_int(o, "kill_at_ms"),
	};
	int rc;

	run_confine_carried(r, carry_str(o, "cgroup"), &spec);
	rc = proc_adopt(r->w->loop, &spec, p.pid, p.out, &r->proc, err);
	if (rc == 0) {
		proc_carried(r->proc, &p);
		run_hold(r); /* until run_on_exit */
	}
	return rc;
}

static void judge_again(void *arg)
{
	struct run *r = arg;

	run_try_judge(r);
	run_release(r);
}

int run_carried(struct worker *w, const json_t *line, struct error *err)
{
	const json_t *proc = json_object_get(line, "proc");
	const json_t *attempt = json_object_get(line, "attempt_py");
	struct run *r = take(w, line);

	(void)map_set(&w->runs, r->id, r, NULL);
	TAILQ_INSERT_TAIL(&w->list, r, link);
	if (r->exited) {
		take_exit(r, json_object_get(line, "exit"));
	}
	if (attempt != NULL && w->py != NULL) {
		r->attempt_py = py_attempt_carried(w->py, attempt);
	}
	if (proc != NULL && take_proc(r, proc, err) < 0) {
		run_crash(r, "The process was lost when the worker was upgraded.");
		return -err->code;
	}
	if (r->state == RUN_REPORTING) {
		run_report_carried(r);
		return 0;
	}
	if (r->fence != 0 && r->proc != NULL) {
		run_guarded(r);
	}
	if (r->native) {
		run_native_carried(r, line);
	}
	if (r->exited) {
		run_hold(r);
		loop_defer(w->loop, judge_again, r);
	}
	return 0;
}
