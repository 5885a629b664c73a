/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner_change.c - the handlers and hooks of a task or the flow at one change of
 * state.
 *
 * Handlers come one after the other; each sees what the one before made of the state.
 * The scheduler waits for the answer, the loop does not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/httpc.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/change/command.h"
#include "engine/change/notify.h"
#include "engine/change/when.h"
#include "engine/expr/tmpl.h"
#include "engine/plan_handler.h"
#include "engine/results.h"
#include "engine/runner_priv.h"
#include "proto/frame.h"

#define CHANGE_DATA_MAX (64u << 10) /* of data on a handler's standard input */
#define RAISED          "Exception raised while calling state handlers: "

enum change_kind {
	CHANGE_HANDLERS = 1,
	CHANGE_HOOKS,
	CHANGE_COMMIT, /* hooks whose failure undoes the commit */
};

struct change {
	struct runner *r;
	size_t unit; /* SCHED_NO_TASK: the flow */
	enum change_kind kind;
	const struct plan_handlers *list;
	size_t at;
	struct run_state from, to; /* as it is by now */
	json_t *object, *old_state, *new_state;
	json_t *data; /* of TO; owned, or NULL */
	int changed, changed_data;
	struct envs env;
	struct notify *notify;
	int pending; /* an action is under way */
};

/* ---- states as JSON ---- */

static json_t *time_json(int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	return at_us == TIME_NONE || at_us == 0
		   ? json_null()
		   : json_string(time_format(at_us, text, sizeof(text)));
}

static json_t *state_json(const struct run_state *s, int run_count, json_t *data)
{
	char id[UUID_TEXT_SIZE];
	json_t *o =
	    json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o, s:i}", "id",
		      uuid_format(&s->id, id), "type", state_type_text((int)s->type),
		      "name", s->name != NULL ? s->name : "", "message", s->message,
		      "timestamp", time_json(s->at_us), "scheduled_time",
		      time_json(s->scheduled_us), "run_count", run_count);

	(void)json_object_set(o, "start_time", json_object_get(o, "scheduled_time"));
	(void)json_object_set_new(
	    o, "wait_seconds",
	    s->scheduled_us != TIME_NONE && s->at_us != 0
		? json_real((double)(s->scheduled_us - s->at_us) / 1e6)
		: json_null());
	(void)json_object_set_new(o, "data",
				  data != NULL ? json_incref(data) : json_null());
	return o;
}

static json_t *object_json(struct runner *r, size_t unit)
{
	char id[UUID_TEXT_SIZE], flow_id[UUID_TEXT_SIZE];
	struct sched_run run;
	const struct slot *s;

	(void)uuid_format(&r->run_id, flow_id);
	if (unit == SCHED_NO_TASK) {
		return json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:O}", "kind", "flow",
				 "name", r->flow->name, "run_name", r->run_name,
				 "run_id", flow_id, "flow_run_id", flow_id, "tags",
				 r->tags, "params", r->params);
	}
	s = runner_slot(r, unit);
	sched_get_run(r->sched, unit, &run);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:O?}", "kind", "task", "name",
			 s->plan->name, "run_name", s->name, "id",
			 uuid_format(&run.id, id), "flow_run_id", flow_id, "tags",
			 runner_tags(r, s->plan), "params", s->with);
}

static int run_count(const struct change *c)
{
	struct sched_run run;

	if (c->unit == SCHED_NO_TASK) {
		return sched_run_count(c->r->sched);
	}
	sched_get_run(c->r->sched, c->unit, &run);
	return run.run_count;
}

static void refresh(struct change *c)
{
	const struct slot *s =
	    c->unit != SCHED_NO_TASK ? runner_slot(c->r, c->unit) : NULL;

	json_decref(c->new_state);
	c->new_state = state_json(&c->to, run_count(c), c->data);
	if (s != NULL && s->exit_code >= 0) {
		(void)json_object_set_new(c->new_state, "exit_code",
					  json_integer(s->exit_code));
	}
	if (s != NULL && s->signo > 0) {
		(void)json_object_set_new(c->new_state, "signal",
					  json_integer(s->signo));
	}
}

/* ---- the end ---- */

static void change_free(struct change *c)
{
	state_release(&c->from);
	state_release(&c->to);
	json_decref(c->object);
	json_decref(c->old_state);
	json_decref(c->new_state);
	json_decref(c->data);
	envs_release(&c->env);
	free(c);
}

static void take_data(struct change *c)
{
	struct slot *s;

	if (!c->changed_data || c->unit == SCHED_NO_TASK) {
		return;
	}
	s = runner_slot(c->r, c->unit);
	if (c->to.type == STATE_COMPLETED) {
		json_decref(s->result);
		s->result = json_incref(c->data);
	} else {
		json_decref(s->data);
		s->data = json_incref(c->data);
	}
}

/* WHY NULL: it went well. */
static void finish(struct change *c, const char *why)
{
	struct runner *r = c->r;
	struct sched_event ev = {
	    .type = c->kind != CHANGE_HANDLERS ? SCHED_EV_HOOKED : SCHED_EV_CONSULTED,
	    .task = c->unit,
	    .verdict = why != NULL ? SCHED_FAIL : SCHED_OK,
	    .message = why,
	    .state = c->changed ? &c->to : NULL,
	};

	if (why == NULL) {
		take_data(c);
	}
	if (c->unit != SCHED_NO_TASK) {
		runner_slot(r, c->unit)->change = NULL;
	} else {
		r->change = NULL;
	}
	runner_feed(r, &ev);
	change_free(c);
}

static const char *logger(const struct change *c)
{
	return c->unit == SCHED_NO_TASK ? "prefect.flow_runs" : "prefect.task_runs";
}

static void say(const struct change *c, int level, const char *text)
{
	runner_log(c->r, c->unit, level, logger(c), text);
}

static void handler_label(const struct change *c, char *buf, size_t size)
{
	const struct plan_handler *h = c->list->items[c->at];

	if (h->name != NULL) {
		(void)snprintf(buf, size, "'%.100s'", h->name);
	} else {
		(void)snprintf(buf, size, "#%zu", c->at + 1);
	}
}

static void step(struct change *c);

static void next(struct change *c)
{
	char label[120], text[200];

	if (c->kind != CHANGE_HANDLERS) {
		handler_label(c, label, sizeof(label));
		(void)snprintf(text, sizeof(text),
			       "Hook %s finished running successfully", label);
		say(c, LEVEL_INFO, text);
	}
	c->at++;
	step(c);
}

/* WHAT: "exited with code 1: ...". */
static void failed(struct change *c, const char *what)
{
	char label[120], text[900];

	handler_label(c, label, sizeof(label));
	if (c->kind != CHANGE_HANDLERS) {
		(void)snprintf(text, sizeof(text),
			       "An error was encountered while running hook %s: it %s",
			       label, what);
		say(c, LEVEL_ERROR, text);
		if (c->kind == CHANGE_COMMIT) {
			finish(c, text);
		} else {
			c->at++;
			step(c);
		}
		return;
	}
	(void)snprintf(text, sizeof(text), "state handler %s %s", label, what);
	if (c->list->items[c->at]->log_errors) {
		say(c, LEVEL_WARNING, text);
		next(c);
		return;
	}
	(void)snprintf(text, sizeof(text), RAISED "handler %s %s", label, what);
	finish(c, text);
}

/* ---- what a handler answers ---- */

static int may_follow(const struct change *c, enum state_type type, char *what,
		      size_t size)
{
	char label[120];

	if (type == STATE_NONE || type == STATE_PENDING || type == STATE_PAUSED ||
	    type == STATE_CANCELLING) {
		(void)snprintf(what, size, "gave a state of the type %s",
			       type == STATE_NONE ? "nobody knows"
						  : state_type_text((int)type));
		return 0;
	}
	if (state_is_final(c->to.type) && !state_is_final(type)) {
		handler_label(c, label, sizeof(label));
		(void)snprintf(what, size,
			       "gave a wrong state: state handler %s may not turn a "
			       "final state into %s",
			       label, state_type_text((int)type));
		return 0;
	}
	return 1;
}

/* ANSWER replaces the state, whole (a command) or in part (`set`). */
static void replace(struct change *c, const json_t *answer, int merge)
{
	const char *type = json_string_value(json_object_get(answer, "type"));
	const char *name = json_string_value(json_object_get(answer, "name"));
	const json_t *message = json_object_get(answer, "message");
	json_t *data = json_object_get(answer, "data");
	enum state_type number =
	    type != NULL ? (enum state_type)state_type_parse(type) : c->to.type;
	char what[400];

	if (!may_follow(c, number, what, sizeof(what))) {
		failed(c, what);
		return;
	}
	if (name == NULL && (number != c->to.type || !merge)) {
		name = state_type_default_name((int)number);
	}
	c->to.type = number;
	if (name != NULL) {
		state_set_name(&c->to, name);
	}
	if (message != NULL || !merge) {
		state_set_message(&c->to, json_string_value(message));
	}
	(void)json_get_time(answer, "scheduled_time", &c->to.scheduled_us, NULL);
	if (data != NULL) {
		json_decref(c->data);
		c->data = json_incref(data);
		c->changed_data = 1;
	}
	c->changed = 1;
	refresh(c);
	next(c);
}

static void take_answer(struct change *c, const char *text, size_t len)
{
	json_t *answer;
	struct error err;
	char what[600];

	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
		len--;
	}
	if (len == 0 || c->list->items[c->at]->keeps) {
		next(c);
		return;
	}
	answer = json_parse(text, len, COMMAND_ANSWER_MAX, &err);
	if (json_is_null(answer)) {
		next(c);
	} else if (!json_is_object(answer)) {
		(void)snprintf(what, sizeof(what),
			       "answered with something that is no state: %.300s",
			       answer == NULL ? err.msg : "not an object");
		failed(c, what);
	} else {
		replace(c, answer, 0);
	}
	json_decref(answer);
}

/* ---- actions ---- */

static void on_command_log(int level, const char *text, void *arg)
{
	say(arg, level, text);
}

static void on_command_done(int rc, const char *answer, size_t len, const char *why,
			    void *arg)
{
	struct change *c = arg;

	c->pending = 0;
	if (rc < 0) {
		failed(c, why);
	} else {
		take_answer(c, answer, len);
	}
}

static const struct change_command_ops command_ops = {on_command_log, on_command_done};

static json_t *bounded(struct change *c, json_t *state)
{
	json_t *data = json_object_get(state, "data"), *reference = NULL, *copy;
	char *text = json_text(data), *dir;
	struct error err;

	if (strlen(text) <= CHANGE_DATA_MAX) {
		free(text);
		return json_incref(state);
	}
	copy = json_copy(state);
	(void)json_object_set_new(copy, "data", json_null());
	dir = results_dir();
	if (results_put(dir, text, strlen(text), &reference, &err) == 0) {
		(void)json_object_set_new(copy, "data_ref", reference);
	}
	free(dir);
	free(text);
	(void)c;
	return copy;
}

static char *input_text(struct change *c)
{
	json_t *input = json_pack("{s:O, s:O, s:o}", "object", c->object, "old_state",
				  c->old_state, "new_state", bounded(c, c->new_state));
	char *text = json_text(input);

	json_decref(input);
	return text;
}

static void set_text(struct envs *env, const char *name, const char *value)
{
	value = value != NULL ? value : "";
	envs_set(env, name, value, strlen(value));
}

static int make_env(struct change *c, const struct plan_action *a,
		    const struct expr_scope *scope, struct envs *env, struct error *err)
{
	envs_init(env, c->r->env.items);
	set_text(env, "WF_STATE_TYPE", state_type_text((int)c->to.type));
	set_text(env, "WF_STATE_NAME", c->to.name);
	set_text(env, "WF_STATE_MESSAGE", c->to.message);
	set_text(env, "WF_OBJECT_KIND", c->unit == SCHED_NO_TASK ? "flow" : "task");
	set_text(env, "WF_OBJECT_NAME",
		 json_string_value(json_object_get(c->object, "name")));
	if (c->unit != SCHED_NO_TASK) {
		set_text(env, "WF_TASK_RUN_NAME",
			 json_string_value(json_object_get(c->object, "run_name")));
		set_text(env, "WF_TASK_RUN_ID",
			 json_string_value(json_object_get(c->object, "id")));
	}
	return runner_eval_pairs(&a->env, scope, env, err);
}

static int start_command(struct change *c, const struct plan_handler *h,
			 const struct expr_scope *scope, struct error *err)
{
	struct change_command *command;
	struct envs env;
	char **argv = NULL, *input;
	int rc = make_env(c, &h->action, scope, &env, err);

	if (rc == 0) {
		rc = runner_eval_argv(h->action.script, h->action.argv, h->action.argc,
				      scope, &argv, err);
	}
	if (rc == 0) {
		struct change_command_spec spec = {
		    .argv = argv,
		    .envp = env.items,
		    .cwd = c->r->cwd,
		    .log_output = c->kind != CHANGE_HANDLERS,
		    .timeout_s = h->timeout_s,
		    .ops = &command_ops,
		    .arg = c,
		};

		input = input_text(c);
		spec.input = input;
		c->pending = 1;
		rc = change_command_start(c->r->loop, &spec, &command, err);
		free(input);
	}
	runner_free_argv(argv);
	envs_release(&env);
	return rc;
}

static void on_notified(int rc, const char *why, void *arg)
{
	struct change *c = arg;
	char what[600];

	c->notify = NULL;
	c->pending = 0;
	if (rc < 0) {
		(void)snprintf(what, sizeof(what), "could not notify: %.500s", why);
		failed(c, what);
	} else {
		next(c);
	}
}

static char *default_text(const struct change *c)
{
	return xasprintf("%s %s: %s%s%s",
			 json_string_value(json_object_get(c->object, "kind")),
			 json_string_value(json_object_get(c->object, "run_name")),
			 c->to.name, c->to.message != NULL ? ": " : "",
			 c->to.message != NULL ? c->to.message : "");
}

static int start_notify(struct change *c, const struct plan_handler *h,
			const struct expr_scope *scope, struct error *err)
{
	char *text = default_text(c);
	int rc;
	struct notify_spec spec = {
	    .loop = c->r->loop,
	    .http = runner_http(c->r),
	    .what = h->action.notify,
	    .scope = scope,
	    .default_text = text,
	    .fn = on_notified,
	    .arg = c,
	};

	if (c->r->stubs != NULL) { /* a test tells nobody */
		char *line = xasprintf("Not sent in a test: %s", text);

		say(c, LEVEL_INFO, line);
		free(line);
		free(text);
		next(c);
		return 0;
	}
	rc = runner_find_block(c->r, h->action.notify, scope, &spec.block,
			       &spec.block_type, err);
	if (rc == 0) {
		c->pending = 1;
		rc = notify_start(&spec, &c->notify, err);
	}
	free(text);
	return rc;
}

static void do_log(struct change *c, const struct plan_handler *h,
		   const struct expr_scope *scope)
{
	char what[700];
	struct error err;
	struct buf b;

	buf_init(&b);
	if (tmpl_eval_text(h->action.value, scope, &b, &err) < 0) {
		(void)snprintf(what, sizeof(what), "has a wrong 'log': %s", err.msg);
		failed(c, what);
	} else {
		say(c, LEVEL_INFO, b.data);
		next(c);
	}
	buf_release(&b);
}

static void do_set(struct change *c, const struct plan_handler *h,
		   const struct expr_scope *scope)
{
	char what[700];
	json_t *answer = NULL;
	struct error err;

	if (tmpl_eval(h->action.value, scope, &answer, &err) < 0) {
		(void)snprintf(what, sizeof(what), "has a wrong 'set': %s", err.msg);
		failed(c, what);
		return;
	}
	replace(c, answer, 1);
	json_decref(answer);
}

static void start_action(struct change *c, const struct plan_handler *h,
			 const struct expr_scope *scope)
{
	char what[700];
	struct error err;
	int rc;

	if (h->action.type == PLAN_ACT_LOG) {
		do_log(c, h, scope);
		return;
	}
	if (h->action.type == PLAN_ACT_SET) {
		do_set(c, h, scope);
		return;
	}
	rc = h->action.type == PLAN_ACT_RUN ? start_command(c, h, scope, &err)
					    : start_notify(c, h, scope, &err);
	if (rc < 0) {
		c->pending = 0;
		(void)snprintf(what, sizeof(what), "could not run: %s", err.msg);
		failed(c, what);
	}
}

static void note_hook(struct change *c)
{
	char label[120], text[300];

	if (c->kind == CHANGE_HANDLERS) {
		return;
	}
	handler_label(c, label, sizeof(label));
	(void)snprintf(text, sizeof(text),
		       "Running hook %s in response to entering state '%.60s'", label,
		       c->to.name);
	say(c, LEVEL_INFO, text);
}

/* The next handler whose test holds, or the end. */
static void step(struct change *c)
{
	struct when_state from = {c->from.type, c->from.name};
	struct when_state to;
	struct values v = {.runner = c->r, .env = &c->env};
	struct expr_scope scope = runner_scope(&v, NULL, NULL);
	const struct plan_handler *h = NULL;
	json_t *more, *args = NULL;
	struct error err;

	for (; c->at < c->list->count; c->at++) {
		h = c->list->items[c->at];
		to = (struct when_state){c->to.type, c->to.name};
		json_decref(args);
		args = NULL;
		more = json_pack("{s:O, s:O, s:O}", "object", c->object, "old_state",
				 c->old_state, "new_state", c->new_state);
		scope.more = more;
		if (h->args != NULL && tmpl_eval(h->args, &scope, &args, &err) == 0) {
			(void)json_object_set(more, "args", args);
		}
		if (when_holds(h->when, &from, &to, &scope)) {
			note_hook(c);
			start_action(c, h, &scope);
			json_decref(more);
			json_decref(args);
			return;
		}
		json_decref(more);
	}
	json_decref(args);
	finish(c, NULL);
}

static void begin(struct runner *r, const struct sched_action *a,
		  const struct plan_handlers *list, enum change_kind kind)
{
	struct change *c = xcalloc(1, sizeof(*c));
	struct slot *s = a->task != SCHED_NO_TASK ? runner_slot(r, a->task) : NULL;
	const struct run_state *last = s != NULL ? &s->last : &r->last;

	c->r = r;
	c->unit = a->task;
	c->kind = kind;
	c->list = list;
	state_copy(&c->from, last);
	state_copy(&c->to, &a->state);
	if (c->to.name == NULL) {
		state_set_name(&c->to, NULL);
	}
	if (c->from.name == NULL) {
		state_set_name(&c->from, NULL);
	}
	envs_init(&c->env, r->env.items);
	c->object = object_json(r, a->task);
	c->old_state = state_json(&c->from, run_count(c), NULL);
	if (s != NULL && c->to.type == STATE_COMPLETED) {
		c->data = json_incref(s->result);
	} else if (s != NULL) {
		c->data = json_incref(s->data);
	} else if (c->to.type == STATE_COMPLETED) {
		c->data = json_incref(r->result);
	}
	refresh(c);
	if (s != NULL) {
		s->change = c;
	} else {
		r->change = c;
	}
	step(c);
}

void runner_consult(struct runner *r, const struct sched_action *a)
{
	begin(r, a,
	      a->task != SCHED_NO_TASK ? &runner_slot(r, a->task)->plan->handlers
				       : &r->flow->handlers,
	      CHANGE_HANDLERS);
}

void runner_hooks(struct runner *r, const struct sched_action *a)
{
	const struct plan_hooks *hooks = a->task != SCHED_NO_TASK
					     ? runner_slot(r, a->task)->plan->hooks
					     : r->flow->hooks;
	const struct plan_handlers *list = plan_hooks_for(hooks, a->state.type);
	static const struct plan_handlers none;

	begin(r, a, list != NULL ? list : &none, CHANGE_HOOKS);
}

static void txn_hooks(struct runner *r, size_t unit, enum plan_hook which)
{
	const struct plan_hooks *hooks = runner_slot(r, unit)->plan->hooks;
	static const struct plan_handlers none;
	struct sched_action a;

	memset(&a, 0, sizeof(a));
	a.task = unit;
	state_copy(&a.state, &runner_slot(r, unit)->last);
	begin(r, &a, hooks != NULL ? &hooks->lists[which] : &none,
	      which == PLAN_ON_COMMIT ? CHANGE_COMMIT : CHANGE_HOOKS);
	state_release(&a.state);
}

void runner_commit(struct runner *r, size_t unit)
{
	runner_cache_store(r, unit);
	txn_hooks(r, unit, PLAN_ON_COMMIT);
}

void runner_rollback(struct runner *r, size_t unit)
{
	runner_cache_drop(r, unit);
	txn_hooks(r, unit, PLAN_ON_ROLLBACK);
}

/* The run is freed: what is under way is not waited for. */
void runner_change_free(struct change *c)
{
	if (c != NULL) {
		if (c->notify != NULL) {
			notify_cancel(c->notify);
		}
		change_free(c);
	}
}
