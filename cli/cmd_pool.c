/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_pool.c - wf pool: the delivery layer behind work pools.
 */
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/spec.h"

#define REBUILD_MS 60000
#define LOOK_MS    100

struct pool_conf {
	int unused;
};

static long long rebuilds_of(json_t *answer)
{
	return (long long)json_integer_value(json_object_get(answer, "rebuilds"));
}

/* Asks until more rebuilds are done than BEFORE. */
static int wait_for(struct cli *cli, long long before, struct error *err)
{
	int64_t until = clock_mono_ms() + REBUILD_MS;
	json_t *now = NULL;
	int rc = 0, done = 0;

	while (rc == 0 && !done) {
		rc = client_get(cli, &now, err, "/wf/v1/pools/rebuild");
		done = rc == 0 && rebuilds_of(now) > before;
		json_decref(now);
		now = NULL;
		if (rc == 0 && !done && clock_mono_ms() > until) {
			rc = err_set(err, ERR_TIMEOUT,
				     "Redis was not told everything within a minute: "
				     "see the server's log. It goes on trying.");
		} else if (rc == 0 && !done) {
			clock_sleep_ms(LOOK_MS);
		}
	}
	return rc;
}

static int pool_rebuild(struct cli *cli, const void *conf, const struct opts *opts,
			struct error *err)
{
	json_t *before = NULL;
	int rc = client_post(cli, NULL, &before, err, "/wf/v1/pools/rebuild");

	(void)conf;
	(void)opts;
	if (rc == 0 && !json_is_true(json_object_get(before, "redis_is_up"))) {
		rc = err_set(err, ERR_UNAVAILABLE,
			     "The server has no connection to Redis: it will be told "
			     "everything when it is back.");
	}
	if (rc == 0) {
		rc = wait_for(cli, rebuilds_of(before), err);
	}
	if (rc == 0) {
		say(cli, TONE_OK,
		    "Redis knows all pools, queues, limits, waiting runs and owners.");
	}
	json_decref(before);
	return rc;
}

CLI_SPEC0(rebuild_spec, "wf pool rebuild", "",
	  "Tell Redis everything again that the database knows.", struct pool_conf, 0,
	  NULL);

static const struct command commands[] = {
    {"rebuild", NULL, &rebuild_spec, pool_rebuild},
};

const struct command_group group_pool = {
    .name = "pool",
    .summary = "Look after what delivers runs to work pools.",
    .commands = commands,
    .count = sizeof(commands) / sizeof(commands[0]),
};
