/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.c - see parts.h.
 */
#include "api/server/parts.h"

#include <stdlib.h>

#include "api/api.h"
#include "api/tx.h"
#include "base/mem.h"

struct parts {
	struct api *api;
};

static void on_commit(struct api *api, const struct tx *tx)
{
	(void)api;
	(void)tx;
}

int parts_start(struct api *api, struct parts **ret_parts, struct error *err)
{
	struct parts *p = xcalloc(1, sizeof(*p));

	(void)err;
	p->api = api;
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
	free(p);
}
