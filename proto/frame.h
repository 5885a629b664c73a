/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - length-prefixed frames: u32 big-endian length, u8 protocol version,
 * protobuf.
 *
 * Bounded (PROTO_FRAME_MAX) before anything is unpacked; unpacked messages are
 * validated (validate.h): id lengths, enum ranges, UTF-8, list sizes, JSON texts.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "proto/control.pb-c.h"
#include "proto/updates.pb-c.h"

#define PROTO_VERSION     1
#define PROTO_FRAME_MAX   (4u << 20)   /* a frame after its length, a batch */
#define PROTO_BATCH_MAX   200          /* items of a batch */
#define PROTO_ANSWERS_MAX (16u << 20)  /* bytes of the answer to a batch */
#define PROTO_LOG_MAX     (256u << 10) /* one log message, longer ones are cut */

struct buf;
struct error;
typedef Wf__Control__Frame wf_frame;

/* Appends one whole frame to OUT.  -ERR_TOO_LARGE leaves OUT alone. */
int frame_pack(struct buf *out, const wf_frame *frame, struct error *err);
/*
 * A frame whose body_case is NOT_SET is of a kind that this release does not know:
 * ignore it. Takes one frame from the front of DATA.  Returns the bytes used with
 * *ret_frame set (freed with wf__control__frame__free_unpacked(f, NULL)), 0 when more
 * bytes are needed, or a negative code: -ERR_PROTOCOL, -ERR_TOO_LARGE (the connection
 * is unusable then).
 */
long frame_unpack(const void *data, size_t len, wf_frame **ret_frame,
		  struct error *err);

/*
 * Bodies of POST /api/wf/v1/updates and its answer: u8 version, message.  batch_unpack
 * refuses a batch only when it cannot be answered item by item.  An item that fails its
 * checks loses its body (body_case NOT_SET): answer it as invalid with the text of
 * update_defect().
 */
int batch_pack(struct buf *out, const Wf__Updates__UpdateBatch *batch,
	       struct error *err);
int batch_unpack(const void *data, size_t len, Wf__Updates__UpdateBatch **ret_batch,
		 struct error *err);
int answers_pack(struct buf *out, const Wf__Updates__UpdateAnswers *a,
		 struct error *err);
int answers_unpack(const void *data, size_t len,
		   Wf__Updates__UpdateAnswers **ret_answers, struct error *err);

/* Why an item of an unpacked batch has no body; NULL when it has one.  Lives in the
 * item. */
const char *update_defect(const Wf__Updates__Update *u);

/* "RUNNING" <-> enum; 0 (UNSPECIFIED) for unknown text, NULL for a value out of range.
 */
const char *state_type_text(int type);
int state_type_parse(const char *text);
int state_type_is_terminal(int type);
/* The default name of a type: "Running", "Cancelling". */
const char *state_type_default_name(int type);

#endif
