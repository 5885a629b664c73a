/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server.c - the HTTP server of the tests.
 */
#include "tests/unit/base/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define REQUEST_MAX     65536

struct http_server {
	int fd, port;
	pthread_t acceptor;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int released, stopping, held, most_held;
	int count;
	int fds[CONNECTIONS_MAX];
	pthread_t threads[CONNECTIONS_MAX];
};

struct connection {
	struct http_server *server;
	int fd, number;
	char in[REQUEST_MAX + 1];
	size_t len;
};

struct request {
	char method[16], path[64], test_header[64];
	const char *body;
	size_t body_len, total;
};

static void put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0) {
			return;
		}
		data += n;
		len -= (size_t)n;
	}
}

static void puts_to(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

static void answer(int fd, const char *status, const char *headers, const char *body,
		   size_t len)
{
	char head[512];

	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
		 status, headers, len);
	puts_to(fd, head);
	put(fd, body, len);
}

/* Reads until a whole request is in; 0 when the peer closed. */
static int read_request(struct connection *k, struct request *r)
{
	const char *end;
	const char *h;

	for (;;) {
		ssize_t n;

		k->in[k->len] = '\0';
		end = strstr(k->in, "\r\n\r\n");
		if (end != NULL) {
			size_t length = 0;

			h = strcasestr(k->in, "\r\nContent-Length:");
			if (h != NULL && h < end) {
				length = strtoul(h + 17, NULL, 10);
			}
			r->body = end + 4;
			r->body_len = length;
			r->total = (size_t)(r->body - k->in) + length;
			if (k->len >= r->total) {
				break;
			}
		}
		n = recv(k->fd, k->in + k->len, REQUEST_MAX - k->len, 0);
		if (n <= 0) {
			return 0;
		}
		k->len += (size_t)n;
	}
	r->test_header[0] = '\0';
	h = strcasestr(k->in, "\r\nX-Test: ");
	if (h != NULL) {
		sscanf(h + 10, "%63[^\r]", r->test_header);
	}
	return sscanf(k->in, "%15s %63s", r->method, r->path) == 2;
}

static void wait_for_release(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->held++;
	s->most_held = s->held > s->most_held ? s->held : s->most_held;
	pthread_cond_broadcast(&s->changed);
	while (!s->released && !s->stopping) {
		pthread_cond_wait(&s->changed, &s->lock);
	}
	s->held--;
	pthread_mutex_unlock(&s->lock);
}

static void answer_echo(int fd, const struct request *r)
{
	char text[4096];
	int n = snprintf(text, sizeof(text), "%s %s [%s] %.*s", r->method, r->path,
			 r->test_header, (int)r->body_len, r->body);

	answer(fd, "200 OK", "Content-Type: text/plain\r\n", text, (size_t)n);
}

static void answer_big(int fd)
{
	char *body = malloc(100000);

	memset(body, 'x', 100000);
	answer(fd, "200 OK", "", body, 100000);
	free(body);
}

/* 1 when the connection may go on. */
static int respond(struct connection *k, const struct request *r)
{
	static const struct {
		const char *path, *status, *headers;
	} fixed[] = {
	    {"/missing", "404 Not Found", ""},
	    {"/busy", "503 Busy", "Retry-After: 1.5\r\n"},
	    {"/to-echo", "307 There", "Location: /echo?x=1\r\n"},
	    {"/found", "302 There", "Location: echo\r\n"},
	    {"/loop", "307 Here", "Location: /loop\r\n"},
	};
	char text[16];

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
		if (strcmp(r->path, fixed[i].path) == 0) {
			answer(k->fd, fixed[i].status, fixed[i].headers, "no", 2);
			return 1;
		}
	}
	if (strncmp(r->path, "/echo", 5) == 0) {
		answer_echo(k->fd, r);
	} else if (strcmp(r->path, "/chunked") == 0) {
		puts_to(k->fd, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
			       "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n");
		puts_to(k->fd, "6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n");
	} else if (strcmp(r->path, "/eof") == 0) {
		puts_to(k->fd, "HTTP/1.0 200 OK\r\n\r\nuntil the end");
		return 0;
	} else if (strcmp(r->path, "/cut") == 0) {
		puts_to(k->fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
		return 0;
	} else if (strcmp(r->path, "/garbage") == 0) {
		puts_to(k->fd, "220 smtp.example.org\r\n");
		return 0;
	} else if (strcmp(r->path, "/big") == 0) {
		answer_big(k->fd);
	} else if (strcmp(r->path, "/slow") == 0) {
		return recv(k->fd, text, 1, 0) < 0; /* until the peer closes */
	} else if (strcmp(r->path, "/hold") == 0) {
		wait_for_release(k->server);
		answer(k->fd, "200 OK", "", "held", 4);
	} else {
		snprintf(text, sizeof(text), "%d", k->number);
		answer(k->fd, "200 OK", "", text, strlen(text));
		return strcmp(r->path, "/once") != 0;
	}
	return 1;
}

static void *serve(void *arg)
{
	struct connection *k = arg;
	struct request r;

	while (read_request(k, &r) && respond(k, &r)) {
		memmove(k->in, k->in + r.total, k->len - r.total);
		k->len -= r.total;
	}
	shutdown(k->fd, SHUT_RDWR);
	free(k);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct http_server *s = arg;

	for (;;) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		struct connection *k;

		if (fd < 0) {
			return NULL;
		}
		pthread_mutex_lock(&s->lock);
		if (s->count == CONNECTIONS_MAX) {
			abort();
		}
		k = calloc(1, sizeof(*k));
		k->server = s;
		k->fd = s->fds[s->count] = fd;
		k->number = s->count + 1;
		pthread_create(&s->threads[s->count++], NULL, serve, k);
		pthread_mutex_unlock(&s->lock);
	}
}

static struct http_server *start(const struct sockaddr *sa, socklen_t len)
{
	struct http_server *s = calloc(1, sizeof(*s));
	struct sockaddr_in got = {0};
	socklen_t got_len = sizeof(got);

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, sa, len) < 0 || listen(s->fd, 128) < 0) {
		abort();
	}
	if (sa->sa_family == AF_INET) {
		getsockname(s->fd, (struct sockaddr *)&got, &got_len);
		s->port = ntohs(got.sin_port);
	}
	pthread_create(&s->acceptor, NULL, accept_all, s);
	return s;
}

struct http_server *http_server_start(void)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return start((const struct sockaddr *)&sa, sizeof(sa));
}

struct http_server *http_server_start_unix(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	strncpy(sa.sun_path, path, sizeof(sa.sun_path) - 1);
	return start((const struct sockaddr *)&sa, sizeof(sa));
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

static int locked(struct http_server *s, const int *field)
{
	int v;

	pthread_mutex_lock(&s->lock);
	v = *field;
	pthread_mutex_unlock(&s->lock);
	return v;
}

int http_server_connections(struct http_server *s)
{
	return locked(s, &s->count);
}

int http_server_most_held(struct http_server *s)
{
	return locked(s, &s->most_held);
}

void http_server_release(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->released = 1;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void http_server_stop(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = 1;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->acceptor, NULL);
	close(s->fd);
	for (int i = 0; i < s->count; i++) {
		shutdown(s->fds[i], SHUT_RDWR);
		pthread_join(s->threads[i], NULL);
		close(s->fds[i]);
	}
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
