/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_parts.h - what the files of the scheduler do for each other; included by
 * sched_priv.h.
 */
#ifndef ENGINE_SCHED_PARTS_H
#define ENGINE_SCHED_PARTS_H

#include "base/compiler.h"
#include "engine/sched.h"

/* What happens once a state is accepted by the handlers. */
enum task_then { THEN_RUN = 1, THEN_DELAY, THEN_FINISH };
struct sched_txn;
struct task_queue;

/* sched_queue.c: a zeroed action at the end of the list. */
struct sched_action *sched_push(struct sched *s, enum sched_action_type type,
				size_t task);
void sched_log(struct sched *s, size_t task, int level, const char *fmt, ...)
    WF_PRINTF(4, 5);
void sched_log_finished(struct sched *s, size_t task, const struct run_state *state);
void sched_enqueue(struct sched *s, struct task_queue *q, size_t i);
size_t sched_dequeue(struct sched *s, struct task_queue *q);

/* sched_task.c */
/* Offers a state to the handlers, then takes it.  Takes its message. */
void sched_offer(struct sched *s, size_t i, struct run_state *state,
		 enum task_then then, struct sched_now now);
void sched_start(struct sched *s, size_t i, struct sched_now now);
const char *sched_stop_message(const struct sched *s);
void sched_tasks_reset(struct sched *s, struct sched_now now);
/* Creates and starts what may be; everything that makes room calls it. */
void sched_pump(struct sched *s, struct sched_now now);
void sched_task_prepared(struct sched *s, const struct sched_event *ev,
			 struct sched_now now);
void sched_task_acquired(struct sched *s, const struct sched_event *ev,
			 struct sched_now now);
void sched_task_ended(struct sched *s, const struct sched_event *ev,
		      struct sched_now now);
void sched_task_consulted(struct sched *s, const struct sched_event *ev,
			  struct sched_now now);
/* 1: it was that task's turn. */
int sched_task_hooked(struct sched *s, const struct sched_event *ev,
		      struct sched_now now);
void sched_tasks_due(struct sched *s, struct sched_now now);
/* Cancels those that did not start: the function of the flow has ended. */
void sched_tasks_drop(struct sched *s, struct sched_now now);
/* Stops the running ones, cancels those that wait. */
void sched_tasks_stop(struct sched *s, struct sched_now now);
int sched_tasks_over(const struct sched *s);
/* A run that a task or an item needs: action, id, Pending. */
void sched_create(struct sched *s, size_t i, struct sched_now now);
/* Records a state: id, time, action.  Takes its message. */
void sched_set_state(struct sched *s, size_t i, struct run_state *state,
		     struct sched_now now);
/* Tells the tasks behind I that it is over. */
void sched_propagate(struct sched *s, size_t i);
void sched_make_state(struct run_state *state, enum state_type type, const char *name,
		      const char *message);
/* Offers the final state to the handlers, then records it. */
void sched_finish_as(struct sched *s, size_t i, enum state_type type, const char *name,
		     const char *message, struct sched_now now);

/* sched_map.c */
void sched_map_begin(struct sched *s, size_t i);
void sched_map_next(struct sched *s, size_t i, struct sched_now now);
void sched_map_expanded(struct sched *s, const struct sched_event *ev,
			struct sched_now now);
void sched_map_items(struct sched *s, const struct sched_event *ev);
/* The run of an item is over. */
void sched_map_item_done(struct sched *s, size_t unit);
/* Generator I is over: its consumers get no more items. */
void sched_map_close(struct sched *s, size_t i);
void sched_map_free(struct sched *s);
void sched_unit_free(struct sched *s, size_t unit);

/* sched_txn.c */
void sched_txn_reset(struct sched *s);
/* A run of a task of a transaction is over; TASK: and with it the task. */
void sched_txn_run_done(struct sched *s, size_t unit);
void sched_txn_task_done(struct sched *s, size_t task);
void sched_txn_hooked(struct sched *s, const struct sched_event *ev,
		      struct sched_now now);
int sched_txn_over(const struct sched *s);
/* The flow is stopped: what is open is rolled back. */
void sched_txn_stop(struct sched *s);
void sched_txn_free(struct sched *s);

#endif
