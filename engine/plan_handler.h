/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_handler.h - what a flow file says about state changes: handlers, hooks, tests
 * and notifications.  Immutable, like the rest of the plan.
 */
#ifndef ENGINE_PLAN_HANDLER_H
#define ENGINE_PLAN_HANDLER_H

#include <stddef.h>

#include "engine/plan_types.h"
#include "engine/state.h"

struct tmpl;

#define PLAN_MAX_HANDLERS      64u
#define PLAN_HANDLER_TIMEOUT_S 30.0
#define PLAN_NOTIFY_TIMEOUT_S  10.0

/* A test of a state change; everything that is given must hold. */
struct plan_when {
	struct plan_strs from, to; /* names; "*" is any */
	struct plan_strs type, name;
	struct plan_strs is; /* finished failed successful retrying running pending */
	struct tmpl *expr;   /* or NULL */
	struct plan_when **all, **any, **none; /* none: of `not` */
	size_t all_count, any_count, none_count;
};

enum plan_notify_kind {
	PLAN_SLACK = 1,
	PLAN_TEAMS,
	PLAN_EMAIL,
	PLAN_WEBHOOK,
	PLAN_BLOCK
};
/* Members that a kind does not have are NULL. */
struct plan_notify {
	enum plan_notify_kind kind;
	struct tmpl *url, *method, *json, *body, *text, *subject, *channel, *username;
	struct tmpl *to, *from, *server, *user, *password, *block;
	struct plan_pairs headers;
	int plain; /* slack: {"text": ...} */
	int retries;
	double timeout_s;
};

enum plan_action_type { PLAN_ACT_RUN = 1, PLAN_ACT_LOG, PLAN_ACT_SET, PLAN_ACT_NOTIFY };
struct plan_action {
	enum plan_action_type type;
	char *script; /* RUN: this or argv */
	struct tmpl **argv;
	size_t argc;
	struct plan_pairs env;
	struct tmpl *value; /* of LOG, SET */
	struct plan_notify *notify;
};
struct plan_handler {
	char *name;             /* or NULL: told by its number */
	struct plan_when *when; /* NULL: always */
	struct plan_action action;
	struct tmpl *args; /* a mapping, or NULL */
	int keeps;         /* a callback: the state stays what it is */
	int log_errors;    /* on_error: log */
	double timeout_s;
};

/* The list of hooks for a state, or NULL. */
const struct plan_handlers *plan_hooks_for(const struct plan_hooks *hooks,
					   enum state_type type);
int plan_has_hooks(const struct plan_hooks *hooks, enum state_type type);
void plan_when_free(struct plan_when *w);       /* accepts NULL */
void plan_handler_free(struct plan_handler *h); /* accepts NULL */
void plan_handlers_release(struct plan_handlers *h);
void plan_hooks_free(struct plan_hooks *h); /* accepts NULL */

#endif
