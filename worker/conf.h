/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - the options of wf-worker.
 */
#ifndef WORKER_CONF_H
#define WORKER_CONF_H

#include "base/opts.h"

struct error;
struct worker_conf;

extern const struct opt_spec worker_spec;

/* What the table cannot say: default name, URL of a local server, limits, refused
 * options. */
int worker_conf_finish(struct worker_conf *c, struct error *err);

#endif
