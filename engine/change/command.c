/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.c - running the command of a handler.
 */
#include "engine/change/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/state.h"
#include "engine/task/lines.h"

#define LINE_MAX_LEN (64u << 10)
#define GRACE_MS     1000
#define WHY_MAX      300u

struct change_command {
	const struct change_command_ops *ops;
	void *arg;
	struct buf out;
	int too_long, log_output;
	double timeout_s;
	struct lines out_lines, err_lines;
	char last[WHY_MAX]; /* line of standard error */
	char what[120];
};

static void on_out_line(const char *line, size_t len, int cut, void *arg)
{
	struct change_command *c = arg;
	char *text = text_clean(line, len);

	(void)cut;
	c->ops->log(LEVEL_INFO, text, c->arg);
	free(text);
}

static void on_err_line(const char *line, size_t len, int cut, void *arg)
{
	struct change_command *c = arg;
	char *text = text_clean(line, len);

	(void)cut;
	c->ops->log(LEVEL_WARNING, text, c->arg);
	if (*text != '\0') {
		(void)snprintf(c->last, sizeof(c->last), "%s", text);
	}
	free(text);
}

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	struct change_command *c = arg;

	(void)p;
	if (stream == 2) {
		lines_feed(&c->err_lines, data, len);
	} else if (c->log_output) {
		lines_feed(&c->out_lines, data, len);
	} else if (c->out.len + len > COMMAND_ANSWER_MAX) {
		c->too_long = 1;
	} else {
		buf_add(&c->out, data, len);
	}
}

static void command_free(struct change_command *c)
{
	buf_release(&c->out);
	lines_release(&c->out_lines);
	lines_release(&c->err_lines);
	free(c);
}

static int why_it_failed(const struct change_command *c, const struct proc_exit *e,
			 char *why, size_t size)
{
	char text[64];

	if (e->spawn_errno != 0) {
		(void)snprintf(why, size, "could not be started: %s: %s", c->what,
			       strerror(e->spawn_errno));
	} else if (e->reason == PROC_STOP_TIMEOUT) {
		seconds_text(c->timeout_s, text, sizeof(text));
		(void)snprintf(why, size, "exceeded its timeout of %s second(s)", text);
	} else if (WIFSIGNALED(e->status)) {
		proc_describe(e, text, sizeof(text));
		(void)snprintf(why, size, "was killed by %s", text);
	} else if (e->status != 0) {
		(void)snprintf(why, size, "exited with code %d%s%s",
			       WEXITSTATUS(e->status), *c->last != '\0' ? ": " : "",
			       c->last);
	} else if (c->too_long) {
		(void)snprintf(why, size, "answered with more than %u bytes",
			       COMMAND_ANSWER_MAX);
	} else {
		return 0;
	}
	return -ERR_INTERNAL;
}

static void on_proc_exit(struct proc *p, const struct proc_exit *e, void *arg)
{
	struct change_command *c = arg;
	char why[600] = "";
	int rc;

	(void)p;
	lines_finish(&c->out_lines);
	lines_finish(&c->err_lines);
	rc = why_it_failed(c, e, why, sizeof(why));
	c->ops->done(rc, c->out.data, c->out.len, why, c->arg);
	command_free(c);
}

/* A file in memory with TEXT, to be read from its beginning; -1: none. */
static int text_fd(const char *text)
{
	size_t len = strlen(text), done = 0;
	int fd = memfd_create("wf-input", MFD_CLOEXEC);
	ssize_t n;

	while (fd >= 0 && done < len) {
		n = write(fd, text + done, len - done);
		if (n <= 0) {
			(void)close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	if (fd >= 0) {
		(void)lseek(fd, 0, SEEK_SET);
	}
	return fd;
}

int change_command_start(struct loop *loop, const struct change_command_spec *spec,
			 struct change_command **ret_command, struct error *err)
{
	struct change_command *c = xcalloc(1, sizeof(*c));
	struct proc *proc;
	struct proc_spec ps = {
	    .argv = spec->argv,
	    .envp = spec->envp,
	    .cwd = spec->cwd,
	    .fd = {text_fd(spec->input), PROC_FD_PIPE, PROC_FD_PIPE, -1},
	    .time_limit_ms = (int64_t)(spec->timeout_s * 1000) + 1,
	    .kill_grace_ms = GRACE_MS,
	    .drain_ms = GRACE_MS,
	    .share_until_exec = 1,
	    .output_fn = on_output,
	    .exit_fn = on_proc_exit,
	    .arg = c,
	};
	int rc;

	c->ops = spec->ops;
	c->arg = spec->arg;
	c->log_output = spec->log_output;
	c->timeout_s = spec->timeout_s;
	(void)snprintf(c->what, sizeof(c->what), "%s", spec->argv[0]);
	buf_init(&c->out);
	lines_init(&c->out_lines, LINE_MAX_LEN, on_out_line, c);
	lines_init(&c->err_lines, LINE_MAX_LEN, on_err_line, c);
	rc = proc_spawn(loop, &ps, &proc, err);
	if (ps.fd[0] >= 0) {
		(void)close(ps.fd[0]);
	}
	if (rc < 0) {
		command_free(c);
		return rc;
	}
	*ret_command = c;
	return 0;
}
