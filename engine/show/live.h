/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.h - a table of tasks at the bottom of a terminal, redrawn in place; text that is
 * written meanwhile scrolls above it.
 *
 * Everything of one frame goes out in one write, wrapped in "synchronised update", so
 * that nothing flickers; frames are at least LIVE_FRAME_MS apart.
 */
#ifndef ENGINE_SHOW_LIVE_H
#define ENGINE_SHOW_LIVE_H

#include <stddef.h>
#include <stdint.h>

struct live;
struct loop;
struct plan_flow;
struct run_state;
struct session_task;

#define LIVE_FRAME_MS 80

struct live *live_new(struct loop *loop, int fd, int colour,
		      const struct plan_flow *flow);
void live_free(struct live *l); /* accepts NULL; draws nothing */
void live_set_title(struct live *l, const char *run_name);
void live_text(struct live *l, const char *text, size_t len);
void live_task(struct live *l, const struct session_task *task);
/* The last frame, which stays. */
void live_finish(struct live *l, const struct run_state *state);

#endif
