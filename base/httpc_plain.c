/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc_plain.c - HTTP/1.1 over TCP and Unix sockets, with connections kept alive.
 *
 *   RESOLVING --> CONNECTING --> EXCHANGE <--> IDLE
 *       |          |  ^ (next address)  |        |
 *       +----------+--+-----------------+--------+--> closed
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/httpc_priv.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/resolve.h"

#define READ_SIZE      16384
#define READS_PER_TURN 16 /* then others get their turn */

enum conn_state { CONN_RESOLVING = 1, CONN_CONNECTING, CONN_EXCHANGE, CONN_IDLE };

struct plain_conn {
	TAILQ_ENTRY(plain_conn) link;
	struct heap_node connect_by; /* monotonic ms */
	struct httpc *client;
	enum conn_state state;
	char *key; /* origin or socket path: who may reuse it */
	struct resolve *resolve;
	struct resolve_addrs addrs;
	int next_addr;
	int fd;
	struct loop_io *io;
	struct httpc_req *req; /* NULL when idle */
	int reused;            /* the peer may have closed it meanwhile */
	struct buf out;
	size_t out_at;
	struct http1 parser;
};

static void conn_free(struct plain_conn *k)
{
	struct httpc *c = k->client;

	TAILQ_REMOVE(&c->conns, k, link);
	c->conn_count--;
	heap_remove(&c->connects, &k->connect_by);
	resolve_cancel(k->resolve);
	loop_io_free(k->io);
	if (k->fd >= 0) {
		close(k->fd);
	}
	if (k->req != NULL) {
		k->req->conn = NULL;
	}
	http1_release(&k->parser);
	buf_release(&k->out);
	free(k->key);
	free(k);
}

static void conn_fail(struct plain_conn *k, int rc, const struct error *err)
{
	struct httpc_req *r = k->req;

	conn_free(k);
	httpc_done(r, rc, err);
}

static char *key_of(const struct httpc_req *r)
{
	char *origin, *key;

	if (r->unix_socket != NULL) {
		return xasprintf("unix:%s", r->unix_socket);
	}
	origin = url_origin(&r->url);
	/* a connection whose address nobody checked is not for these */
	key = xasprintf("%s%s", (r->flags & HTTPC_PUBLIC_ONLY) != 0 ? "public " : "",
			origin);
	free(origin);
	return key;
}

/* A header that the caller did not give. */
static void add_default(struct buf *out, const struct httpc_req *r, const char *name,
			const char *value)
{
	if (!httpc_has_header(r, name)) {
		buf_addf(out, "%s: %s\r\n", name, value);
	}
}

static void add_host(struct buf *out, const struct httpc_req *r)
{
	const char *open = r->url.is_ipv6 ? "[" : "";
	const char *close = r->url.is_ipv6 ? "]" : "";

	if (httpc_has_header(r, "Host")) {
		return;
	}
	buf_addf(out, "Host: %s%s%s", open, r->url.host, close);
	if (r->url.port != 80) {
		buf_addf(out, ":%d", r->url.port);
	}
	buf_adds(out, "\r\n");
}

static void write_request(struct buf *out, const struct httpc_req *r)
{
	int has_body = r->body_len > 0 || (strcmp(r->method, "GET") != 0 &&
					   strcmp(r->method, "HEAD") != 0);

	buf_addf(out, "%s %s HTTP/1.1\r\n", r->method, r->url.target);
	add_host(out, r);
	add_default(out, r, "User-Agent", "wf");
	add_default(out, r, "Accept", "*/*");
	if (r->content_type != NULL) {
		add_default(out, r, "Content-Type", r->content_type);
	}
	if (has_body && !httpc_has_header(r, "Content-Length")) {
		buf_addf(out, "Content-Length: %zu\r\n", r->body_len);
	}
	for (char **h = r->headers; *h != NULL; h++) {
		buf_addf(out, "%s\r\n", *h);
	}
	buf_adds(out, "\r\n");
	buf_add(out, r->body, r->body_len);
}

/* The answer is complete: the connection goes back to the idle ones, or is closed. */
static void conn_complete(struct plain_conn *k)
{
	struct httpc_req *r = k->req;
	int keep =
	    k->parser.keep_alive && k->out_at == k->out.len && !k->client->closing;

	if (!keep) {
		conn_free(k);
	} else {
		k->req = NULL;
		r->conn = NULL;
		k->state = CONN_IDLE;
		buf_release(&k->out);
		http1_release(&k->parser);
		loop_io_set(k->io, LOOP_READ); /* so that a close is noticed */
		TAILQ_REMOVE(&k->client->conns, k, link);
		TAILQ_INSERT_TAIL(&k->client->conns, k, link);
	}
	httpc_done(r, 0, NULL);
}

static int conn_open(struct httpc_req *r, struct error *err);

/*
 * The peer went away.  When it did so on a kept connection before a byte of the answer,
 * it had closed that one already: the request was not read, and goes over a new one.
 */
static void conn_lost(struct plain_conn *k, int rc, const struct error *err)
{
	struct httpc_req *r = k->req;
	struct error e;

	if (!k->reused || k->parser.started) {
		conn_fail(k, rc, err);
		return;
	}
	conn_free(k);
	rc = conn_open(r, &e);
	if (rc < 0) {
		httpc_done(r, rc, &e);
	}
}

static void conn_read(struct plain_conn *k)
{
	static char chunk[READ_SIZE]; /* loop thread only; never kept */
	struct error err;

	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t n = recv(k->fd, chunk, sizeof(chunk), 0);
		size_t used;
		int rc;

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			return;
		}
		if (n < 0) {
			rc =
			    err_set(&err, ERR_UNAVAILABLE, "read: %s", strerror(errno));
			conn_lost(k, rc, &err);
			return;
		}
		if (n == 0) {
			rc = http1_eof(&k->parser, &err);
			if (rc < 0) {
				conn_lost(k, rc, &err);
				return;
			}
			k->parser.keep_alive = 0;
			conn_complete(k);
			return;
		}
		rc = http1_feed(&k->parser, chunk, (size_t)n, &used, &err);
		if (rc < 0) {
			conn_fail(k, rc, &err);
			return;
		}
		if (rc == 1) {
			/* more bytes than the answer: not a peer to keep */
			k->parser.keep_alive &= used == (size_t)n;
			conn_complete(k);
			return;
		}
	}
}

/*
 * A failed write is not the end: a server may answer (413) and close without reading
 * all. What it said is still there to read, so the rest is dropped and reading goes on.
 */
static void conn_write(struct plain_conn *k)
{
	while (k->out_at < k->out.len) {
		ssize_t n = send(k->fd, k->out.data + k->out_at, k->out.len - k->out_at,
				 MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			return;
		}
		if (n < 0) {
			break;
		}
		k->out_at += (size_t)n;
	}
	loop_io_set(k->io, LOOP_READ);
}

static void conn_begin(struct plain_conn *k)
{
	struct httpc_req *r = k->req;

	heap_remove(&k->client->connects, &k->connect_by);
	k->state = CONN_EXCHANGE;
	buf_reset(&k->out);
	k->out_at = 0;
	write_request(&k->out, r);
	http1_init(&k->parser, &r->answer, r->max_body, strcmp(r->method, "HEAD") == 0);
	loop_io_set(k->io, LOOP_READ | LOOP_WRITE);
}

static void try_connect(struct plain_conn *k);

static void on_connected(struct plain_conn *k)
{
	int code = 0;
	socklen_t len = sizeof(code);

	if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0) {
		code = errno;
	}
	if (code == 0) {
		conn_begin(k);
		return;
	}
	errno = code;
	try_connect(k);
}

static void on_conn_io(int fd, unsigned int events, void *arg)
{
	struct plain_conn *k = arg;

	(void)fd;
	switch (k->state) {
	case CONN_CONNECTING:
		on_connected(k);
		break;
	case CONN_EXCHANGE:
		if ((events & LOOP_WRITE) != 0) {
			conn_write(k);
		}
		if ((events & LOOP_READ) != 0) {
			conn_read(k);
		}
		break;
	case CONN_IDLE: /* closed by the peer, or bytes that nobody asked for */
		conn_free(k);
		break;
	case CONN_RESOLVING:
		BUG("input on a connection that has no socket");
	}
}

static int open_socket(struct plain_conn *k, const struct sockaddr *sa, socklen_t len)
{
	int one = 1;

	loop_io_free(k->io);
	k->io = NULL;
	if (k->fd >= 0) {
		close(k->fd);
	}
	k->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->fd < 0) {
		return -1;
	}
	if (sa->sa_family != AF_UNIX) {
		/* whole requests are written at once; waiting only adds latency */
		(void)setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	if (connect(k->fd, sa, len) < 0 && errno != EINPROGRESS) {
		return -1;
	}
	k->io = loop_io_new(k->client->loop, k->fd, LOOP_WRITE, on_conn_io, k);
	k->state = CONN_CONNECTING;
	return k->io == NULL ? -1 : 0;
}

static int unix_address(const char *path, struct sockaddr_un *ret_sa,
			socklen_t *ret_len)
{
	size_t n = strlen(path);

	*ret_sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n >= sizeof(ret_sa->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(ret_sa->sun_path, path, n);
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return 0;
}

/* The next address; errno tells why the last one did not work when none is left. */
static void try_connect(struct plain_conn *k)
{
	struct error err;
	int code = errno;

	while (k->next_addr < k->addrs.count) {
		const struct resolve_addr *a = &k->addrs.addr[k->next_addr++];

		if (open_socket(k, (const struct sockaddr *)&a->sa, a->len) == 0) {
			return;
		}
		code = errno;
	}
	err_set(&err, ERR_UNAVAILABLE, "connect: %s", strerror(code));
	conn_fail(k, -ERR_UNAVAILABLE, &err);
}

/* One of the addresses is where the request may not go. */
static int refused(const struct plain_conn *k, struct error *err)
{
	for (int i = 0; k->req->unix_socket == NULL && i < k->addrs.count; i++) {
		if (httpc_refuse_address(k->req,
					 (const struct sockaddr *)&k->addrs.addr[i].sa,
					 err) < 0) {
			return 1;
		}
	}
	return 0;
}

static void on_resolved(int rc, const struct resolve_addrs *addrs,
			const struct error *err, void *arg)
{
	struct plain_conn *k = arg;
	struct error why;

	k->resolve = NULL;
	if (rc < 0) {
		conn_fail(k, rc, err);
		return;
	}
	k->addrs = *addrs;
	if (refused(k, &why)) {
		conn_fail(k, -ERR_FORBIDDEN, &why);
		return;
	}
	try_connect(k);
}

/* Where to: 0 with addresses, 1 when a look-up is under way, or a negative code. */
static int find_addresses(struct plain_conn *k, struct error *err)
{
	const struct httpc_req *r = k->req;

	if (r->unix_socket != NULL) {
		struct sockaddr_un sa;

		k->addrs.count = 1;
		if (unix_address(r->unix_socket, &sa, &k->addrs.addr[0].len) < 0) {
			return err_set(err, ERR_INVALID, "%s: the path is too long",
				       r->unix_socket);
		}
		memcpy(&k->addrs.addr[0].sa, &sa, sizeof(sa));
		return 0;
	}
	if (resolve_numeric(r->url.host, r->url.port, &k->addrs)) {
		return 0;
	}
	k->state = CONN_RESOLVING;
	k->resolve = resolve_start(k->client->loop, r->url.host, r->url.port,
				   on_resolved, k, err);
	return k->resolve == NULL ? -ERR_BUSY : 1;
}

/* Idle connections make room for new ones: the least recently used goes first. */
static void make_room(struct httpc *c)
{
	struct plain_conn *k = TAILQ_FIRST(&c->conns);

	while (k != NULL && c->conn_count >= c->max_connections) {
		struct plain_conn *next = TAILQ_NEXT(k, link);

		if (k->state == CONN_IDLE) {
			conn_free(k);
		}
		k = next;
	}
}

static int conn_open(struct httpc_req *r, struct error *err)
{
	struct httpc *c = r->client;
	struct plain_conn *k = xcalloc(1, sizeof(*k));
	int rc;

	make_room(c);
	k->client = c;
	k->fd = -1;
	k->state = CONN_RESOLVING;
	k->key = key_of(r);
	k->req = r;
	buf_init(&k->out);
	http1_init(&k->parser, &r->answer, r->max_body, 0);
	TAILQ_INSERT_TAIL(&c->conns, k, link);
	c->conn_count++;
	r->conn = k;
	heap_set(&c->connects, &k->connect_by, clock_mono_ms() + r->connect_timeout_ms);
	rc = find_addresses(k, err);
	if (rc == 0 && refused(k, err)) {
		rc = -ERR_FORBIDDEN;
	}
	if (rc < 0) {
		conn_free(k);
		return rc;
	}
	if (rc == 0) {
		try_connect(k); /* its failure comes through httpc_done() */
	}
	httpc_rearm(c);
	return 0;
}

int plain_start(struct httpc_req *r, struct error *err)
{
	char *key = key_of(r);
	struct plain_conn *k;

	/* the most recently used one is the least likely to be closed by the peer */
	TAILQ_FOREACH_REVERSE(k, &r->client->conns, conn_list, link)
	{
		if (k->state == CONN_IDLE && strcmp(k->key, key) == 0) {
			break;
		}
	}
	free(key);
	if (k == NULL) {
		return conn_open(r, err);
	}
	k->req = r;
	k->reused = 1;
	r->conn = k;
	conn_begin(k);
	return 0;
}

void plain_abort(struct httpc_req *r)
{
	conn_free(r->conn);
}

void plain_tick(struct httpc *c, int64_t now_ms)
{
	while (heap_min_key(&c->connects) <= now_ms) {
		struct plain_conn *k =
		    container_of(heap_min(&c->connects), struct plain_conn, connect_by);
		struct error err;

		err_set(&err, ERR_TIMEOUT, "%s did not finish in %lld ms",
			k->state == CONN_RESOLVING ? "the look-up of the host name"
						   : "connecting",
			(long long)k->req->connect_timeout_ms);
		conn_fail(k, -ERR_TIMEOUT, &err);
	}
}

void plain_close_all(struct httpc *c)
{
	struct plain_conn *k;

	while ((k = TAILQ_FIRST(&c->conns)) != NULL) {
		/* the analyzer does not see that the list has a new head */
		conn_free(k); /* NOLINT(clang-analyzer-unix.Malloc) */
	}
}
