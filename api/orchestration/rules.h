/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - private to orchestration/: what a rule is, what it sees and what it may do.
 *
 * A policy is an ordered list of rules.  Rules whose FROM and TO hold the pair (current
 * type, intended type) are entered in order (before) and left in reverse.  When a rule
 * changes the proposed type, rules not yet entered are skipped, and those already
 * entered run cleanup instead of after; the rule that made the change still runs after.
 */
#ifndef API_ORCHESTRATION_RULES_H
#define API_ORCHESTRATION_RULES_H

#include "api/orchestration/orchestration.h"
#include "base/compiler.h"

#define ORC_BIT(t)     (1u << (t))
#define ORC_NONE       ORC_BIT(0)
#define ORC_SCHEDULED  ORC_BIT(1)
#define ORC_PENDING    ORC_BIT(2)
#define ORC_RUNNING    ORC_BIT(3)
#define ORC_COMPLETED  ORC_BIT(4)
#define ORC_FAILED     ORC_BIT(5)
#define ORC_CANCELLED  ORC_BIT(6)
#define ORC_CRASHED    ORC_BIT(7)
#define ORC_PAUSED     ORC_BIT(8)
#define ORC_CANCELLING ORC_BIT(9)
#define ORC_ALL        0x3ffu /* no state included */
#define ORC_TERMINAL   (ORC_COMPLETED | ORC_FAILED | ORC_CANCELLED | ORC_CRASHED)
#define ORC_BUSY       (ORC_PENDING | ORC_RUNNING | ORC_CANCELLING)
#define ORC_RULES_MAX  24

struct orc_ctx {
	struct orc_run *run;
	const struct orc_state *current; /* type 0: none */
	struct orc_state *proposed;      /* type 0: a rule dropped it */
	int from, intended;
	const struct orc_facts *facts;
	int64_t now_us;
	struct orc_decision *d;
	int made_type; /* the present rule changed the proposal to this; -1: it did not
			*/
	json_t *saved_policy; /* HandleFlowTerminalStateTransitions, for its cleanup */
	int saved_run_count;
	char pause_key[128];
};

struct orc_rule {
	const char *name;
	unsigned int from, to; /* ORC_BIT masks */
	void (*before)(struct orc_ctx *c);
	void (*after)(struct orc_ctx *c);
	void (*cleanup)(struct orc_ctx *c);
	const char *does; /* one line for docs/orchestration.md */
	int always; /* after runs whenever a state is written, whatever became of the
		       pair */
};

struct orc_rules {
	const char *name;                    /* of the policy */
	const struct orc_rule *const *rules; /* NULL-terminated */
	int task;
};
/* NULL: no such policy. */
const struct orc_rules *orc_rules_of(enum orc_policy policy);

/* What a rule may do in before. */
void orc_reject(struct orc_ctx *c, const char *fmt, ...) WF_PRINTF(2, 3);
void orc_abort(struct orc_ctx *c, const char *fmt, ...) WF_PRINTF(2, 3);
void orc_wait(struct orc_ctx *c, int64_t delay_s, const char *reason);
/* REJECT, and STATE (taken) is written instead. */
void orc_reject_with(struct orc_ctx *c, struct orc_state *state, const char *fmt, ...)
    WF_PRINTF(3, 4);
/* A state of a rule's own making: id and instant are set. */
void orc_make_state(struct orc_ctx *c, struct orc_state *ret_state, int type,
		    const char *name, const char *message);

/* transforms.c: server-contract 4.2, on the run and the state that will be written. */
void orc_transform(struct orc_ctx *c, int task);

/* Policy of the run: 0 when absent or null. */
int orc_policy_int(const struct orc_run *run, const char *key, int64_t *ret_int);

/* rules, by file */
extern const struct orc_rule rule_preserve_lease_id, rule_validate_slot_at_running,
    rule_secure_place, rule_secure_flow_slots, rule_remove_lease_for_old_clients,
    rule_release_flow_slots, rule_enforce_limit_on_late; /* flow_slots.c */
extern const struct orc_rule rule_prevent_duplicates, rule_flow_terminal,
    rule_cancelling_to_cancelled, rule_bypass_cancelling, rule_prevent_pending,
    rule_only_scheduled_late, rule_pausing, rule_resuming, rule_copy_scheduled_time,
    rule_wait_for_scheduled_time, rule_retry_failed_flows, rule_instrument,
    rule_prevent_result_loss, rule_first_terminal_wins; /* flow_rules.c */
extern const struct orc_rule rule_cache_retrieval, rule_task_terminal,
    rule_stopped_flows, rule_secure_task_slots, rule_copy_task_parameters,
    rule_retry_failed_tasks, rule_rename_reruns, rule_update_flow_run_tracker,
    rule_cache_insertion, rule_release_task_slots,
    rule_enqueue_scheduled_tasks; /* task_rules.c */

#endif
