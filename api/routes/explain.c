/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - why a run waits.  Each reason is one small function in an ordered table.
 */
#include "api/routes/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/timefmt.h"
#include "proto/frame.h"

#define PREFETCH_US                                                       \
	(10 * 1000000LL) /* workers take runs so long before they are due \
			  */
#define POLLED_US (60 * 1000000LL)

enum {
	SCHEDULED = 1,
	PENDING,
	RUNNING,
	COMPLETED,
	FAILED,
	CANCELLED,
	CRASHED,
	PAUSED,
	CANCELLING
};

/* ---- words ---- */

/* A word of a command line; quoted when a shell would misread it. */
static void add_word(struct buf *out, const char *s)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_-./:@";

	if (*s != '\0' && strspn(s, plain) == strlen(s)) {
		buf_adds(out, s);
		return;
	}
	buf_addc(out, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'') {
			buf_adds(out, "'\\''");
		} else {
			buf_addc(out, *s);
		}
	}
	buf_addc(out, '\'');
}

static const char *ago(int64_t at_us, int64_t now_us, char buf[64])
{
	return time_format_relative(at_us, now_us, buf, 64);
}

/* ---- one reason ---- */

struct reason {
	const char *name;
	struct buf object, detail, fix;
};

static void reason_init(struct reason *r)
{
	r->name = NULL;
	buf_init(&r->object);
	buf_init(&r->detail);
	buf_init(&r->fix);
}

static void reason_end(struct reason *r, json_t *list)
{
	if (r->name != NULL) {
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:s,s:s}", "reason", r->name,
						"object", r->object.data, "detail",
						r->detail.data, "fix", r->fix.data));
	}
	buf_release(&r->object);
	buf_release(&r->detail);
	buf_release(&r->fix);
}

static void add_holders(struct buf *out, const struct explain_slots *s)
{
	for (size_t i = 0; i < s->holder_count; i++) {
		buf_addf(out, "%s'%s' (%s)", i == 0 ? " by " : ", ", s->holders[i].name,
			 s->holders[i].id);
	}
	if (s->holder_count > 0 && s->taken > (int64_t)s->holder_count) {
		buf_adds(out, ", ...");
	}
}

static int is_full(const struct explain_slots *s)
{
	return s->limit >= 0 && s->taken >= s->limit;
}

/* ---- the reasons ---- */

static void not_due(const struct explain_facts *f, struct reason *r)
{
	char text[TIME_TEXT_SIZE], rel[64];

	if (f->due_us == TIME_NONE || f->due_us <= f->now_us + PREFETCH_US) {
		return;
	}
	r->name = "not_due";
	buf_adds(&r->object, f->id);
	buf_addf(&r->detail, "It is not due yet: it starts %s, at %s.",
		 ago(f->due_us, f->now_us, rel),
		 time_format(f->due_us, text, sizeof(text)));
}

static void in_process(const struct explain_facts *f, struct reason *r)
{
	if (!f->retry_in_process) {
		return;
	}
	r->name = "retry_in_process";
	buf_adds(&r->object, f->id);
	buf_adds(
	    &r->detail,
	    "Its own process waits for the retry and starts it; no worker takes it.");
}

static void deployment_paused(const struct explain_facts *f, struct reason *r)
{
	if (!f->deployment_paused || !f->has_schedule) {
		return;
	}
	r->name = "deployment_paused";
	buf_adds(&r->object, f->deployment);
	buf_addf(&r->detail,
		 "Deployment '%s' is paused: its schedules make no further runs (this "
		 "one was made "
		 "before).",
		 f->deployment);
}

static void schedule_paused(const struct explain_facts *f, struct reason *r)
{
	if (!f->has_schedule || f->schedule_active) {
		return;
	}
	r->name = "schedule_paused";
	buf_adds(&r->object, f->schedule_slug != NULL ? f->schedule_slug : "schedule");
	buf_addf(&r->detail,
		 "The schedule%s%s%s that made this run is paused: it makes no further "
		 "runs.",
		 f->schedule_slug != NULL ? " '" : "",
		 f->schedule_slug != NULL ? f->schedule_slug : "",
		 f->schedule_slug != NULL ? "'" : "");
}

static void no_queue(const struct explain_facts *f, struct reason *r)
{
	if (f->queue != NULL) {
		return;
	}
	if (f->deployment != NULL && f->deployment_polled_us != TIME_NONE &&
	    f->now_us - f->deployment_polled_us <= POLLED_US) {
		return; /* somebody serves it */
	}
	r->name = "no_work_queue";
	buf_adds(&r->object, f->deployment != NULL ? f->deployment : f->id);
	if (f->deployment == NULL) {
		buf_adds(&r->detail, "It has no deployment, so no worker can take it: "
				     "only the process that made "
				     "it can run it.");
		return;
	}
	buf_addf(&r->detail,
		 "Deployment '%s' has no work pool, so only a process that serves it "
		 "takes its runs, "
		 "and none has asked in the last minute.",
		 f->deployment);
	buf_adds(&r->fix,
		 "start the program that calls serve(), or deploy to a work pool");
}

static void pool_paused(const struct explain_facts *f, struct reason *r)
{
	if (f->pool == NULL || !f->pool_paused) {
		return;
	}
	r->name = "work_pool_paused";
	buf_adds(&r->object, f->pool);
	buf_addf(&r->detail, "Work pool '%s' is paused.", f->pool);
	buf_adds(&r->fix, "wf work-pool resume ");
	add_word(&r->fix, f->pool);
}

static void queue_paused(const struct explain_facts *f, struct reason *r)
{
	if (f->queue == NULL || !f->queue_paused) {
		return;
	}
	r->name = "work_queue_paused";
	buf_addf(&r->object, "%s/%s", f->pool, f->queue);
	buf_addf(&r->detail, "Work queue '%s' of work pool '%s' is paused.", f->queue,
		 f->pool);
	buf_adds(&r->fix, "wf work-queue resume ");
	add_word(&r->fix, f->queue);
	buf_adds(&r->fix, " --pool ");
	add_word(&r->fix, f->pool);
}

static void pool_limit(const struct explain_facts *f, struct reason *r)
{
	if (f->pool == NULL || !is_full(&f->pool_slots)) {
		return;
	}
	r->name = "work_pool_limit";
	buf_adds(&r->object, f->pool);
	buf_addf(&r->detail,
		 "Work pool '%s' runs at most %lld at once, and %lld slots are taken",
		 f->pool, (long long)f->pool_slots.limit,
		 (long long)f->pool_slots.taken);
	add_holders(&r->detail, &f->pool_slots);
	buf_addc(&r->detail, '.');
	buf_adds(&r->fix, "wf work-pool set-concurrency-limit ");
	add_word(&r->fix, f->pool);
	buf_addf(&r->fix, " %lld", (long long)f->pool_slots.taken + 1);
}

static void queue_limit(const struct explain_facts *f, struct reason *r)
{
	if (f->queue == NULL || !is_full(&f->queue_slots)) {
		return;
	}
	r->name = "work_queue_limit";
	buf_addf(&r->object, "%s/%s", f->pool, f->queue);
	buf_addf(&r->detail,
		 "Work queue '%s' runs at most %lld at once, and %lld slots are taken",
		 f->queue, (long long)f->queue_slots.limit,
		 (long long)f->queue_slots.taken);
	add_holders(&r->detail, &f->queue_slots);
	buf_addc(&r->detail, '.');
	buf_adds(&r->fix, "wf work-queue set-concurrency-limit ");
	add_word(&r->fix, f->queue);
	buf_addf(&r->fix, " %lld --pool ", (long long)f->queue_slots.taken + 1);
	add_word(&r->fix, f->pool);
}

static void deployment_limit(const struct explain_facts *f, struct reason *r)
{
	if (f->deployment == NULL || !is_full(&f->deployment_slots)) {
		return;
	}
	r->name = "deployment_limit";
	buf_adds(&r->object, f->deployment);
	if (f->deployment_slots.limit == 0) {
		buf_addf(&r->detail,
			 "The concurrency limit of deployment '%s' is 0: no run of it "
			 "ever starts.",
			 f->deployment);
	} else {
		buf_addf(&r->detail,
			 "Deployment '%s' runs at most %lld at once, and %lld slots "
			 "are taken",
			 f->deployment, (long long)f->deployment_slots.limit,
			 (long long)f->deployment_slots.taken);
		add_holders(&r->detail, &f->deployment_slots);
		buf_addc(&r->detail, '.');
	}
	if (f->deployment_slots.holder_count > 0) {
		buf_addf(&r->fix, "wf flow-run cancel %s",
			 f->deployment_slots.holders[0].id);
	}
}

static void no_worker(const struct explain_facts *f, struct reason *r)
{
	char rel[64];

	if (f->pool == NULL || f->workers_online > 0) {
		return;
	}
	r->name = "no_worker_online";
	buf_adds(&r->object, f->pool);
	if (f->workers_known > 0 && f->last_heartbeat_us != TIME_NONE) {
		buf_addf(&r->detail,
			 "No worker of work pool '%s' is online; the last one was "
			 "heard of %s.",
			 f->pool, ago(f->last_heartbeat_us, f->now_us, rel));
	} else {
		buf_addf(&r->detail, "Work pool '%s' has never had a worker.", f->pool);
	}
	buf_adds(&r->fix, "wf-worker --pool ");
	add_word(&r->fix, f->pool);
}

typedef void (*reason_fn)(const struct explain_facts *f, struct reason *r);
static const reason_fn reasons[] = {
    not_due,          in_process,        pool_paused,     queue_paused,
    no_queue,         no_worker,         pool_limit,      queue_limit,
    deployment_limit, deployment_paused, schedule_paused,
};

/* ---- other states ---- */

static void paused_run(const struct explain_facts *f, struct reason *r)
{
	r->name = "run_paused";
	buf_adds(&r->object, f->id);
	buf_addf(&r->detail, "It is %s and waits for somebody to resume it.%s%s",
		 f->state_name != NULL ? f->state_name : "paused",
		 f->message != NULL ? " " : "", f->message != NULL ? f->message : "");
	buf_addf(&r->fix, "curl -X POST $PREFECT_API_URL/flow_runs/%s/resume", f->id);
}

static void cancelling(const struct explain_facts *f, struct reason *r)
{
	char rel[64];

	r->name = "worker_stops_it";
	buf_adds(&r->object, f->owner != NULL ? f->owner : f->id);
	buf_addf(&r->detail,
		 "Its cancellation was asked for %s; %s%s%s stops its process. After "
		 "five minutes it "
		 "counts as cancelled.",
		 ago(f->state_at_us, f->now_us, rel),
		 f->owner != NULL ? "worker '" : "its worker",
		 f->owner != NULL ? f->owner : "", f->owner != NULL ? "'" : "");
}

static json_t *waiting_for(const struct explain_facts *f)
{
	json_t *list = json_array();
	struct reason r;

	if (f->state_type == PAUSED || f->state_type == CANCELLING) {
		reason_init(&r);
		(f->state_type == PAUSED ? paused_run : cancelling)(f, &r);
		reason_end(&r, list);
	}
	for (size_t i = 0; f->state_type == SCHEDULED && i < ARRAY_LEN(reasons); i++) {
		reason_init(&r);
		reasons[i](f, &r);
		reason_end(&r, list);
	}
	return list;
}

static void waiting_summary(const struct explain_facts *f, size_t count,
			    struct buf *out)
{
	if (count > 0) {
		buf_addf(out, "It waits, for %s:",
			 count == 1 ? "one reason" : "several reasons");
	} else if (f->ahead > 0) {
		buf_addf(out,
			 "Nothing holds it back. %lld run%s of work pool '%s' came "
			 "before it and %s "
			 "taken first.",
			 (long long)f->ahead, f->ahead == 1 ? "" : "s", f->pool,
			 f->ahead == 1 ? "is" : "are");
	} else {
		buf_adds(out, "Nothing holds it back: the next free worker takes it.");
	}
	if (f->attempts > 1) {
		buf_addf(out, " It has been tried %lld times.", (long long)f->attempts);
	}
}

static void summary(const struct explain_facts *f, size_t count, struct buf *out)
{
	char rel[64];
	const char *who = f->owner != NULL ? f->owner : "";

	switch (f->state_type) {
	case SCHEDULED:
		waiting_summary(f, count, out);
		break;
	case PENDING:
		buf_addf(out, "A worker%s%s%s took it %s and is about to start it.",
			 f->owner != NULL ? ", '" : "", who,
			 f->owner != NULL ? "'," : "",
			 ago(f->state_at_us, f->now_us, rel));
		break;
	case RUNNING:
		buf_addf(out, "It runs%s%s%s; this state began %s.",
			 f->owner != NULL ? " on worker '" : "", who,
			 f->owner != NULL ? "'" : "",
			 ago(f->state_at_us, f->now_us, rel));
		break;
	case PAUSED:
	case CANCELLING:
		buf_addf(out, "It is %s.",
			 f->state_name != NULL ? f->state_name : "stopped");
		break;
	default:
		buf_addf(out, "It ended as %s%s%s.%s%s",
			 f->state_name != NULL ? f->state_name : "nothing",
			 f->end_us != TIME_NONE ? ", " : "",
			 f->end_us != TIME_NONE ? ago(f->end_us, f->now_us, rel) : "",
			 f->message != NULL ? " " : "",
			 f->message != NULL ? f->message : "");
		break;
	}
}

static json_t *text_or_null(const char *s)
{
	return s != NULL ? json_string(s) : json_null();
}

static json_t *time_or_null(int64_t at_us)
{
	char text[TIME_TEXT_SIZE];

	return at_us != TIME_NONE ? json_string(time_format(at_us, text, sizeof(text)))
				  : json_null();
}

json_t *explain(const struct explain_facts *f)
{
	json_t *list = waiting_for(f), *out = json_object(), *state = json_object();
	const char *type = state_type_text(f->state_type);
	struct buf text;

	json_object_set_new(state, "type", text_or_null(type));
	json_object_set_new(state, "name", text_or_null(f->state_name));
	json_object_set_new(state, "timestamp", time_or_null(f->state_at_us));
	json_object_set_new(state, "message", text_or_null(f->message));
	buf_init(&text);
	summary(f, json_array_size(list), &text);
	json_object_set_new(out, "flow_run_id", json_string(f->id));
	json_object_set_new(out, "name", text_or_null(f->name));
	json_object_set_new(out, "state", state);
	json_object_set_new(out, "summary", json_stringn(text.data, text.len));
	json_object_set_new(out, "waiting_for", list);
	json_object_set_new(out, "due", time_or_null(f->due_us));
	json_object_set_new(out, "flow", text_or_null(f->flow));
	json_object_set_new(out, "deployment", text_or_null(f->deployment));
	json_object_set_new(out, "work_pool", text_or_null(f->pool));
	json_object_set_new(out, "work_queue", text_or_null(f->queue));
	json_object_set_new(out, "worker", text_or_null(f->owner));
	json_object_set_new(out, "workers_online", json_integer(f->workers_online));
	json_object_set_new(out, "ahead", json_integer(f->ahead));
	buf_release(&text);
	return out;
}
