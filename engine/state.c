/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - states as values and as text.
 */
#include "engine/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "proto/frame.h"

_Static_assert((int)STATE_CANCELLING == (int)WF__CONTROL__STATE_TYPE__CANCELLING &&
		   (int)STATE_RUNNING == (int)WF__CONTROL__STATE_TYPE__RUNNING,
	       "enum state_type follows control.proto");

void state_init(struct run_state *s)
{
	memset(s, 0, sizeof(*s));
	s->scheduled_us = TIME_NONE;
	s->retriable = -1;
}

void state_release(struct run_state *s)
{
	free(s->message);
	s->message = NULL;
}

void state_copy(struct run_state *to, const struct run_state *from)
{
	char *message = from->message != NULL ? xstrdup(from->message) : NULL;

	free(to->message);
	*to = *from;
	to->message = message;
	if (from->name == from->name_buf) {
		to->name = to->name_buf;
	}
}

void state_set_name(struct run_state *s, const char *name)
{
	if (name == NULL || *name == '\0') {
		s->name = state_type_default_name((int)s->type);
		return;
	}
	(void)snprintf(s->name_buf, sizeof(s->name_buf), "%s", name);
	s->name = s->name_buf;
}

void state_set_message(struct run_state *s, const char *message)
{
	char *copy = message != NULL && *message != '\0' ? xstrdup(message) : NULL;

	free(s->message);
	s->message = copy;
}

int state_is_final(enum state_type type)
{
	return type == STATE_COMPLETED || type == STATE_FAILED ||
	       type == STATE_CANCELLED || type == STATE_CRASHED;
}

/* Python's repr of a text: single quotes, unless only they are inside. */
static void add_repr(struct buf *out, const char *s)
{
	char quote = strchr(s, '\'') != NULL && strchr(s, '"') == NULL ? '"' : '\'';

	buf_addc(out, quote);
	for (; *s != '\0'; s++) {
		if (*s == '\n') {
			buf_adds(out, "\\n");
			continue;
		}
		if (*s == quote || *s == '\\') {
			buf_addc(out, '\\');
		}
		buf_addc(out, *s);
	}
	buf_addc(out, quote);
}

void state_describe(const struct run_state *s, struct buf *out)
{
	const char *type = state_type_text((int)s->type);

	buf_addf(out, "%s(", s->name);
	if (s->message != NULL) {
		add_repr(out, s->message);
	}
	if (strcasecmp(type, s->name) != 0) {
		buf_addf(out, "%stype=%s", s->message != NULL ? ", " : "", type);
	}
	buf_addc(out, ')');
}

void state_details(const struct run_state *s, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	if (s->scheduled_us != TIME_NONE) {
		jsonw_time(&w, "scheduled_time", s->scheduled_us);
	}
	if (s->retriable >= 0) {
		jsonw_bool(&w, "retriable", s->retriable);
	}
	jsonw_obj_end(&w);
}

void seconds_text(double seconds, char *buf, size_t size)
{
	if (seconds == rint(seconds) && fabs(seconds) < 1e15) {
		(void)snprintf(buf, size, "%.1f", seconds);
	} else {
		(void)snprintf(buf, size, "%.15g", seconds);
	}
}
