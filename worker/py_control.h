/* SPDX-License-Identifier: Apache-2.0 */
/*
 * py_control.h - the control channel of Python engines (worker-and-engine 1.9).
 *
 * One TCP listener on 127.0.0.1 per worker; each attempt has a token of 32 hexadecimal
 *digits that its first connection consumes.
 *
 *	child -> parent   TOKEN\n, hello 00 50 46 <version> <caps>, 'a' (intent
 *acknowledged), 01 u32be-length JSON (receipt) parent -> child   hello 00 50 46
 *<version> <caps>, 'c' | 'r' | 'q' (intent), 02 (receipt taken)
 *
 * The first of {acknowledged intent, valid receipt} is the attempt's conclusion and
 *never changes.  Malformed bytes close the connection.  Loop thread only.
 */
#ifndef WORKER_PY_CONTROL_H
#define WORKER_PY_CONTROL_H

#include <stddef.h>

#include <jansson.h>

struct error;
struct loop;
struct py_attempt;
struct py_control;

#define PY_TOKEN_SIZE      33
#define PY_RECEIPT_MAX     4096
#define PY_CONNECTIONS_MAX 4096 /* not yet matched to an attempt: 64 of them */

enum py_intent { PY_CANCEL = 'c', PY_RESCHEDULE = 'r', PY_RELINQUISH = 'q' };
enum py_conclusion {
	PY_OPEN = 0,       /* none yet */
	PY_INTENT_ACKED,   /* the next state is the parent's to propose */
	PY_STATE_REPORTED, /* the engine has reported a final or paused state */
	PY_ABORTED,        /* the API refused: the engine went away */
};

struct py_control *py_control_new(struct loop *loop, struct error *err);
void py_control_free(struct py_control *c); /* closes all connections; accepts NULL */
int py_control_port(const struct py_control *c);

/* A new attempt; *ret_token is filled.  Freed with py_attempt_free() (accepts NULL). */
struct py_attempt *py_attempt_new(struct py_control *c, char ret_token[PY_TOKEN_SIZE]);
void py_attempt_free(struct py_attempt *a);
/* A handover to the next program in this process: the listener, and an attempt, as
 * members of LINE; the engines notice nothing.  An attempt that waits for the answer to
 * an intent is busy: a second at most. */
struct carry;
void py_control_carry(const struct py_control *c, struct carry *to, json_t *line);
struct py_control *py_control_carried(struct loop *loop, const json_t *line);
int py_attempt_is_busy(const struct py_attempt *a);
void py_attempt_carry(const struct py_attempt *a, struct carry *to, json_t *line);
struct py_attempt *py_attempt_carried(struct py_control *c, const json_t *line);
enum py_conclusion py_attempt_conclusion(const struct py_attempt *a);
/* Name of the reported state ("Completed"), "" when there is none. */
const char *py_attempt_state(const struct py_attempt *a);

/*
 * Asks the child; DONE is called once, from the loop: ACKED 1, or 0 when it is not
 * connected or did not answer within a second;
 * never after py_attempt_free().  At most one intent of an attempt at a time.  Signal
 * the process then in either case.
 */
typedef void (*py_intent_fn)(int acked, void *arg);
void py_attempt_intent(struct py_attempt *a, enum py_intent intent, py_intent_fn done,
		       void *arg);

#endif
