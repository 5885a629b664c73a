/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_table.h - the runs that a worker holds, in a file that outlives it: when the
 * worker dies, its agent reads there which leases to give up.
 *
 * The agent makes the file with its room; the worker maps it, keeps it locked (flock)
 * as long as it lives, and writes an entry before it does anything for a run.  No
 * system call per entry, and nothing that kill -9 could lose.
 *
 *   64 bytes: "WFRT1\0\0\0", u32 entries; then 64 bytes for each entry:
 *   u32 state (0 free, 1 held, 2 ending), u32 0, u64 token, 37 bytes run id
 *   (in the machine's byte order: the file never leaves the host)
 */
#ifndef AGENT_RUN_TABLE_H
#define AGENT_RUN_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct run_table;

#define RUN_TABLE_MAX 20000

/* The agent: a new file with room for ENTRIES runs. */
int run_table_create(const char *path, size_t entries, struct error *err);

/* The worker: maps and locks it.  -ERR_BUSY: somebody else has it. */
int run_table_open(const char *path, struct run_table **ret_table, struct error *err);
void run_table_close(struct run_table *t); /* accepts NULL */
/* -ERR_LIMIT when there is no room.  A run that is there gets the new token. */
int run_table_hold(struct run_table *t, const char *run_id, uint64_t token,
		   struct error *err);
void run_table_ending(struct run_table *t, const char *run_id);
/* Takes it out, when it has TOKEN; ENDING: only one that is ending, else only one that
 * is not. */
void run_table_drop(struct run_table *t, const char *run_id, uint64_t token,
		    int ending);

struct run_table_entry {
	char run_id[37];
	uint64_t token;
	int ending;
};
/* The agent, after the worker's death: the entries, owned (free()).  -ERR_BUSY when the
 * worker that wrote it lives. */
int run_table_read(const char *path, struct run_table_entry **ret_entries,
		   size_t *ret_count, struct error *err);

#endif
