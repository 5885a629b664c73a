/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - the world of the simulator: virtual time, a seeded PRNG, nodes, events.
 *
 * The product's own code runs in here, many processes of it in one.  What it calls to
 * reach the outside is replaced when the program is linked: loop.c instead of
 * base/loop.c, redis_client.c instead of pools/redis.c, http.c instead of base/httpc.c,
 * db.c instead of api/db/pool.c, proc.c instead of base/proc.c, channel.c instead of
 * worker/channel.c; system calls for clocks, randomness and files are wrapped (wrap.c,
 * disk.c).  Nothing here waits, and nothing depends on anything but the seed.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdint.h>

#include "base/compiler.h"

#define SIM_MS 1000LL
#define SIM_S  1000000LL

/* ---- randomness ---- */

void rnd_seed(uint64_t seed);
uint64_t rnd(void);
int64_t rnd_range(int64_t from, int64_t to); /* both included */
int rnd_permille(int64_t p);                 /* 1 with probability p / 1000 */

/* ---- nodes ---- */

struct disk;
struct loop;

/* A host with one program of ours on it. */
struct sim_node {
	char name[16];
	unsigned int inc; /* incarnation: grows with each start of its program */
	int up;
	int64_t resume_us;     /* stopped until then; 0: runs */
	int64_t mono_off_us;   /* its monotonic clock minus ours */
	int64_t wall_off_us;   /* its wall clock minus ours */
	struct loop *loop;     /* of the present incarnation */
	struct disk *disk;     /* or NULL */
	int64_t slow_until_us; /* its network is slow until then */
	int64_t late_until_us; /* what Redis answers it takes late_us longer */
	int64_t late_us;
	int cut_when_renewed; /* then no more: after the next answer about leases */
	int64_t drift_ppm;    /* how much faster than the true one its clocks go */
	int64_t suspended_us; /* how long its host was suspended */
	int64_t stood_us;     /* how long it was stopped, also until resume_us */
};
/* How long it was not stopped, counted from the beginning of the world. */
int64_t sim_ran_us(const struct sim_node *n);
/* Whose code runs now; NULL: the world's. */
extern struct sim_node *sim_node;
extern struct sim_node *sim_last_node; /* whose code ran last */

/* ---- events ---- */

typedef void (*sim_fn)(void *arg);
struct sim_event;

extern int64_t sim_now_us;
extern uint64_t sim_steps;

void sim_world_reset(uint64_t seed);
/*
 * FN(ARG) at AT_US, as code of NODE's present incarnation: not at all when that has
 * ended meanwhile, later when it is stopped then.  NODE NULL: the world.
 */
struct sim_event *sim_at(struct sim_node *node, int64_t at_us, sim_fn fn, void *arg);
/* The same as code of incarnation INC: nothing when it is not the present one. */
struct sim_event *sim_at_inc(struct sim_node *node, unsigned int inc, int64_t at_us,
			     sim_fn fn, void *arg);
/* The same for what belongs to the host and outlives its program (child processes). */
struct sim_event *sim_at_host(struct sim_node *node, int64_t at_us, sim_fn fn,
			      void *arg);
void sim_cancel(struct sim_event *e); /* only before it ran */
int sim_step(void);                   /* the next event; 0: there is none */
int64_t sim_next_us(void);            /* when; INT64_MAX: never */
extern int sim_clock_is_suspended;    /* with its host; so are all MONOTONIC ones */
int64_t sim_mono_us(const struct sim_node *node); /* its clock of durations */
int64_t sim_mono_ms(const struct sim_node *node);
/* How long its clock needs for so much, in true time. */
int64_t sim_true_us(const struct sim_node *node, int64_t us);
int64_t sim_wall_us(const struct sim_node *node); /* NULL: the true one */

/* ---- failures and history ---- */

extern int sim_tracing;
void sim_trace_line(const char *fmt, ...) WF_PRINTF(1, 2);
#define sim_trace(...)                               \
	do {                                         \
		if (sim_tracing) {                   \
			sim_trace_line(__VA_ARGS__); \
		}                                    \
	} while (0)

/* An invariant does not hold; the first one counts. */
void sim_fail(const char *invariant, const char *fmt, ...) WF_PRINTF(2, 3);
const char *sim_failure(void);        /* its invariant, or NULL */
const char *sim_failure_detail(void); /* what was seen */

/* ---- the loop ---- */

/* After each event of a node: its deferred calls. */
void sim_loop_after(struct loop *loop);
/* The program of NODE begins: its next loop_new() belongs to it. */
void sim_node_start(struct sim_node *node);
void sim_node_kill(struct sim_node *node);
/* SIGTERM and the like: runs the handler of that signal, if there is one. */
void sim_signal(struct sim_node *node, int signo);

#endif
