/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_fake.c - see redis_fake.h.
 */
#include "tests/sim/redis_fake.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "pools/redis.h"
#include "tests/sim/redis_gen.h"
#include "tests/sim/sim.h"

#define ARGS_EXTRA 16
#define GC_PAUSE   2000 /* percent: collecting is much of the time of small worlds */

struct redis_reply {
	enum redis_type type;
	int64_t i;
	char *s; /* owned */
	size_t len;
	size_t count;
	struct redis_reply **items;
};

void (*redis_fake_publish)(const char *channel, const char *message);
static lua_State *lua;
static const char *patch_from, *patch_to;

/* ---- replies ---- */

enum redis_type redis_type(const struct redis_reply *r)
{
	return r->type;
}

const char *redis_str(const struct redis_reply *r)
{
	return r->type == REDIS_STR ? r->s : "";
}

int64_t redis_int(const struct redis_reply *r)
{
	return r->type == REDIS_INT ? r->i : (int64_t)strtoll(redis_str(r), NULL, 10);
}

size_t redis_len(const struct redis_reply *r)
{
	return strlen(redis_str(r));
}

size_t redis_count(const struct redis_reply *r)
{
	return r->type == REDIS_ARRAY ? r->count : 0;
}

const struct redis_reply *redis_at(const struct redis_reply *r, size_t i)
{
	PRE(i < redis_count(r));
	return r->items[i];
}

void redis_fake_reply_free(struct redis_reply *r)
{
	if (r == NULL) {
		return;
	}
	for (size_t i = 0; i < r->count; i++) {
		redis_fake_reply_free(r->items[i]);
	}
	free(r->items);
	free(r->s);
	free(r);
}

static struct redis_reply *text_reply(const char *s, size_t len)
{
	struct redis_reply *r = xcalloc(1, sizeof(*r));

	r->type = REDIS_STR;
	r->s = xmalloc(len + 1);
	memcpy(r->s, s, len);
	r->s[len] = '\0';
	r->len = len;
	return r;
}

static struct redis_reply *reply_of(int at);

static struct redis_reply *table_reply(int at)
{
	struct redis_reply *r;
	size_t n = lua_objlen(lua, at);

	lua_getfield(lua, at, "ok");
	if (lua_isstring(lua, -1)) {
		size_t len;
		const char *s = lua_tolstring(lua, -1, &len);
		r = text_reply(s, len);
		lua_pop(lua, 1);
		return r;
	}
	lua_pop(lua, 1);
	r = xcalloc(1, sizeof(*r));
	r->type = REDIS_ARRAY;
	r->items = xcalloc(n + 1, sizeof(*r->items));
	for (size_t i = 0; i < n; i++) {
		lua_rawgeti(lua, at, (int)i + 1);
		if (lua_isnil(lua, -1)) { /* as Redis does: a list ends at nil */
			lua_pop(lua, 1);
			break;
		}
		r->items[r->count++] = reply_of(lua_gettop(lua));
		lua_pop(lua, 1);
	}
	return r;
}

/* As Redis converts what a script returns. */
static struct redis_reply *reply_of(int at)
{
	struct redis_reply *r;
	size_t len;
	const char *s;

	switch (lua_type(lua, at)) {
	case LUA_TSTRING:
		s = lua_tolstring(lua, at, &len);
		return text_reply(s, len);
	case LUA_TTABLE:
		return table_reply(at);
	case LUA_TNUMBER:
		r = xcalloc(1, sizeof(*r));
		r->type = REDIS_INT;
		r->i = (int64_t)lua_tonumber(lua, at);
		return r;
	default:
		r = xcalloc(1, sizeof(*r));
		r->type = lua_toboolean(lua, at) ? REDIS_INT : REDIS_NIL;
		r->i = 1;
		return r;
	}
}

/* ---- what redis.lua calls ---- */

static int lua_publish(lua_State *l)
{
	const char *channel = lua_tostring(l, 1), *message = lua_tostring(l, 2);

	if (redis_fake_publish != NULL) {
		redis_fake_publish(channel, message);
	}
	lua_pushnumber(l, 0);
	return 1;
}

static int lua_sha1(lua_State *l)
{
	size_t len;
	const char *s = lua_tolstring(l, 1, &len);
	uint8_t digest[20];
	char hex[41];

	sha1(s, len, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	}
	lua_pushstring(l, hex);
	return 1;
}

/* A compiled script is kept, whatever the server forgets. */
static int lua_compile(lua_State *l)
{
	const char *sha = lua_tostring(l, 1), *text = lua_tostring(l, 2);
	const char *patched = text;

	lua_getfield(l, LUA_REGISTRYINDEX, sha);
	if (!lua_isnil(l, -1)) {
		return 1;
	}
	lua_pop(l, 1);
	if (patch_from != NULL && strstr(text, patch_from) != NULL) {
		patched = luaL_gsub(l, text, patch_from, patch_to);
	}
	if (luaL_loadstring(l, patched) != 0) {
		return lua_error(l);
	}
	lua_pushvalue(l, -1);
	lua_setfield(l, LUA_REGISTRYINDEX, sha);
	return 1;
}

static void must(int rc)
{
	if (rc != 0) {
		BUG("redis.lua: %s", lua_tostring(lua, -1));
	}
}

void redis_fake_patch(const char *from, const char *to)
{
	patch_from = from;
	patch_to = to;
}

void redis_fake_reset(void)
{
	if (lua == NULL) {
		lua = luaL_newstate();
		luaL_openlibs(lua);
		(void)lua_gc(lua, LUA_GCSETPAUSE, GC_PAUSE);
		lua_register(lua, "sim_publish", lua_publish);
		lua_register(lua, "sim_sha1", lua_sha1);
		lua_register(lua, "sim_compile", lua_compile);
		must(luaL_loadstring(lua, redis_src));
		must(lua_pcall(lua, 0, 0, 0));
	}
	redis_fake_restart(RESTART_EMPTY);
	redis_fake_save();
}

void redis_fake_save(void)
{
	lua_getglobal(lua, "sim_save");
	must(lua_pcall(lua, 0, 0, 0));
}

void redis_fake_restart(enum redis_restart kind)
{
	static const char *const names[] = {"all", "saved", "empty"};

	lua_getglobal(lua, "sim_restart");
	lua_pushstring(lua, names[kind]);
	must(lua_pcall(lua, 1, 0, 0));
}

/* ---- commands ---- */

struct redis_reply *redis_fake_call(int64_t wall_us, int argc, const char *const *argv,
				    const size_t *lens, int *ret_error)
{
	struct redis_reply *r;

	PRE(lua_checkstack(lua, argc + ARGS_EXTRA));
	lua_getglobal(lua, "sim_command");
	lua_pushnumber(lua, (lua_Number)wall_us);
	for (int i = 0; i < argc; i++) {
		lua_pushlstring(lua, argv[i], lens != NULL ? lens[i] : strlen(argv[i]));
	}
	*ret_error = lua_pcall(lua, argc + 1, 1, 0) != 0;
	r = reply_of(lua_gettop(lua));
	lua_settop(lua, 0);
	return r;
}

int64_t redis_fake_count(const char *command, const char *key)
{
	const char *argv[] = {command, key};
	int error = 0;
	struct redis_reply *r =
	    redis_fake_call(0, key != NULL ? 2 : 1, argv, NULL, &error);
	int64_t n = r->type == REDIS_ARRAY ? (int64_t)r->count : redis_int(r);

	redis_fake_reply_free(r);
	return error ? -1 : n;
}

void redis_fake_hash(const char *key, char *buf, size_t size)
{
	const char *argv[] = {"HGETALL", key};
	int error = 0;
	struct redis_reply *r = redis_fake_call(0, 2, argv, NULL, &error);
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i + 1 < r->count && n < size; i += 2) {
		n += (size_t)snprintf(buf + n, size - n, " %s=%s",
				      redis_str(r->items[i]),
				      redis_str(r->items[i + 1]));
	}
	redis_fake_reply_free(r);
}

static int lua_trace(lua_State *l)
{
	sim_trace("redis: %s", lua_tostring(l, 1));
	return 0;
}

void redis_fake_trace(void)
{
	lua_register(lua, "sim_trace", lua_trace);
	lua_getglobal(lua, "sim_dump");
	must(lua_pcall(lua, 0, 0, 0));
}
