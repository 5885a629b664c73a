/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args.c - what all operations share: keys, names, replies of known shape.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "pools/pools_priv.h"

int pools_name_check(const char *kind, const char *name, struct error *err)
{
	size_t len = name != NULL ? strlen(name) : 0;

	if (len == 0 || len > POOLS_NAME_MAX) {
		return err_set(err, ERR_INVALID, "a %s name has 1 to %d bytes, not %zu",
			       kind, POOLS_NAME_MAX, len);
	}
	return 0;
}

/* Braces would end the hash tag, by which all keys of a pool are in one cluster slot.
 */
char *pools_key(const char *pool, struct error *err)
{
	struct buf b;

	if (pools_name_check("work pool", pool, err) < 0) {
		return NULL;
	}
	buf_init(&b);
	buf_adds(&b, "wf:{");
	for (const char *p = pool; *p != '\0'; p++) {
		if (*p == '{' || *p == '}' || *p == '%') {
			buf_addf(&b, "%%%02X", (unsigned int)*p);
		} else {
			buf_addc(&b, *p);
		}
	}
	buf_addc(&b, '}');
	return buf_take(&b, NULL);
}

int pools_args(struct script_args *a, const char *pool, struct error *err)
{
	char *key = pools_key(pool, err);

	if (key == NULL) {
		return -ERR_INVALID;
	}
	script_args_init(a, key);
	free(key);
	return 0;
}

struct int_call {
	pools_int_fn fn;
	void *arg;
};

static void on_int(int rc, const struct redis_reply *reply, const struct error *err,
		   void *arg)
{
	struct int_call *c = arg;
	struct error why = {0};

	if (rc == 0 && redis_type(reply) != REDIS_INT) {
		rc = err_set(&why, ERR_PROTOCOL,
			     "Redis answered something else than an "
			     "integer: is it used by other programs?");
		err = &why;
	}
	c->fn(rc, rc == 0 ? redis_int(reply) : 0, err, c->arg);
	free(c);
}

int pools_call_int(struct pools *p, enum script_id id, struct script_args *args,
		   pools_int_fn fn, void *arg, struct error *err)
{
	struct int_call *c = xcalloc(1, sizeof(*c));

	c->fn = fn;
	c->arg = arg;
	int rc = script_call(&p->dest, id, args, on_int, c, err);
	if (rc < 0) {
		free(c);
	}
	return rc;
}

int pools_check_rows(int rc, const struct redis_reply *reply, size_t width, long count,
		     struct pools_rows *ret_rows, struct error *err)
{
	if (rc < 0) {
		return rc;
	}
	size_t n = redis_count(reply);
	if (redis_type(reply) != REDIS_ARRAY || n % width != 0 ||
	    (count >= 0 && n / width != (size_t)count)) {
		return err_set(
		    err, ERR_PROTOCOL,
		    "Redis answered a list of %zu elements that does not fit: is it "
		    "used by other programs?",
		    n);
	}
	ret_rows->reply = reply;
	ret_rows->count = n / width;
	return 0;
}
