/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.h - checks of unpacked messages, driven by the protobuf descriptors and by
 * names: bytes called "id" or "*_id" are 16 bytes or absent; "json" and "*_json" are
 * JSON texts or absent; "*_us" are instants between 1970 and 9999; enums are known
 * values; doubles are finite and not negative; strings are UTF-8; lists are bounded.
 * Text of log lines is repaired and cut, never refused.  frame.c calls these: users of
 * frame.h need only update_defect().
 */
#ifndef PROTO_VALIDATE_H
#define PROTO_VALIDATE_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

struct error;

#define PROTO_ID_LEN   16
#define PROTO_LIST_MAX 1000 /* tags, log lines of one update */

/* Checks MSG and everything in it.  0 or -ERR_PROTOCOL with the path of the field. */
int proto_check(ProtobufCMessage *msg, struct error *err);

/* Replaces each byte that does not belong to a valid sequence by '?', in place. */
void utf8_repair(char *s, size_t len);
/* The largest length <= MAX that does not split a character of S. */
size_t utf8_cut(const char *s, size_t len, size_t max);

#endif
