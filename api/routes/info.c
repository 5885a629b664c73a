/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.c - GET /api/wf/v1/info: how our workers and the CLI learn what this server
 * offers.
 */
#include "api/api.h"
#include "api/http/http.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "pools/pools.h"

static void route_info(struct http_req *r)
{
	const struct api *api = http_api(r);
	/* the private redis-server listens on loopback: elsewhere workers poll over
	 * REST */
	int redis =
	    api->redis_url[0] != '\0' && (!api->redis_is_private || http_is_local(r));
	struct jsonw w;
	struct buf b;

	buf_init(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "version", PACKAGE_VERSION);
	jsonw_str(&w, "api_version", API_VERSION);
	jsonw_str(&w, "url", api->url);
	jsonw_str(&w, "redis_url", redis ? api->redis_url : NULL);
	jsonw_obj(&w, "pools");
	jsonw_int(&w, "lease_ms", POOLS_LEASE_MS);
	jsonw_int(&w, "renew_ms", POOLS_RENEW_MS);
	jsonw_int(&w, "prefetch_ms", POOLS_PREFETCH_MS);
	jsonw_int(&w, "max_attempts", POOLS_MAX_ATTEMPTS);
	jsonw_obj_end(&w);
	jsonw_obj_end(&w);
	http_reply_json(r, 200, &b);
	buf_release(&b);
}

extern const struct route routes_info[];
const struct route routes_info[] = {
    {"GET", "/wf/v1/info", route_info, 0, 0},
    {NULL, NULL, NULL, 0, 0},
};
