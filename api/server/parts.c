/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.c - see parts.h.
 */
#include "api/server/parts.h"

#include <stdlib.h>

#include "api/api.h"
#include "api/events/hub.h"
#include "api/events/recorder.h"
#include "api/services/relay.h"
#include "api/server/share.h"
#include "api/services/services.h"
#include "api/sockets/task_queue.h"
#include "api/sockets/worker_channel.h"
#include "api/tx.h"
#include "base/log.h"
#include "base/mem.h"
#include "pools/pools.h"

struct parts {
	struct api *api;
};

/* What waits for whom. */
static void wake(struct api *api, unsigned int fx)
{
	if ((fx & FX_TASKS) != 0) {
		task_queue_wake(api->tasks);
	}
	if ((fx & FX_POOLS) != 0) {
		worker_channels_wake(api->channels);
	}
}

/* Another server has committed something. */
static void on_shared(struct api *api, unsigned int fx, const struct buf *events,
		      const struct buf *logs)
{
	wake(api, fx);
	if (events != NULL) {
		hub_publish(api->hub, events, logs);
	}
	services_wake(api->services, fx);
}

/* On the loop, after each COMMIT.  Redis first: somebody may wait for the run. */
static void on_commit(struct api *api, const struct tx *tx)
{
	if ((tx->fx & FX_OUTBOX) != 0) {
		relay_wake(api->relay);
	}
	wake(api, tx->fx);
	share_commit(api->share, tx);
	hub_publish(api->hub, &tx->live_events, &tx->live_logs);
	services_wake(api->services, tx->fx);
}

static void on_redis(int up, const char *why, void *arg)
{
	struct parts *p = arg;

	if (!up) {
		log_warn("Redis is not reachable: %s. What runs goes on; what is new "
			 "waits in the database",
			 why);
	} else {
		log_info("Redis is reachable");
		relay_wake(p->api->relay);
		services_redis_up(p->api->services);
	}
}

int parts_start(struct api *api, struct parts **ret_parts, struct error *err)
{
	struct parts *p = xcalloc(1, sizeof(*p));

	(void)err;
	p->api = api;
	api->hub = hub_new(api);
	api->tasks = task_queue_new(api);
	api->channels = worker_channels_new(api);
	api->record = recorder_apply;
	api->relay = relay_new(api);
	api->on_commit = on_commit;
	if (api->conf->services) {
		api->services = services_start(api);
	}
	if (api->pools != NULL) {
		pools_on_up(api->pools, on_redis, p);
	}
	api->share = share_new(api, on_shared);
	*ret_parts = p;
	return 0;
}

void parts_quiesce(struct parts *p)
{
	services_stop(p->api->services);
	p->api->services = NULL;
}

void parts_stop(struct parts *p)
{
	if (p == NULL) {
		return;
	}
	services_stop(p->api->services);
	p->api->services = NULL;
	if (p->api->pools != NULL) {
		pools_on_up(p->api->pools, NULL, NULL);
	}
	share_free(p->api->share);
	p->api->share = NULL;
	relay_free(p->api->relay);
	p->api->relay = NULL;
}

void parts_free(struct parts *p)
{
	if (p != NULL) {
		p->api->on_commit = NULL;
		hub_free(p->api->hub);
		p->api->hub = NULL;
		task_queue_free(p->api->tasks);
		p->api->tasks = NULL;
		worker_channels_free(p->api->channels);
		p->api->channels = NULL;
		free(p);
	}
}
