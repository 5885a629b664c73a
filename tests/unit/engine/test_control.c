/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_control.c - the worker's side of fd 3, spoken to the built wf-engine.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "child.h"
#include "proto/frame.h"

#define ARGS_NONE ((const char *const[]){NULL})

struct worker {
	struct child child;
	int fd;
	pid_t pid;
	struct buf in, out;
	struct buf seen; /* what came, one word per frame */
	uint64_t request_id, call_id;
	int answers_calls;
	char flow_state[300]; /* "FAILED Failed: message" of the last proposal */
};

static void worker_init(struct worker *w, const char *flows)
{
	int fds[2];

	memset(w, 0, sizeof(*w));
	buf_init(&w->in);
	buf_init(&w->out);
	buf_init(&w->seen);
	child_init(&w->child, flows);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	w->fd = fds[0];
	w->pid = child_start(&w->child, ARGS_NONE, fds[1]);
	(void)close(fds[1]);
}

static void worker_release(struct worker *w)
{
	if (w->fd >= 0) {
		(void)close(w->fd);
	}
	buf_release(&w->in);
	buf_release(&w->out);
	buf_release(&w->seen);
	child_release(&w->child);
}

static void send_frame(struct worker *w, const wf_frame *f)
{
	buf_reset(&w->out);
	cr_assert_eq(frame_pack(&w->out, f, NULL), 0);
	cr_assert_eq(write(w->fd, w->out.data, w->out.len), (ssize_t)w->out.len);
}

static uint8_t run_id[16] = {1,    2,  3,  4,  5,  6,  0x70, 8,
			     0x80, 10, 11, 12, 13, 14, 15,   16};

static void send_spec(struct worker *w, const char *entrypoint, const char *params)
{
	wf_frame f;
	Wf__Control__RunSpec m;
	static char tag[] = "walk";
	char *tags[] = {tag};

	wf__control__frame__init(&f);
	wf__control__run_spec__init(&m);
	m.flow_run_id.data = run_id;
	m.flow_run_id.len = 16;
	m.flow_run_name = (char *)(uintptr_t) "calm-otter";
	m.entrypoint = (char *)(uintptr_t)entrypoint;
	m.parameters_json = (char *)(uintptr_t)params;
	m.working_dir = w->child.dir;
	m.heartbeat_ms = 50;
	m.n_tags = 1;
	m.tags = tags;
	m.answers_calls = w->answers_calls;
	f.body_case = WF__CONTROL__FRAME__BODY_RUN_SPEC;
	f.run_spec = &m;
	send_frame(w, &f);
}

static void answer(struct worker *w, Wf__Control__Answer as,
		   Wf__Control__StateType type, const char *name, double delay_s)
{
	static uint8_t id[16] = {9};
	wf_frame f;
	Wf__Control__StateAnswer m;
	Wf__Control__State st;

	wf__control__frame__init(&f);
	wf__control__state_answer__init(&m);
	wf__control__state__init(&st);
	m.request_id = w->request_id;
	m.answer = as;
	m.delay_s = delay_s;
	m.reason = (char *)(uintptr_t) "because";
	if (type != WF__CONTROL__STATE_TYPE__STATE_TYPE_UNSPECIFIED) {
		st.id.data = id;
		st.id.len = 16;
		st.type = type;
		st.name = (char *)(uintptr_t)name;
		m.state = &st;
	}
	f.body_case = WF__CONTROL__FRAME__BODY_STATE_ANSWER;
	f.state_answer = &m;
	send_frame(w, &f);
}

static void accept_it(struct worker *w)
{
	answer(w, WF__CONTROL__ANSWER__ACCEPT, 0, NULL, 0);
}

static void note(struct worker *w, const wf_frame *f)
{
	switch ((int)f->body_case) {
	case WF__CONTROL__FRAME__BODY_HELLO:
		buf_adds(&w->seen, "hello;");
		break;
	case WF__CONTROL__FRAME__BODY_PROPOSE:
		w->request_id = f->propose->request_id;
		(void)snprintf(w->flow_state, sizeof(w->flow_state), "%s %s: %s",
			       state_type_text((int)f->propose->state->type),
			       f->propose->state->name, f->propose->state->message);
		buf_addf(&w->seen, "propose %s%s;", f->propose->force ? "force " : "",
			 f->propose->state->name);
		break;
	case WF__CONTROL__FRAME__BODY_TASK_STATE:
		buf_addf(&w->seen, "%s %s %d;", f->task_state->name,
			 f->task_state->state->name, f->task_state->run_count);
		cr_expect_eq(f->task_state->n_tags, 1);
		break;
	case WF__CONTROL__FRAME__BODY_RESULT:
		buf_addf(&w->seen, "result %s %.*s;",
			 f->result->task_run_id.len == 0 ? "flow" : "task",
			 (int)f->result->json.len, (const char *)f->result->json.data);
		break;
	case WF__CONTROL__FRAME__BODY_SET_RUN:
		buf_addf(&w->seen, "set %s%s;", f->set_run->name,
			 f->set_run->empirical_policy_json);
		break;
	case WF__CONTROL__FRAME__BODY_ARTIFACT:
		buf_addf(&w->seen, "artifact %s;", f->artifact->key);
		break;
	case WF__CONTROL__FRAME__BODY_LOG:
		if (strcmp(f->log->name, "prefect.task_runs") == 0 &&
		    f->log->level != 20) {
			buf_addf(&w->seen, "log %d;", f->log->level);
		}
		break;
	case WF__CONTROL__FRAME__BODY_API_CALL:
		w->call_id = f->api_call->request_id;
		buf_addf(&w->seen, "%s %s;", f->api_call->method, f->api_call->path);
		break;
	default:
		break;
	}
}

/* Reads until a frame of the kind WANT, or the end (returns 0). */
static int read_until(struct worker *w, int want)
{
	struct pollfd p = {.fd = w->fd, .events = POLLIN};
	char data[8192];
	wf_frame *f = NULL;
	ssize_t n;
	long used;

	for (;;) {
		while ((used = frame_unpack(w->in.data, w->in.len, &f, NULL)) > 0) {
			int kind = (int)f->body_case;

			buf_consume(&w->in, (size_t)used);
			note(w, f);
			wf__control__frame__free_unpacked(f, NULL);
			if (kind == want) {
				return 1;
			}
		}
		cr_assert_geq(used, 0, "a broken frame");
		cr_assert_gt(poll(&p, 1, 15000), 0, "silence after: %s", w->seen.data);
		n = read(w->fd, data, sizeof(data));
		if (n <= 0) {
			return 0;
		}
		buf_add(&w->in, data, (size_t)n);
	}
}

static void expect_seen(const struct worker *w, const char *want)
{
	cr_expect_str_eq(w->seen.data, want, "got:  %s\nwant: %s", w->seen.data, want);
}

static int until_proposal(struct worker *w)
{
	return read_until(w, WF__CONTROL__FRAME__BODY_PROPOSE);
}

#define FLOW                                                                         \
	"  f:\n    params: {n: {type: integer, default: 1}}\n    tasks:\n"           \
	"      a: {run: echo \"$WF_IN_n\", with: {n: \"{{ params.n }}\"}, outputs: " \
	"json}\n"                                                                    \
	"    return: \"{{ tasks.a }}\"\n"

Test(control, a_whole_run)
{
	struct worker w;

	worker_init(&w, FLOW);
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml:f", "{\"n\": 5}");
	cr_assert(until_proposal(&w));
	accept_it(&w);
	cr_assert(until_proposal(&w));
	cr_expect_str_eq(w.flow_state, "COMPLETED Completed: All states completed.");
	accept_it(&w);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 0);
	expect_seen(&w, "hello;set {\"retries\":0,\"retry_delay\":0};propose "
			"Running;a-0 Pending 0;a-0 Running 1;result task 5;"
			"a-0 Completed 1;result flow 5;propose Completed;");
	worker_release(&w);
}

static void answer_call(struct worker *w, int status, const char *json)
{
	wf_frame f;
	Wf__Control__ApiAnswer m;

	wf__control__frame__init(&f);
	wf__control__api_answer__init(&m);
	m.request_id = w->call_id;
	m.status = status;
	m.data_json = (char *)(uintptr_t)json;
	m.error = (char *)(uintptr_t)(status == 0 ? "the API is away" : "");
	f.body_case = WF__CONTROL__FRAME__BODY_API_ANSWER;
	f.api_answer = &m;
	send_frame(w, &f);
}

/* Limits of tags are asked for when the worker says that it answers; that the API is
 * away fails no task. */
Test(control, limits_of_tags_are_waited_for)
{
	struct worker w;

	worker_init(&w, FLOW);
	w.answers_calls = 1;
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml:f", "{}");
	cr_assert(until_proposal(&w));
	accept_it(&w);
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_API_CALL));
	answer_call(&w, 0, "");
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_API_CALL));
	answer_call(&w, 200, "{\"lease_id\": null, \"limits\": []}");
	cr_assert(until_proposal(&w));
	cr_expect_str_eq(w.flow_state, "COMPLETED Completed: All states completed.");
	accept_it(&w);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 0);
	cr_expect(
	    strstr(w.seen.data,
		   "a-0 Pending 0;POST /v2/concurrency_limits/increment-with-lease;"
		   "POST /v2/concurrency_limits/increment-with-lease;a-0 Running 1;") !=
		NULL,
	    "got: %s", w.seen.data);
	worker_release(&w);
}

Test(control, wait_is_slept_and_asked_again)
{
	struct worker w;

	worker_init(&w, FLOW);
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml", "{}");
	cr_assert(until_proposal(&w));
	answer(&w, WF__CONTROL__ANSWER__WAIT, 0, NULL, 0.1);
	cr_assert(until_proposal(&w));
	accept_it(&w);
	cr_assert(until_proposal(&w));
	accept_it(&w);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 0);
	worker_release(&w);
}

Test(control, a_rejected_failure_is_run_again)
{
	struct worker w;

	worker_init(
	    &w,
	    "  f:\n    tasks:\n      a: {run: test \"$WF_IN_n\" -ge 2, with: {n: \"{{ "
	    "flow_run.run_count }}\"}}\n");
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml:f", "{}");
	cr_assert(until_proposal(&w));
	accept_it(&w);
	cr_assert(until_proposal(&w));
	cr_expect_str_eq(w.flow_state, "FAILED Failed: 1/1 states failed.");
	answer(&w, WF__CONTROL__ANSWER__REJECT, WF__CONTROL__STATE_TYPE__SCHEDULED,
	       "AwaitingRetry", 0);
	cr_assert(until_proposal(&w));
	cr_expect_str_eq(w.flow_state, "RUNNING Retrying: ");
	accept_it(&w);
	cr_assert(until_proposal(&w));
	cr_expect_str_eq(w.flow_state, "COMPLETED Completed: All states completed.");
	accept_it(&w);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 0);
	worker_release(&w);
}

Test(control, cancel_stops_the_task_and_proposes_cancelled)
{
	struct worker w;
	wf_frame f;
	Wf__Control__Cancel m;

	worker_init(&w, "  f:\n    tasks:\n      a: {run: exec sleep 60}\n");
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml:f", "{}");
	cr_assert(until_proposal(&w));
	accept_it(&w);
	while (strstr(w.seen.data, "a-0 Running 1;") == NULL) {
		cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_TASK_STATE));
	}
	wf__control__frame__init(&f);
	wf__control__cancel__init(&m);
	m.reason = (char *)(uintptr_t) "Flow run was cancelled by the user.";
	m.grace_ms = 2000;
	f.body_case = WF__CONTROL__FRAME__BODY_CANCEL;
	f.cancel = &m;
	send_frame(&w, &f);
	cr_assert(until_proposal(&w));
	cr_expect_str_eq(w.flow_state,
			 "CANCELLED Cancelled: Flow run was cancelled by the user.");
	accept_it(&w);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 3);
	cr_expect_not_null(
	    strstr(w.seen.data, "a-0 Cancelled 1;log 40;propose Cancelled;"));
	worker_release(&w);
}

Test(control, abort_and_superseded)
{
	struct worker w;

	worker_init(&w, FLOW);
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml:f", "{}");
	cr_assert(until_proposal(&w));
	answer(&w, WF__CONTROL__ANSWER__ABORT, 0, NULL, 0);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 0);
	worker_release(&w);
	worker_init(&w, FLOW);
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml:f", "{}");
	cr_assert(until_proposal(&w));
	answer(&w, WF__CONTROL__ANSWER__SUPERSEDED, 0, NULL, 0);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 75);
	worker_release(&w);
}

Test(control, a_file_that_cannot_be_loaded_fails_the_run_with_the_reason)
{
	struct worker w;

	worker_init(&w, "  f:\n    tasks:\n      a: {rnu: x}\n");
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml:f", "{}");
	cr_assert(until_proposal(&w));
	cr_expect_eq(
	    strncmp(w.flow_state, "FAILED Failed: Flow could not be loaded: ", 41), 0,
	    "%s", w.flow_state);
	cr_expect_not_null(strstr(w.flow_state, "t.flow.yaml:5:7: error:"), "%s",
			   w.flow_state);
	accept_it(&w);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 1);
	worker_release(&w);
}

Test(control, the_worker_s_death_stops_everything)
{
	struct worker w;

	worker_init(&w, "  f:\n    tasks:\n      a: {run: exec sleep 60}\n");
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml:f", "{}");
	cr_assert(until_proposal(&w));
	accept_it(&w);
	while (strstr(w.seen.data, "a-0 Running 1;") == NULL) {
		cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_TASK_STATE));
	}
	(void)close(w.fd);
	w.fd = -1;
	cr_expect_eq(child_wait(w.pid), 75);
	worker_release(&w);
}

Test(control, junk_from_the_worker_ends_the_engine)
{
	struct worker w;

	worker_init(&w, FLOW);
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	cr_assert_eq(write(w.fd, "\xff\xff\xff\xffjunk", 8), 8);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 75);
	worker_release(&w);
}

Test(control, a_slow_worker_loses_no_state)
{
	struct worker w;
	struct buf b;
	int i, states = 0;
	const char *p;

	buf_init(&b);
	buf_adds(&b, "  f:\n    log_prints: true\n    tasks:\n");
	for (i = 0; i < 300; i++) {
		buf_addf(&b,
			 "      t%d: {run: 'head -c 20000 /dev/zero | tr \"\\0\" x; "
			 "echo'}\n",
			 i);
	}
	worker_init(&w, b.data);
	buf_release(&b);
	cr_assert(read_until(&w, WF__CONTROL__FRAME__BODY_HELLO));
	send_spec(&w, "t.flow.yaml:f", "{}");
	cr_assert(until_proposal(&w));
	accept_it(&w);
	(void)usleep(1500000); /* not reading meanwhile */
	cr_assert(until_proposal(&w));
	accept_it(&w);
	cr_expect_not(read_until(&w, -1));
	cr_expect_eq(child_wait(w.pid), 0);
	for (p = w.seen.data; (p = strstr(p, " Completed 1;")) != NULL; p++) {
		states++;
	}
	cr_expect_eq(states, 300);
	worker_release(&w);
}
