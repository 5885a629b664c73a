/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.c - see parts.h.
 */
#include "api/server/parts.h"

#include <stdlib.h>

#include "api/api.h"
#include "api/events/hub.h"
#include "api/events/recorder.h"
#include "api/tx.h"
#include "base/mem.h"

struct parts {
	struct api *api;
};

/* On the loop, after each COMMIT. */
static void on_commit(struct api *api, const struct tx *tx)
{
	hub_publish(api->hub, &tx->live_events, &tx->live_logs);
}

int parts_start(struct api *api, struct parts **ret_parts, struct error *err)
{
	struct parts *p = xcalloc(1, sizeof(*p));

	(void)err;
	p->api = api;
	api->hub = hub_new(api);
	api->record = recorder_apply;
	api->on_commit = on_commit;
	*ret_parts = p;
	return 0;
}

void parts_quiesce(struct parts *p)
{
	(void)p;
}

void parts_stop(struct parts *p)
{
	(void)p;
}

void parts_free(struct parts *p)
{
	if (p != NULL) {
		p->api->on_commit = NULL;
		hub_free(p->api->hub);
		p->api->hub = NULL;
		free(p);
	}
}
