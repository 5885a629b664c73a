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
	struct redis *redis;
	enum script_id id;
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
	int rc = redis_send(c->redis, &cmd, MAX_OF(c->until_ms - clock_mono_ms(), 1),
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
			 const struct error *err, void *arg)
{
	struct call *c = arg;
	struct error why = {0};

	if (rc != -ERR_NOT_FOUND) {
		on_reply(rc, reply, err, c);
		return;
	}
	rc = call_send(c, "EVAL", script_text(c->id), on_reply, &why);
	if (rc < 0) {
		on_reply(rc, NULL, &why, c);
	}
}

int script_call(struct redis *r, enum script_id id, struct script_args *args,
		redis_fn fn, void *arg, struct error *err)
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->redis = r;
	c->id = id;
	c->args = *args;
	c->until_ms = clock_mono_ms() + REDIS_DEADLINE_MS;
	c->fn = fn;
	c->arg = arg;
	int rc = call_send(c, "EVALSHA", script_sha_hex(id), on_sha_reply, err);
	if (rc < 0) {
		call_free(c);
	}
	return rc;
}
