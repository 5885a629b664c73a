/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bodies.c - the processes of functions: start, line, output, end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/proc_forker.h"
#include "engine/task/task_proc.h"
#include "sdk/src/host.h"
#include "sdk/src/parts.h"
#include "sdk/src/registry.h"

#define READ_SIZE 65536
#define START_MAX                                                           \
	(128u << 10) /* a larger start stays in the memory that fork copies \
		      */

/* ---- the line ---- */

static void flush(struct body *b)
{
	ssize_t n;

	while (b->fd >= 0 && b->out.len > 0) {
		n = send(b->fd, b->out.data, b->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			break; /* later, or its end is noticed by its reader */
		}
		buf_consume(&b->out, (size_t)n);
	}
	if (b->io != NULL) {
		loop_io_set(b->io, b->out.len > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
	}
}

void body_send(struct body *b, json_t *msg)
{
	uint32_t len = 0;
	size_t at = b->out.len;

	if (b->fd >= 0 && !b->ended) {
		buf_add(&b->out, &len, sizeof(len));
		jsonw_tree(&b->out, msg, 0);
		len = (uint32_t)(b->out.len - at - sizeof(len));
		memcpy(b->out.data + at, &len, sizeof(len));
		if (at == 0) {
			flush(b);
		}
	}
	json_decref(msg);
}

static void take_frames(struct body *b)
{
	size_t used = 0;
	uint32_t len;
	json_t *msg;

	while (b->in.len - used >= sizeof(len)) {
		memcpy(&len, b->in.data + used, sizeof(len));
		if (len > BODY_FRAME_MAX || b->in.len - used - sizeof(len) < len) {
			break;
		}
		msg = json_parse(b->in.data + used + sizeof(len), len, BODY_FRAME_MAX,
				 NULL);
		used += sizeof(len) + len;
		if (msg != NULL) {
			request_take(b, msg);
		}
	}
	buf_consume(&b->in, used);
}

int body_read(struct body *b)
{
	ssize_t n;

	if (b->fd < 0) {
		return 0;
	}
	buf_reserve(&b->in, READ_SIZE);
	n = recv(b->fd, b->in.data + b->in.len, READ_SIZE, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return errno == EINTR;
	}
	if (n <= 0 || b->in.len + (size_t)n > (size_t)2 * BODY_FRAME_MAX) {
		loop_io_free(b->io);
		b->io = NULL;
		(void)close(b->fd);
		b->fd = -1;
		return 0;
	}
	b->in.len += (size_t)n;
	b->in.data[b->in.len] = '\0';
	take_frames(b);
	return 1;
}

static void on_io(int fd, unsigned int events, void *arg)
{
	struct body *b = arg;

	(void)fd;
	if ((events & LOOP_WRITE) != 0) {
		flush(b);
	}
	if ((events & LOOP_READ) != 0) {
		(void)body_read(b);
	}
}

/* ---- output ---- */

static void log_line(struct body *b, int level, const char *line, size_t len)
{
	size_t task = b->call != NULL ? b->call->index : SCHED_NO_TASK;
	char *text;

	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL) {
		len--;
	}
	text = host_masked(b->h, text_clean(line, len));
	runner_log(b->h->runner, task, level,
		   task == SCHED_NO_TASK ? "prefect.flow_runs" : "prefect.task_runs",
		   text);
	free(text);
}

static void on_out_line(const char *line, size_t len, int cut, void *arg)
{
	(void)cut;
	log_line(arg, LEVEL_INFO, line, len);
}

static void on_err_line(const char *line, size_t len, int cut, void *arg)
{
	struct body *b = arg;

	(void)cut;
	if (b->kind == BODY_HANDLER) {
		free(b->tail);
		b->tail = text_clean(line, len);
	}
	log_line(arg, LEVEL_WARNING, line, len);
}

void body_printed(struct body *b, int stream, const char *text, size_t len)
{
	lines_feed(stream == 2 ? &b->err_lines : &b->out_lines, text, len);
}

static void on_output(struct proc *proc, int stream, const char *data, size_t len,
		      void *arg)
{
	struct body *b = arg;

	(void)proc;
	lines_feed(stream == 2 ? &b->err_lines : &b->out_lines, data, len);
}

/* ---- the end ---- */

static void on_exit_seen(struct proc *proc, const struct proc_exit *e, void *arg)
{
	struct body *b = arg;
	int reads = 0;

	(void)proc;
	b->proc = NULL;
	while (reads++ < HOST_READS_MAX && body_read(b)) {
	}
	b->ended = 1;
	if (b->log_prints) {
		lines_finish(&b->out_lines);
		lines_finish(&b->err_lines);
	}
	b->exit = *e;
	if (b->kind == BODY_HANDLER) {
		handler_ended(b, e);
	} else if (b->txn_busy) {
		b->txn_ended = 1; /* what it asked for is finished first */
	} else {
		body_conclude(b);
	}
}

static void conclude_now(struct body *b)
{
	if (b->kind == BODY_TASK) {
		attempt_ended(b, &b->exit);
	} else {
		flow_ended(b, &b->exit);
	}
}

/* True when the function ended as it wanted to. */
static int went_well(const struct body *b)
{
	const json_t *state = json_object_get(b->end, "state");

	return b->end != NULL && !b->stopped && b->exit.reason == PROC_STOP_NONE &&
	       (state == NULL ||
		json_integer_value(json_object_get(state, "type")) == STATE_COMPLETED);
}

void body_conclude(struct body *b)
{
	if (b->txn == NULL && b->eager == 0) {
		conclude_now(b);
	} else {
		txn_close_all(b, !went_well(b), conclude_now);
	}
}

static void free_later(void *arg)
{
	free(arg);
}

void body_close(struct body *b)
{
	size_t i;

	loop_io_free(b->io);
	if (b->fd >= 0) {
		(void)close(b->fd);
	}
	for (i = 0; i < b->call_count; i++) {
		b->calls[i]->owner = NULL;
		call_take_back(b->calls[i]);
	}
	for (i = 0; i < b->wait_count; i++) {
		free(b->waits[i].calls);
		if (b->call != NULL && i == 0) {
			sched_lend(b->h->runner->sched, -1, host_now(b->h));
		}
	}
	if (b->call != NULL && b->call->body == b) {
		b->call->body = NULL;
	}
	if (b->h->flow_body == b) {
		b->h->flow_body = NULL;
	}
	free(b->calls);
	gate_release(b->gate);
	if (b->rest != NULL) {
		b->rest->body = NULL;
	}
	txn_drop(b->txn);
	json_decref(b->end);
	json_decref(b->at);
	free(b->tail);
	json_decref(b->start.obj.tags);
	buf_release(&b->in);
	buf_release(&b->out);
	lines_release(&b->out_lines);
	lines_release(&b->err_lines);
	loop_defer_free(b->h->loop, free_later, b);
}

/* ---- the start ---- */

static int log_prints(const struct host *h, const struct call *c)
{
	int own = c != NULL ? registry_plan_task(c->task)->log_prints : PLAN_INHERIT;

	return own != PLAN_INHERIT ? own : h->runner->flow->log_prints == 1;
}

static void fill_start(struct body *b)
{
	struct host *h = b->h;
	struct runner *r = h->runner;
	struct body_start *s = &b->start;
	struct sched_run run;

	s->flow = h->def;
	s->captured = b->log_prints;
	s->params = r->params;
	if (b->call == NULL) {
		s->in = r->params;
		s->attempt = sched_run_count(r->sched);
		s->obj = (struct wf_obj){
		    .kind = "flow", .name = r->flow->name, .run_name = r->run_name};
		(void)uuid_format(&r->run_id, s->obj.run_id);
		s->obj.tags = json_incref(r->tags);
		return;
	}
	sched_get_run(r->sched, b->call->index, &run);
	s->task = registry_get_task(b->call->task);
	s->in = b->call->in;
	if (b->call->task >= registry_tasks()) {
		s->flow = registry_get_flow(b->call->task - registry_tasks());
		s->params = b->call->in;
	}
	s->attempt = run.run_count;
	s->obj = (struct wf_obj){.kind = "task",
				 .name = registry_plan_task(b->call->task)->name,
				 .run_name = b->call->name};
	(void)uuid_format(&run.id, s->obj.run_id);
	s->obj.tags = runner_tags(r, registry_plan_task(b->call->task));
}

static struct body *new_body(struct host *h, enum body_kind kind, struct call *c)
{
	struct body *b = xcalloc(1, sizeof(*b));

	b->h = h;
	b->kind = kind;
	b->call = c;
	b->fd = -1;
	buf_init(&b->in);
	buf_init(&b->out);
	lines_init(&b->out_lines, TASK_LINE_MAX, on_out_line, b);
	lines_init(&b->err_lines, TASK_LINE_MAX, on_err_line, b);
	b->log_prints = kind == BODY_HANDLER || log_prints(h, c);
	fill_start(b);
	return b;
}

static double limit_of(const struct body *b)
{
	if (b->kind == BODY_HANDLER) {
		return b->limit_s;
	}
	return b->kind == BODY_TASK ? registry_plan_task(b->call->task)->timeout_s : 0;
}

static void add_state(json_t *msg, const char *key, const struct wf_state *s)
{
	json_t *j;

	if (s != NULL) {
		j = state_to_json(s);
		if (json_is_null(s->data)) {
			(void)json_object_set_new(j, "null", json_true());
		}
		(void)json_object_set_new(msg, key, j);
	}
}

static json_t *start_json(const struct body_start *s)
{
	json_t *msg = json_pack(
	    "{s:s, s:s, s:s, s:s, s:O*, s:O*, s:b}", "kind", s->obj.kind, "name",
	    s->obj.name, "run", s->obj.run_name != NULL ? s->obj.run_name : "", "id",
	    s->obj.run_id, "tags", s->obj.tags, "in", s->in, "ask", s->params != s->in);

	add_state(msg, "old", s->old);
	add_state(msg, "new", s->neu);
	return msg;
}

/* Puts the start into the line of a process that does not share our memory. */
static void write_start(struct body *b)
{
	uint32_t len = 0;
	json_t *msg;

	b->start.lean = 0;
	if (!proc_forker_ready() || (msg = start_json(&b->start)) == NULL) {
		return;
	}
	buf_add(&b->out, &len, sizeof(len));
	jsonw_tree(&b->out, msg, 0);
	json_decref(msg);
	len = (uint32_t)(b->out.len - sizeof(len));
	if (len > START_MAX) {
		buf_reset(&b->out);
		return;
	}
	memcpy(b->out.data, &len, sizeof(len));
	b->start.lean = 1;
}

int body_launch(struct body *b, struct error *err)
{
	double limit = limit_of(b);
	double grace = b->call != NULL ? registry_plan_task(b->call->task)->grace_s
				       : PLAN_DEFAULT_GRACE_S;
	int fds[2], rc;
	struct proc_spec ps = {
	    .cwd = b->h->runner->cwd,
	    .fd = {-1, b->log_prints ? PROC_FD_PIPE : STDOUT_FILENO,
		   b->log_prints ? PROC_FD_PIPE : STDERR_FILENO, -1},
	    .time_limit_ms = limit > 0 ? (int64_t)(limit * 1000) + 1 : 0,
	    .kill_grace_ms = (int64_t)(grace * 1000) + 1,
	    .drain_ms = HOST_DRAIN_MS,
	    .fork_fn = body_main,
	    .fork_arg = &b->start,
	    .output_fn = on_output,
	    .exit_fn = on_exit_seen,
	    .arg = b,
	};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		return err_errno(err, "make a socket for a function");
	}
	ps.fd[3] = fds[1];
	b->fd = fds[0];
	write_start(b);
	ps.lean_size = b->start.lean ? sizeof(b->start) : 0;
	flush(b);
	rc = proc_spawn(b->h->loop, &ps, &b->proc, err);
	(void)close(fds[1]);
	if (rc == 0) {
		b->io = loop_io_new(b->h->loop, b->fd,
				    b->out.len > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ,
				    on_io, b);
	}
	return rc;
}

struct body *body_start_process(struct host *h, enum body_kind kind, struct call *c,
				struct error *err)
{
	struct body *b = new_body(h, kind, c);

	if (kind != BODY_HANDLER && body_launch(b, err) < 0) {
		body_close(b);
		return NULL;
	}
	return b;
}
