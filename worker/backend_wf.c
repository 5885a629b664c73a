/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend_wf.c - updates through the journalled outbox.
 */
#include "worker/backend.h"

#include "base/clock.h"
#include "base/uuid.h"

static int put(void *self, Wf__Updates__Update *u, unsigned int flags, outbox_fn fn,
	       void *arg, struct error *err)
{
	const ProtobufCBinaryData given = u->id;
	struct uuid id;
	int rc;

	if (u->id.len == 0) {
		uuid_v7(&id, clock_wall_us());
		u->id.data = id.b;
		u->id.len = sizeof(id.b);
	}
	rc = outbox_put(self, u, flags, fn, arg, err);
	u->id = given;
	return rc;
}

static void flush(void *self, void (*fn)(void *arg), void *arg)
{
	outbox_flush(self, fn, arg);
}

static size_t pending(const void *self)
{
	return outbox_pending(self);
}

static void close_outbox(void *self)
{
	outbox_close(self);
}

static const struct backend_ops ops = {
    .put = put,
    .flush = flush,
    .pending = pending,
    .close = close_outbox,
};

int backend_wf_open(struct loop *loop, struct httpc *httpc,
		    const struct outbox_conf *conf, struct backend *ret_backend,
		    uint64_t *ret_replayed, struct error *err)
{
	struct outbox *o = NULL;
	int rc = outbox_open(loop, httpc, conf, &o, ret_replayed, err);

	if (rc == 0) {
		*ret_backend = (struct backend){&ops, o};
	}
	return rc;
}
