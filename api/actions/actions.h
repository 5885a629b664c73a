/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actions.h - what automations do: rows of automation_action are carried out, each at
 * least once, with a result that is told as events.
 *
 * One process does it, the holder of the leader lease "actions".  Changes are made
 * through our own API, by requests like those of any client.  Loop thread only.
 */
#ifndef API_ACTIONS_ACTIONS_H
#define API_ACTIONS_ACTIONS_H

struct actions;
struct api;

struct actions *actions_start(struct api *api);
void actions_wake(struct actions *a); /* accepts NULL */
void actions_stop(
    struct actions *a); /* accepts NULL; frees when nothing is under way */

#endif
