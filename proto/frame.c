/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.c - frames of the control channel and bodies of the updates call.
 *
 *   frame:  u32 length of what follows (big-endian) | u8 version | wf.control.Frame
 *   body:   u8 version | wf.updates.UpdateBatch or wf.updates.UpdateAnswers
 */
#include "proto/frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "proto/validate.h"

#define HEADER_LEN 4
/* An unpacked message may take this many bytes for each byte on the wire, plus a floor.
 */
#define BUDGET_FACTOR   16
#define BUDGET_FLOOR    ((size_t)256 << 10)
#define BUDGET_OVERHEAD 16

/* Allocator that stops a small message from growing into a large one. */
struct budget {
	size_t left;
};

static void *budget_alloc(void *data, size_t size)
{
	struct budget *b = data;

	if (size > b->left || b->left - size < BUDGET_OVERHEAD) {
		return NULL;
	}
	b->left -= size + BUDGET_OVERHEAD;
	return malloc(size > 0 ? size : 1);
}

static void budget_free(void *data, void *p)
{
	(void)data;
	free(p);
}

static ProtobufCMessage *unpack_bounded(const ProtobufCMessageDescriptor *d,
					const uint8_t *data, size_t len)
{
	struct budget b = {.left = BUDGET_FLOOR + len * BUDGET_FACTOR};
	ProtobufCAllocator a = {
	    .alloc = budget_alloc, .free = budget_free, .allocator_data = &b};

	return protobuf_c_message_unpack(d, &a, len, data);
}

static void pack_into(struct buf *out, const ProtobufCMessage *msg, size_t size)
{
	buf_reserve(out, size + 1);
	protobuf_c_message_pack(msg, (uint8_t *)out->data + out->len);
	out->len += size;
	out->data[out->len] = '\0';
}

static int check_version(unsigned int version, struct error *err)
{
	if (version != PROTO_VERSION) {
		return err_set(
		    err, ERR_PROTOCOL,
		    "the peer speaks protocol version %u, this program speaks %d: use "
		    "programs of one release",
		    version, PROTO_VERSION);
	}
	return 0;
}

int frame_pack(struct buf *out, const wf_frame *frame, struct error *err)
{
	size_t size = wf__control__frame__get_packed_size(frame);

	if (size > PROTO_FRAME_MAX - 1) {
		return err_set(err, ERR_TOO_LARGE,
			       "a frame of %zu bytes is above the limit of %u", size,
			       PROTO_FRAME_MAX);
	}
	buf_add_u32be(out, (uint32_t)size + 1);
	buf_addc(out, PROTO_VERSION);
	pack_into(out, &frame->base, size);
	return 0;
}

long frame_unpack(const void *data, size_t len, wf_frame **ret_frame, struct error *err)
{
	const uint8_t *p = data;
	int rc;

	if (len < HEADER_LEN) {
		return 0;
	}
	size_t size =
	    (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (size > PROTO_FRAME_MAX) {
		return err_set(err, ERR_TOO_LARGE,
			       "a frame of %zu bytes is above the limit of %u", size,
			       PROTO_FRAME_MAX);
	}
	if (size < 1) {
		return err_set(err, ERR_PROTOCOL, "a frame without a version byte");
	}
	if (len == HEADER_LEN) {
		return 0;
	}
	rc = check_version(p[HEADER_LEN], err);
	if (rc < 0) {
		return rc;
	}
	if (len - HEADER_LEN < size) {
		return 0;
	}
	ProtobufCMessage *m = unpack_bounded(&wf__control__frame__descriptor,
					     p + HEADER_LEN + 1, size - 1);
	if (m == NULL) {
		return err_set(err, ERR_PROTOCOL,
			       "a frame that is not a Frame message");
	}
	rc = proto_check(m, err);
	if (rc < 0) {
		protobuf_c_message_free_unpacked(m, NULL);
		return rc;
	}
	*ret_frame = (wf_frame *)m;
	return (long)(HEADER_LEN + size);
}

static int body_pack(struct buf *out, const ProtobufCMessage *msg, size_t max,
		     struct error *err)
{
	size_t size = protobuf_c_message_get_packed_size(msg);

	if (size > max - 1) {
		return err_set(err, ERR_TOO_LARGE,
			       "a message of %zu bytes is above the limit of %zu", size,
			       max);
	}
	buf_addc(out, PROTO_VERSION);
	pack_into(out, msg, size);
	return 0;
}

/* Unpacks without checking the fields. */
static int body_unpack(const ProtobufCMessageDescriptor *d, const void *data,
		       size_t len, size_t max, ProtobufCMessage **ret_msg,
		       struct error *err)
{
	const uint8_t *p = data;

	if (len > max) {
		return err_set(err, ERR_TOO_LARGE,
			       "a body of %zu bytes is above the limit of %zu", len,
			       max);
	}
	if (len < 1) {
		return err_set(err, ERR_PROTOCOL, "an empty body");
	}
	int rc = check_version(p[0], err);
	if (rc < 0) {
		return rc;
	}
	ProtobufCMessage *m = unpack_bounded(d, p + 1, len - 1);
	if (m == NULL) {
		return err_set(err, ERR_PROTOCOL, "the body is not a %s message",
			       d->short_name);
	}
	*ret_msg = m;
	return 0;
}

int batch_pack(struct buf *out, const Wf__Updates__UpdateBatch *batch,
	       struct error *err)
{
	return body_pack(out, &batch->base, PROTO_FRAME_MAX, err);
}

int answers_pack(struct buf *out, const Wf__Updates__UpdateAnswers *a,
		 struct error *err)
{
	return body_pack(out, &a->base, PROTO_ANSWERS_MAX, err);
}

int answers_unpack(const void *data, size_t len,
		   Wf__Updates__UpdateAnswers **ret_answers, struct error *err)
{
	ProtobufCMessage *m = NULL;
	int rc = body_unpack(&wf__updates__update_answers__descriptor, data, len,
			     PROTO_ANSWERS_MAX, &m, err);

	if (rc < 0) {
		return rc;
	}
	rc = proto_check(m, err);
	if (rc < 0) {
		protobuf_c_message_free_unpacked(m, NULL);
		return rc;
	}
	*ret_answers = (Wf__Updates__UpdateAnswers *)m;
	return 0;
}

/*
 * The reason why an item was emptied travels as its only "unknown field" with the
 * impossible tag 0: it is freed with the message and needs no field on the wire.
 */
static void item_set_defect(Wf__Updates__Update *u, const char *why)
{
	ProtobufCMessage *m = &u->base;

	for (size_t i = 0; i < m->n_unknown_fields; i++) {
		free(m->unknown_fields[i].data);
	}
	free(m->unknown_fields);
	m->unknown_fields = xcalloc(1, sizeof(*m->unknown_fields));
	m->n_unknown_fields = 1;
	m->unknown_fields[0].data = (uint8_t *)xstrdup(why);
	m->unknown_fields[0].len = strlen(why);
}

static void item_clear(Wf__Updates__Update *u, const char *why)
{
	if (u->body_case != WF__UPDATES__UPDATE__BODY__NOT_SET) {
		/* The members of the union are all pointers to messages. */
		ProtobufCMessage *body = &u->flow_state->base;
		protobuf_c_message_free_unpacked(body, NULL);
		u->flow_state = NULL;
		u->body_case = WF__UPDATES__UPDATE__BODY__NOT_SET;
	}
	if (u->flow_run_id.len != PROTO_ID_LEN) {
		free(u->flow_run_id.data);
		u->flow_run_id.data = xcalloc(1, PROTO_ID_LEN);
		u->flow_run_id.len = PROTO_ID_LEN;
	}
	item_set_defect(u, why);
}

const char *update_defect(const Wf__Updates__Update *u)
{
	const ProtobufCMessage *m = &u->base;

	if (u->body_case != WF__UPDATES__UPDATE__BODY__NOT_SET) {
		return NULL;
	}
	if (m->n_unknown_fields == 1 && m->unknown_fields[0].tag == 0) {
		return (const char *)m->unknown_fields[0].data;
	}
	return m->n_unknown_fields > 0
		   ? "a kind of update that this release does not know"
		   : "an update without a body";
}

static int batch_check(Wf__Updates__UpdateBatch *b, struct error *err)
{
	if (b->n_items > PROTO_BATCH_MAX) {
		return err_set(err, ERR_PROTOCOL,
			       "a batch of %zu items is above the limit of %d",
			       b->n_items, PROTO_BATCH_MAX);
	}
	for (size_t i = 0; i < b->n_items; i++) {
		struct error why = {0};
		if (b->items[i]->id.len != PROTO_ID_LEN) {
			return err_set(err, ERR_PROTOCOL,
				       "item %zu of the batch has no id of 16 bytes",
				       i);
		}
		if (proto_check(&b->items[i]->base, &why) < 0) {
			item_clear(b->items[i], why.msg);
		}
	}
	/* The items have been checked one by one: now the rest of the batch. */
	size_t n = b->n_items;
	b->n_items = 0;
	int rc = proto_check(&b->base, err);
	b->n_items = n;
	return rc;
}

int batch_unpack(const void *data, size_t len, Wf__Updates__UpdateBatch **ret_batch,
		 struct error *err)
{
	ProtobufCMessage *m = NULL;
	int rc = body_unpack(&wf__updates__update_batch__descriptor, data, len,
			     PROTO_FRAME_MAX, &m, err);

	if (rc < 0 || m == NULL) {
		return rc;
	}
	Wf__Updates__UpdateBatch *b = (Wf__Updates__UpdateBatch *)m;
	rc = batch_check(b, err);
	if (rc < 0) {
		protobuf_c_message_free_unpacked(m, NULL);
		return rc;
	}
	*ret_batch = b;
	return 0;
}
