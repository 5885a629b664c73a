/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_conf.h - the options of wf-agent.
 */
#ifndef AGENT_HOST_CONF_H
#define AGENT_HOST_CONF_H

#include <stdint.h>

#include "base/opts.h"

struct error;

#define HOST_POOLS_MAX 64

struct host_conf {
	struct opt_list pools, queues, matches;
	char *name, *config, *api_url, *auth, *api_key, *redis_url, *data_dir, *python;
	char *log_level, *log_format;
	int64_t limit, drain_ms, cancel_grace_ms, min_free_memory, prefetch_s,
	    refresh_ms;
	double max_load, max_memory_pressure;
};

extern const struct opt_spec host_spec;

/* Options from the file that --config names, the environment and ARGV. */
int host_conf_load(int argc, char **argv, struct host_conf *conf, struct opts *ret_opts,
		   struct error *err);
/* What the table cannot say: name, data folder, URL of a local server, slots. */
int host_conf_finish(struct host_conf *c, struct error *err);
void host_conf_release(struct host_conf *c, struct opts *opts);

/* "NAME", "NAME=WEIGHT", "PREFIX*": the name without the rest. */
struct host_pool_spec {
	char *name; /* owned */
	int prefix; /* every pool whose name begins so */
	int weight;
};
int host_pool_spec_parse(const char *text, struct host_pool_spec *ret_spec,
			 struct error *err);

#endif
