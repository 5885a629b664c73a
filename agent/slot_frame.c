/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_frame.c - see slot_frame.h.
 */
#include "agent/slot_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"

#define NAME_MAX_BYTES 255

/* ---- writing ---- */

static void add_text(struct buf *out, const char *text)
{
	size_t len = MIN_OF(strlen(text), NAME_MAX_BYTES);

	buf_addc(out, (char)(unsigned char)len);
	buf_add(out, text, len);
}

static void pack_queues(struct buf *out, const struct slot_frame *f)
{
	size_t n = MIN_OF(f->queue_count, SLOT_QUEUES_MAX);

	buf_addc(out, (char)(f->all != 0));
	buf_addc(out, (char)(unsigned char)(n >> 8));
	buf_addc(out, (char)(unsigned char)n);
	for (size_t i = 0; i < n; i++) {
		add_text(out, f->queues[i]);
	}
}

void slot_frame_pack(struct buf *out, const struct slot_frame *f)
{
	buf_addc(out, SLOT_FRAME_VERSION);
	buf_addc(out, (char)f->kind);
	switch (f->kind) {
	case SLOT_GRANT:
		buf_add_u32be(out, f->number);
		buf_add_u32be(out, f->slots);
		break;
	case SLOT_QUEUES:
		pack_queues(out, f);
		break;
	case SLOT_TALLY:
		buf_add_u32be(out, (uint32_t)(f->deaths >> 32));
		buf_add_u32be(out, (uint32_t)f->deaths);
		add_text(out, f->text);
		break;
	case SLOT_RETIRE:
		break;
	case SLOT_REPORT:
		buf_add_u32be(out, f->number);
		buf_add_u32be(out, f->held);
		buf_add_u32be(out, f->want);
		buf_addc(out, (char)f->flags);
		break;
	default:
		BUG("no slot frame of kind %d", (int)f->kind);
	}
}

/* ---- reading ---- */

struct cursor {
	const unsigned char *at;
	size_t left;
	int bad;
};

static uint32_t take_number(struct cursor *c, size_t bytes)
{
	uint32_t v = 0;

	if (c->left < bytes) {
		c->bad = 1;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++) {
		v = v << 8 | c->at[i];
	}
	c->at += bytes;
	c->left -= bytes;
	return v;
}

static char *take_text(struct cursor *c)
{
	size_t len = take_number(c, 1);
	char *text;

	if (c->bad || c->left < len || memchr(c->at, '\0', len) != NULL) {
		c->bad = 1;
		return NULL;
	}
	text = xstrndup((const char *)c->at, len);
	c->at += len;
	c->left -= len;
	return text;
}

static void unpack_queues(struct cursor *c, struct slot_frame *f)
{
	uint32_t n;

	f->all = take_number(c, 1) != 0;
	n = take_number(c, 2);
	if (c->bad || n > SLOT_QUEUES_MAX) {
		c->bad = 1;
		return;
	}
	f->queues = xcalloc(n + 1, sizeof(char *));
	for (f->queue_count = 0; f->queue_count < n; f->queue_count++) {
		f->queues[f->queue_count] = take_text(c);
		if (c->bad) {
			return;
		}
	}
}

static void unpack_tally(struct cursor *c, struct slot_frame *f)
{
	char *text;

	f->deaths = (uint64_t)take_number(c, 4) << 32;
	f->deaths |= take_number(c, 4);
	text = take_text(c);
	if (text != NULL) {
		memcpy(f->text, text, strlen(text) + 1);
	}
	free(text);
}

void slot_frame_release(struct slot_frame *f)
{
	for (size_t i = 0; i < f->queue_count; i++) {
		free(f->queues[i]);
	}
	free(f->queues);
	f->queues = NULL;
	f->queue_count = 0;
}

int slot_frame_unpack(const void *data, size_t len, struct slot_frame *ret_frame,
		      struct error *err)
{
	struct cursor c = {data, len, 0};
	struct slot_frame f = {0};

	if (take_number(&c, 1) != SLOT_FRAME_VERSION || c.bad) {
		return err_set(err, ERR_PROTOCOL,
			       "a slot frame of a version that is not known");
	}
	f.kind = (enum slot_frame_kind)take_number(&c, 1);
	switch (f.kind) {
	case SLOT_GRANT:
		f.number = take_number(&c, 4);
		f.slots = take_number(&c, 4);
		break;
	case SLOT_QUEUES:
		unpack_queues(&c, &f);
		break;
	case SLOT_TALLY:
		unpack_tally(&c, &f);
		break;
	case SLOT_RETIRE:
		break;
	case SLOT_REPORT:
		f.number = take_number(&c, 4);
		f.held = take_number(&c, 4);
		f.want = take_number(&c, 4);
		f.flags = take_number(&c, 1);
		break;
	default:
		return c.bad ? err_set(err, ERR_PROTOCOL, "an empty slot frame") : 0;
	}
	if (c.bad) {
		slot_frame_release(&f);
		return err_set(err, ERR_PROTOCOL, "a slot frame that is cut");
	}
	*ret_frame = f;
	return 1;
}

/* ---- the socket ---- */

int slot_frame_send(int fd, const struct slot_frame *f, struct error *err)
{
	struct buf b;
	ssize_t n;
	int rc = 0;

	buf_init(&b);
	slot_frame_pack(&b, f);
	do {
		n = send(fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
		rc = err_set(err, ERR_BUSY, "the slot socket is full");
	} else if (n < 0) {
		rc = err_errno(err, "send on the slot socket");
	}
	buf_release(&b);
	return rc;
}

int slot_frame_read(int fd, struct slot_frame *ret_frame, struct error *err)
{
	char *packet = xmalloc(SLOT_FRAME_MAX);
	ssize_t n;
	int rc;

	do {
		n = recv(fd, packet, SLOT_FRAME_MAX, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		rc = -ERR_EMPTY;
	} else if (n <= 0) {
		rc = err_set(err, ERR_UNAVAILABLE, "the slot socket is closed");
	} else {
		rc = slot_frame_unpack(packet, (size_t)n, ret_frame, err);
	}
	free(packet);
	return rc;
}
