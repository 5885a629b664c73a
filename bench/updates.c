/* SPDX-License-Identifier: Apache-2.0 */
/*
 * updates.c - task states into the API, in batches, one connection.
 *
 *	updates API_URL FLOW_RUN_ID COUNT BATCH       prints states per second
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "proto/frame.h"

struct one {
	Wf__Updates__Update u;
	Wf__Control__TaskState t;
	Wf__Control__State s;
	struct uuid task, state;
	char key[32];
};

static void fill(struct one *o, const struct uuid *run, long n)
{
	wf__updates__update__init(&o->u);
	wf__control__task_state__init(&o->t);
	wf__control__state__init(&o->s);
	uuid_v7(&o->task, clock_wall_us());
	uuid_v7(&o->state, clock_wall_us());
	(void)snprintf(o->key, sizeof(o->key), "%ld", n);
	o->s.id.data = o->state.b;
	o->s.id.len = 16;
	o->s.type = WF__CONTROL__STATE_TYPE__RUNNING;
	o->s.name = o->t.name = o->t.task_key = o->t.dynamic_key = o->key;
	o->s.timestamp_us = clock_wall_us();
	o->t.task_run_id.data = o->task.b;
	o->t.task_run_id.len = 16;
	o->t.run_count = 1;
	o->t.state = &o->s;
	o->u.id = o->s.id;
	o->u.flow_run_id.data = (uint8_t *)(uintptr_t)run->b;
	o->u.flow_run_id.len = 16;
	o->u.seq = (uint64_t)n + 1;
	o->u.occurred_us = o->s.timestamp_us;
	o->u.body_case = WF__UPDATES__UPDATE__BODY_TASK_STATE;
	o->u.task_state = &o->t;
}

static void die(const char *what, const struct error *err)
{
	(void)fprintf(stderr, "updates: %s: %s\n", what, err->msg);
	exit(1);
}

static void send_batch(const char *url, const struct buf *body)
{
	struct httpc_spec spec = {.method = "POST",
				  .url = url,
				  .body = body->data,
				  .body_len = body->len,
				  .content_type = "application/x-protobuf"};
	struct httpc_answer a = {0};
	struct error err = {0};

	if (httpc_call(&spec, &a, &err) < 0) {
		die("send", &err);
	}
	if (a.status != 200) {
		(void)fprintf(stderr, "updates: HTTP %d: %.300s\n", a.status, a.body);
		exit(1);
	}
	httpc_answer_release(&a);
}

int main(int argc, char **argv)
{
	struct uuid run, sender;
	struct error err = {0};
	long count, batch;
	struct one *items;
	Wf__Updates__Update **list;
	char *url;
	int64_t begin_us;
	struct buf body;

	if (argc < 5 || uuid_parse(argv[2], &run) < 0) {
		(void)fprintf(stderr,
			      "usage: updates API_URL FLOW_RUN_ID COUNT BATCH\n");
		return 64;
	}
	count = strtol(argv[3], NULL, 10);
	batch = strtol(argv[4], NULL, 10);
	items = xcalloc((size_t)batch, sizeof(*items));
	list = xcalloc((size_t)batch, sizeof(*list));
	url = xasprintf("%s/wf/v1/updates", argv[1]);
	uuid_v4(&sender);
	buf_init(&body);
	begin_us = clock_mono_us();
	for (long n = 0; n < count; n += batch) {
		Wf__Updates__UpdateBatch b;

		wf__updates__update_batch__init(&b);
		for (long i = 0; i < batch; i++) {
			fill(&items[i], &run, n + i);
			list[i] = &items[i].u;
		}
		b.sender = (char *)(uintptr_t) "bench";
		b.pool = (char *)(uintptr_t) "bench";
		b.sender_id.data = sender.b;
		b.sender_id.len = 16;
		b.n_items = (size_t)batch;
		b.items = list;
		buf_reset(&body);
		if (batch_pack(&body, &b, &err) < 0) {
			die("pack", &err);
		}
		send_batch(url, &body);
	}
	(void)printf("%.1f\n",
		     (double)count * 1e6 / (double)(clock_mono_us() - begin_us));
	buf_release(&body);
	free(items);
	free(list);
	free(url);
	return 0;
}
