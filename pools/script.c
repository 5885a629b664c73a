/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script.c - see script.h.
 */
#include "pools/script.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "pools/cluster.h"
#include "pools/scripts_gen.h"

#define FIXED_ARGS 3 /* EVALSHA <sha> 1 */

struct script {
	const char *name, *body;
	char *text;
	char sha[41];
};

static struct script scripts[SCRIPT_COUNT] = {
#define SCRIPT_ROW_(n) [SCRIPT_##n] = {.name = #n, .body = n##_src},
    SCRIPT_MAP(SCRIPT_ROW_)
#undef SCRIPT_ROW_
};

/* Made on first use and kept: the text never changes. */
static const struct script *script_get(enum script_id id)
{
	struct script *s = &scripts[id];
	uint8_t digest[20];

	if (s->text == NULL) {
		s->text = xasprintf("%s%s", prelude_src, s->body);
		sha1(s->text, strlen(s->text), digest);
		for (size_t i = 0; i < sizeof(digest); i++) {
			(void)snprintf(s->sha + 2 * i, 3, "%02x", digest[i]);
		}
	}
	return s;
}

const char *script_name(enum script_id id)
{
	return scripts[id].name;
}

const char *script_text(enum script_id id)
{
	return script_get(id)->text;
}

const char *script_sha_hex(enum script_id id)
{
	return script_get(id)->sha;
}

static void args_end(struct script_args *a)
{
	if (a->count == a->size) {
		a->size = a->size > 0 ? 2 * a->size : 16;
		a->ends = xreallocarray(a->ends, (size_t)a->size, sizeof(*a->ends));
	}
	a->ends[a->count++] = a->bytes.len;
}

void script_args_init(struct script_args *a, const char *key)
{
	*a = (struct script_args){0};
	buf_init(&a->bytes);
	script_args_str(a, key);
}

void script_args_release(struct script_args *a)
{
	buf_release(&a->bytes);
	free(a->ends);
	a->ends = NULL;
	a->count = a->size = 0;
}

void script_args_str(struct script_args *a, const char *s)
{
	buf_adds(&a->bytes, s);
	args_end(a);
}

void script_args_int(struct script_args *a, int64_t v)
{
	buf_addf(&a->bytes, "%" PRId64, v);
	args_end(a);
}

void script_args_u64(struct script_args *a, uint64_t v)
{
	buf_addf(&a->bytes, "%" PRIu64, v);
	args_end(a);
}

struct call {
	const struct script_dest *dest;
	enum script_id id;
	int hops;
	struct script_args args;
	int64_t until_ms;
	redis_fn fn;
	void *arg;
};

static void call_free(struct call *c)
{
	script_args_release(&c->args);
	free(c);
}

static int call_send(struct call *c, const char *verb, const char *script, redis_fn fn,
		     struct error *err)
{
	int argc = FIXED_ARGS + c->args.count;
	const char **argv = xcalloc((size_t)argc, sizeof(*argv));
	size_t *lens = xcalloc((size_t)argc, sizeof(*lens));
	size_t from = 0;

	argv[0] = verb;
	argv[1] = script;
	argv[2] = "1";
	for (int i = 0; i < FIXED_ARGS; i++) {
		lens[i] = strlen(argv[i]);
	}
	for (int i = 0; i < c->args.count; i++) {
		argv[FIXED_ARGS + i] = c->args.bytes.data + from;
		lens[FIXED_ARGS + i] = c->args.ends[i] - from;
		from = c->args.ends[i];
	}
	struct redis_cmd cmd = {.argc = argc, .argv = argv, .lens = lens};
	struct redis *r = c->dest->redis;
	int rc;

	if (r == NULL) {
		r = cluster_redis(c->dest->cluster, c->args.bytes.data,
				  c->args.ends[0]);
	}
	rc = r == NULL ? err_set(err, ERR_UNAVAILABLE,
				 "no server of the cluster is known to have it")
		       : redis_send(r, &cmd, MAX_OF(c->until_ms - clock_mono_ms(), 1),
				    fn, c, err);
	free(argv);
	free(lens);
	return rc;
}

static void on_reply(int rc, const struct redis_reply *reply, const struct error *err,
		     void *arg)
{
	struct call *c = arg;
	struct error why = {0};

	if (rc < 0) {
		why = *err;
		(void)err_wrap(&why, "%s", script_name(c->id));
		err = &why;
	}
	c->fn(rc, reply, err, c->arg);
	call_free(c);
}

static void on_sha_reply(int rc, const struct redis_reply *reply,
			 const struct error *err, void *arg);

/* ---- in a cluster ---- */

static void again(int canceled, void *arg)
{
	struct call *c = arg;
	struct error why = {0};
	int rc =
	    canceled
		? err_set(&why, ERR_CANCELED, "the connection is being closed")
		: call_send(c, "EVALSHA", script_sha_hex(c->id), on_sha_reply, &why);

	if (rc == -ERR_UNAVAILABLE && clock_mono_ms() < c->until_ms) {
		cluster_later(c->dest->cluster, again, c);
	} else if (rc < 0) {
		on_reply(rc, NULL, &why, c);
	}
}

/*
 * 1: the command was not executed, and is sent again.  A slot that is being moved is
 * waited for: its keys are on both sides, and no script may run on a part of them.
 */
static int redirected(struct call *c, int rc, const struct error *err)
{
	static const char *const waits[] = {"ASK ", "TRYAGAIN ", "CLUSTERDOWN "};
	const char *text;

	if (rc == 0 || c->dest->cluster == NULL ||
	    clock_mono_ms() + CLUSTER_LATER_MS >= c->until_ms) {
		return 0;
	}
	text = strstr(err->msg, REDIS_ANSWERED);
	text = text != NULL ? text + strlen(REDIS_ANSWERED) : "";
	if (strncmp(text, "MOVED ", 6) == 0 && c->hops++ < CLUSTER_HOPS_MAX) {
		cluster_moved(c->dest->cluster, text);
		again(0, c);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		if (strncmp(text, waits[i], strlen(waits[i])) == 0) {
			cluster_later(c->dest->cluster, again, c);
			return 1;
		}
	}
	return 0;
}

/* ---- the call ---- */

static void on_sha_reply(int rc, const struct redis_reply *reply,
			 const struct error *err, void *arg)
{
	struct call *c = arg;
	struct error why = {0};

	if (redirected(c, rc, err)) {
		return;
	}
	if (rc != -ERR_NOT_FOUND) {
		on_reply(rc, reply, err, c);
		return;
	}
	rc = call_send(c, "EVAL", script_text(c->id), on_reply, &why);
	if (rc < 0) {
		on_reply(rc, NULL, &why, c);
	}
}

int script_call(const struct script_dest *dest, enum script_id id,
		struct script_args *args, redis_fn fn, void *arg, struct error *err)
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->dest = dest;
	c->id = id;
	c->args = *args;
	c->until_ms = clock_mono_ms() + REDIS_DEADLINE_MS;
	c->fn = fn;
	c->arg = arg;
	int rc = call_send(c, "EVALSHA", script_sha_hex(id), on_sha_reply, err);
	if (rc == -ERR_UNAVAILABLE && dest->cluster != NULL) {
		cluster_later(dest->cluster, again, c); /* the map is on its way */
		return 0;
	}
	if (rc < 0) {
		call_free(c);
	}
	return rc;
}
