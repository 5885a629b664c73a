/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups.h - the command groups, one per cmd_<group>.c.
 */
#ifndef CLI_GROUPS_H
#define CLI_GROUPS_H

struct cli;
struct command_group;
struct error;

extern const struct command_group group_automation;
extern const struct command_group group_concurrency;
extern const struct command_group group_config;
extern const struct command_group group_deployment;
extern const struct command_group group_event;
extern const struct command_group group_flow;
extern const struct command_group group_flow_run;
extern const struct command_group group_pool;
extern const struct command_group group_profile;
extern const struct command_group group_server;
extern const struct command_group group_top;
extern const struct command_group group_webhook;
extern const struct command_group group_work_pool;
extern const struct command_group group_work_queue;
extern const struct command_group group_worker;

/* wf explain automation NAME: what it did, what is counted, why it did not fire. */
int automation_explain(struct cli *cli, const char *name, int json, struct error *err);

#endif
