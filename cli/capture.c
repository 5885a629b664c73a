/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.c - a child on a loop of its own.
 */
#include "cli/capture.h"

#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/proc.h"

extern char **environ;

struct run {
	struct loop *loop;
	struct buf *out, *errors;
	struct proc_exit exit;
	char text[128];
};

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	struct run *r = arg;
	struct buf *b = stream == 1 ? r->out : r->errors;

	(void)p;
	buf_add(b, data, b->len < CAPTURE_MAX ? MIN_OF(len, CAPTURE_MAX - b->len) : 0);
}

static void on_exit_status(struct proc *p, const struct proc_exit *exit, void *arg)
{
	struct run *r = arg;

	(void)p;
	r->exit = *exit;
	proc_describe(exit, r->text, sizeof(r->text));
	loop_stop(r->loop, 0);
}

int capture(char *const *argv, int64_t limit_ms, struct buf *out, struct buf *errors,
	    int *ret_status, struct error *err)
{
	struct run r = {.out = out, .errors = errors};
	struct proc_spec spec = {
	    .argv = argv,
	    .envp = environ,
	    .cwd = ".",
	    .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, -1},
	    .time_limit_ms = limit_ms,
	    .output_fn = on_output,
	    .exit_fn = on_exit_status,
	    .arg = &r,
	};
	struct proc *p;
	int rc;

	r.loop = loop_new(err);
	if (r.loop == NULL) {
		return -err->code;
	}
	rc = proc_init(r.loop, err);
	if (rc == 0) {
		rc = proc_spawn(r.loop, &spec, &p, err);
		if (rc == 0) {
			(void)loop_run(r.loop);
		}
		proc_fini();
	}
	loop_free(r.loop);
	if (rc == 0 &&
	    (r.exit.spawn_errno != 0 || r.exit.reason == PROC_STOP_TIMEOUT)) {
		rc = err_set(err, ERR_UNAVAILABLE, "%s: %s", argv[0], r.text);
	}
	*ret_status = proc_exit_code(&r.exit);
	return rc;
}
