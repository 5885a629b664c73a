/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild.c - tells Redis everything again: POST and GET /wf/v1/pools/rebuild.
 */
#include "api/api.h"
#include "api/http/http.h"
#include "api/routes/pools_tables.h"
#include "api/services/services.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "pools/pools.h"

static void answer(struct http_req *r, int status)
{
	const struct api *api = http_api(r);
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "rebuilds", services_rebuilds(api->services));
	jsonw_bool(&w, "redis_is_up", api->pools != NULL && pools_is_up(api->pools));
	jsonw_obj_end(&w);
	http_reply_json(r, status, &b);
	buf_release(&b);
}

static void route_rebuild(struct http_req *r)
{
	services_rebuild(http_api(r)->services);
	answer(r, 202);
}

static void route_rebuilds(struct http_req *r)
{
	answer(r, 200);
}

const struct route rebuild_routes[] = {
    {"POST", "/wf/v1/pools/rebuild", route_rebuild, 0, 0},
    {"GET", "/wf/v1/pools/rebuild", route_rebuilds, 0, 0},
    {0},
};
