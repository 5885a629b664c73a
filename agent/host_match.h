/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_match.h - which queues an agent serves.  Pure.
 *
 * Named queues are served and have to be made when they are missing; a prefix serves
 * what is there and makes nothing; without either every queue is served.
 */
#ifndef AGENT_HOST_MATCH_H
#define AGENT_HOST_MATCH_H

#include <stddef.h>

struct opt_list;

struct host_match {
	char **served; /* sorted, NULL-terminated, owned */
	size_t count;
	char **missing; /* named ones that do not exist; owned */
	size_t missing_count;
	size_t left_out; /* matched, but above the most that a worker is told */
};

/* EXISTING: NULL-terminated names. */
void host_match(const struct opt_list *named, const struct opt_list *prefixes,
		char *const *existing, struct host_match *ret_match);
void host_match_release(struct host_match *m);
int host_match_same(char *const *a, char *const *b);

#endif
