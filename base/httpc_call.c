/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc_call.c - one blocking request: a private loop, turned until the answer is
 * there.
 *
 * The loop and its one kept connection live as long as the process.  A child of fork()
 * must not use its parent's: it starts afresh.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/loop.h"
#include "base/mem.h"

#define NO_LIMIT_MS (-1)

struct call {
	int done, rc;
	struct httpc_answer answer;
	struct error err;
};

static struct {
	pid_t owner;
	struct loop *loop;
	struct httpc *client;
} shared;

static void on_answer(int rc, const struct httpc_resp *resp, const struct error *err,
		      void *arg)
{
	struct call *call = arg;

	call->done = 1;
	call->rc = rc;
	if (rc < 0) {
		call->err = *err;
		return;
	}
	call->answer = (struct httpc_answer){
	    .status = resp->status,
	    .body = xmalloc(resp->len + 1),
	    .len = resp->len,
	    .content_type =
		resp->content_type != NULL ? xstrdup(resp->content_type) : NULL,
	    .retry_after_ms = resp->retry_after_ms,
	};
	memcpy(call->answer.body, resp->body, resp->len);
	call->answer.body[resp->len] = '\0';
}

static int open_shared(struct error *err)
{
	if (shared.loop != NULL && shared.owner == getpid()) {
		return 0;
	}
	/* in a child the parent's objects are left alone: their epoll is the parent's
	 * too */
	shared.owner = getpid();
	shared.client = NULL;
	shared.loop = loop_new(err);
	if (shared.loop == NULL) {
		return -ERR_IO;
	}
	shared.client = httpc_new(shared.loop, 1);
	return 0;
}

int httpc_call(const struct httpc_spec *spec, struct httpc_answer *ret_answer,
	       struct error *err)
{
	struct call call = {0};
	int rc = open_shared(err);

	if (rc == 0) {
		rc = httpc_send(shared.client, spec, on_answer, &call, NULL, err);
	}
	if (rc < 0) {
		return rc;
	}
	while (!call.done) {
		loop_turn(shared.loop, NO_LIMIT_MS);
	}
	if (call.rc < 0) {
		return err_set(err, (enum err_code) - call.rc, "%s", call.err.msg);
	}
	*ret_answer = call.answer;
	return 0;
}

void httpc_answer_release(struct httpc_answer *a)
{
	if (a == NULL) {
		return;
	}
	free(a->body);
	free(a->content_type);
	*a = (struct httpc_answer){0};
}
