/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend_wf.c - updates through the journalled outbox.
 */
#include "worker/backend.h"

#include "base/clock.h"
#include "base/error.h"
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

static int await(void *self, const uint8_t update_id[16], outbox_fn fn, void *arg,
		 struct error *err)
{
	return outbox_await(self, update_id, fn, arg, err);
}

static int leave(void *self, const char **ret_path)
{
	return outbox_leave(self, ret_path);
}

int backend_await(const struct backend *b, const uint8_t update_id[16], outbox_fn fn,
		  void *arg, struct error *err)
{
	if (b->ops->await == NULL) {
		return err_set(err, ERR_NOT_FOUND, "updates are not journalled");
	}
	return b->ops->await(b->self, update_id, fn, arg, err);
}

static void close_outbox(void *self)
{
	outbox_close(self);
}

static const struct backend_ops ops = {
    .put = put,
    .flush = flush,
    .pending = pending,
    .await = await,
    .leave = leave,
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
