/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.c - the session with a worker: frames over the inherited socket.
 *
 *     engine            worker
 *     Hello      ->
 *                <-     RunSpec
 *     Propose    ->
 *                <-     StateAnswer      (ACCEPT REJECT WAIT ABORT SUPERSEDED
 * UNAVAILABLE) TaskState, LogLine, Result, Artifact, SetRun, Heartbeat ->
 *                <-     Cancel, at any time
 *
 * Output waits in one buffer: above OUT_HIGH no new attempt of a task starts, above
 * OUT_MAX log lines are dropped and counted; states are never dropped.  End of file
 * means that the worker is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/timefmt.h"
#include "engine/session/control_priv.h"

#define OUT_HIGH  (1u << 20)
#define OUT_LOW   (256u << 10)
#define READ_SIZE 65536
#define IN_MAX    ((size_t)2 * PROTO_FRAME_MAX)

static void hang_up(struct control *c)
{
	loop_io_free(c->io);
	c->io = NULL;
	if (c->fd >= 0) {
		(void)close(c->fd);
		c->fd = -1;
	}
}

static void send_closed(void *arg)
{
	struct control *c = arg;

	c->s.events->on_closed(c->s.arg);
}

static void lose(struct control *c, const char *why)
{
	hang_up(c);
	buf_reset(&c->out);
	c->s.congested = 0;
	if (c->calls != NULL && !c->drop_queued) {
		c->drop_queued = 1;
		loop_defer(c->loop, control_drop_calls, c);
	}
	if (c->closing) {
		loop_defer(c->loop, send_closed, c);
	} else if (!c->lost) {
		c->lost = 1;
		c->s.events->on_lost(why, c->s.arg);
	}
}

/* ---- output ---- */

static void flush(struct control *c)
{
	ssize_t n;

	while (c->fd >= 0 && c->out.len > 0) {
		n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0 && errno == EAGAIN) {
			break;
		}
		if (n <= 0) {
			lose(c, "the worker closed the control channel");
			return;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (c->io != NULL) {
		loop_io_set(c->io, c->out.len > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
	}
	if (c->s.congested && c->out.len < OUT_LOW) {
		c->s.congested = 0;
		c->s.events->on_room(c->s.arg);
	}
	if (c->closing && c->out.len == 0 && c->fd >= 0) {
		hang_up(c);
		loop_defer(c->loop, send_closed, c);
	}
}

static void on_flush(void *arg)
{
	struct control *c = arg;

	c->flush_queued = 0;
	flush(c);
}

void control_send(struct control *c, const wf_frame *frame)
{
	struct error err;

	if (c->fd < 0) {
		return;
	}
	if (frame_pack(&c->out, frame, &err) < 0) {
		(void)fprintf(stderr, "wf-engine: a message was not sent: %s\n",
			      err.msg);
		return;
	}
	if (c->out.len > OUT_HIGH) {
		c->s.congested = 1;
	}
	if (!c->flush_queued) {
		c->flush_queued = 1;
		loop_defer(c->loop, on_flush, c);
	}
}

/* ---- input ---- */

static json_t *object_of(const char *text)
{
	json_t *v = json_parse(text, strlen(text), PROTO_FRAME_MAX, NULL);

	if (!json_is_object(v)) {
		json_decref(v);
		v = json_object();
	}
	return v;
}

static void on_run_spec(struct control *c, const Wf__Control__RunSpec *m)
{
	struct session_run run = {
	    .name = m->flow_run_name,
	    .deployment_name = m->deployment_name,
	    .entrypoint = m->entrypoint,
	    .working_dir = m->working_dir,
	    .run_count = m->run_count,
	    .heartbeat_ms = m->heartbeat_ms,
	};
	json_t *params, *tags, *policy;
	size_t i;

	if (c->have_run) {
		return;
	}
	c->have_run = 1;
	if (!m->answers_calls) { /* as without a server: no limits, no secrets */
		c->ops.call = NULL;
	}
	memcpy(run.id.b, m->flow_run_id.data,
	       sizeof(run.id.b)); /* validated: 16 bytes */
	c->run_id = run.id;
	params = object_of(m->parameters_json);
	tags = json_array();
	for (i = 0; i < m->n_tags; i++) {
		(void)json_array_append_new(tags, json_string(m->tags[i]));
	}
	run.parameters = params;
	run.tags = tags;
	policy = object_of(m->empirical_policy_json);
	run.policy = policy;
	c->s.events->on_run(&run, NULL, c->s.arg);
	json_decref(params);
	json_decref(tags);
	json_decref(policy);
}

static int64_t scheduled_time(const char *details_json)
{
	json_t *details = object_of(details_json);
	int64_t at_us = TIME_NONE;

	(void)json_get_time(details, "scheduled_time", &at_us, NULL);
	json_decref(details);
	return at_us;
}

static int answer_of(Wf__Control__Answer answer)
{
	switch (answer) {
	case WF__CONTROL__ANSWER__ACCEPT:
		return SCHED_ACCEPT;
	case WF__CONTROL__ANSWER__REJECT:
		return SCHED_REJECT;
	case WF__CONTROL__ANSWER__WAIT:
		return SCHED_WAIT;
	case WF__CONTROL__ANSWER__ABORT:
		return SCHED_ABORT;
	case WF__CONTROL__ANSWER__SUPERSEDED:
		return SCHED_SUPERSEDED;
	case WF__CONTROL__ANSWER__UNAVAILABLE:
	case WF__CONTROL__ANSWER__ANSWER_UNSPECIFIED:
	case _WF__CONTROL__ANSWER_IS_INT_SIZE:
		break;
	}
	return SCHED_UNAVAILABLE;
}

static void on_state_answer(struct control *c, const Wf__Control__StateAnswer *m)
{
	struct sched_event ev = {
	    .type = SCHED_EV_ANSWER,
	    .answer = (enum sched_answer)answer_of(m->answer),
	    .delay_ms = (int64_t)(MIN_OF(m->delay_s, 86400.0) * 1000),
	    .message = m->reason,
	};
	struct run_state state;

	if (m->request_id != c->request_id) {
		return; /* of a proposal that is not waited for any more */
	}
	state_init(&state);
	if (m->state != NULL) {
		state.type = (enum state_type)m->state->type;
		state.at_us = m->state->timestamp_us;
		state_set_name(&state, m->state->name);
		state_set_message(&state, m->state->message);
		state.scheduled_us = scheduled_time(m->state->details_json);
	} else if (ev.answer == SCHED_REJECT) {
		ev.answer =
		    SCHED_ABORT; /* a rejection without a state says nothing to adopt */
	}
	ev.state = &state;
	c->s.events->on_answer(&ev, c->s.arg);
	state_release(&state);
}

static void on_frame(struct control *c, const wf_frame *f)
{
	switch ((int)f->body_case) {
	case WF__CONTROL__FRAME__BODY_RUN_SPEC:
		on_run_spec(c, f->run_spec);
		break;
	case WF__CONTROL__FRAME__BODY_STATE_ANSWER:
		on_state_answer(c, f->state_answer);
		break;
	case WF__CONTROL__FRAME__BODY_CANCEL:
		c->s.events->on_cancel(f->cancel->reason, f->cancel->grace_ms,
				       c->s.arg);
		break;
	case WF__CONTROL__FRAME__BODY_PAUSE:
		(void)fprintf(stderr, "wf-engine: the worker asks to pause, which this "
				      "engine cannot do: the run goes on\n");
		break;
	case WF__CONTROL__FRAME__BODY_API_ANSWER:
		control_on_answer(c, f->api_answer);
		break;
	default:
		break; /* a newer worker may say more */
	}
}

static void take_frames(struct control *c)
{
	wf_frame *f = NULL;
	struct error err;
	size_t used = 0;
	long n = 0;

	while (c->fd >= 0 &&
	       (n = frame_unpack(c->in.data + used, c->in.len - used, &f, &err)) > 0) {
		used += (size_t)n;
		on_frame(c, f);
		wf__control__frame__free_unpacked(f, NULL);
	}
	if (n < 0) {
		(void)fprintf(stderr, "wf-engine: control channel: %s\n", err.msg);
		lose(c, "the control channel is broken");
		return;
	}
	buf_consume(&c->in, used);
}

static void on_io(int fd, unsigned int events, void *arg)
{
	struct control *c = arg;
	ssize_t n;

	if ((events & LOOP_WRITE) != 0) {
		flush(c);
	}
	if ((events & LOOP_READ) == 0 || c->fd < 0) {
		return;
	}
	buf_reserve(&c->in, READ_SIZE);
	n = recv(fd, c->in.data + c->in.len, READ_SIZE, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0 || c->in.len + (size_t)n > IN_MAX) {
		lose(c, "the worker closed the control channel");
		return;
	}
	c->in.len += (size_t)n;
	c->in.data[c->in.len] = '\0';
	take_frames(c);
}

/* ---- life ---- */

static void control_open(struct session *s)
{
	control_hello(control_of(s));
}

static void control_close(struct session *s)
{
	struct control *c = control_of(s);

	c->closing = 1;
	if (c->fd < 0) {
		loop_defer(c->loop, send_closed, c);
	} else if (!c->flush_queued) {
		c->flush_queued = 1;
		loop_defer(c->loop, on_flush, c);
	}
}

static void control_free(struct session *s)
{
	struct control *c = control_of(s);

	hang_up(c);
	control_drop_calls(c);
	buf_release(&c->in);
	buf_release(&c->out);
	free(c);
}

static const struct session_ops control_ops = {
    .open = control_open,
    .propose = control_propose,
    .task_state = control_task_state,
    .log = control_log,
    .result = control_result,
    .artifact = control_artifact,
    .set_run = control_set_run,
    .heartbeat = control_heartbeat,
    .close = control_close,
    .free = control_free,
    .call = control_call,
    .child = control_child,
};

struct session *control_session_new(const struct session_spec *spec, int fd)
{
	struct control *c = xcalloc(1, sizeof(*c));
	const char *id = opts_env("PREFECT__FLOW_RUN_ID");

	c->ops = control_ops;
	c->s = (struct session){.ops = &c->ops,
				.events = spec->events,
				.arg = spec->arg,
				.keeps_flow_result = 1,
				.keeps_task_results = 1};
	c->loop = spec->loop;
	c->fd = fd;
	if (id == NULL || uuid_parse(id, &c->run_id) < 0) {
		memset(&c->run_id, 0, sizeof(c->run_id));
	}
	buf_init(&c->in);
	buf_init(&c->out);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	c->io = loop_io_new(spec->loop, fd, LOOP_READ, on_io, c);
	return &c->s;
}
