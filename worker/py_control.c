/* SPDX-License-Identifier: Apache-2.0 */
/*
 * py_control.c - listener, connections and attempts of the Python control channel.
 *
 *	WAIT_TOKEN --TOKEN\n--> OPEN --EOF, junk, free--> gone
 */
#include "worker/py_control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/carry.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/queue_ext.h"

#define TOKEN_WAIT_MS   5000
#define ACK_WAIT_MS     1000
#define WAITING_MAX     64
#define CONTROL_VERSION 2
#define CAP_RECEIPTS    1

struct done_call;

struct conn {
	TAILQ_ENTRY(conn) link;
	struct py_control *control;
	struct py_attempt *attempt; /* NULL: the token has not come yet */
	struct loop_io *io;
	int fd;
	struct buf in;
	int64_t token_by_ms;
};
TAILQ_HEAD(conn_list, conn);

struct py_control {
	struct loop *loop;
	struct loop_io *io;
	struct loop_timer *timer; /* tokens and acknowledgements that are due */
	int fd, port;
	struct map attempts; /* token -> attempt whose token was not consumed */
	struct conn_list conns;
	TAILQ_HEAD(, py_attempt) asking;
	int waiting; /* connections without a token */
};

struct py_attempt {
	TAILQ_ENTRY(py_attempt)
	link; /* in asking while an intent waits for its answer */
	struct py_control *control;
	struct conn *conn;
	char token[PY_TOKEN_SIZE];
	enum py_conclusion conclusion;
	char state[64];
	int receipts, asking;
	int64_t ack_by_ms;
	py_intent_fn done;
	void *arg;
	struct done_call *call; /* under way */
};

static void conn_close(struct conn *c)
{
	struct py_control *control = c->control;

	if (c->attempt != NULL) {
		c->attempt->conn = NULL;
	} else {
		control->waiting--;
	}
	TAILQ_REMOVE(&control->conns, c, link);
	loop_io_free(c->io);
	(void)close(c->fd);
	buf_release(&c->in);
	free(c);
}

static int conn_write(struct conn *c, const void *data, size_t len)
{
	/* a few bytes into an empty socket buffer: short or failing means it is dead */
	return send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len ? 0
										   : -1;
}

/* The call of an intent's callback, on its way through the loop. */
struct done_call {
	struct py_attempt *attempt; /* NULL: freed meanwhile, nobody is called */
	py_intent_fn fn;
	void *arg;
	int acked;
};

static void call_done(void *arg)
{
	struct done_call *d = arg;

	if (d->attempt != NULL) {
		d->attempt->call = NULL;
		d->fn(d->acked, d->arg);
	}
	free(d);
}

/* From the loop, never from inside the connection's own handler. */
static void answered(struct py_attempt *a, int acked)
{
	struct done_call *d;

	if (!a->asking) {
		return;
	}
	a->asking = 0;
	TAILQ_REMOVE(&a->control->asking, a, link);
	if (a->done == NULL) {
		return;
	}
	d = xcalloc(1, sizeof(*d));
	*d = (struct done_call){a, a->done, a->arg, acked};
	a->call = d;
	loop_defer(a->control->loop, call_done, d);
}

static void conclude(struct py_attempt *a, enum py_conclusion conclusion)
{
	if (a->conclusion == PY_OPEN) {
		a->conclusion = conclusion;
	}
}

/* {"disposition": "STATE_REPORTED", "state_name": ...} or ORCHESTRATION_ABORTED. */
static int take_receipt(struct py_attempt *a, const char *text, size_t len)
{
	static const char taken = 2;
	json_t *v = json_parse(text, len, PY_RECEIPT_MAX, NULL);
	const char *what = NULL, *name = NULL;
	int rc = -1;

	(void)json_get_str(v, "disposition", &what, NULL);
	if (what != NULL && strcmp(what, "STATE_REPORTED") == 0) {
		if (json_get_str(v, "state_name", &name, NULL) == 1 &&
		    a->conclusion == PY_OPEN) {
			(void)snprintf(a->state, sizeof(a->state), "%s", name);
		}
		conclude(a, PY_STATE_REPORTED);
		rc = 0;
	} else if (what != NULL && strcmp(what, "ORCHESTRATION_ABORTED") == 0) {
		conclude(a, PY_ABORTED);
		rc = 0;
	}
	json_decref(v);
	return rc < 0 ? rc : conn_write(a->conn, &taken, 1);
}

static int take_hello(struct py_attempt *a, const unsigned char *p)
{
	const unsigned char mine[5] = {0, 0x50, 0x46,
				       p[3] < CONTROL_VERSION ? p[3] : CONTROL_VERSION,
				       (unsigned char)(p[4] & CAP_RECEIPTS)};

	if (p[1] != 0x50 || p[2] != 0x46) {
		return -1;
	}
	a->receipts = mine[4] & CAP_RECEIPTS;
	return conn_write(a->conn, mine, sizeof(mine));
}

/* One message at the front.  Bytes used, 0: more is needed, -1: close. */
static long take_message(struct conn *c)
{
	const unsigned char *p = (const unsigned char *)c->in.data;
	size_t len = c->in.len, n;

	if (len == 0) {
		return 0;
	}
	switch (p[0]) {
	case 0:
		return len < 5 ? 0 : take_hello(c->attempt, p) < 0 ? -1 : 5;
	case 'a':
		if (!c->attempt->asking) {
			return -1;
		}
		conclude(c->attempt, PY_INTENT_ACKED);
		answered(c->attempt, 1);
		return 1;
	case 1:
		if (len < 5) {
			return 0;
		}
		n = ((size_t)p[1] << 24) | ((size_t)p[2] << 16) | ((size_t)p[3] << 8) |
		    p[4];
		if (n > PY_RECEIPT_MAX) {
			return -1;
		}
		if (len < 5 + n) {
			return 0;
		}
		return take_receipt(c->attempt, (const char *)p + 5, n) < 0
			   ? -1
			   : (long)(5 + n);
	default:
		return -1;
	}
}

/* "TOKEN\n": 1 matched, 0 more is needed, -1 close. */
static int take_token(struct conn *c)
{
	struct py_control *control = c->control;
	struct py_attempt *a;

	if (c->in.len < PY_TOKEN_SIZE) {
		return memchr(c->in.data, '\n', c->in.len) != NULL ? -1 : 0;
	}
	if (c->in.data[PY_TOKEN_SIZE - 1] != '\n') {
		return -1;
	}
	a = map_remove_n(&control->attempts, c->in.data, PY_TOKEN_SIZE - 1);
	if (a == NULL) {
		return -1;
	}
	c->attempt = a;
	a->conn = c;
	control->waiting--;
	buf_consume(&c->in, PY_TOKEN_SIZE);
	return 1;
}

static void on_readable(int fd, unsigned int events, void *arg)
{
	struct conn *c = arg;
	char chunk[4096];
	ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	long used = 1;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0 || c->in.len + (size_t)n > 2 * (size_t)PY_RECEIPT_MAX) {
		conn_close(c);
		return;
	}
	buf_add(&c->in, chunk, (size_t)n);
	if (c->attempt == NULL) {
		used = take_token(c);
	}
	while (used > 0 && c->attempt != NULL) {
		used = take_message(c);
		if (used > 0) {
			buf_consume(&c->in, (size_t)used);
		}
	}
	if (used < 0) {
		conn_close(c);
	}
}

static void arm(struct py_control *control)
{
	int64_t at = INT64_MAX;
	const struct conn *c;
	const struct py_attempt *a;

	TAILQ_FOREACH (c, &control->conns, link) {
		if (c->attempt == NULL && c->token_by_ms < at) {
			at = c->token_by_ms;
		}
	}
	TAILQ_FOREACH (a, &control->asking, link) {
		at = a->ack_by_ms < at ? a->ack_by_ms : at;
	}
	loop_timer_at(control->timer, at);
}

static void on_timer(void *arg)
{
	struct py_control *control = arg;
	int64_t now_ms = loop_now_ms(control->loop);
	struct conn *c, *next;
	struct py_attempt *a, *anext;

	TAILQ_FOREACH_SAFE (c, &control->conns, link, next) {
		if (c->attempt == NULL && c->token_by_ms <= now_ms) {
			conn_close(c);
		}
	}
	TAILQ_FOREACH_SAFE (a, &control->asking, link, anext) {
		if (a->ack_by_ms <= now_ms) {
			answered(a, 0);
		}
	}
	arm(control);
}

static struct conn *conn_new(struct py_control *control, int fd)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->control = control;
	c->fd = fd;
	buf_init(&c->in);
	c->io = loop_io_new(control->loop, fd, LOOP_READ, on_readable, c);
	TAILQ_INSERT_TAIL(&control->conns, c, link);
	return c;
}

static void on_connect(int fd, unsigned int events, void *arg)
{
	struct py_control *control = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c;

	(void)events;
	if (peer < 0) {
		return;
	}
	if (control->waiting >= WAITING_MAX) {
		(void)close(peer);
		return;
	}
	c = conn_new(control, peer);
	c->token_by_ms = loop_now_ms(control->loop) + TOKEN_WAIT_MS;
	control->waiting++;
	arm(control);
}

static int open_listener(int *ret_fd, int *ret_port, struct error *err)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 128) < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
		int rc = err_errno(err, "listen on 127.0.0.1 for Python engines");

		if (fd >= 0) {
			(void)close(fd);
		}
		return rc;
	}
	*ret_fd = fd;
	*ret_port = ntohs(sa.sin_port);
	return 0;
}

static struct py_control *control_new(struct loop *loop, int fd, int port)
{
	struct py_control *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->fd = fd;
	c->port = port;
	map_init(&c->attempts, 0);
	TAILQ_INIT(&c->conns);
	TAILQ_INIT(&c->asking);
	c->timer = loop_timer_new(loop, on_timer, c);
	c->io = loop_io_new(loop, fd, LOOP_READ, on_connect, c);
	return c;
}

struct py_control *py_control_new(struct loop *loop, struct error *err)
{
	int fd = -1, port = 0;

	return open_listener(&fd, &port, err) < 0 ? NULL : control_new(loop, fd, port);
}

void py_control_free(struct py_control *c)
{
	if (c == NULL) {
		return;
	}
	while (!TAILQ_EMPTY(&c->conns)) {
		/* the analyzer does not see that conn_close() takes it off the list */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		conn_close(TAILQ_FIRST(&c->conns));
	}
	loop_io_free(c->io);
	loop_timer_free(c->timer);
	(void)close(c->fd);
	map_release(&c->attempts);
	free(c);
}

int py_control_port(const struct py_control *c)
{
	return c->port;
}

struct py_attempt *py_attempt_new(struct py_control *c, char ret_token[PY_TOKEN_SIZE])
{
	struct py_attempt *a = xcalloc(1, sizeof(*a));
	unsigned char raw[(PY_TOKEN_SIZE - 1) / 2];

	a->control = c;
	random_bytes(raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++) {
		(void)snprintf(a->token + 2 * i, 3, "%02x", raw[i]);
	}
	(void)map_set(&c->attempts, a->token, a, NULL);
	memcpy(ret_token, a->token, PY_TOKEN_SIZE);
	return a;
}

void py_attempt_free(struct py_attempt *a)
{
	if (a == NULL) {
		return;
	}
	if (a->call != NULL) {
		a->call->attempt = NULL;
	}
	if (a->asking) {
		TAILQ_REMOVE(&a->control->asking, a, link);
	}
	(void)map_remove(&a->control->attempts, a->token);
	if (a->conn != NULL) {
		conn_close(a->conn);
	}
	free(a);
}

enum py_conclusion py_attempt_conclusion(const struct py_attempt *a)
{
	return a->conclusion;
}

const char *py_attempt_state(const struct py_attempt *a)
{
	return a->state;
}

void py_attempt_intent(struct py_attempt *a, enum py_intent intent, py_intent_fn done,
		       void *arg)
{
	const char byte = (char)intent;

	a->done = done;
	a->arg = arg;
	a->asking = 1;
	TAILQ_INSERT_TAIL(&a->control->asking, a, link);
	a->ack_by_ms = loop_now_ms(a->control->loop) + ACK_WAIT_MS;
	if (a->conn == NULL || conn_write(a->conn, &byte, 1) < 0) {
		a->ack_by_ms =
		    loop_now_ms(a->control->loop); /* answered 0 from the loop */
	}
	arm(a->control);
}

/* ---- a handover ---- */

/* Connections without a token are few and young: their engines connect again. */
void py_control_carry(const struct py_control *c, struct carry *to, json_t *line)
{
	json_object_set_new(line, "py_fd", carry_fd(to, c->fd));
	json_object_set_new(line, "py_port", json_integer(c->port));
}

struct py_control *py_control_carried(struct loop *loop, const json_t *line)
{
	int fd = carry_take_fd(line, "py_fd");

	return fd < 0 ? NULL : control_new(loop, fd, (int)carry_int(line, "py_port"));
}

int py_attempt_is_busy(const struct py_attempt *a)
{
	return a->asking || a->call != NULL;
}

void py_attempt_carry(const struct py_attempt *a, struct carry *to, json_t *line)
{
	const struct conn *c = a->conn;
	int open = map_get(&a->control->attempts, a->token) != NULL;

	json_object_set_new(line, "token", json_string(open ? a->token : ""));
	json_object_set_new(line, "conclusion", json_integer(a->conclusion));
	json_object_set_new(line, "state", json_string(a->state));
	json_object_set_new(line, "receipts", json_integer(a->receipts));
	json_object_set_new(line, "fd", carry_fd(to, c != NULL ? c->fd : -1));
	json_object_set_new(
	    line, "in",
	    carry_bytes(c != NULL ? c->in.data : "", c != NULL ? c->in.len : 0));
}

struct py_attempt *py_attempt_carried(struct py_control *control, const json_t *line)
{
	struct py_attempt *a = xcalloc(1, sizeof(*a));
	int fd = carry_take_fd(line, "fd");

	a->control = control;
	a->conclusion = (enum py_conclusion)carry_int(line, "conclusion");
	a->receipts = (int)carry_int(line, "receipts");
	(void)snprintf(a->token, sizeof(a->token), "%s", carry_str(line, "token"));
	(void)snprintf(a->state, sizeof(a->state), "%s", carry_str(line, "state"));
	if (a->token[0] != '\0') {
		(void)map_set(&control->attempts, a->token, a, NULL);
	}
	if (fd >= 0) {
		a->conn = conn_new(control, fd);
		a->conn->attempt = a;
		carry_take_bytes(line, "in", &a->conn->in);
	}
	return a;
}
