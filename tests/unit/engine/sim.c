/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.c - the simulation behind sim.h.
 */
#include "sim.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"

#define EPOCH_US 1000000000000000LL

static void new_id(struct uuid *ret_id, int64_t now_us, void *arg)
{
	struct sim *s = arg;

	(void)now_us;
	memset(ret_id, 0, sizeof(*ret_id));
	ret_id->b[14] = (uint8_t)(++s->next_id >> 8);
	ret_id->b[15] = (uint8_t)s->next_id;
}

static double draw(void *arg)
{
	return ((struct sim *)arg)->random;
}

void sim_init(struct sim *s, const char *flow)
{
	struct sched_config config = {.new_id = new_id, .random = draw, .arg = s};
	struct buf text, report;
	size_t i;

	memset(s, 0, sizeof(*s));
	buf_init(&s->out);
	buf_init(&text);
	buf_init(&report);
	buf_addf(&text, "version: 1\nflows:\n  f:\n%s", flow);
	cr_assert_eq(plan_parse("sim", text.data, text.len, &s->file, &report), 0, "%s",
		     report.data);
	buf_release(&text);
	buf_release(&report);
	s->flow = s->file->flows[0];
	s->sched = sched_new(s->flow, &config);
	s->now = (struct sched_now){.ms = 0, .us = EPOCH_US};
	s->scheduled_us = TIME_NONE;
	state_init(&s->proposed);
	for (i = 0; i < SIM_TASKS; i++) {
		s->ends_at_ms[i] = INT64_MAX;
	}
}

void sim_release(struct sim *s)
{
	sched_free(s->sched);
	plan_free(s->file);
	state_release(&s->proposed);
	buf_release(&s->out);
}

void sim_script(struct sim *s, const char *task, const char *script)
{
	size_t i;

	for (i = 0; i < s->flow->count; i++) {
		if (strcmp(s->flow->tasks[i]->key, task) == 0) {
			s->script[i] = script;
			return;
		}
	}
	cr_assert_fail("no task %s", task);
}

/* The word for attempt N of task I; the last one repeats. */
static const char *word_of(const struct sim *s, size_t i, int n)
{
	const char *script = s->script[sched_task_of(s->sched, i)], *next;
	const char *w = script != NULL ? script : "ok:10";

	while (n-- > 0 && (next = strchr(w, ' ')) != NULL) {
		w = next + 1;
	}
	return w;
}

static int is_word(const char *w, const char *word)
{
	size_t n = strlen(word);

	return strncmp(w, word, n) == 0 && (w[n] == '\0' || w[n] == ' ' || w[n] == ':');
}

static void line(struct sim *s, const char *who, const char *what)
{
	buf_addf(&s->out, "%lld %s %s\n", (long long)s->now.ms, who, what);
}

static const char *unit_name(const struct sim *s, size_t unit)
{
	static char name[100];
	size_t item = sched_item_of(s->sched, unit);
	const char *key = s->flow->tasks[sched_task_of(s->sched, unit)]->key;

	if (item == SCHED_NO_TASK) {
		return key;
	}
	(void)snprintf(name, sizeof(name), "%s.%zu", key, item);
	return name;
}

static void on_run(struct sim *s, size_t i)
{
	const char *w = word_of(s, i, s->tried[i]++), *colon = strchr(w, ':');

	s->verdict[i] = w;
	s->ends_at_ms[i] =
	    is_word(w, "hang") ? INT64_MAX : s->now.ms + (colon ? atoll(colon + 1) : 0);
	s->top = MAX_OF(s->top, i + 1);
	s->running++;
	s->max_running = MAX_OF(s->max_running, s->running);
}

static void send(struct sim *s, struct sched_event ev)
{
	sched_event(s->sched, &ev, s->now);
}

static void on_create(struct sim *s, const struct sched_action *a)
{
	const char *w = word_of(s, a->task, 0);
	struct sched_event ev = {
	    .type = SCHED_EV_PREPARED, .task = a->task, .verdict = SCHED_OK};

	if (s->logs) {
		line(s, unit_name(s, a->task),
		     a->blocked  ? "created blocked"
		     : a->reused ? "created reused"
		     : a->alone  ? "created alone"
				 : "created");
	}
	if (a->blocked || a->reused) {
		return;
	}
	if (is_word(w, "skip")) {
		ev.verdict = SCHED_SKIP;
	} else if (is_word(w, "badinput")) {
		ev.verdict = SCHED_FAIL;
		ev.error = "ExpressionError";
		ev.message = "with.x: no";
	}
	send(s, ev);
}

static void on_state(struct sim *s, const struct sched_action *a)
{
	struct buf b;

	buf_init(&b);
	state_describe(&a->state, &b);
	if (a->state.scheduled_us != TIME_NONE) {
		buf_addf(&b, " +%lldms",
			 (long long)(a->state.scheduled_us - s->now.us) / 1000);
	}
	line(s, unit_name(s, a->task), b.data);
	buf_release(&b);
}

static void on_propose(struct sim *s, const struct sched_action *a)
{
	struct buf b;

	buf_init(&b);
	buf_adds(&b, a->force ? "forces " : "proposes ");
	state_describe(&a->state, &b);
	line(s, "flow", b.data);
	buf_release(&b);
	state_copy(&s->proposed, &a->state);
	s->has_proposal = 1;
}

static void on_stop(struct sim *s, size_t i)
{
	line(s, unit_name(s, i), "stopped");
	s->verdict[i] = "stopped";
	s->ends_at_ms[i] = s->now.ms + 5;
}

/* What a shell would do: handlers keep, hooks work, limits are free. */
static void on_more(struct sim *s, const struct sched_action *a)
{
	struct sched_event ev = {.task = a->task, .verdict = SCHED_OK};

	if (a->type == SCHED_ACT_CONSULT) {
		line(s, a->task == SCHED_NO_TASK ? "flow" : unit_name(s, a->task),
		     "consults");
		ev.type = SCHED_EV_CONSULTED;
	} else if (a->type == SCHED_ACT_EXPAND) {
		ev.type = SCHED_EV_EXPANDED;
		ev.count = s->items;
	} else if (a->type == SCHED_ACT_ACQUIRE) {
		ev.type = SCHED_EV_ACQUIRED;
	} else if (a->type == SCHED_ACT_FORGET) {
		return;
	} else {
		line(s, a->task == SCHED_NO_TASK ? "flow" : unit_name(s, a->task),
		     a->type == SCHED_ACT_HOOKS    ? "hooks"
		     : a->type == SCHED_ACT_COMMIT ? "commits"
						   : "rolls back");
		ev.type = SCHED_EV_HOOKED;
	}
	send(s, ev);
}

static void take_actions(struct sim *s)
{
	struct sched_event ret = {.type = SCHED_EV_RETURNED, .verdict = SCHED_OK};
	struct sched_action a;

	while (sched_take(s->sched, &a)) {
		switch (a.type) {
		case SCHED_ACT_PROPOSE:
			on_propose(s, &a);
			break;
		case SCHED_ACT_CREATE:
			on_create(s, &a);
			break;
		case SCHED_ACT_TASK_STATE:
			on_state(s, &a);
			break;
		case SCHED_ACT_RUN:
			on_run(s, a.task);
			break;
		case SCHED_ACT_STOP:
			on_stop(s, a.task);
			break;
		case SCHED_ACT_RETURN:
			send(s, ret);
			break;
		case SCHED_ACT_LOG:
			if (s->logs) {
				line(s,
				     a.task == SCHED_NO_TASK ? "flow"
							     : unit_name(s, a.task),
				     a.text);
			}
			break;
		case SCHED_ACT_EXPAND:
		case SCHED_ACT_CONSULT:
		case SCHED_ACT_HOOKS:
		case SCHED_ACT_ACQUIRE:
		case SCHED_ACT_COMMIT:
		case SCHED_ACT_ROLLBACK:
		case SCHED_ACT_FORGET:
			on_more(s, &a);
			break;
		case SCHED_ACT_END:
			s->over = 1;
			s->end_as = a.answer;
			line(s, "end", a.state.type != STATE_NONE ? a.state.name : "-");
			break;
		}
		sched_action_release(&a);
	}
}

void sim_event(struct sim *s, enum sched_event_type type, const char *message)
{
	send(s, (struct sched_event){.type = type, .message = message});
	take_actions(s);
}

void sim_answer(struct sim *s, enum sched_answer answer, enum state_type type,
		const char *name, int64_t delay_ms)
{
	struct sched_event ev = {
	    .type = SCHED_EV_ANSWER, .answer = answer, .delay_ms = delay_ms};
	struct run_state state;

	state_init(&state);
	state.type = type;
	state.name = name;
	if (type == STATE_SCHEDULED) {
		state.scheduled_us = s->now.us + delay_ms * 1000;
	}
	ev.state = &state;
	s->has_proposal = 0;
	send(s, ev);
	take_actions(s);
}

/* The rules of the API for flow retries. */
static void answer(struct sim *s)
{
	if (s->proposed.type == STATE_RUNNING && s->scheduled_us > s->now.us) {
		sim_answer(s, SCHED_WAIT, STATE_NONE, NULL,
			   (s->scheduled_us - s->now.us + 999) / 1000);
	} else if (s->proposed.type == STATE_RUNNING) {
		s->run_count++;
		s->scheduled_us = TIME_NONE;
		sim_answer(s, SCHED_ACCEPT, STATE_NONE, NULL, 0);
	} else if (s->proposed.type == STATE_FAILED && s->run_count > 0 &&
		   s->run_count <= s->flow->retries) {
		s->scheduled_us = s->now.us + s->flow->retry_delay_s * 1000000;
		line(s, "flow", "AwaitingRetry");
		sim_answer(s, SCHED_REJECT, STATE_SCHEDULED, "AwaitingRetry",
			   s->flow->retry_delay_s * 1000);
	} else {
		sim_answer(s, SCHED_ACCEPT, STATE_NONE, NULL, 0);
	}
}

static void end_attempt(struct sim *s, size_t i)
{
	const char *w = s->verdict[i];
	struct sched_event ev = {.type = SCHED_EV_ATTEMPT,
				 .task = i,
				 .verdict = SCHED_FAIL,
				 .message = "Command exited with code 1",
				 .error = "CommandFailed"};

	s->ends_at_ms[i] = INT64_MAX;
	s->running--;
	if (is_word(w, "ok")) {
		ev.verdict = SCHED_OK;
	} else if (is_word(w, "timeout")) {
		ev.verdict = SCHED_TIMED_OUT;
		ev.message = "Task run exceeded timeout of 1.0 second(s)";
		ev.error = NULL;
	} else if (is_word(w, "stopped")) {
		ev.verdict = SCHED_STOPPED;
	}
	send(s, ev);
	take_actions(s);
}

static int64_t next_due(const struct sim *s, size_t *ret_task)
{
	int64_t due = sched_due(s->sched);
	size_t i;

	*ret_task = SCHED_NO_TASK;
	for (i = 0; i < s->top; i++) {
		if (s->ends_at_ms[i] < due) {
			due = s->ends_at_ms[i];
			*ret_task = i;
		}
	}
	return due;
}

void sim_run(struct sim *s, int64_t until_ms)
{
	size_t task;
	int64_t due;

	take_actions(s);
	while (!s->over) {
		if (s->has_proposal && !s->answer_by_hand) {
			answer(s);
			continue;
		}
		due = next_due(s, &task);
		if (due > until_ms) {
			break;
		}
		if (due > s->now.ms) {
			s->now.us += (due - s->now.ms) * 1000;
			s->now.ms = due;
		}
		if (task == SCHED_NO_TASK) {
			sim_event(s, SCHED_EV_TICK, NULL);
		} else {
			end_attempt(s, task);
		}
	}
}
