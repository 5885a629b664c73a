/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - private to updates/: one batch on its way through a transaction.
 *
 * Each item gets its own answer; an item that fails leaves nothing behind: the batch is
 * undone then and done again with a savepoint for each item.  Items keep the order of
 * the batch, so that the order of a run's items (seq) is kept.
 */
#ifndef API_ROUTES_UPDATES_BATCH_H
#define API_ROUTES_UPDATES_BATCH_H

#include "api/orchestration/orchestration.h"
#include "base/uuid.h"
#include "proto/frame.h"

struct error;
struct tx;

/* The answer to one item; owned by the batch. */
struct item_answer {
	Wf__Updates__UpdateAnswer pb;
	Wf__Control__State pb_state;
	struct orc_state state; /* owned; type 0: none */
	char reason[512];
	char *message, *data, *details, *facts; /* owned texts that pb points to */
};
void answer_init(struct item_answer *a, const Wf__Updates__Update *u);
void answer_release(struct item_answer *a);
/* STATE's contents are taken. */
void answer_state(struct item_answer *a, struct orc_state *state);
/* Points pb to what A holds; call once, before packing. */
void answer_finish(struct item_answer *a);

struct item {
	const Wf__Updates__UpdateBatch *batch;
	const Wf__Updates__Update *u;
	struct uuid id, run;
	struct item_answer *answer;
};

/* What task states say about the flow run they belong to; one run is remembered. */
struct run_context {
	struct uuid run;
	int known;   /* 0: nothing is remembered */
	int missing; /* there is no such run */
	uint64_t fence;
	json_t *related; /* owned; of the events of its task runs */
};
void run_context_forget(struct run_context *rc);
int run_context_get(struct tx *tx, struct run_context *rc, const struct uuid *run,
		    struct error *err);

/* A whole batch; the packed answers are TX's body. */
int updates_apply(struct tx *tx, const Wf__Updates__UpdateBatch *batch,
		  struct error *err);

/* Each applies one kind of item: 0 (answer filled), or a negative code. -ERR_NOT_FOUND:
 * the run is gone. */
int item_flow_state(struct tx *tx, struct item *it, struct error *err);
int item_lost(struct tx *tx, struct item *it, struct error *err);
int item_task_state(struct tx *tx, struct item *it, struct run_context *rc,
		    struct error *err);
int item_logs(struct tx *tx, struct item *it, struct error *err);
int item_run_info(struct tx *tx, struct item *it, struct error *err);
int item_artifact(struct tx *tx, struct item *it, struct error *err);
int item_usage(struct tx *tx, struct item *it, struct error *err);
int item_result(struct tx *tx, struct item *it, struct error *err);

/* Answers given before.  1: IT's answer is filled from there. */
int applied_find(struct tx *tx, struct item *it, struct error *err);
int applied_note(struct tx *tx, const struct item *it, struct error *err);

/* {"flow_run", "deployment", "flow", "work_pool", "work_queue"}; owned text. */
int run_facts(struct tx *tx, const struct uuid *run, char **ret_text,
	      struct error *err);

/* 0, or 1: a newer owner exists and the answer says so; shows the token to the row. */
int item_superseded(struct tx *tx, struct item *it, struct error *err);

#endif
