/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.h - one file of a journal (journal.h has the layout).
 */
#ifndef AGENT_SEGMENT_H
#define AGENT_SEGMENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct buf;
struct error;

#define SEGMENT_HEADER_LEN 36
#define SEGMENT_RECORD_LEN 8 /* in front of each record */

struct segment {
	TAILQ_ENTRY(segment) link;
	char *path;
	int fd;
	uint64_t first;  /* index of the first record */
	uint64_t count;  /* records */
	uint64_t live;   /* unacknowledged ones */
	uint64_t synced; /* records that a sync has covered */
	int64_t size;    /* bytes in use */
	uint8_t owner[16];
	/* per record */
	uint32_t *offsets; /* of its header in the file */
	unsigned char *acked;
	size_t room;
};

/* Pure: one record at the front of DATA.  Returns the bytes it takes with *ret_data and
 * *ret_len set (inside DATA), 0 when DATA ends within it, -ERR_PROTOCOL when it is
 * garbled. */
long segment_record(const void *data, size_t len, const void **ret_data,
		    size_t *ret_len);
/* Pure: checks a header; 0 or -ERR_PROTOCOL. */
int segment_header(const void *data, size_t len, uint64_t *ret_first,
		   uint8_t ret_owner[16]);

/* A new, empty one, durable in its folder. */
int segment_create(const char *folder, uint64_t first, const uint8_t owner[16],
		   struct segment **ret_segment, struct error *err);
/* An existing one; a bad tail is cut off and counted in *ret_dropped. */
int segment_open(const char *path, struct segment **ret_segment, uint64_t *ret_dropped,
		 struct error *err);
/* Closes it, and deletes the file when DELETE. */
void segment_free(struct segment *s, int delete_file); /* accepts NULL */

/* All or nothing. */
int segment_append(struct segment *s, const void *data, size_t len, struct error *err);
int segment_read(const struct segment *s, uint64_t index, struct buf *out,
		 struct error *err);
/* 1 when it was not acknowledged before. */
int segment_ack(struct segment *s, uint64_t index);

#endif
