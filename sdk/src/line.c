/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.c - the process' end of its line to the engine: blocking, one frame at a time.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "sdk/src/body.h"

#define READ_FIRST 2048

static struct buf input; /* what came with the frame before */
static int online = -1;

int body_online(void)
{
	if (online < 0) {
		struct pollfd p = {.fd = BODY_FD};

		online = body_now != NULL && poll(&p, 1, 0) >= 0 &&
			 (p.revents & POLLNVAL) == 0;
	}
	return online;
}

/* The engine is gone: so is everything this process is for. */
static void gone(void)
{
	_exit(75);
}

void line_send(json_t *msg)
{
	struct buf b;
	uint32_t len = 0;
	size_t sent = 0;
	ssize_t n;

	if (!body_online()) {
		json_decref(msg);
		return;
	}
	buf_init(&b);
	buf_add(&b, &len, sizeof(len));
	jsonw_tree(&b, msg, 0);
	json_decref(msg);
	len = (uint32_t)(b.len - sizeof(len));
	memcpy(b.data, &len, sizeof(len));
	while (sent < b.len) {
		n = send(BODY_FD, b.data + sent, b.len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			gone();
		}
		sent += (size_t)n;
	}
	buf_release(&b);
}

static size_t frame_size(void)
{
	uint32_t len;

	if (input.len < sizeof(len)) {
		return 0;
	}
	memcpy(&len, input.data, sizeof(len));
	if (len > BODY_FRAME_MAX) {
		gone();
	}
	return sizeof(len) + len <= input.len ? sizeof(len) + len : 0;
}

/* Little for the start of a frame: a process touches no more pages than it must. */
static size_t wanted(void)
{
	uint32_t len;

	if (input.len < sizeof(len)) {
		return READ_FIRST;
	}
	memcpy(&len, input.data, sizeof(len));
	return sizeof(len) + len - input.len;
}

json_t *line_receive(void)
{
	struct error err;
	size_t size, room;
	json_t *v;
	ssize_t n;

	if (!body_online()) {
		return json_object();
	}
	if (input.data == NULL) {
		buf_init(&input);
	}
	while ((size = frame_size()) == 0) {
		room = wanted();
		buf_reserve(&input, room);
		n = recv(BODY_FD, input.data + input.len, room, 0);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			gone();
		}
		input.len += (size_t)n;
		input.data[input.len] = '\0';
	}
	v = json_parse(input.data + sizeof(uint32_t), size - sizeof(uint32_t),
		       BODY_FRAME_MAX, &err);
	buf_consume(&input, size);
	if (v == NULL) {
		gone();
	}
	return v;
}

int line_wait(int ms)
{
	struct pollfd p = {.fd = BODY_FD, .events = POLLIN};
	int n;

	if (input.data != NULL && frame_size() > 0) {
		return 1;
	}
	do {
		n = poll(&p, 1, ms);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}
