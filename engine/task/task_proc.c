/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_proc.c - one attempt of a task.
 *
 * The exit of the process (reaped and its outputs at their end, see base/proc.h) ends
 * the attempt; what is in the event pipe by then is still read.  A grandchild that
 * keeps the pipe open is not waited for.
 */
#include "engine/task/task_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/task/lines.h"
#include "engine/task/task_events.h"
#include "engine/task/task_result.h"

#define DRAIN_MS   1000 /* for outputs that a survivor keeps open */
#define READ_SIZE  65536
#define LAST_READS 512 /* of the event pipe, after the exit */

struct task_proc {
	struct proc *proc;
	const struct task_proc_ops *ops;
	void *arg;
	enum plan_outputs outputs;
	char *output_path, *result_path, *state_path;
	int log_prints, stopped;
	/* a generator's stdout */
	struct loop *loop;
	int generator, held, item_fd;
	struct loop_io *item_io;
	char bad_item[200]; /* the first one that is no JSON */
	struct buf out_end;
	double timeout_s;
	/* stdout */
	struct buf out;
	int out_too_long;
	struct lines out_lines, err_lines;
	struct buf err_tail;
	/* fd 3 */
	int event_fd;
	struct loop_io *event_io;
	struct lines event_lines;
	json_t *result;
	struct run_state state;
	int has_state;
	char spawn_what[160];
};

static void log_line(struct task_proc *p, int level, const char *line, size_t len,
		     int cut)
{
	char *text;

	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' ||
			   line[len - 1] == '\r' || line[len - 1] == '\n')) {
		len--;
	}
	text = text_clean(line, len);
	if (cut) {
		char *longer = xasprintf("%s... [truncated]", text);

		free(text);
		text = longer;
	}
	p->ops->log(level, text, p->arg);
	free(text);
}

static void on_item(struct task_proc *p, const char *line, size_t len)
{
	json_t *v = NULL;
	struct error err;

	if (task_result_decode(p->outputs == PLAN_OUT_JSON ? PLAN_OUT_JSON
							   : PLAN_OUT_TEXT,
			       line, len, "the line", &v, &err) < 0) {
		if (*p->bad_item == '\0') {
			(void)snprintf(p->bad_item, sizeof(p->bad_item), "%.180s",
				       err.msg);
		}
		return;
	}
	p->ops->yielded(v, p->arg);
}

static void on_out_line(const char *line, size_t len, int cut, void *arg)
{
	struct task_proc *p = arg;

	if (p->generator) {
		on_item(p, line, len);
	} else {
		log_line(p, LEVEL_INFO, line, len, cut);
	}
}

static void on_err_line(const char *line, size_t len, int cut, void *arg)
{
	log_line(arg, LEVEL_WARNING, line, len, cut);
}

static void on_event(struct task_proc *p, struct task_event *e)
{
	switch (e->type) {
	case TASK_EV_RESULT:
		json_decref(p->result);
		p->result = json_incref(e->value);
		break;
	case TASK_EV_LOG: {
		char *text =
		    text_clean(e->text, MIN_OF(strlen(e->text), TASK_LINE_MAX));

		p->ops->log(e->level, text, p->arg);
		free(text);
		break;
	}
	case TASK_EV_NAME:
		p->ops->renamed(e->text, p->arg);
		break;
	case TASK_EV_ARTIFACT:
		p->ops->artifact(e->value, p->arg);
		break;
	case TASK_EV_EVENT:
		if (p->ops->event != NULL) {
			p->ops->event(e->value, p->arg);
		}
		break;
	case TASK_EV_YIELD:
		if (p->generator) {
			p->ops->yielded(json_incref(e->value), p->arg);
		} else {
			p->ops->log(LEVEL_WARNING,
				    "'yield' on descriptor 3 was ignored: the task is "
				    "no generator",
				    p->arg);
		}
		break;
	case TASK_EV_STATE:
		state_copy(&p->state, &e->state);
		p->has_state = 1;
		if (e->value != NULL) {
			json_decref(p->result);
			p->result = json_incref(e->value);
		}
		break;
	}
}

static void on_event_line(const char *line, size_t len, int cut, void *arg)
{
	struct task_proc *p = arg;
	struct task_event e;
	struct error err;
	char text[700];

	if (len == 0) {
		return;
	}
	if (cut) {
		(void)err_set(&err, ERR_TOO_LARGE, "it is longer than %u MiB",
			      TASK_EVENT_MAX >> 20);
	} else if (task_event_parse(line, len, &e, &err) == 0) {
		on_event(p, &e);
		task_event_release(&e);
		return;
	}
	(void)snprintf(text, sizeof(text), "A line on descriptor 3 was ignored: %s",
		       err.msg);
	p->ops->log(LEVEL_WARNING, text, p->arg);
}

static void keep_tail(struct buf *b, const char *data, size_t len)
{
	buf_add(b, data, len);
	if (b->len > (size_t)2 * TASK_STDERR_TAIL) {
		buf_consume(b, b->len - TASK_STDERR_TAIL);
	}
}

static void on_output(struct proc *proc, int stream, const char *data, size_t len,
		      void *arg)
{
	struct task_proc *p = arg;

	(void)proc;
	keep_tail(stream == 2 ? &p->err_tail : &p->out_end, data, len);
	if (stream == 2) {
		if (p->log_prints) {
			lines_feed(&p->err_lines, data, len);
		}
		return;
	}
	if (p->log_prints) {
		lines_feed(&p->out_lines, data, len);
	}
	if (p->outputs == PLAN_OUT_NONE || p->outputs == PLAN_OUT_FILE) {
		return;
	}
	if (p->out.len + len > TASK_OUTPUT_MAX) {
		p->out_too_long = 1;
		return;
	}
	buf_add(&p->out, data, len);
}

/* Reads what is there; 0 at the end of file. */
static int read_events(struct task_proc *p)
{
	static char data[READ_SIZE];
	ssize_t n = read(p->event_fd, data, sizeof(data));

	if (n > 0) {
		lines_feed(&p->event_lines, data, (size_t)n);
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? -1 : 0;
}

static void close_events(struct task_proc *p)
{
	loop_io_free(p->event_io);
	p->event_io = NULL;
	if (p->event_fd >= 0) {
		(void)close(p->event_fd);
		p->event_fd = -1;
	}
}

static void on_readable(int fd, unsigned int events, void *arg)
{
	struct task_proc *p = arg;

	(void)fd;
	(void)events;
	if (read_events(p) == 0) {
		close_events(p);
	}
}

static void close_items(struct task_proc *p)
{
	loop_io_free(p->item_io);
	p->item_io = NULL;
	if (p->item_fd >= 0) {
		(void)close(p->item_fd);
		p->item_fd = -1;
	}
}

static int read_items(struct task_proc *p)
{
	static char data[READ_SIZE];
	ssize_t n = read(p->item_fd, data, sizeof(data));

	if (n > 0) {
		keep_tail(&p->out_end, data, (size_t)n);
		lines_feed(&p->out_lines, data, (size_t)n);
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? -1 : 0;
}

static void on_items(int fd, unsigned int events, void *arg)
{
	struct task_proc *p = arg;

	(void)fd;
	(void)events;
	if (read_items(p) == 0) {
		close_items(p);
	}
}

void task_proc_hold(struct task_proc *p, int held)
{
	if (!p->generator || p->held == held || p->item_fd < 0) {
		return;
	}
	p->held = held;
	if (held) {
		loop_io_free(p->item_io);
		p->item_io = NULL;
	} else {
		p->item_io = loop_io_new(p->loop, p->item_fd, LOOP_READ, on_items, p);
	}
}

/* The state that the task wrote to the file WF_STATE. */
static void take_state_file(struct task_proc *p)
{
	struct buf b;

	if (p->state_path == NULL || access(p->state_path, F_OK) != 0) {
		return;
	}
	buf_init(&b);
	if (buf_read_file(&b, p->state_path, TASK_EVENT_MAX, NULL) == 0) {
		while (b.len > 0 && b.data[b.len - 1] == '\n') {
			buf_truncate(&b, b.len - 1);
		}
		on_event_line(b.data, b.len, 0, p);
	}
	(void)unlink(p->state_path);
	buf_release(&b);
}

/* The result of a command that exited with 0. */
static int take_result(struct task_proc *p, json_t **ret_value, struct error *err)
{
	json_t *value = NULL;
	int rc = 0;

	if (p->result_path != NULL) {
		rc = task_result_take(p->result_path, p->outputs, &value, err);
	}
	if (rc == 0 && value == NULL && p->result != NULL) {
		value = json_incref(p->result);
	}
	if (p->generator) {
		*ret_value = value;
		return rc == 0 && *p->bad_item != '\0'
			   ? err_set(err, ERR_INVALID, "an item of the generator: %s",
				     p->bad_item)
			   : rc;
	}
	if (rc == 0 && value == NULL && p->outputs == PLAN_OUT_FILE) {
		rc = task_result_file(p->output_path, &value, err);
	} else if (rc == 0 && value == NULL && p->outputs != PLAN_OUT_NONE) {
		rc = p->out_too_long
			 ? err_set(err, ERR_TOO_LARGE,
				   "the output is larger than %u MiB",
				   TASK_OUTPUT_MAX >> 20)
			 : task_result_decode(p->outputs, p->out.data, p->out.len,
					      "the output", &value, err);
	}
	*ret_value = value;
	return rc;
}

static void exit_message(const struct proc_exit *e, char *buf, size_t size)
{
	char what[64];

	if (WIFSIGNALED(e->status)) {
		proc_describe(e, what, sizeof(what)); /* "signal 9 (SIGKILL)" */
		(void)snprintf(buf, size, "Command was killed by %s%s", what,
			       WCOREDUMP(e->status) ? " (core dumped)" : "");
	} else {
		(void)snprintf(buf, size, "Command exited with code %d",
			       WEXITSTATUS(e->status));
	}
}

static void judge(struct task_proc *p, const struct proc_exit *e,
		  struct task_outcome *o, struct error *err, char *text, size_t size)
{
	char seconds[32];

	o->message = text;
	o->error = "CommandFailed";
	o->exit_code =
	    e->spawn_errno == 0 && WIFEXITED(e->status) ? WEXITSTATUS(e->status) : -1;
	o->signo =
	    e->spawn_errno == 0 && WIFSIGNALED(e->status) ? WTERMSIG(e->status) : 0;
	o->timed_out = e->reason == PROC_STOP_TIMEOUT;
	if (e->spawn_errno != 0) {
		o->verdict = SCHED_FAIL;
		o->error = "CommandNotStarted";
		(void)snprintf(text, size, "Command could not be started: %s: %s",
			       p->spawn_what, strerror(e->spawn_errno));
	} else if (e->reason == PROC_STOP_TIMEOUT) {
		o->verdict = SCHED_TIMED_OUT;
		o->error = NULL;
		seconds_text(p->timeout_s, seconds, sizeof(seconds));
		(void)snprintf(text, size, "Task run exceeded timeout of %s second(s)",
			       seconds);
	} else if (p->stopped) {
		o->verdict = SCHED_STOPPED;
	} else if (p->has_state) {
		o->verdict = SCHED_STATE;
		o->error = NULL;
		o->state = &p->state;
		o->value = json_incref(p->result);
	} else if (e->status != 0) {
		o->verdict = SCHED_FAIL;
		exit_message(e, text, size);
	} else if (take_result(p, &o->value, err) < 0) {
		o->verdict = SCHED_FAIL;
		o->error = "ResultError";
		o->message = err->msg;
	} else {
		o->verdict = SCHED_OK;
	}
}

static void task_proc_free(struct task_proc *p)
{
	if (p->result_path != NULL) {
		(void)unlink(p->result_path);
	}
	close_events(p);
	close_items(p);
	free(p->state_path);
	buf_release(&p->out_end);
	buf_release(&p->out);
	buf_release(&p->err_tail);
	lines_release(&p->out_lines);
	lines_release(&p->err_lines);
	lines_release(&p->event_lines);
	json_decref(p->result);
	state_release(&p->state);
	free(p->output_path);
	free(p->result_path);
	free(p);
}

static void on_proc_exit(struct proc *proc, const struct proc_exit *e, void *arg)
{
	struct task_proc *p = arg;
	struct task_outcome o = {.verdict = SCHED_FAIL, .stderr_tail = ""};
	struct error err = {.code = 0};
	char text[512], *tail = NULL;
	int reads = 0;

	(void)proc;
	p->proc = NULL;
	while (p->event_fd >= 0 && reads++ < LAST_READS && read_events(p) > 0) {
	}
	lines_finish(&p->event_lines);
	take_state_file(p);
	for (reads = 0; p->item_fd >= 0 && reads++ < LAST_READS && read_items(p) > 0;) {
	}
	if (p->log_prints || p->generator) {
		lines_finish(&p->out_lines);
		lines_finish(&p->err_lines);
	}
	judge(p, e, &o, &err, text, sizeof(text));
	if (p->err_tail.len > TASK_STDERR_TAIL) {
		buf_consume(&p->err_tail, p->err_tail.len - TASK_STDERR_TAIL);
	}
	o.out_end = p->out_end.data;
	o.out_len = p->out_end.len;
	o.err_end = p->err_tail.data;
	o.err_len = p->err_tail.len;
	if (p->err_tail.len > 0 && !p->log_prints) {
		tail = text_clean(p->err_tail.data, p->err_tail.len);
		o.stderr_tail = tail;
	}
	p->ops->done(&o, p->arg);
	json_decref(o.value);
	free(tail);
	task_proc_free(p);
}

static struct task_proc *new_proc(const struct task_proc_spec *spec)
{
	struct task_proc *p = xcalloc(1, sizeof(*p));

	p->ops = spec->ops;
	p->arg = spec->arg;
	p->outputs = spec->outputs;
	p->log_prints = spec->log_prints;
	p->timeout_s = spec->timeout_s;
	p->event_fd = p->item_fd = -1;
	p->generator = spec->generator;
	p->state_path = spec->state_path != NULL ? xstrdup(spec->state_path) : NULL;
	buf_init(&p->out_end);
	p->output_path = spec->output_path != NULL ? xstrdup(spec->output_path) : NULL;
	p->result_path = spec->result_path != NULL ? xstrdup(spec->result_path) : NULL;
	(void)snprintf(p->spawn_what, sizeof(p->spawn_what), "%s", spec->argv[0]);
	buf_init(&p->out);
	buf_init(&p->err_tail);
	lines_init(&p->out_lines, TASK_LINE_MAX, on_out_line, p);
	lines_init(&p->err_lines, TASK_LINE_MAX, on_err_line, p);
	lines_init(&p->event_lines, TASK_EVENT_MAX, on_event_line, p);
	state_init(&p->state);
	return p;
}

int task_proc_start(struct loop *loop, const struct task_proc_spec *spec,
		    struct task_proc **ret_proc, struct error *err)
{
	struct task_proc *p = new_proc(spec);
	int fds[2], items[2] = {-1, -1}, rc;
	struct proc_spec ps = {
	    .argv = spec->argv,
	    .envp = spec->envp,
	    .cwd = spec->cwd,
	    .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, -1},
	    .time_limit_ms =
		spec->timeout_s > 0 ? (int64_t)(spec->timeout_s * 1000) + 1 : 0,
	    .kill_grace_ms = (int64_t)(spec->grace_s * 1000) + 1,
	    .drain_ms = DRAIN_MS,
	    .share_until_exec = 1,
	    .output_fn = on_output,
	    .exit_fn = on_proc_exit,
	    .arg = p,
	};

	if (pipe2(fds, O_CLOEXEC) != 0) {
		rc = err_errno(err, "make a pipe for events");
		task_proc_free(p);
		return rc;
	}
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	ps.fd[3] = fds[1];
	p->event_fd = fds[0];
	p->loop = loop;
	if (p->generator && pipe2(items, O_CLOEXEC) == 0) {
		(void)fcntl(items[0], F_SETFL, O_NONBLOCK);
		ps.fd[1] = items[1];
		p->item_fd = items[0];
	}
	rc = proc_spawn(loop, &ps, &p->proc, err);
	(void)close(fds[1]);
	if (items[1] >= 0) {
		(void)close(items[1]);
	}
	if (rc < 0) {
		task_proc_free(p);
		return rc;
	}
	p->event_io = loop_io_new(loop, fds[0], LOOP_READ, on_readable, p);
	if (p->item_fd >= 0) {
		p->item_io = loop_io_new(loop, p->item_fd, LOOP_READ, on_items, p);
	}
	*ret_proc = p;
	return 0;
}

void task_proc_stop(struct task_proc *p, int64_t grace_ms)
{
	p->stopped = 1;
	if (p->proc != NULL) {
		proc_stop(p->proc, PROC_STOP_CANCEL, grace_ms);
	}
}
