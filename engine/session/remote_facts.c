/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_facts.c - task states and log lines as a worker sends them, to a server that
 * knows /wf/v1/updates: one request for both, no JSON. A light task costs the server
 * 0.25 to 0.3 ms of CPU this way and 0.6 ms as events (docs/adr/0047).
 *
 * The queue holds packed updates; the lines of the time between two requests are one
 * of them. A batch that was not taken whole is sent again: updates have ids.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "engine/session/remote_priv.h"
#include "engine/session/task_frame.h"

#define TAG_ITEMS 0x22 /* of UpdateBatch */
#define TAG_LINES 0x0a /* of Logs */
#define TAG_LOGS  0x62 /* of Update */
#define VARINT    10

static ProtobufCBinaryData bytes_of(const struct uuid *id)
{
	return (ProtobufCBinaryData){.len = sizeof(id->b),
				     .data = (uint8_t *)(uintptr_t)id->b};
}

static void add_varint(struct buf *b, size_t n)
{
	while (n >= 0x80) {
		buf_addc(b, (char)(0x80 | (n & 0x7f)));
		n >>= 7;
	}
	buf_addc(b, (char)n);
}

static void add_message(struct buf *b, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);

	buf_reserve(b, n);
	b->len += protobuf_c_message_pack(m, (uint8_t *)b->data + b->len);
	b->data[b->len] = '\0';
}

static void init_update(struct remote *r, Wf__Updates__Update *u, const struct uuid *id)
{
	wf__updates__update__init(u);
	u->id = bytes_of(id);
	u->flow_run_id = bytes_of(&r->run_id);
	u->seq = ++r->seq;
	u->occurred_us = clock_wall_us();
}

void remote_fact_state(struct remote *r, const struct session_task *t)
{
	Wf__Updates__Update u;
	struct task_frame x;
	struct buf b, policy;

	buf_init(&b);
	buf_init(&policy);
	task_frame_init(&x, t);
	remote_policy(t->plan, &policy);
	x.m.empirical_policy_json = policy.data;
	init_update(r, &u, &t->state->id);
	u.occurred_us = t->state->at_us;
	u.body_case = WF__UPDATES__UPDATE__BODY_TASK_STATE;
	u.task_state = &x.m;
	add_message(&b, &u.base);
	remote_feed_add(&r->events, b.data, b.len);
	task_frame_release(&x);
	buf_release(&policy);
	buf_release(&b);
}

void remote_fact_log(struct remote *r, const struct session_log *log)
{
	Wf__Control__LogLine m;

	log_frame_init(&m, log);
	buf_addc(&r->lines, TAG_LINES);
	add_varint(&r->lines, protobuf_c_message_get_packed_size(&m.base));
	add_message(&r->lines, &m.base);
	if (++r->line_count >= FEED_LINES_MAX || r->lines.len > FEED_BATCH_BYTES / 2) {
		remote_fact_lines(r);
	}
	remote_feed_arm(&r->events);
}

/* The lines so far become an item of the queue. */
void remote_fact_lines(struct remote *r)
{
	Wf__Updates__Update u;
	struct uuid id;
	struct buf b;

	if (r->line_count == 0) {
		return;
	}
	buf_init(&b);
	uuid_v7(&id, clock_wall_us());
	init_update(r, &u, &id);
	add_message(&b, &u.base);
	buf_addc(&b, TAG_LOGS);
	add_varint(&b, r->lines.len);
	buf_add(&b, r->lines.data, r->lines.len);
	buf_reset(&r->lines);
	r->line_count = 0;
	remote_feed_add(&r->events, b.data, b.len);
	buf_release(&b);
}

/* What stands before the items. */
void remote_fact_head(struct remote *r, struct buf *out)
{
	static char sender[] = "wf-engine";
	Wf__Updates__UpdateBatch batch;
	struct error err;

	wf__updates__update_batch__init(&batch);
	batch.sender = sender;
	batch.sender_id = bytes_of(&r->sender);
	(void)batch_pack(out, &batch, &err); /* some bytes: it fits */
}

void remote_fact_item(struct buf *out, const char *data, size_t len)
{
	buf_addc(out, TAG_ITEMS);
	add_varint(out, len);
	buf_add(out, data, len);
}

int remote_fact_answers(const struct httpc_resp *resp)
{
	Wf__Updates__UpdateAnswers *all = NULL;
	struct error err;
	int again = 0;

	if (answers_unpack(resp->body, resp->len, &all, &err) < 0) {
		(void)fprintf(stderr, "wf-engine: answer to updates: %s\n", err.msg);
		return 0;
	}
	for (size_t i = 0; i < all->n_answers; i++) {
		const Wf__Updates__UpdateAnswer *a = all->answers[i];

		again |= a->answer == WF__CONTROL__ANSWER__UNAVAILABLE;
		if (a->invalid) {
			(void)fprintf(stderr,
				      "wf-engine: the API refused an update: %s\n",
				      a->reason);
		}
	}
	wf__updates__update_answers__free_unpacked(all, NULL);
	return again;
}
