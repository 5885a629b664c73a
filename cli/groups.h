/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groups.h - the command groups, one per cmd_<group>.c.
 */
#ifndef CLI_GROUPS_H
#define CLI_GROUPS_H

struct command_group;

extern const struct command_group group_work_pool;

#endif
