/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init.h - wf init: a first project.
 */
#ifndef CLI_INIT_H
#define CLI_INIT_H

#include "cli/cli.h"

extern const struct opt_spec init_spec;
int init(struct cli *cli, const void *conf, const struct opts *opts, struct error *err);

#endif
