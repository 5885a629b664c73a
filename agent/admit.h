/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit.h - may this host take more runs?  Pure: samples in, open or closed out.
 *
 * Closes at once when a limit is crossed; opens again only when every value has been
 * clear of its limit (by a tenth) for ADMIT_CALM_MS.  What a kernel does not tell
 * counts as fine.
 */
#ifndef AGENT_ADMIT_H
#define AGENT_ADMIT_H

#include <stddef.h>
#include <stdint.h>

#define ADMIT_CALM_MS 5000
#define ADMIT_UNKNOWN (-1.0)

struct admit_limits {
	double max_load;        /* load average of 1 minute; 0: none */
	int64_t min_free_bytes; /* of memory; 0: none */
	double max_stall_pct;   /* memory pressure "full", 10 s average; 0: none */
};
struct admit_sample {
	double load;        /* ADMIT_UNKNOWN when not known; so for all */
	double free_bytes;  /* available without swapping, within the cgroup's limit */
	double mem_stalled; /* /proc/pressure/memory, full avg10, per cent */
	double cpu_stalled; /* /proc/pressure/cpu, some avg10, per cent: only shown */
};
enum admit_why { ADMIT_OK = 0, ADMIT_LOAD, ADMIT_MEMORY, ADMIT_PRESSURE };

struct admit {
	struct admit_limits limits;
	enum admit_why why; /* ADMIT_OK: open */
	int64_t calm_since_ms;
	struct admit_sample last;
};

void admit_init(struct admit *a, const struct admit_limits *limits);
/* 1 when it opened or closed just now, or is closed for another reason. */
int admit_feed(struct admit *a, const struct admit_sample *sample, int64_t now_ms);
int admit_is_open(const struct admit *a);
/* "load 9.1 is above 8", for the log and the status. */
void admit_describe(const struct admit *a, char *buf, size_t size);

#endif
