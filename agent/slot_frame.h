/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_frame.h - what wf-agent and its workers say to each other, over the socket pair
 * that a worker inherits (docs/protocol.md, part 3).
 *
 * A SOCK_SEQPACKET: one packet is one frame, so there is no length and no half frame.
 *
 *   u8 version = 1 | u8 kind | payload; numbers are big-endian
 */
#ifndef AGENT_SLOT_FRAME_H
#define AGENT_SLOT_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;

#define SLOT_FRAME_VERSION 1
#define SLOT_FRAME_MAX     65536
#define SLOT_QUEUES_MAX    200

enum slot_frame_kind {
	/* agent to worker */
	SLOT_GRANT = 1,  /* u32 number, u32 slots: hold at most so many runs */
	SLOT_QUEUES = 2, /* u8 all, u16 count, then u8 length and name of each */
	SLOT_TALLY = 3,  /* u64 deaths, u8 length and text of the last one */
	SLOT_RETIRE = 4, /* nothing: a successor speaks for the pool now */
	/* worker to agent */
	SLOT_REPORT = 16, /* u32 number of the grant, u32 held, u32 want, u8 flags */
};
enum slot_report_flags {
	SLOT_READY = 1u << 0,    /* it serves its pool */
	SLOT_DRAINING = 1u << 1, /* it takes no more runs, and will end */
	SLOT_UPGRADES = 1u << 2, /* SIGUSR2 makes it execute its new version */
};

struct slot_frame {
	enum slot_frame_kind kind;
	uint32_t number, slots; /* GRANT; number also in REPORT */
	uint32_t held, want;    /* REPORT */
	unsigned int flags;     /* REPORT */
	int all;                /* QUEUES: every queue of the pool */
	char **queues;          /* QUEUES: owned by an unpacked frame */
	size_t queue_count;
	uint64_t deaths; /* TALLY */
	char text[256];  /* TALLY */
};

/* Appends the packet of F. */
void slot_frame_pack(struct buf *out, const struct slot_frame *f);
/* 1 with *ret_frame set (slot_frame_release()), 0 for a kind that this release does not
 * know, -ERR_PROTOCOL. */
int slot_frame_unpack(const void *data, size_t len, struct slot_frame *ret_frame,
		      struct error *err);
void slot_frame_release(struct slot_frame *f);

/* Sends one frame without blocking: 0, or -code (-ERR_BUSY: the socket is full). */
int slot_frame_send(int fd, const struct slot_frame *f, struct error *err);
/* Reads one: 1, 0 (unknown kind: read again), -ERR_EMPTY (nothing is there), or a
 * negative code: the other end is gone (-ERR_UNAVAILABLE) or breaks the protocol. */
int slot_frame_read(int fd, struct slot_frame *ret_frame, struct error *err);

#endif
