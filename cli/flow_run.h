/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_run.h - what the commands about flow runs share.
 */
#ifndef CLI_FLOW_RUN_H
#define CLI_FLOW_RUN_H

#include <jansson.h>

struct cli;
struct error;
struct opt_spec;
struct opts;

/* ID must be a UUID; an unknown one is a message that says so. */
int flow_run_read(struct cli *cli, const char *id, json_t **ret_run, struct error *err);
int flow_run_is_final(const char *state_type);

/* The command `wf flow-run logs`. */
extern const struct opt_spec flow_run_logs_spec;
int flow_run_logs(struct cli *cli, const void *conf, const struct opts *opts,
		  struct error *err);
/* Prints a log line of a KIND ("Flow", "Task") of run ("2026-01-01 00:00:00.000 | INFO
 * | Flow run 'n' - message"). */
void flow_run_log_line(const struct cli *cli, const json_t *log, const char *kind,
		       const char *run_name);

#endif
