/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_fake.h - the simulator's Redis: the scripts of pools/lua/ on liblua5.1, the
 * commands below them in redis.lua.
 *
 * Why not the scripts' semantics again in C: there would be two of each script, and a
 * simulation of the second proves nothing about the first.  The shim knows commands
 * only; the contract tests of pools/ run against it and against redis-server.
 */
#ifndef TESTS_SIM_REDIS_FAKE_H
#define TESTS_SIM_REDIS_FAKE_H

#include <stddef.h>
#include <stdint.h>

struct redis_reply;

/* Empty, as a new server. */
void redis_fake_reset(void);
enum redis_restart { RESTART_ALL, RESTART_SAVED, RESTART_EMPTY };
/* Forgets its scripts, and the data as KIND says. */
void redis_fake_restart(enum redis_restart kind);
/* What RESTART_SAVED comes back to. */
void redis_fake_save(void);

/* An error reply has type REDIS_STR and *ret_error set. */
struct redis_reply *redis_fake_call(int64_t wall_us, int argc, const char *const *argv,
				    const size_t *lens, int *ret_error);
void redis_fake_reply_free(struct redis_reply *r);
/* A command without reply; its integer, or the length of its list. */
int64_t redis_fake_count(const char *command, const char *key);
/* The fields of a hash as text, for the history. */
void redis_fake_hash(const char *key, char *buf, size_t size);
/* All keys and what is in them, into the history. */
void redis_fake_trace(void);
/* Called for each PUBLISH. */
extern void (*redis_fake_publish)(const char *channel, const char *message);
/* A change of a script's text when it is compiled (planted bugs): TEXT with FROM
 * replaced by TO.  NULL: none. */
void redis_fake_patch(const char *from, const char *to);

#endif
