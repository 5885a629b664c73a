/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.h - append-only outbox on disk: records that are kept until they are
 * acknowledged.
 *
 * A folder with segment files and a watermark.  A record survives the death of the
 * process when journal_append() has returned, and the death of the machine after the
 * next journal_sync().  Records are acknowledged in any order; a segment is deleted
 * when all of its records are.  A record that was acknowledged may come back at the
 * next start (the watermark is only the oldest one that was not): receivers are
 * idempotent.
 *
 *   segment:  "WFJ1" | u32 0 | u64 first index | 16 bytes owner | u32 crc32c of these |
 * records record:   u32 length | u32 crc32c of length and data | data (little-endian)
 *
 * A tail that is cut or garbled ends its segment: what follows is dropped and counted.
 */
#ifndef AGENT_JOURNAL_H
#define AGENT_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;
struct journal;

#define JOURNAL_RECORD_MAX (4u << 20)
#define JOURNAL_SLOTS      64 /* processes that may share a base folder */

struct journal_conf {
	const char *dir;   /* base folder, made when missing; the first slot that nobody
			      else has locked is taken: <dir>/0, <dir>/1, ... */
	int64_t max_bytes; /* 0: 256 MiB; appending beyond is -ERR_LIMIT */
	int64_t segment_bytes; /* 0: 4 MiB */
	uint8_t owner[16];     /* stored with each segment: the sender id */
	/* From the program before, in the same process: the slot's folder, which is
	 * taken with its lock (a descriptor) instead of a free one; NULL: none. */
	const char *held_path;
	int held_fd;
};
struct journal_stats {
	uint64_t replayed;
	uint64_t dropped_bytes; /* of cut or garbled tails: log a warning */
	char dropped_file[256];
};
/* An unacknowledged record of an earlier process, oldest first. */
typedef void (*journal_replay_fn)(uint64_t index, const uint8_t owner[16],
				  const void *data, size_t len, void *arg);

int journal_open(const struct journal_conf *conf, journal_replay_fn fn, void *arg,
		 struct journal_stats *ret_stats, struct journal **ret_journal,
		 struct error *err);
void journal_close(struct journal *j); /* syncs; accepts NULL */

/* 0, -ERR_LIMIT (full: back-pressure), -ERR_TOO_LARGE, -ERR_IO (disk full and others:
 * nothing was appended). */
int journal_append(struct journal *j, const void *data, size_t len, uint64_t *ret_index,
		   struct error *err);
/* Appends the record to OUT. */
int journal_read(const struct journal *j, uint64_t index, struct buf *out,
		 struct error *err);
void journal_ack(struct journal *j, uint64_t index);

/* Blocks until everything appended is on disk. */
int journal_sync(struct journal *j, struct error *err);
/* For asynchronous syncing: the descriptor of the segment that is written to, and the
 * index up to which a sync of it, started now, will cover.  -1 when nothing is
 * unsynced. */
int journal_unsynced(struct journal *j, uint64_t *ret_upto);
void journal_synced(struct journal *j, uint64_t upto);

uint64_t journal_count(const struct journal *j); /* unacknowledged records */
/* Index of the oldest unacknowledged record; without any: of the next one. */
uint64_t journal_oldest(const struct journal *j);
uint64_t journal_next(const struct journal *j);    /* index of the next record */
uint64_t journal_bytes(const struct journal *j);   /* of all segments */
const char *journal_path(const struct journal *j); /* the slot's folder */
/* Leaves the slot to the next program: what is acknowledged is noted.  The lock. */
int journal_leave(struct journal *j);

#endif
