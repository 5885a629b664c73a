/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - log lines, and the choice of the style.
 */
#include "engine/show/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/show/live.h"
#include "engine/show/record.h"

struct report {
	enum report_style style;
	int colour;
	struct report *parent; /* of a subflow's */
	struct report *children, *next;
	struct uuid task_run;
	char *path; /* the record is written there too */
	struct live *live;
	struct record *record;
	char *kept;
};

struct report *report_new(struct loop *loop, enum report_style style, int colour,
			  const struct plan_flow *flow)
{
	struct report *r = xcalloc(1, sizeof(*r));

	r->style = style;
	r->colour = colour;
	if (style == REPORT_LIVE) {
		r->live = live_new(loop, STDERR_FILENO, colour, flow);
	} else if (style == REPORT_JSON || style == REPORT_KEEP) {
		r->record = record_new(flow);
	}
	return r;
}

void report_free(struct report *r)
{
	if (r == NULL) {
		return;
	}
	while (r->children != NULL) {
		struct report *child = r->children;

		r->children = child->next;
		report_free(child);
	}
	live_free(r->live);
	record_free(r->record);
	free(r->kept);
	free(r->path);
	free(r);
}

void report_keep(struct report *r, const char *path, const struct plan_flow *flow)
{
	r->path = xstrdup(path);
	if (r->record == NULL) {
		r->record = record_new(flow);
	}
}

struct report *report_child(struct report *r, const struct uuid *task_run,
			    const struct plan_flow *flow)
{
	struct report *child;

	if (r == NULL) {
		return NULL;
	}
	child = xcalloc(1, sizeof(*child));
	child->style = r->style;
	child->colour = r->colour;
	child->parent = r;
	child->task_run = *task_run;
	if (r->record != NULL) {
		child->record = record_new(flow);
	}
	child->next = r->children;
	r->children = child;
	return child;
}

static struct live *live_of(const struct report *r)
{
	while (r->parent != NULL) {
		r = r->parent;
	}
	return r->live;
}

void report_begin(struct report *r, const char *run_name, const struct uuid *run_id)
{
	if (r == NULL) {
		return;
	}
	if (r->live != NULL) {
		live_set_title(r->live, run_name);
	}
	if (r->record != NULL) {
		record_begin(r->record, run_name, run_id);
	}
}

void report_tags(struct report *r, const json_t *tags)
{
	if (r != NULL && r->record != NULL) {
		record_tags(r->record, tags);
	}
}

static const char *level_name(int level)
{
	return level >= 50   ? "CRITICAL"
	       : level >= 40 ? "ERROR"
	       : level >= 30 ? "WARNING"
	       : level >= 20 ? "INFO"
			     : "DEBUG";
}

/* HH:MM:SS.mmm | LEVEL   | Flow run 'n' - message */
static void format_line(const struct report *r, struct buf *out, int level,
			const char *who, const char *message, int64_t at_us)
{
	time_t s = (time_t)(at_us / CLOCK_US_PER_S);
	struct tm tm;

	(void)localtime_r(&s, &tm);
	buf_addf(out, "%02d:%02d:%02d.%03d | ", tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (int)(at_us % CLOCK_US_PER_S / 1000));
	if (r->colour && level >= LEVEL_WARNING) {
		buf_adds(out, level >= LEVEL_ERROR ? "\033[31m" : "\033[33m");
	}
	buf_addf(out, "%-7s", level_name(level));
	if (r->colour && level >= LEVEL_WARNING) {
		buf_adds(out, "\033[0m");
	}
	buf_addf(out, " | %s - %s\n", who, message);
}

void report_log(struct report *r, int level, const char *logger, const char *who,
		const char *message, int64_t at_us)
{
	struct buf b;

	if (r == NULL || r->style == REPORT_NONE) {
		return;
	}
	if (r->record != NULL) {
		record_log(r->record, level, who != NULL ? who : logger, message,
			   at_us);
	}
	if (r->style == REPORT_JSON || r->style == REPORT_KEEP) {
		return;
	}
	if (r->style == REPORT_QUIET && level < LEVEL_ERROR) {
		return;
	}
	buf_init(&b);
	format_line(r, &b, level, who != NULL ? who : logger, message, at_us);
	if (live_of(r) != NULL) {
		live_text(live_of(r), b.data, b.len);
	} else {
		(void)fwrite(b.data, 1, b.len, stderr);
	}
	buf_release(&b);
}

void report_flow_state(struct report *r, const struct run_state *state)
{
	if (r != NULL && r->record != NULL) {
		record_flow_state(r->record, state);
	}
}

void report_task(struct report *r, const struct session_task *task)
{
	if (r == NULL) {
		return;
	}
	if (r->live != NULL) {
		live_task(r->live, task);
	}
	if (r->record != NULL) {
		record_task(r->record, task);
	}
}

/* The document: to stdout, to a file, into that of the parent. */
static void end_record(struct report *r, const struct run_state *state, int run_count,
		       const json_t *result)
{
	struct error err;
	char *text = record_finish(r->record, state, run_count, result);

	if (r->parent != NULL) {
		record_child(r->parent->record, &r->task_run, text);
	} else if (r->style == REPORT_JSON) {
		(void)puts(text);
	} else if (r->style == REPORT_KEEP) {
		r->kept = text;
		return;
	}
	if (r->path != NULL &&
	    file_write_atomic(r->path, text, strlen(text), 0600, &err) < 0) {
		(void)fprintf(stderr, "wf-engine: --record: %s\n", err.msg);
	}
	free(text);
}

void report_end(struct report *r, const struct run_state *state, int run_count,
		const json_t *result)
{
	char *text;

	if (r == NULL) {
		return;
	}
	if (r->live != NULL) {
		live_finish(r->live, state);
	}
	if (r->record != NULL) {
		end_record(r, state, run_count, result);
	}
	if (r->parent == NULL && r->style != REPORT_JSON && r->style != REPORT_KEEP &&
	    result != NULL && !json_is_null(result) && state->type == STATE_COMPLETED) {
		text = json_text(result);
		(void)puts(text);
		free(text);
	}
	(void)fflush(stdout);
}

char *report_take(struct report *r)
{
	char *text = r->kept;

	r->kept = NULL;
	return text;
}
