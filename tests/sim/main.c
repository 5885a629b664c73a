/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - runs seeds, some processes side by side; what failed is run again by
 * `run --seed N --trace`.
 *
 * A world leaves its memory behind as killed programs do; so each process runs a slice
 * of seeds only.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/sim/plant.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sim.h"

#define SLICE           100
#define JOBS_MAX        64
#define LOG_FD          ((1 << 24) - 1) /* goes into the history: disk.c */
#define PLANT_MAX_SEEDS 1000

extern char **environ;

/* What the processes tell each other. */
struct slot {
	uint64_t seed; /* under way */
	int failed;
	char invariant[64], detail[1024];
	uint64_t step;
	uint64_t steps_sum, seeds_done, checksum;
	int64_t virtual_us;
};
static struct slot *slots;
static int keep_going; /* list all that fail */

int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1; /* see above */
}

static void run_slice(struct slot *s, uint64_t first, uint64_t count)
{
	struct scenario_stats stats;

	for (uint64_t i = 0; i < count && !s->failed; i++) {
		s->seed = first + i;
		if (scenario_run(s->seed, &stats) < 0 && keep_going) {
			(void)printf("seed %llu: %s: %s\n", (unsigned long long)s->seed,
				     sim_failure(), sim_failure_detail());
		} else if (sim_failure() != NULL) {
			s->failed = 1;
			s->step = stats.steps;
			(void)snprintf(s->invariant, sizeof(s->invariant), "%s",
				       sim_failure());
			(void)snprintf(s->detail, sizeof(s->detail), "%s",
				       sim_failure_detail());
		}
		s->steps_sum += stats.steps;
		s->virtual_us += stats.virtual_us;
		s->checksum ^= stats.random * 0x9e3779b97f4a7c15ULL;
		s->seeds_done++;
	}
}

static pid_t start_slice(struct slot *s, uint64_t first, uint64_t count)
{
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		run_slice(s, first, count);
		(void)fflush(stdout);
		_exit(s->failed);
	}
	return pid;
}

struct result {
	uint64_t seeds, failed_seed;
	const struct slot *failure;
	int crashed;
};

static int finish_one(pid_t *pids, int jobs, struct result *r)
{
	int status = 0;
	pid_t pid = wait(&status);

	for (int i = 0; i < jobs; i++) {
		if (pids[i] != pid) {
			continue;
		}
		pids[i] = 0;
		if (status != 0 &&
		    (r->failure == NULL || slots[i].seed < r->failed_seed)) {
			r->failure = &slots[i];
			r->failed_seed = slots[i].seed;
			r->crashed = !slots[i].failed;
		}
		return i;
	}
	return -1;
}

static struct result run_seeds(uint64_t first, uint64_t count, int jobs)
{
	pid_t pids[JOBS_MAX] = {0};
	struct result r = {0};
	uint64_t next = first, end = first + count;
	int running = 0;

	memset(slots, 0, JOBS_MAX * sizeof(*slots));
	for (;;) {
		for (int i = 0; i < jobs && r.failure == NULL && next < end; i++) {
			uint64_t n = end - next < SLICE ? end - next : SLICE;
			if (pids[i] == 0) {
				pids[i] = start_slice(&slots[i], next, n);
				next += n;
				running++;
			}
		}
		if (running == 0) {
			break;
		}
		(void)finish_one(pids, jobs, &r);
		running--;
	}
	for (int i = 0; i < jobs; i++) {
		r.seeds += slots[i].seeds_done;
	}
	return r;
}

static void tell_failure(const struct result *r)
{
	if (r->crashed) {
		(void)printf("FAILED seed %llu: the program died\n",
			     (unsigned long long)r->failed_seed);
	} else {
		(void)printf("FAILED seed %llu, step %llu: %s: %s\n",
			     (unsigned long long)r->failed_seed,
			     (unsigned long long)r->failure->step,
			     r->failure->invariant, r->failure->detail);
	}
	(void)printf("history: run --seed %llu --trace%s%s\n",
		     (unsigned long long)r->failed_seed,
		     plant != PLANT_NONE ? " --plant " : "",
		     plant != PLANT_NONE ? plant_name(plant) : "");
}

/* The last events: the same seed again, with its history. */
static void tell_last_events(const struct result *r)
{
	char command[256];

	(void)fflush(stdout);
	(void)snprintf(command, sizeof(command),
		       "/proc/%d/exe --seed %llu --trace --plant %s 2>&1 | tail -40",
		       (int)getpid(), (unsigned long long)r->failed_seed,
		       plant_name(plant));
	(void)!system(command); /* NOLINT(cert-env33-c): our own text */
}

/* Every planted bug is found: a simulator that finds nothing proves nothing. */
static int check_plants(int jobs)
{
	int bad = 0;

	for (int p = PLANT_NONE + 1; p < PLANT_MAX; p++) {
		plant = (enum plant)p;
		struct result r = run_seeds(1, PLANT_MAX_SEEDS, jobs);
		if (r.failure == NULL || r.crashed) {
			(void)printf("NOT FOUND %s in %d seeds\n", plant_name(plant),
				     PLANT_MAX_SEEDS);
			bad = 1;
		} else {
			(void)printf("found %-18s seed %llu: %s\n", plant_name(plant),
				     (unsigned long long)r.failed_seed,
				     r.failure->invariant);
		}
	}
	return bad;
}

static int run_one(uint64_t seed)
{
	struct scenario_stats stats;
	int rc = scenario_run(seed, &stats);

	(void)printf("seed %llu: %s%s%s, %llu steps, %.1f virtual seconds, checksum "
		     "%016llx\n",
		     (unsigned long long)seed, rc == 0 ? "passed" : sim_failure(),
		     rc == 0 ? "" : ": ", rc == 0 ? "" : sim_failure_detail(),
		     (unsigned long long)stats.steps, (double)stats.virtual_us / SIM_S,
		     (unsigned long long)stats.random);
	return rc != 0;
}

static int run_many(uint64_t first, uint64_t count, int jobs)
{
	struct result r = run_seeds(first, count, jobs);
	uint64_t steps = 0, sum = 0;
	int64_t us = 0;

	for (int i = 0; i < jobs; i++) {
		steps += slots[i].steps_sum;
		us += slots[i].virtual_us;
		sum ^= slots[i].checksum;
	}
	(void)printf("%llu seeds, %llu steps, %.0f virtual hours, checksum %016llx\n",
		     (unsigned long long)r.seeds, (unsigned long long)steps,
		     (double)us / SIM_S / 3600, (unsigned long long)sum);
	if (r.failure != NULL) {
		tell_failure(&r);
		tell_last_events(&r);
	}
	return r.failure != NULL;
}

static int set_plant(const char *name)
{
	for (int p = 0; p < PLANT_MAX; p++) {
		if (strcmp(name, plant_name((enum plant)p)) == 0) {
			plant = (enum plant)p;
			return 0;
		}
	}
	(void)fprintf(stderr, "no planted bug '%s'\n", name);
	return -1;
}

static const char usage[] =
    "usage: run [--seeds N] [--first N] [--jobs N] [--plant NAME] [--keep-going]\n"
    "       run --seed N [--trace] [--plant NAME]\n"
    "       run --check-plants   every planted bug is found within 1000 seeds\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seeds", 1, NULL, 'n'},
						{"first", 1, NULL, 'f'},
						{"seed", 1, NULL, 's'},
						{"trace", 0, NULL, 't'},
						{"jobs", 1, NULL, 'j'},
						{"plant", 1, NULL, 'p'},
						{"check-plants", 0, NULL, 'c'},
						{"keep-going", 0, NULL, 'k'},
						{NULL, 0, NULL, 0}};
	static char *no_environment[] = {NULL};
	uint64_t count = 1000, first = 1, seed = 0;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int jobs = cpus > 0 && cpus < JOBS_MAX ? (int)cpus : 1, c, plants = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n') {
			count = strtoull(optarg, NULL, 10);
		} else if (c == 'f') {
			first = strtoull(optarg, NULL, 10);
		} else if (c == 's') {
			seed = strtoull(optarg, NULL, 10);
		} else if (c == 't') {
			sim_tracing = 1;
			(void)setvbuf(stdout, NULL, _IOLBF, 0);
		} else if (c == 'j') {
			jobs = atoi(optarg) > 0 && atoi(optarg) < JOBS_MAX
				   ? atoi(optarg)
				   : 1;
		} else if (c == 'k') {
			keep_going = 1;
		} else if (c == 'c') {
			plants = 1;
		} else if (c != 'p' || set_plant(optarg) < 0) {
			(void)fputs(usage, stderr);
			return 64;
		}
	}
	slots = mmap(NULL, JOBS_MAX * sizeof(*slots), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	environ = no_environment;
	log_init("sim", sim_tracing ? LOG_LVL_INFO : LOG_LVL_ERROR, LOG_FMT_SYSLOG,
		 LOG_FD);
	if (plants) {
		return check_plants(jobs);
	}
	return seed != 0 ? run_one(seed) : run_many(first, count, jobs);
}
