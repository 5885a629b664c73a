/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sm.h - tables for state machines: names, allowed moves, flags.  The owner keeps the
 * state in its own struct and changes it in one mutator that calls sm_allowed().
 */
#ifndef BASE_SM_H
#define BASE_SM_H

#include <stdint.h>

#define SM_TO(s) (1u << (s))
enum sm_flags { SM_INITIAL = 1u << 0, SM_FINAL = 1u << 1 };

struct sm_state {
	const char *name;
	uint32_t allowed; /* SM_TO() mask of successors */
	unsigned int flags;
};

static inline int sm_allowed(const struct sm_state *table, int from, int to)
{
	return (table[from].allowed & SM_TO(to)) != 0;
}

#endif
