/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trigger_main.c - tells stories by seed; one that ends differently from the model is
 * made shorter and shown.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/trigger_story.h"

#define PLANT_MAX_SEEDS 1000
#define HUNG_S          60

static const char *const plant_names[] = {
    [TPLANT_NONE] = "none",
    [TPLANT_DROP_BUCKETS] = "drop-buckets",
    [TPLANT_DROP_CHILDREN] = "drop-children",
    [TPLANT_DROP_PARKED] = "drop-parked",
    [TPLANT_SWEEP_FIRST] = "sweep-first",
    [TPLANT_LOSE_COUNT] = "lose-count",
    [TPLANT_THRESHOLD] = "threshold-off-by-one",
    [TPLANT_NO_DEDUP] = "no-dedup",
    [TPLANT_NO_ORDER] = "no-order",
    [TPLANT_ONE_WINDOW] = "one-window",
    [TPLANT_NO_RELATED] = "no-related",
    [TPLANT_LATE] = "late-deadline",
    [TPLANT_NO_ROLLBACK] = "no-rollback",
};

static enum trigger_plant plant;
static size_t fired;

/* 0: the same; else the first difference is in LEFT and RIGHT (NULL: no more lines). */
static int compare(const struct firings *a, const struct firings *b, const char **left,
		   const char **right)
{
	size_t i;

	for (i = 0; i < a->count || i < b->count; i++) {
		*left = i < a->count ? a->lines[i] : NULL;
		*right = i < b->count ? b->lines[i] : NULL;
		if (*left == NULL || *right == NULL || strcmp(*left, *right) != 0) {
			return 1;
		}
	}
	return 0;
}

static int differs(const struct story *s, int tell)
{
	static struct firings real, model;
	const char *left = NULL, *right = NULL;
	int rc;

	play_story(s, plant, &real);
	model_story(s, &model);
	rc = compare(&real, &model, &left, &right);
	if (tell && rc != 0) {
		(void)printf("  api/triggers: %s\n  model:        %s\n",
			     left != NULL ? left : "nothing more",
			     right != NULL ? right : "nothing more");
	} else if (tell) {
		for (size_t i = 0; i < real.count; i++) {
			(void)printf("  %s\n", real.lines[i]);
		}
	}
	fired += real.count;
	firings_release(&real);
	firings_release(&model);
	return rc;
}

/* Leaves out each step that is not needed for the difference. */
static void shorten(struct story *s)
{
	int less = 1;

	while (less) {
		less = 0;
		for (size_t i = 0; i < s->step_count; i++) {
			if (s->steps[i].off) {
				continue;
			}
			s->steps[i].off = 1;
			if (differs(s, 0)) {
				less = 1;
			} else {
				s->steps[i].off = 0;
			}
		}
	}
}

static int run_one(uint64_t seed, int trace)
{
	struct story s;
	int rc;

	(void)alarm(HUNG_S);
	story_make(&s, seed);
	rc = differs(&s, 0);
	if (rc != 0 && trace) {
		shorten(&s);
	}
	if (trace) {
		(void)printf("seed %llu: %s\n", (unsigned long long)seed,
			     rc == 0 ? "the same firings" : "DIFFERENT firings");
		story_print(&s);
		(void)differs(&s, 1);
	}
	story_release(&s);
	return rc;
}

static int run_many(uint64_t first, uint64_t count)
{
	for (uint64_t seed = first; seed < first + count; seed++) {
		if (run_one(seed, 0) != 0) {
			(void)run_one(seed, 1);
			(void)printf("FAILED; again: triggers --seed %llu\n",
				     (unsigned long long)seed);
			return 1;
		}
	}
	(void)printf("%llu seeds, %zu firings, the same as the model's\n",
		     (unsigned long long)count, fired);
	return fired < count / 4; /* stories in which nothing happens prove nothing */
}

static int check_plants(void)
{
	int bad = 0;

	for (int p = TPLANT_NONE + 1; p < TPLANT_MAX; p++) {
		uint64_t seed = 1;

		plant = (enum trigger_plant)p;
		while (seed <= PLANT_MAX_SEEDS && run_one(seed, 0) == 0) {
			seed++;
		}
		if (seed > PLANT_MAX_SEEDS) {
			(void)printf("NOT FOUND %s in %d seeds\n", plant_names[p],
				     PLANT_MAX_SEEDS);
			bad = 1;
		} else {
			(void)printf("found %-20s seed %llu\n", plant_names[p],
				     (unsigned long long)seed);
		}
	}
	return bad;
}

static int set_plant(const char *name)
{
	for (int p = 0; p < TPLANT_MAX; p++) {
		if (strcmp(name, plant_names[p]) == 0) {
			plant = (enum trigger_plant)p;
			return 0;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"seeds", 1, NULL, 'n'},        {"first", 1, NULL, 'f'},
	    {"seed", 1, NULL, 's'},         {"plant", 1, NULL, 'p'},
	    {"check-plants", 0, NULL, 'c'}, {NULL, 0, NULL, 0}};
	uint64_t count = 1000, first = 1, seed = 0;
	int c, plants = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n') {
			count = strtoull(optarg, NULL, 10);
		} else if (c == 'f') {
			first = strtoull(optarg, NULL, 10);
		} else if (c == 's') {
			seed = strtoull(optarg, NULL, 10);
		} else if (c == 'c') {
			plants = 1;
		} else if (c != 'p' || set_plant(optarg) < 0) {
			(void)fputs(
			    "usage: triggers [--seeds N] [--first N] [--plant NAME]\n"
			    "       triggers --seed N [--plant NAME]\n"
			    "       triggers --check-plants   every planted bug is "
			    "found within 1000 seeds\n",
			    stderr);
			return 64;
		}
	}
	if (plants) {
		return check_plants();
	}
	return seed != 0 ? run_one(seed, 1) : run_many(first, count);
}
