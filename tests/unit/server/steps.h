/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.h - a conversation with the server as a table: request, status, what the answer
 * holds.
 *
 * "$1" ... "$9" in path and body stand for the ids taken by earlier steps.
 */
#ifndef TESTS_UNIT_SERVER_STEPS_H
#define TESTS_UNIT_SERVER_STEPS_H

#include "tests/lib/wf_server.h"

struct step {
	const char *method, *path, *body; /* path below /api; body NULL: none */
	int status;
	const char *holds;     /* text in the answer (head or body), or NULL */
	const char *holds_not; /* text that is not in it, or NULL */
	int take;              /* 1..9: keep the answer's "id" (or "lease_id") */
};

/* Ends with a step without method. */
void steps_run(const struct wf_server *s, const struct step *steps);

#endif
