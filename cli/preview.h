/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preview.h - the runs that wait in a work pool or queue.
 */
#ifndef CLI_PREVIEW_H
#define CLI_PREVIEW_H

#include <stdint.h>

#include <jansson.h>

struct cli;
struct error;

/* Flow runs of POOL (only those of QUEUE when not NULL) due within HOURS: a new list.
 */
int preview_read(struct cli *cli, const char *pool, const char *queue, int64_t hours,
		 json_t **ret_runs, struct error *err);
/* As a table (TITLE may be NULL) or, JSON, as a list. */
void preview_print(const struct cli *cli, const char *title, const json_t *runs,
		   int json);

#endif
