/* SPDX-License-Identifier: Apache-2.0 */
/*
 * when.h - whether a handler's test holds for a change of state.  Pure.
 */
#ifndef ENGINE_CHANGE_WHEN_H
#define ENGINE_CHANGE_WHEN_H

#include "engine/state.h"

struct expr_scope;
struct plan_retry_if;
struct plan_when;

/* A state as a test sees it. */
struct when_state {
	enum state_type type;
	const char *name;
};
/*
 * W may be NULL: always.  SCOPE is for `expr`; an expression that cannot be evaluated
 * (a member of data that is not there) does not hold.
 */
int when_holds(const struct plan_when *w, const struct when_state *from,
	       const struct when_state *to, const struct expr_scope *scope);

/* What is known of a failed attempt. */
struct retry_facts {
	int exit_code; /* -1: none */
	int signo;     /* 0: none */
	int timed_out;
	int attempt;           /* the number of the failed one, from 1 */
	const char *out, *err; /* what the outputs ended with */
	size_t out_len, err_len;
};
/* R may be NULL: always. */
int retry_holds(const struct plan_retry_if *r, const struct retry_facts *f,
		const struct expr_scope *scope);

#endif
