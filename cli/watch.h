/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - follows a flow run: prints its states and logs as they come, until it is
 * final.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include <stdint.h>

struct cli;
struct error;

/* TIMEOUT_MS 0: none.  0 when the run COMPLETED; a negative code with a message else.
 */
int watch_run(struct cli *cli, const char *id, int64_t timeout_ms, struct error *err);

#endif
