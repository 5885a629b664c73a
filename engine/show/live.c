/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.c - the live table.
 */
#include "engine/show/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "engine/plan.h"
#include "engine/session/session.h"

#define NAME_WIDTH      32
#define DEFAULT_ROWS    24
#define DEFAULT_COLUMNS 80
#define SHOW_CURSOR     "\033[?25h"

enum row_state { ROW_NONE = 0, ROW_PENDING, ROW_RUNNING, ROW_DELAYED, ROW_OK, ROW_BAD };

struct row {
	enum row_state state;
	char *name;
	char state_name[32];
	char *message;
	int64_t start_us, end_us, scheduled_us, total_us;
	int attempt;
};
struct live {
	struct loop *loop;
	struct loop_timer *timer;
	int fd, colour;
	const struct plan_flow *flow;
	struct row *rows;
	char *title;
	struct buf text; /* waits for the next frame */
	int drawn;       /* lines of the table on the screen */
	unsigned int frame;
	int64_t start_us;
	size_t ok, bad, running, pending;
	const char *state; /* the flow's, at the end */
	int state_ok;
};

static const char *const spinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};

static const struct {
	const char *icon, *colour;
} looks[] = {
    [ROW_NONE] = {"·", "\033[2m"},    [ROW_PENDING] = {"·", "\033[2m"},
    [ROW_RUNNING] = {"", "\033[36m"}, [ROW_DELAYED] = {"↻", "\033[33m"},
    [ROW_OK] = {"✓", "\033[32m"},     [ROW_BAD] = {"✗", "\033[31m"},
};

static void draw(struct live *l, int last);

static void on_frame(void *arg)
{
	struct live *l = arg;

	draw(l, 0);
	loop_timer_in(l->timer, LIVE_FRAME_MS);
}

struct live *live_new(struct loop *loop, int fd, int colour,
		      const struct plan_flow *flow)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->loop = loop;
	l->fd = fd;
	l->colour = colour;
	l->flow = flow;
	l->rows = xcalloc(flow->count + 1, sizeof(*l->rows));
	l->start_us = clock_wall_us();
	buf_init(&l->text);
	l->timer = loop_timer_new(loop, on_frame, l);
	loop_timer_in(l->timer, LIVE_FRAME_MS);
	return l;
}

static void write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n <= 0) {
			return; /* the terminal is gone, or full: the next frame draws
				   all */
		}
		data += n;
		len -= (size_t)n;
	}
}

void live_free(struct live *l)
{
	size_t i;

	if (l == NULL) {
		return;
	}
	if (l->drawn > 0) {
		write_all(l->fd, SHOW_CURSOR, strlen(SHOW_CURSOR));
	}
	for (i = 0; i < l->flow->count; i++) {
		free(l->rows[i].name);
		free(l->rows[i].message);
	}
	free(l->rows);
	free(l->title);
	buf_release(&l->text);
	loop_timer_free(l->timer);
	free(l);
}

void live_set_title(struct live *l, const char *run_name)
{
	free(l->title);
	l->title = xstrdup(run_name);
}

void live_text(struct live *l, const char *text, size_t len)
{
	buf_add(&l->text, text, len);
}

static enum row_state row_state_of(const struct run_state *s)
{
	switch (s->type) {
	case STATE_SCHEDULED:
		return ROW_DELAYED;
	case STATE_RUNNING:
		return ROW_RUNNING;
	case STATE_COMPLETED:
		return ROW_OK;
	case STATE_FAILED:
	case STATE_CRASHED:
	case STATE_CANCELLED:
		return ROW_BAD;
	case STATE_PENDING:
		return strcmp(s->name, "NotReady") == 0 ? ROW_BAD : ROW_PENDING;
	case STATE_NONE:
	case STATE_PAUSED:
	case STATE_CANCELLING:
		break;
	}
	return ROW_PENDING;
}

static void count(struct live *l, enum row_state state, int sign)
{
	size_t *counter = state == ROW_OK                                ? &l->ok
			  : state == ROW_BAD                             ? &l->bad
			  : state == ROW_RUNNING || state == ROW_DELAYED ? &l->running
			  : state == ROW_PENDING                         ? &l->pending
									 : NULL;

	if (counter != NULL) {
		*counter += (size_t)sign;
	}
}

void live_task(struct live *l, const struct session_task *task)
{
	struct row *r = &l->rows[task->plan->index];

	count(l, r->state, -1);
	r->state = row_state_of(task->state);
	count(l, r->state, 1);
	free(r->name);
	free(r->message);
	r->name = xstrdup(task->name);
	r->message = task->state->message != NULL && r->state == ROW_BAD
			 ? xstrdup(task->state->message)
			 : NULL;
	(void)snprintf(r->state_name, sizeof(r->state_name), "%s", task->state->name);
	r->start_us = task->run->start_us;
	r->end_us = task->run->end_us;
	r->scheduled_us = task->state->scheduled_us;
	r->attempt = task->run->run_count;
}

static void paint(struct live *l, struct buf *out, const char *code)
{
	if (l->colour) {
		buf_adds(out, code);
	}
}

/* TEXT in exactly WIDTH columns (one per code point). */
static void add_cell(struct buf *out, const char *text, int width)
{
	int n = 0;

	for (; *text != '\0' && *text != '\n'; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80 && n++ == width) {
			return;
		}
		buf_addc(out, (char)((unsigned char)*text < 0x20 ? ' ' : *text));
	}
	for (; n < width; n++) {
		buf_addc(out, ' ');
	}
}

static void add_elapsed(struct buf *out, int64_t us)
{
	double s = us > 0 ? (double)us / 1e6 : 0;

	if (s < 60) {
		buf_addf(out, "%6.1fs", s);
	} else {
		buf_addf(out, "%3d:%02ds", (int)(s / 60) % 1000, (int)s % 60);
	}
}

static void add_row(struct live *l, struct buf *out, size_t i, int columns)
{
	const struct row *r = &l->rows[i];
	const struct plan_task *plan = l->flow->tasks[i];
	int64_t now_us = clock_wall_us();
	struct buf note;

	buf_init(&note);
	paint(l, out, looks[r->state].colour);
	buf_addf(out, "  %s ",
		 r->state == ROW_RUNNING ? spinner[l->frame % 10]
					 : looks[r->state].icon);
	paint(l, out, "\033[0m");
	add_cell(out, r->name != NULL ? r->name : plan->key, NAME_WIDTH);
	paint(l, out, looks[r->state].colour);
	buf_addc(out, ' ');
	add_cell(out, r->state == ROW_NONE ? "waiting" : r->state_name, 14);
	paint(l, out, "\033[0m");
	if (r->start_us != TIME_NONE && r->state != ROW_NONE &&
	    r->state != ROW_PENDING) {
		add_elapsed(out, (r->end_us != TIME_NONE ? r->end_us : now_us) -
				     r->start_us);
	} else {
		buf_adds(out, "       ");
	}
	if (r->state == ROW_DELAYED) {
		buf_addf(&note, "retry in %.1fs  ",
			 (double)MAX_OF(r->scheduled_us - now_us, 0) / 1e6);
	}
	if (r->attempt > 1 || r->state == ROW_DELAYED) {
		buf_addf(&note, "attempt %d of %d  ", r->attempt, plan->retries + 1);
	}
	if (r->message != NULL) {
		buf_adds(&note, r->message);
	}
	buf_adds(out, "  ");
	add_cell(out, note.data, MAX_OF(columns - NAME_WIDTH - 30, 0));
	buf_adds(out, "\033[K\n");
	buf_release(&note);
}

static void add_title(struct live *l, struct buf *out)
{
	paint(l, out, "\033[1m");
	buf_addf(out, "%s", l->flow->name);
	paint(l, out, "\033[0m");
	buf_addf(out, " %s  ", l->title != NULL ? l->title : "");
	if (l->state != NULL) {
		paint(l, out, looks[l->state_ok ? ROW_OK : ROW_BAD].colour);
		buf_addf(out, "%s", l->state);
		paint(l, out, "\033[0m");
		buf_adds(out, "  ");
	}
	buf_addf(out, "%zu of %zu done", l->ok + l->bad, l->flow->count);
	if (l->running > 0) {
		buf_addf(out, ", %zu running", l->running);
	}
	if (l->bad > 0) {
		paint(l, out, "\033[31m");
		buf_addf(out, ", %zu not completed", l->bad);
		paint(l, out, "\033[0m");
	}
	buf_adds(out, "  ");
	add_elapsed(out, clock_wall_us() - l->start_us);
	buf_adds(out, "\033[K\n");
}

/* Which rows are worth a line when there are more than fit. */
static int is_busy(const struct row *r)
{
	return r->state == ROW_RUNNING || r->state == ROW_DELAYED ||
	       r->state == ROW_BAD;
}

static int add_table(struct live *l, struct buf *out, int rows, int columns)
{
	int room = rows - 3, lines = 1, all = l->flow->count <= (size_t)MAX_OF(room, 1);
	size_t i;

	add_title(l, out);
	for (i = 0; i < l->flow->count && lines <= room; i++) {
		if (all || is_busy(&l->rows[i])) {
			add_row(l, out, i, columns);
			lines++;
		}
	}
	return lines;
}

static void draw(struct live *l, int last)
{
	struct winsize ws = {.ws_row = 0};
	struct buf out;

	if (ioctl(l->fd, TIOCGWINSZ, &ws) != 0 || ws.ws_row == 0 || ws.ws_col == 0) {
		ws.ws_row = DEFAULT_ROWS;
		ws.ws_col = DEFAULT_COLUMNS;
	}
	buf_init(&out);
	/* no cursor, no wrapping: a line of the table is a line of the screen */
	buf_adds(&out, "\033[?2026h\033[?25l");
	if (l->drawn > 0) {
		buf_addf(&out, "\r\033[%dA", l->drawn);
	}
	if (l->text.len > 0) {
		/* the old table is below: what scrolls over it is wiped line by line */
		buf_adds(&out, "\033[J");
		buf_add(&out, l->text.data, l->text.len);
		buf_reset(&l->text);
	}
	buf_adds(&out, "\033[?7l");
	l->drawn = add_table(l, &out, ws.ws_row, ws.ws_col);
	buf_adds(&out, "\033[?7h");
	buf_adds(&out, "\033[J");
	buf_adds(&out, last ? "\033[?25h\033[?2026l" : "\033[?2026l");
	write_all(l->fd, out.data, out.len);
	buf_release(&out);
	l->frame++;
}

void live_finish(struct live *l, const struct run_state *state)
{
	l->state = state->type != STATE_NONE ? state->name : NULL;
	l->state_ok = state->type == STATE_COMPLETED;
	loop_timer_stop(l->timer);
	draw(l, 1);
	l->drawn = 0;
}
