/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment.h - the command `wf deployment run`.
 */
#ifndef CLI_DEPLOYMENT_H
#define CLI_DEPLOYMENT_H

struct cli;
struct error;
struct opt_spec;
struct opts;

extern const struct opt_spec deployment_run_spec;
int deployment_run(struct cli *cli, const void *conf, const struct opts *opts,
		   struct error *err);

#endif
