/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools_priv.h - shared by the files of pools/ and by its tests.
 */
#ifndef POOLS_POOLS_PRIV_H
#define POOLS_POOLS_PRIV_H

#include <stdint.h>

#include "base/map.h"
#include "pools/pools.h"
#include "pools/redis.h"
#include "pools/script.h"
#include "pools/url.h"
#include "pools/workers.h"

#define POOLS_NAME_MAX    255 /* bytes of a pool, queue or worker name */
#define POOLS_PAYLOAD_MAX (64u << 10)
#define POOLS_SUBS_MAX    1000
#define POOLS_LAYOUT      2 /* of the keys: part of the epoch marker */
#define POOLS_REAP_GAP_MS                                                              \
	8000                     /* no reaping for so long: Redis or reapers were away \
				  */
#define POOLS_LOST_MS   30000    /* a lost run is reported again after this */
#define POOLS_FORGET_MS 86400000 /* and no more after this */

struct pools {
	struct loop *loop;
	struct redis_url url;
	struct script_dest dest; /* of all commands */
	unsigned int sub_at;     /* which server of a cluster SUB is at */
	struct redis *sub;       /* NULL until the first pools_subscribe() */
	struct map subs;         /* channel -> struct sub */
	pools_up_fn up_fn;
	pools_drain_fn drain_fn;
	void *drain_arg;
	void *up_arg;
	int64_t reap_gap_ms, reap_grace_ms;
};

/* "wf:{<pool>}" with { } % escaped in the name; owned.  NULL and err for a bad name. */
char *pools_key(const char *pool, struct error *err);
int pools_name_check(const char *kind, const char *name, struct error *err);

/* Starts the arguments of a call with the key of POOL. */
int pools_args(struct script_args *a, const char *pool, struct error *err);
/* A call whose reply is an integer. */
int pools_call_int(struct pools *p, enum script_id id, struct script_args *args,
		   pools_int_fn fn, void *arg, struct error *err);
/* A call whose reply is a list of a multiple of WIDTH elements; COUNT (-1: any) rows.
 */
struct pools_rows {
	const struct redis_reply *reply;
	size_t count;
};
int pools_check_rows(int rc, const struct redis_reply *reply, size_t width, long count,
		     struct pools_rows *ret_rows, struct error *err);

/* The answer of reap and give_up, for a struct reap_call, which is freed. */
struct reap_call {
	pools_reap_fn fn;
	void *arg;
};
void pools_on_reap(int rc, const struct redis_reply *reply, const struct error *err,
		   void *arg);

void pools_wake_free(struct pools *p);

#endif
