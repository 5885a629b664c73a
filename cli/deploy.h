/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deploy.h - the command `wf deploy`.
 */
#ifndef CLI_DEPLOY_H
#define CLI_DEPLOY_H

struct cli;
struct error;
struct opt_spec;
struct opts;

extern const struct opt_spec deploy_spec;
int deploy(struct cli *cli, const void *conf, const struct opts *opts,
	   struct error *err);

#endif
