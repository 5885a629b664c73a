/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_feed.c - task run events and log lines to the API, in batches.
 *
 * A batch that fails for a passing reason is sent again; events carry ids, so that a
 * repetition does no harm.  What the API refuses for good is dropped and said once.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/jsonw.h"
#include "base/loop.h"
#include "base/timefmt.h"
#include "engine/plan.h"
#include "engine/session/remote_priv.h"
#include "proto/frame.h"

#define MESSAGE_MAX 100000
#define BINARY      "application/x-protobuf"

static uint32_t item_len(const char *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n));
	return n;
}

static void arm(struct feed *f, int64_t in_ms)
{
	f->timer_armed = 1;
	loop_timer_in(f->timer, in_ms);
}

static void on_sent(int rc, const struct httpc_resp *resp, const struct error *err,
		    void *arg)
{
	struct feed *f = arg;
	struct remote *r = f->remote;
	int status = resp != NULL ? resp->status : 0;
	int failed = rc < 0 || status >= 300;
	int again = failed ? http_is_retryable(rc, status)
			   : f->binary && resp != NULL && remote_fact_answers(resp);

	if (r->closed) {
		return; /* the session is being freed */
	}
	if (again && clock_mono_ms() < f->give_up_ms) {
		f->sending = 0;
		arm(f, backoff_next(&f->backoff, random_unit()));
		return;
	}
	if (failed) {
		(void)fprintf(
		    stderr, "wf-engine: %s did not take a batch: %s (status %d)\n",
		    f->path, rc < 0 && err != NULL ? err->msg : "refused", status);
	}
	backoff_reset(&f->backoff);
	buf_consume(&f->queue, f->sending);
	f->count -= f->sent;
	f->sending = 0;
	f->give_up_ms = INT64_MAX;
	if (f->queue.len > 0 || (f->binary && r->line_count > 0)) {
		remote_feed_flush(f);
	}
	if (r->s.congested && r->events.queue.len < FEED_HIGH / 2) {
		r->s.congested = 0;
		r->s.events->on_room(r->s.arg);
	}
	remote_check_closed(r);
}

static void start_body(struct feed *f, struct buf *body)
{
	if (f->binary) {
		remote_fact_head(f->remote, body);
	} else {
		buf_addc(body, '[');
	}
}

static void add_item(const struct feed *f, struct buf *body, const char *data, size_t n,
		     size_t before)
{
	if (f->binary) {
		remote_fact_item(body, data, n);
	} else {
		buf_adds(body, before > 0 ? "," : "");
		buf_add(body, data, n);
	}
}

void remote_feed_flush(struct feed *f)
{
	struct buf body;
	struct remote_req req = {"POST", f->path, &body, f->binary ? BINARY : NULL};
	struct error err;
	size_t used = 0, count = 0;
	uint32_t n;

	if (f->sending > 0) {
		return;
	}
	if (f->binary) {
		remote_fact_lines(f->remote);
	}
	if (f->queue.len == 0) {
		return;
	}
	f->timer_armed = 0;
	loop_timer_stop(f->timer);
	buf_init(&body);
	start_body(f, &body);
	while (used < f->queue.len && count < FEED_BATCH_MAX &&
	       body.len < FEED_BATCH_BYTES) {
		n = item_len(f->queue.data + used);
		add_item(f, &body, f->queue.data + used + sizeof(n), n, count++);
		used += sizeof(n) + n;
	}
	buf_adds(&body, f->binary ? "" : "]");
	if (f->give_up_ms == INT64_MAX) {
		f->give_up_ms = clock_mono_ms() + REMOTE_GIVE_UP_MS;
	}
	f->sending = used;
	f->sent = count;
	if (remote_send(f->remote, &req, on_sent, f, &err) < 0) {
		on_sent(-err.code, NULL, &err, f);
	}
	buf_release(&body);
}

static void on_timer(void *arg)
{
	remote_feed_flush(arg);
}

void remote_feed_init(struct feed *f, struct remote *r, const char *path)
{
	memset(f, 0, sizeof(*f));
	f->remote = r;
	f->path = path;
	f->give_up_ms = INT64_MAX;
	buf_init(&f->queue);
	backoff_init(&f->backoff, 200, 10000);
	f->timer = loop_timer_new(r->loop, on_timer, f);
}

void remote_feed_release(struct feed *f)
{
	loop_timer_free(f->timer);
	buf_release(&f->queue);
}

void remote_feed_add(struct feed *f, const char *json, size_t len)
{
	uint32_t n = (uint32_t)len;

	buf_add(&f->queue, &n, sizeof(n));
	buf_add(&f->queue, json, len);
	f->count++;
	remote_feed_arm(f);
	if (f->count == FEED_BATCH_MAX && f->sending == 0) {
		arm(f, 0); /* a whole batch: the server has something to do */
	}
}

void remote_feed_arm(struct feed *f)
{
	if (f->sending == 0 && !f->timer_armed) {
		arm(f, FEED_FLUSH_MS);
	}
}

/* ---- prefect.task-run.<State> ---- */

static void related(struct jsonw *w, const char *kind, const struct uuid *id,
		    const char *role, const char *name)
{
	char text[80], id_text[UUID_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "prefect.%s.%s", kind,
		       uuid_format(id, id_text));
	jsonw_obj(w, NULL);
	jsonw_str(w, "prefect.resource.id", text);
	jsonw_str(w, "prefect.resource.role", role);
	jsonw_str(w, "prefect.resource.name", name);
	jsonw_obj_end(w);
}

static void write_related(struct jsonw *w, const struct remote *r, const json_t *tags)
{
	char text[300];
	size_t i;

	jsonw_arr(w, "related");
	for (i = 0; i < json_array_size(tags); i++) {
		(void)snprintf(text, sizeof(text), "prefect.tag.%.280s",
			       json_string_value(json_array_get(tags, i)));
		jsonw_obj(w, NULL);
		jsonw_str(w, "prefect.resource.id", text);
		jsonw_str(w, "prefect.resource.role", "tag");
		jsonw_obj_end(w);
	}
	related(w, "flow-run", &r->run_id, "flow-run", r->name);
	related(w, "flow", &r->flow_id, "flow", r->flow->name);
	jsonw_arr_end(w);
}

static void write_resource(struct jsonw *w, const struct session_task *t)
{
	char id[UUID_TEXT_SIZE], text[80], time[TIME_TEXT_SIZE], count[16];
	const struct run_state *s = t->state;

	(void)snprintf(text, sizeof(text), "prefect.task-run.%s",
		       uuid_format(&t->run->id, id));
	(void)snprintf(count, sizeof(count), "%d", t->run->run_count);
	jsonw_obj(w, "resource");
	jsonw_str(w, "prefect.resource.id", text);
	jsonw_str(w, "prefect.resource.name", t->name);
	jsonw_str(w, "prefect.run-count", count);
	jsonw_str(w, "prefect.state-message", s->message != NULL ? s->message : "");
	jsonw_str(w, "prefect.state-name", s->name);
	jsonw_str(w, "prefect.state-timestamp",
		  time_format(s->at_us, time, sizeof(time)));
	jsonw_str(w, "prefect.state-type", state_type_text((int)s->type));
	jsonw_str(w, "prefect.orchestration", "client");
	jsonw_obj_end(w);
}

static void write_policy(struct jsonw *w, const struct plan_task *plan)
{
	size_t i;

	jsonw_int(w, "max_retries", plan->retries);
	jsonw_real(w, "retry_delay_seconds", 0.0);
	jsonw_int(w, "retries", plan->retries);
	if (plan->delays.count <= 1) {
		jsonw_int(w, "retry_delay",
			  plan->delays.count == 1 ? (int64_t)plan->delays.seconds[0]
						  : 0);
	} else {
		jsonw_arr(w, "retry_delay");
		for (i = 0; i < plan->delays.count && i < (size_t)plan->retries; i++) {
			jsonw_int(w, NULL, (int64_t)plan->delays.seconds[i]);
		}
		jsonw_arr_end(w);
	}
	if (plan->jitter > 0) {
		jsonw_real(w, "retry_jitter_factor", plan->jitter);
	}
}

void remote_policy(const struct plan_task *plan, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	write_policy(&w, plan);
	jsonw_obj_end(&w);
}

static void write_task_run(struct jsonw *w, const struct session_task *t)
{
	jsonw_obj(w, "task_run");
	jsonw_str(w, "name", t->name);
	jsonw_str(w, "task_key", t->plan->task_key);
	jsonw_str(w, "dynamic_key", t->dynamic_key);
	jsonw_obj(w, "empirical_policy");
	write_policy(w, t->plan);
	jsonw_obj_end(w);
	jsonw_json(w, "tags", t->tags);
	jsonw_raw(w, "labels", "{}");
	jsonw_json(w, "task_inputs", t->inputs);
	jsonw_int(w, "run_count", t->run->run_count);
	jsonw_int(w, "flow_run_run_count", t->flow_run_count);
	jsonw_time(w, "expected_start_time", t->run->expected_us);
	if (t->run->start_us != TIME_NONE) {
		jsonw_time(w, "start_time", t->run->start_us);
	}
	if (t->run->end_us != TIME_NONE) {
		jsonw_time(w, "end_time", t->run->end_us);
	}
	jsonw_real(w, "total_run_time", (double)t->run->total_run_us / 1e6);
	jsonw_obj_end(w);
}

static void write_payload(struct jsonw *w, const struct session_task *t)
{
	const struct run_state *s = t->state;
	const char *from = t->from != STATE_NONE ? state_type_text((int)t->from) : NULL;
	struct buf details;

	buf_init(&details);
	state_details(s, &details);
	jsonw_obj(w, "payload");
	jsonw_obj(w, "intended");
	jsonw_str(w, "from", from);
	jsonw_str(w, "to", state_type_text((int)s->type));
	jsonw_obj_end(w);
	if (from == NULL) {
		jsonw_null(w, "initial_state");
	} else {
		jsonw_obj(w, "initial_state");
		jsonw_str(w, "type", from);
		jsonw_str(w, "name", state_type_default_name((int)t->from));
		jsonw_str(w, "message", "");
		jsonw_raw(w, "state_details", "{}");
		jsonw_obj_end(w);
	}
	jsonw_obj(w, "validated_state");
	jsonw_str(w, "type", state_type_text((int)s->type));
	jsonw_str(w, "name", s->name);
	jsonw_strn(w, "message", s->message != NULL ? s->message : "",
		   s->message != NULL ? strnlen(s->message, MESSAGE_MAX) : 0);
	jsonw_raw(w, "state_details", details.data);
	jsonw_null(w, "data");
	jsonw_obj_end(w);
	write_task_run(w, t);
	jsonw_obj_end(w);
	buf_release(&details);
}

void remote_task_event(struct remote *r, const struct session_task *t, struct buf *out)
{
	char event[128];
	struct jsonw w;

	(void)snprintf(event, sizeof(event), "prefect.task-run.%s", t->state->name);
	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_uuid(&w, "id", &t->state->id);
	jsonw_time(&w, "occurred", t->state->at_us);
	jsonw_str(&w, "event", event);
	write_resource(&w, t);
	write_related(&w, r, t->tags);
	write_payload(&w, t);
	jsonw_uuid(&w, "follows", uuid_is_nil(&t->previous) ? NULL : &t->previous);
	jsonw_obj_end(&w);
}
