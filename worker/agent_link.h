/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_link.h - the worker's end of the socket to its wf-agent, and its run table
 * (docs/protocol.md, part 3).  Every function accepts a NULL link: no agent, no effect.
 */
#ifndef WORKER_AGENT_LINK_H
#define WORKER_AGENT_LINK_H

#include <stdint.h>

#include <jansson.h>

struct agent_link;
struct error;
struct worker;

/* FD is taken.  The worker has no slot until the agent grants some. */
int agent_link_open(struct worker *w, int fd, const char *run_table, struct error *err);
void agent_link_close(struct agent_link *l);

enum link_want { LINK_WANT_NONE = 0, LINK_WANT_ONE, LINK_WANT_MANY };
void agent_link_appetite(struct agent_link *l, enum link_want want);
/* Something that the agent should know has changed: reported at the end of the turn. */
void agent_link_changed(struct agent_link *l);

/* The run table: held from the offer on; ending while its lease is being settled;
 * dropped when that is done (ENDING), or when it ended without. */
void agent_link_hold(struct agent_link *l, const char *run_id, uint64_t token);
void agent_link_ending(struct agent_link *l, const char *run_id);
void agent_link_drop(struct agent_link *l, const char *run_id, uint64_t token,
		     int ending);

/* A handover to the next program: what the agent has said; and after
 * agent_link_open() there. */
struct carry;
json_t *agent_link_carry(const struct agent_link *l, struct carry *to);
void agent_link_carried(struct agent_link *l, const json_t *o);

/* What the agent has told about our predecessors: how many died, and how the last. */
uint64_t agent_link_deaths(const struct agent_link *l);
const char *agent_link_last_death(const struct agent_link *l);

#endif
