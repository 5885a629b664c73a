/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - a state of a flow run or a task run as the engine makes it.
 */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

struct buf;

#define LEVEL_DEBUG   10
#define LEVEL_INFO    20
#define LEVEL_WARNING 30
#define LEVEL_ERROR   40

/* The numbers of proto/control.proto. */
enum state_type {
	STATE_NONE = 0,
	STATE_SCHEDULED,
	STATE_PENDING,
	STATE_RUNNING,
	STATE_COMPLETED,
	STATE_FAILED,
	STATE_CANCELLED,
	STATE_CRASHED,
	STATE_PAUSED,
	STATE_CANCELLING,
};

struct run_state {
	struct uuid id;
	enum state_type type;
	const char *name; /* constant text; or see state_set_name() */
	char *message;    /* owned, or NULL */
	int64_t at_us;
	int64_t scheduled_us; /* TIME_NONE: no scheduled_time */
	int retriable;        /* -1: not said */
	char name_buf[64];    /* where a name from outside is kept */
};

void state_init(struct run_state *s);
void state_release(struct run_state *s);
/* Deep copy into an initialised or zeroed state. */
void state_copy(struct run_state *to, const struct run_state *from);
/* Keeps a copy of NAME, cut to fit; the type's default name when it is empty. */
void state_set_name(struct run_state *s, const char *name);
void state_set_message(struct run_state *s, const char *message);
int state_is_final(enum state_type type);
/* As Prefect prints it: Completed(), Failed('why'), TimedOut('why', type=FAILED). */
void state_describe(const struct run_state *s, struct buf *out);
/* state_details as JSON text: {} or {"scheduled_time":...}; appended. */
void state_details(const struct run_state *s, struct buf *out);
/* The seconds as Python prints a float: 2.0, 0.3. */
void seconds_text(double seconds, char *buf, size_t size);

#endif
