/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_frame.c - framing: whole, partial, oversized, foreign and hostile input.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "proto/frame.h"

static uint8_t id_bytes[16] = "0123456789abcdef";

static void pack_hello(struct buf *out)
{
	Wf__Control__Hello hello;
	wf_frame frame;
	struct error err = {0};
	char name[] = "étude";

	wf__control__hello__init(&hello);
	wf__control__frame__init(&frame);
	hello.pid = 42;
	hello.flow_name = name;
	hello.flow_run_id.data = id_bytes;
	hello.flow_run_id.len = sizeof(id_bytes);
	frame.body_case = WF__CONTROL__FRAME__BODY_HELLO;
	frame.hello = &hello;
	cr_assert_eq(frame_pack(out, &frame, &err), 0, "%s", err.msg);
}

static long unpack(const void *data, size_t len, struct error *err)
{
	wf_frame *frame = NULL;
	long rc = frame_unpack(data, len, &frame, err);

	wf__control__frame__free_unpacked(frame, NULL);
	return rc;
}

Test(frame, packed_and_unpacked_is_the_same)
{
	struct buf b;
	wf_frame *frame = NULL;
	struct error err = {0};

	buf_init(&b);
	pack_hello(&b);
	cr_assert_eq(frame_unpack(b.data, b.len, &frame, &err), (long)b.len, "%s",
		     err.msg);
	cr_assert_eq(frame->body_case, WF__CONTROL__FRAME__BODY_HELLO);
	cr_assert_eq(frame->hello->pid, 42);
	cr_assert_str_eq(frame->hello->flow_name, "étude");
	cr_assert_eq(frame->hello->flow_run_id.len, 16);
	wf__control__frame__free_unpacked(frame, NULL);
	buf_release(&b);
}

Test(frame, every_proper_prefix_needs_more_bytes)
{
	struct buf b;
	struct error err = {0};

	buf_init(&b);
	pack_hello(&b);
	for (size_t n = 0; n < b.len; n++) {
		char *copy = malloc(n + 1);
		memcpy(copy, b.data, n);
		cr_expect_eq(unpack(copy, n, &err), 0, "prefix of %zu bytes", n);
		free(copy);
	}
	buf_release(&b);
}

Test(frame, two_frames_in_one_buffer_are_taken_one_by_one)
{
	struct buf b;
	struct error err = {0};

	buf_init(&b);
	pack_hello(&b);
	size_t one = b.len;
	pack_hello(&b);
	cr_assert_eq(unpack(b.data, b.len, &err), (long)one);
	cr_assert_eq(unpack(b.data + one, b.len - one, &err), (long)one);
	buf_release(&b);
}

Test(frame, bad_headers_are_refused_before_anything_is_read)
{
	static const struct {
		const char *data;
		size_t len;
		int rc;
	} cases[] = {
	    {"\x00\x00\x00\x00", 4, -ERR_PROTOCOL},     /* no version byte */
	    {"\x00\x40\x00\x01", 4, -ERR_TOO_LARGE},    /* one above the limit */
	    {"\xff\xff\xff\xff", 4, -ERR_TOO_LARGE},    /* far above */
	    {"\x00\x00\x10\x00\x02", 5, -ERR_PROTOCOL}, /* version 2, not whole yet */
	    {"\x00\x00\x00\x03\x01\xff\xff", 7, -ERR_PROTOCOL}, /* not protobuf */
	    {"\x00\x40\x00\x00\x01", 5, 0}, /* exactly the limit: wait */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct error err = {0};
		long rc = unpack(cases[i].data, cases[i].len, &err);
		cr_expect_eq(rc, cases[i].rc, "case %zu: %ld", i, rc);
	}
}

Test(frame, unknown_kind_of_frame_is_passed_on_without_a_body)
{
	/* field 99, length-delimited, empty: from a newer peer */
	static const char data[] = "\x00\x00\x00\x04\x01\x9a\x06\x00";
	wf_frame *frame = NULL;
	struct error err = {0};

	cr_assert_eq(frame_unpack(data, 8, &frame, &err), 8, "%s", err.msg);
	cr_assert_eq(frame->body_case, WF__CONTROL__FRAME__BODY__NOT_SET);
	wf__control__frame__free_unpacked(frame, NULL);
}

Test(frame, too_large_frame_leaves_the_buffer_alone)
{
	Wf__Control__LogLine line;
	wf_frame frame;
	struct error err = {0};
	struct buf b;
	size_t size = PROTO_FRAME_MAX + 1;
	char *text = malloc(size);

	wf__control__log_line__init(&line);
	wf__control__frame__init(&frame);
	buf_init(&b);
	memset(text, 'x', size - 1);
	text[size - 1] = '\0';
	line.message = text;
	frame.body_case = WF__CONTROL__FRAME__BODY_LOG;
	frame.log = &line;
	cr_assert_eq(frame_pack(&b, &frame, &err), -ERR_TOO_LARGE);
	cr_assert_eq(b.len, 0);
	buf_release(&b);
	free(text);
}

Test(frame, largest_frame_passes)
{
	Wf__Control__Artifact artifact;
	wf_frame frame;
	struct error err = {0};
	struct buf b;
	size_t size = PROTO_FRAME_MAX - 11;
	char *text = malloc(size + 1);

	wf__control__artifact__init(&artifact);
	wf__control__frame__init(&frame);
	buf_init(&b);
	memset(text, 'x', size);
	text[size] = '\0';
	artifact.description = text;
	frame.body_case = WF__CONTROL__FRAME__BODY_ARTIFACT;
	frame.artifact = &artifact;
	cr_assert_eq(frame_pack(&b, &frame, &err), 0, "%s", err.msg);
	cr_assert_eq(b.len, PROTO_FRAME_MAX + 4);
	cr_assert_eq(unpack(b.data, b.len, &err), (long)b.len, "%s", err.msg);
	buf_release(&b);
	free(text);
}

/* A frame of empty tags would need many times its size in memory. */
Test(frame, small_elements_cannot_blow_up_memory)
{
	struct buf body, b;
	struct error err = {0};

	buf_init(&body);
	for (int i = 0; i < 1000000; i++) {
		buf_add(&body, "\x3a\x00", 2); /* RunSpec.tags = "" */
	}
	buf_init(&b);
	buf_add_u32be(&b, (uint32_t)body.len + 1 + 2 + 4);
	buf_addc(&b, PROTO_VERSION);
	buf_add(&b, "\x82\x01", 2); /* Frame.run_spec */
	buf_add(&b, "\x80\x89\x7a", 3);
	buf_add(&b, body.data, body.len);
	buf_addc(&b, 0);
	cr_assert_eq(unpack(b.data, b.len, &err), -ERR_PROTOCOL);
	buf_release(&body);
	buf_release(&b);
}
