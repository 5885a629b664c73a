/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task_apply.h - state changes of task runs that come over REST, and the placeholders
 * of subflows.  Database threads only.
 */
#ifndef API_ORCHESTRATION_TASK_APPLY_H
#define API_ORCHESTRATION_TASK_APPLY_H

#include "api/orchestration/apply.h"

struct task_proposal {
	struct uuid task_run_id;
	struct orc_state *state; /* its contents are taken, also on failure */
	int force;
};

/* As run_propose(): -ERR_NOT_FOUND "Task run with id ... not found". */
int task_propose(struct tx *tx, struct task_proposal *p, struct orc_result *ret_result,
		 struct error *err);

#endif
