/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script.h - the Lua scripts of pools/lua/, called by SHA and loaded when Redis lacks
 * them.
 *
 * A script that Redis does not know yet answers NOSCRIPT; it is then sent whole, which
 * also loads it.  Both calls share the deadline.
 */
#ifndef POOLS_SCRIPT_H
#define POOLS_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pools/redis.h"

struct error;

/* One entry for each file pools/lua/<name>.lua besides the prelude. */
#define SCRIPT_MAP(X)   \
	X(enqueue)      \
	X(claim)        \
	X(start)        \
	X(renew)        \
	X(settle)       \
	X(cancel)       \
	X(drain_worker) \
	X(reap)         \
	X(give_up)      \
	X(reaper_lock)  \
	X(set_pool)     \
	X(set_queue)    \
	X(set_lane)     \
	X(hold)         \
	X(remove_queue) \
	X(inspect)      \
	X(epoch)

enum script_id {
#define SCRIPT_ENUM_(name) SCRIPT_##name,
	SCRIPT_MAP(SCRIPT_ENUM_)
#undef SCRIPT_ENUM_
	    SCRIPT_COUNT
};

const char *script_name(enum script_id id);
const char *script_text(enum script_id id);    /* prelude and script */
const char *script_sha_hex(enum script_id id); /* 40 digits */

/* The key and the arguments of one call, copied. */
struct script_args {
	struct buf bytes; /* private */
	size_t *ends;
	int count, size;
};
void script_args_init(struct script_args *a, const char *key);
void script_args_release(struct script_args *a);
void script_args_str(struct script_args *a, const char *s);
void script_args_int(struct script_args *a, int64_t v);
void script_args_u64(struct script_args *a, uint64_t v);

/* Where calls go: to one server, or to the one of a cluster that has the key. */
struct script_dest {
	struct redis *redis; /* NULL: a cluster */
	struct cluster *cluster;
};
/* ARGS is taken, also on failure.  0 when FN will be called. */
int script_call(const struct script_dest *dest, enum script_id id,
		struct script_args *args, redis_fn fn, void *arg, struct error *err);

#endif
