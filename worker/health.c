/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.c - a listener that answers one request per connection: probes send no more.
 */
#include "worker/health.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/queue_ext.h"
#include "worker/worker.h"

#define ANSWER_MAX 512

struct health_conn {
	TAILQ_ENTRY(health_conn) link;
	struct health *health;
	struct loop_io *io;
	int fd;
	int64_t by_ms;
	size_t len;
	char head[HEALTH_HEAD_MAX + 1];
};

struct health {
	struct worker *w;
	struct loop_io *io;
	struct loop_timer *timer; /* connections that send nothing */
	int fd, port, count;
	TAILQ_HEAD(, health_conn) conns;
};

int health_answer(const char *request, int64_t age_ms, int64_t query_ms, char *out,
		  size_t size)
{
	size_t method = strcspn(request, " \r\n");
	const char *path = request + method + (request[method] == ' ');
	size_t len = strcspn(path, " ?\r\n");
	int get = method == 3 && strncmp(request, "GET", 3) == 0;
	int known = len == 7 && strncmp(path, "/health", 7) == 0;
	const char *status, *body;

	if (!known) {
		status = "404 Not Found";
		body = "{\"detail\":\"Not Found\"}";
	} else if (!get) {
		status = "405 Method Not Allowed";
		body = "{\"detail\":\"Method Not Allowed\"}";
	} else if (age_ms > HEALTH_QUERIES * query_ms) {
		status = "503 Service Unavailable";
		body = "{\"message\":\"Worker may be unresponsive at this time\"}";
	} else {
		status = "200 OK";
		body = "{\"message\":\"OK\"}";
	}
	return snprintf(out, size,
			"HTTP/1.1 %s\r\ncontent-type: application/json\r\n"
			"content-length: %zu\r\nconnection: close\r\n\r\n%s",
			status, strlen(body), body);
}

static void conn_close(struct health_conn *c)
{
	TAILQ_REMOVE(&c->health->conns, c, link);
	c->health->count--;
	loop_io_free(c->io);
	(void)close(c->fd);
	free(c);
}

static void answer(struct health_conn *c)
{
	const struct worker *w = c->health->w;
	char text[ANSWER_MAX];
	int n = health_answer(c->head, loop_now_ms(w->loop) - w->looked_ms,
			      w->conf->query_s * 1000, text, sizeof(text));

	/* some hundred bytes into an empty socket buffer: short means that nobody reads
	 */
	(void)send(c->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(c->fd, SHUT_WR);
	conn_close(c);
}

static void on_readable(int fd, unsigned int events, void *arg)
{
	struct health_conn *c = arg;
	ssize_t n = recv(fd, c->head + c->len, HEALTH_HEAD_MAX - c->len, MSG_DONTWAIT);

	(void)events;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	c->len += (size_t)n;
	c->head[c->len] = '\0';
	if (strstr(c->head, "\r\n\r\n") != NULL) {
		answer(c);
	} else if (c->len == HEALTH_HEAD_MAX || strlen(c->head) < c->len) {
		conn_close(c); /* no request that a probe would send */
	}
}

static void on_timer(void *arg)
{
	struct health *h = arg;
	struct health_conn *c;

	/* the oldest is first */
	while ((c = TAILQ_FIRST(&h->conns)) != NULL &&
	       /* the analyzer does not see that conn_close() takes it off the list */
	       /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	       c->by_ms <= loop_now_ms(h->w->loop)) {
		conn_close(c);
	}
	if (c != NULL) {
		loop_timer_at(h->timer, c->by_ms);
	}
}

static void on_connect(int fd, unsigned int events, void *arg)
{
	struct health *h = arg;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct health_conn *c;

	(void)events;
	if (peer < 0) {
		return;
	}
	if (h->count >= HEALTH_CONNECTIONS_MAX) {
		(void)close(peer);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->health = h;
	c->fd = peer;
	c->by_ms = loop_now_ms(h->w->loop) + HEALTH_WAIT_MS;
	c->io = loop_io_new(h->w->loop, peer, LOOP_READ, on_readable, c);
	TAILQ_INSERT_TAIL(&h->conns, c, link);
	h->count++;
	loop_timer_at(h->timer, TAILQ_FIRST(&h->conns)->by_ms);
}

static int listen_at(const struct addrinfo *ai, int *ret_fd)
{
	const int on = 1;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, 16) < 0) {
		(void)close(fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

static int port_of(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	memset(&sa, 0, sizeof(sa));
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
		return 0;
	}
	return ntohs(sa.ss_family == AF_INET6
			 ? ((const struct sockaddr_in6 *)&sa)->sin6_port
			 : ((const struct sockaddr_in *)&sa)->sin_port);
}

static int open_listener(const char *host, int port, int *ret_fd, struct error *err)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
				       .ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
	struct addrinfo *ai = NULL;
	char service[16];
	int rc = 0;

	(void)snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, service,
			&hints, &ai) != 0) {
		return err_set(err, ERR_USAGE,
			       "--webserver-host must be a numeric address, not '%s'.",
			       host);
	}
	if (listen_at(ai, ret_fd) < 0) {
		rc = err_errno(err,
			       "--with-healthcheck: listen on %s port %d "
			       "(PREFECT_WORKER_WEBSERVER_PORT chooses another)",
			       host, port);
	}
	freeaddrinfo(ai);
	return rc;
}

struct health *health_new(struct worker *w, const char *host, int port,
			  struct error *err)
{
	struct health *h;
	int fd = -1;

	if (open_listener(host, port, &fd, err) < 0) {
		return NULL;
	}
	h = xcalloc(1, sizeof(*h));
	h->w = w;
	h->fd = fd;
	h->port = port_of(fd);
	TAILQ_INIT(&h->conns);
	h->timer = loop_timer_new(w->loop, on_timer, h);
	h->io = loop_io_new(w->loop, fd, LOOP_READ, on_connect, h);
	return h;
}

void health_free(struct health *h)
{
	if (h == NULL) {
		return;
	}
	while (!TAILQ_EMPTY(&h->conns)) {
		/* the analyzer does not see that conn_close() takes it off the list */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		conn_close(TAILQ_FIRST(&h->conns));
	}
	loop_io_free(h->io);
	loop_timer_free(h->timer);
	(void)close(h->fd);
	free(h);
}

int health_port(const struct health *h)
{
	return h->port;
}
