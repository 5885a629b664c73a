/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger_story.h - triggers in virtual time: a random story is told to api/triggers
 * and to a model of the rules; both must fire the same.
 *
 * A story is a few automations and a row of steps: events (late, twice, out of order,
 * following others), ticks, waits that tick at each deadline, restarts, transactions
 * that fail and are done again, automations that are switched off, on and replaced.
 */
#ifndef TESTS_SIM_TRIGGER_STORY_H
#define TESTS_SIM_TRIGGER_STORY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

#define STORY_BASE_US     1767225600000000LL /* time 0 */
#define STORY_AUTOMATIONS 3
#define STORY_STEPS       64
#define STORY_LINES       4096

enum step_kind {
	STEP_EVENT,
	STEP_TICK,
	STEP_WAIT, /* until its time, with a tick at each deadline */
	STEP_RESTART,
	STEP_ENABLE,
	STEP_DISABLE,
	STEP_PUT,
	STEP_KINDS
};

struct step {
	enum step_kind kind;
	int64_t at_us;
	size_t automation;
	/* events */
	int number; /* the same for a duplicate */
	json_t *event;
	struct uuid id, follows;
	int has_follows;
	int64_t occurred_us, received_us;
	unsigned int then_tick : 1; /* as the server does after each batch */
	unsigned int aborts : 1;    /* its transaction fails once */
	unsigned int off : 1;       /* left out, to make the story shorter */
};

struct story {
	uint64_t seed;
	json_t *automations[STORY_AUTOMATIONS];
	/* which of several windows that end together fires last is left open */
	int any_event[STORY_AUTOMATIONS];
	size_t automation_count;
	struct step steps[STORY_STEPS];
	size_t step_count;
};

/* What fired: one line each, sorted. */
struct firings {
	char *lines[STORY_LINES];
	size_t count;
};
void firings_add(struct firings *f, size_t step, size_t automation, int64_t at_us,
		 const char *event, const char *labels, size_t nested);
void firings_sort(struct firings *f);
void firings_release(struct firings *f);

void story_make(struct story *s, uint64_t seed);
void story_release(struct story *s);
void story_print(const struct story *s);

/* Bugs that can be planted between the story and api/triggers. */
enum trigger_plant {
	TPLANT_NONE,
	TPLANT_DROP_BUCKETS,  /* a restart forgets what was counted */
	TPLANT_DROP_CHILDREN, /* ... which children of composites have fired */
	TPLANT_DROP_PARKED,   /* ... which events wait */
	TPLANT_SWEEP_FIRST,   /* ... sweeps before it looks for absences */
	TPLANT_LOSE_COUNT,    /* a window is stored when it opens only */
	TPLANT_THRESHOLD,     /* one more than wanted */
	TPLANT_NO_DEDUP,      /* an event that comes twice counts twice */
	TPLANT_NO_ORDER,      /* followers do not wait */
	TPLANT_ONE_WINDOW,    /* for_each is ignored */
	TPLANT_NO_RELATED,    /* match_related is ignored */
	TPLANT_LATE,          /* deadlines are noticed 100 ms late */
	TPLANT_NO_ROLLBACK,   /* what a failed transaction counted stays */
	TPLANT_MAX
};

void play_story(const struct story *s, enum trigger_plant plant, struct firings *f);
void model_story(const struct story *s, struct firings *f);

#endif
