/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tail.h - the output of a run's process: copied line by line, its last 64 KiB kept.
 */
#ifndef WORKER_TAIL_H
#define WORKER_TAIL_H

#include <stddef.h>

#include "base/buf.h"

#define TAIL_MAX      (64u << 10)
#define TAIL_LINE_MAX 4096 /* longer lines are copied in pieces */

struct tail {
	struct buf text; /* at most 2 * TAIL_MAX, cut to TAIL_MAX */
	struct buf line; /* the unfinished line */
	char *prefix;    /* of copied lines; NULL: nothing is copied */
};

void tail_init(struct tail *t);
void tail_release(struct tail *t);
void tail_add(struct tail *t, const char *data, size_t len);
/* The last whole lines that fit in MAX bytes; borrowed. */
const char *tail_last(struct tail *t, size_t max);

#endif
