/* SPDX-License-Identifier: Apache-2.0 */
/* trigger_story.c - random stories; see trigger_story.h. */
#include "tests/sim/trigger_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define S 1000000LL

/* ---- chance ---- */

static uint64_t chance_state;

static uint64_t chance(void)
{
	uint64_t z = (chance_state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static size_t below(size_t n)
{
	return (size_t)(chance() % n);
}

static int percent(size_t p)
{
	return below(100) < p;
}

#define PICK(list) ((list)[below(ARRAY_LEN(list))])

/* ---- automations ---- */

static json_t *pick_set(const char *const *from, size_t n, size_t max)
{
	json_t *list = json_array();
	size_t count = below(max + 1), i;

	for (i = 0; i < n && count > 0; i++) {
		if (below(n - i) < count) {
			(void)json_array_append_new(list, json_string(from[i]));
			count--;
		}
	}
	return list;
}

static json_t *pick_match(void)
{
	static const char *const ids[] = {"r1", "r2", "r*", "!r1", "r[12]", "r?"};
	static const char *const envs[] = {"a", "b", "!a", "*", "[ab]"};
	json_t *m = json_object();

	if (percent(35)) {
		(void)json_object_set_new(m, "prefect.resource.id",
					  json_string(PICK(ids)));
	}
	if (percent(20)) {
		(void)json_object_set_new(m, "env",
					  json_pack("[s,s]", PICK(envs), PICK(envs)));
	}
	return m;
}

static json_t *pick_related(void)
{
	static const char *const ids[] = {"f1", "f2", "!f1", "f*"};
	json_t *one = json_pack("{s:s, s:s}", "prefect.resource.role", "flow",
				"prefect.resource.id", PICK(ids));

	if (percent(85)) {
		json_decref(one);
		return json_object();
	}
	return percent(50) ? one : json_pack("[o, {s:s}]", one, "env", "a");
}

static json_t *pick_for_each(void)
{
	switch (below(6)) {
	case 0:
		return json_pack("[s]", "prefect.resource.id");
	case 1:
		return json_pack("[s,s]", "env", "prefect.resource.id");
	case 2:
		return json_pack("[s]", "related:flow:prefect.resource.id");
	default:
		return json_array();
	}
}

static json_t *event_trigger(int proactive)
{
	static const char *const names[] = {"A",   "A*", "A.*", "B",
					    "B.x", "C",  "[A]", "!B"};
	static const double reactive_s[] = {0, 0, 0, 5, 10, 30, 60, 100, 1000};
	static const double proactive_s[] = {10, 10, 20, 30, 60, 90, 300};
	static const int thresholds[] = {1, 1, 1, 1, 2, 2, 3, 0};
	json_t *after = percent(proactive ? 75 : 35)
			    ? pick_set(names, ARRAY_LEN(names) - 1, 2)
			    : json_array();

	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:f}", "type",
			 "event", "posture", proactive ? "Proactive" : "Reactive",
			 "match", pick_match(), "match_related", pick_related(),
			 "after", after, "expect", pick_set(names, ARRAY_LEN(names), 3),
			 "for_each", pick_for_each(), "threshold", PICK(thresholds),
			 "within", proactive ? PICK(proactive_s) : PICK(reactive_s));
}

/* One proactive trigger at most: of several absences that one tick finds, which comes
 * first is left open by the rules, and composites care. */
static json_t *any_trigger(int depth, int *proactives)
{
	static const double within_s[] = {5, 30, 60, 600};
	json_t *children, *out;
	size_t n, i, pick = below(10);

	if (depth == 2 || pick < (depth == 0 ? 6 : 8)) {
		int proactive = *proactives > 0 && percent(depth == 0 ? 50 : 30);

		*proactives -= proactive;
		return event_trigger(proactive);
	}
	children = json_array();
	n = 1 + below(3);
	for (i = 0; i < n; i++) {
		(void)json_array_append_new(children,
					    any_trigger(depth + 1, proactives));
	}
	out =
	    json_pack("{s:s, s:o, s:o}", "type", percent(50) ? "compound" : "sequence",
		      "triggers", children, "within",
		      percent(25) ? json_null() : json_real(PICK(within_s)));
	if (percent(40)) {
		(void)json_object_set_new(out, "require",
					  json_integer(1 + (json_int_t)below(n)));
	} else {
		(void)json_object_set_new(out, "require",
					  json_string(percent(80) ? "all" : "any"));
	}
	return out;
}

static void make_automation(struct story *s)
{
	size_t i = s->automation_count++;
	int proactives = 1;
	json_t *trigger = any_trigger(0, &proactives);
	char name[32];

	(void)snprintf(name, sizeof(name), "automation %zu", i);
	s->any_event[i] = json_object_get(trigger, "triggers") != NULL && !proactives;
	s->automations[i] = json_pack("{s:s, s:b, s:o, s:[]}", "name", name, "enabled",
				      percent(95), "trigger", trigger, "actions");
}

/* ---- steps ---- */

static int64_t pick_gap(void)
{
	size_t p = below(100);
	int64_t us = 1 + (int64_t)below(999999);

	us += p < 60   ? S * (int64_t)below(8)
	      : p < 85 ? S * (int64_t)below(40)
	      : p < 97 ? S * (int64_t)below(200)
		       : S * (int64_t)below(2400);
	return us < 1000 ? 1000 : us;
}

static int64_t pick_occurred(int64_t now_us, int64_t backlog_us)
{
	int64_t at = now_us - backlog_us;
	size_t p = below(100);

	if (p < 12) {
		at -= S * (int64_t)below(60); /* late */
	} else if (p < 15) {
		at -= S * (int64_t)below(1200);
	} else if (p < 17) {
		at += S * (int64_t)below(100); /* a clock that is wrong */
	}
	return percent(70) ? at - at % S : at; /* whole seconds meet window ends */
}

static json_t *make_event(void)
{
	static const char *const names[] = {"A", "A", "A.x", "AA",
					    "B", "B", "B.x", "C"};
	static const char *const ids[] = {"r1", "r1", "r2", "s1"};
	static const char *const flows[] = {"f1", "f2"};
	json_t *e =
	    json_pack("{s:s, s:{s:s}, s:[], s:{}}", "event", PICK(names), "resource",
		      "prefect.resource.id", PICK(ids), "related", "payload");

	if (percent(50)) {
		(void)json_object_set_new(json_object_get(e, "resource"), "env",
					  json_string(percent(50) ? "a" : "b"));
	}
	if (percent(50)) {
		(void)json_array_append_new(
		    json_object_get(e, "related"),
		    json_pack("{s:s, s:s}", "prefect.resource.role", "flow",
			      "prefect.resource.id", PICK(flows)));
	}
	if (percent(20)) {
		(void)json_array_append_new(
		    json_object_get(e, "related"),
		    json_pack("{s:s, s:s, s:s}", "prefect.resource.role", "flow",
			      "prefect.resource.id", "f1", "env", "a"));
	}
	return e;
}

static void id_of(int number, struct uuid *ret)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "event %d", number);
	uuid_from_bytes(ret, name, strlen(name));
}

static void set_event(struct step *e, int number, int64_t follows)
{
	char text[TIME_TEXT_SIZE];

	e->number = number;
	id_of(number, &e->id);
	e->has_follows = follows >= 0;
	if (e->has_follows) {
		id_of((int)follows, &e->follows);
		(void)json_object_set_new(e->event, "follows",
					  json_string(uuid_str(&e->follows)));
	}
	(void)json_object_set_new(e->event, "id", json_string(uuid_str(&e->id)));
	(void)json_object_set_new(
	    e->event, "occurred",
	    json_string(time_format(e->occurred_us, text, sizeof(text))));
	(void)json_object_set_new(json_object_get(e->event, "payload"), "n",
				  json_integer(number));
}

static const struct step *earlier_event(const struct story *s)
{
	size_t i;

	for (i = 0; i < 8 && s->step_count > 0; i++) {
		const struct step *e = &s->steps[below(s->step_count)];

		if (e->kind == STEP_EVENT) {
			return e;
		}
	}
	return NULL;
}

/* Of the same event: the same in all but the time of its arrival. */
static void repeat(struct step *e, const struct step *of)
{
	int64_t received_us = e->received_us;

	json_decref(e->event);
	e->event = json_incref(of->event);
	e->id = of->id;
	e->number = of->number;
	e->follows = of->follows;
	e->has_follows = of->has_follows;
	e->occurred_us = of->occurred_us;
	e->received_us = received_us;
}

static void make_event_step(struct story *s, struct step *e, int64_t backlog_us,
			    int64_t *received_us)
{
	const struct step *of = percent(8) ? earlier_event(s) : NULL;
	int number = (int)s->step_count;
	int64_t follows = -1;

	/* what waited in the feed came earlier, in the order of the feed */
	e->received_us = e->at_us;
	if (percent(5)) {
		e->received_us -= S * (int64_t)below(1000);
	}
	*received_us = e->received_us = MAX_OF(*received_us + 1, e->received_us);
	e->event = make_event();
	if (of != NULL) {
		repeat(e, of);
		return;
	}
	if (percent(15)) { /* a leader before it, behind it, or none at all */
		follows = (int64_t)number + 5 - (int64_t)below(10);
	}
	e->occurred_us = pick_occurred(e->at_us, backlog_us);
	set_event(e, number, follows);
}

static enum step_kind pick_kind(void)
{
	size_t p = below(100);

	return p < 66   ? STEP_EVENT
	       : p < 72 ? STEP_TICK
	       : p < 87 ? STEP_WAIT
	       : p < 94 ? STEP_RESTART
	       : p < 96 ? STEP_DISABLE
	       : p < 99 ? STEP_ENABLE
			: STEP_PUT;
}

void story_make(struct story *s, uint64_t seed)
{
	int64_t now_us = STORY_BASE_US, received_us = 0, backlog_us = 0;
	size_t n, i;

	*s = (struct story){.seed = seed};
	chance_state = seed * 0xd1342543de82ef95ULL;
	n = 1 + below(STORY_AUTOMATIONS);
	for (i = 0; i < n; i++) {
		make_automation(s);
	}
	if (percent(10)) {
		backlog_us = S * (int64_t)below(900);
	}
	n = 12 + below(STORY_STEPS - 12);
	while (s->step_count < n) {
		struct step *e = &s->steps[s->step_count];

		now_us += pick_gap();
		e->kind = pick_kind();
		e->at_us = now_us;
		e->automation = below(s->automation_count);
		e->then_tick = percent(70) ? 1 : 0;
		e->aborts = percent(4) ? 1 : 0;
		if (e->kind == STEP_EVENT) {
			make_event_step(s, e, backlog_us, &received_us);
		}
		if (percent(3)) {
			backlog_us = 0; /* it has caught up */
		}
		s->step_count++;
	}
}

void story_release(struct story *s)
{
	size_t i;

	for (i = 0; i < s->automation_count; i++) {
		json_decref(s->automations[i]);
	}
	for (i = 0; i < s->step_count; i++) {
		json_decref(s->steps[i].event);
	}
}

/* ---- to read ---- */

static const char *const kinds[] = {
    [STEP_EVENT] = "event",     [STEP_TICK] = "tick",     [STEP_WAIT] = "wait until",
    [STEP_RESTART] = "restart", [STEP_ENABLE] = "enable", [STEP_DISABLE] = "disable",
    [STEP_PUT] = "put",
};

static void print_step(const struct story *s, size_t i)
{
	const struct step *e = &s->steps[i];
	char *text;

	(void)printf("  %2zu %12.6f %s", i, (double)(e->at_us - STORY_BASE_US) / S,
		     kinds[e->kind]);
	if (e->kind == STEP_EVENT) {
		text = json_dumps(json_object_get(e->event, "resource"), 0);
		(void)printf(" %d %s %s", e->number,
			     json_string_value(json_object_get(e->event, "event")),
			     text);
		free(text);
		text = json_dumps(json_object_get(e->event, "related"), 0);
		(void)printf(" %s occurred %.6f, received %.6f%s%s", text,
			     (double)(e->occurred_us - STORY_BASE_US) / S,
			     (double)(e->received_us - STORY_BASE_US) / S,
			     e->has_follows ? ", follows another" : "",
			     e->then_tick ? ", tick" : "");
		free(text);
	} else if (e->kind >= STEP_ENABLE) {
		(void)printf(" automation %zu", e->automation);
	}
	(void)printf("%s\n", e->aborts ? ", at the second try" : "");
}

void story_print(const struct story *s)
{
	size_t i;

	for (i = 0; i < s->automation_count; i++) {
		char *text =
		    json_dumps(json_object_get(s->automations[i], "trigger"), 0);

		(void)printf("  automation %zu%s: %s\n", i,
			     json_is_true(json_object_get(s->automations[i], "enabled"))
				 ? ""
				 : " (off)",
			     text);
		free(text);
	}
	for (i = 0; i < s->step_count; i++) {
		if (!s->steps[i].off) {
			print_step(s, i);
		}
	}
}

/* ---- firings ---- */

void firings_add(struct firings *f, size_t step, size_t automation, int64_t at_us,
		 const char *event, const char *labels, size_t nested)
{
	if (f->count < STORY_LINES) {
		f->lines[f->count++] =
		    xasprintf("step %03zu, %12.6f: automation %zu, event %s, labels "
			      "%s, %zu within",
			      step, (double)(at_us - STORY_BASE_US) / S, automation,
			      event, labels, nested);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void firings_sort(struct firings *f)
{
	qsort(f->lines, f->count, sizeof(f->lines[0]), by_text);
}

void firings_release(struct firings *f)
{
	while (f->count > 0) {
		free(f->lines[--f->count]);
	}
}
