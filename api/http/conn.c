/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - every connection from accept to close: the cap, the deadline for slow
 * clients, and evhttp's own error pages as JSON.
 *
 * evhttp 2.1 tells nobody about connections that have not completed a request, so they
 * are noted where their bufferevent is made, and are known by descriptor and socket
 * cookie.  A sweep drops the notes whose descriptor is closed or belongs to another
 * socket by now; it never touches the bufferevent, which may be gone.  What must end is
 * shut down at the socket, so that evhttp sees the end of file and cleans up itself.
 */
#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "api/http/http_priv.h"
#include "api/http/tls.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/metrics.h"

#define SWEEP_MS          1000
#define SWEEP_MIN         64
#define ACCEPT_BACKOFF_MS 1000
#define WARN_EVERY_MS     60000
#define LISTEN_BACKLOG    1024
#define TRIM_PEAK         1000

struct http_conn {
	TAILQ_ENTRY(http_conn) link;
	struct conns *conns;
	struct bufferevent *bev; /* valid only while evhttp says so */
	int fd;                  /* -1: not known yet */
	int accepted;            /* the descriptor is known */
	uint64_t cookie;         /* of the socket: descriptors are reused */
	int64_t since_ms;        /* first byte of an unfinished request; 0: none */
	int head_seen;           /* the head of that request */
	int busy;                /* a handler runs, or its answer is being written */
	int upgraded;
	int rewriting;
};

struct conns {
	struct http_server *server;
	TAILQ_HEAD(, http_conn) list;
	struct http_conn **by_fd;
	size_t fd_size;
	int count, max, peak;
	struct evconnlistener *listener; /* owned by evhttp */
	struct loop_timer *sweep;
	struct loop_timer *accept_again;
	int stopped, paused;
	int64_t warn_again_ms;
	LIST_ENTRY(conns) server_link;
};

static LIST_HEAD(, conns) servers =
    LIST_HEAD_INITIALIZER(servers); /* one, but in tests */

static uint64_t socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0) {
		return 0;
	}
	return cookie;
}

static void conn_drop(struct http_conn *c)
{
	struct conns *all = c->conns;

	TAILQ_REMOVE(&all->list, c, link);
	if (c->fd >= 0 && all->by_fd[c->fd] == c) {
		all->by_fd[c->fd] = NULL;
	}
	all->count--;
	metric_set(&http_connections, all->count);
	free(c);
}

static void accept_pause(struct conns *all, const char *why)
{
	int64_t now_ms = loop_now_ms(all->server->loop);

	if (all->paused || all->stopped) {
		return;
	}
	if (now_ms >= all->warn_again_ms) {
		log_warn("not accepting connections for now: %s (%d are open)", why,
			 all->count);
		all->warn_again_ms = now_ms + WARN_EVERY_MS;
	}
	metric_add(&http_accept_paused, 1);
	evconnlistener_disable(all->listener);
	all->paused = 1;
}

static void on_accept_again(void *arg)
{
	struct conns *all = arg;

	if (all->paused && !all->stopped && all->count < all->max - all->max / 16) {
		all->paused = 0;
		evconnlistener_enable(all->listener);
	} else if (all->paused) {
		loop_timer_in(all->accept_again, ACCEPT_BACKOFF_MS);
	}
}

/* evhttp owns the callback's argument of "its" listener, hence the look-up. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
	int error = EVUTIL_SOCKET_ERROR();
	struct conns *all;

	(void)arg;
	LIST_FOREACH (all, &servers, server_link) {
		if (all->listener == l) {
			accept_pause(all, strerror(error));
			loop_timer_in(all->accept_again, ACCEPT_BACKOFF_MS);
		}
	}
}

/* ---- evhttp's error pages ---- */

static const char *error_page(int *status)
{
	switch (*status) {
	case 413:
		return "{\"detail\":\"Request too large: the body or the headers are "
		       "above the server's limit\"}";
	case 501: /* a method that HTTP knows and we do not */
		*status = 405;
		return "{\"detail\":\"Method Not Allowed\"}";
	case 400:
		return "{\"detail\":\"There was an error parsing the request\"}";
	default:
		return "{\"detail\":\"The request could not be handled\"}";
	}
}

static void replace_page(struct evbuffer *out, int status)
{
	const char *page = error_page(&status);

	evbuffer_drain(out, evbuffer_get_length(out));
	evbuffer_add_printf(out,
			    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
			    "Content-Length: %zu\r\nConnection: close\r\n"
			    "Access-Control-Allow-Origin: *\r\n\r\n%s",
			    status,
			    status == 413   ? "Request Entity Too Large"
			    : status == 405 ? "Method Not Allowed"
					    : "Bad Request",
			    strlen(page), page);
}

/* evhttp answers what never became a request with an HTML page of its own. */
static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *info,
		      void *arg)
{
	static const char end[] = "</BODY></HTML>\n";
	struct http_conn *c = arg;
	char text[1024];
	ssize_t n;

	if (info->n_added == 0 || c->busy || c->upgraded || c->rewriting ||
	    evbuffer_get_length(out) >= sizeof(text)) {
		return;
	}
	n = evbuffer_copyout(out, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (n < 64 || strncmp(text, "HTTP/1.", 7) != 0 ||
	    strchr("45", text[9]) == NULL || strcmp(text + n - strlen(end), end) != 0) {
		return;
	}
	c->rewriting = 1;
	replace_page(out, (int)strtol(text + 9, NULL, 10));
	c->rewriting = 0;
}

/* ---- life of a connection ---- */

/* evhttp would answer a body that is too large only when it has come. */
static void look_at_head(struct http_conn *c, struct evbuffer *in)
{
	struct http_server *s = c->conns->server;
	int64_t length = refuse_announced(in, &c->head_seen);

	if (length > 0 && (uint64_t)length > s->body_max && c->accepted) {
		c->head_seen = 1;
		refuse_later(s, c->fd, c->cookie, length);
	}
}

static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info,
		     void *arg)
{
	struct http_conn *c = arg;

	if (info->n_added == 0 || c->busy || c->upgraded) {
		return;
	}
	if (c->since_ms == 0) {
		c->since_ms = loop_now_ms(c->conns->server->loop);
		c->head_seen = 0;
	}
	if (!c->head_seen) {
		look_at_head(c, in);
	}
}

static void remember_fd(struct conns *all, struct http_conn *c)
{
	size_t want = ((size_t)c->fd + 64) * 2;

	if ((size_t)c->fd >= all->fd_size) {
		all->by_fd =
		    xreallocarray(all->by_fd, want, sizeof(struct http_conn *));
		memset((void *)(all->by_fd + all->fd_size), 0,
		       (want - all->fd_size) * sizeof(struct http_conn *));
		all->fd_size = want;
	}
	if (all->by_fd[c->fd] != NULL) {
		conn_drop(all->by_fd[c->fd]); /* closed and not swept yet */
	}
	all->by_fd[c->fd] = c;
}

/* In the turn of the accept: the descriptor has been set by now. */
static void on_accepted(void *arg)
{
	struct http_conn *c = arg;
	const int one = 1;

	if (c->conns == NULL) { /* the server is gone */
		free(c);
		return;
	}
	c->fd = bufferevent_getfd(c->bev);
	c->cookie = c->fd >= 0 ? socket_cookie(c->fd) : 0;
	if (c->cookie == 0) {
		c->fd = -1;
		conn_drop(c);
		return;
	}
	c->accepted = 1;
	/* an answer of two writes would wait 40 ms for a delayed acknowledgement */
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	remember_fd(c->conns, c);
}

static struct bufferevent *on_new_connection(struct event_base *base, void *arg)
{
	struct conns *all = arg;
	struct http_conn *c = xcalloc(1, sizeof(*c));

	c->conns = all;
	c->fd = -1;
	c->bev = all->server->tls != NULL ? http_tls_accept(all->server->tls, base)
					  : bufferevent_socket_new(base, -1, 0);
	if (c->bev == NULL) {
		free(c);
		return NULL;
	}
	evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c);
	evbuffer_add_cb(bufferevent_get_output(c->bev), on_output, c);
	TAILQ_INSERT_TAIL(&all->list, c, link);
	all->count++;
	all->peak = all->count > all->peak ? all->count : all->peak;
	metric_set(&http_connections, all->count);
	loop_defer(all->server->loop, on_accepted, c);
	if (all->count >= all->max) {
		accept_pause(all, "the limit is reached");
		loop_timer_in(all->accept_again, ACCEPT_BACKOFF_MS);
	}
	if (all->count == 1) {
		loop_timer_in(all->sweep, SWEEP_MS);
	}
	return c->bev;
}

static void sweep_one(struct http_conn *c, int64_t now_ms)
{
	if (socket_cookie(c->fd) != c->cookie) {
		conn_drop(c);
	} else if (c->since_ms != 0 && !c->busy && !c->upgraded &&
		   now_ms - c->since_ms > c->conns->server->request_ms) {
		c->since_ms = 0;
		metric_add(&http_slow_cut, 1);
		(void)shutdown(c->fd, SHUT_RDWR);
	}
}

static void on_sweep(void *arg)
{
	struct conns *all = arg;
	int64_t now_ms = loop_now_ms(all->server->loop);
	int left = all->count / 2 + SWEEP_MIN;
	struct http_conn *c;

	left = left < all->count ? left : all->count;
	while (left-- > 0 && (c = TAILQ_FIRST(&all->list)) != NULL) {
		TAILQ_REMOVE(&all->list, c, link);
		TAILQ_INSERT_TAIL(&all->list, c, link);
		if (c->accepted) {
			sweep_one(c, now_ms);
		}
	}
	http_watch_gone(all->server);
	if (all->peak >= TRIM_PEAK && all->count < all->peak / 8) {
		all->peak = all->count;
		(void)malloc_trim(0); /* what a crowd needed goes back to the system */
	}
	if (all->paused) {
		on_accept_again(all);
	}
	if (all->count > 0) {
		loop_timer_in(all->sweep, SWEEP_MS);
	}
}

struct http_conn *conns_of(struct conns *c, struct evhttp_request *ev)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
	int fd = evcon != NULL
		     ? bufferevent_getfd(evhttp_connection_get_bufferevent(evcon))
		     : -1;

	return fd >= 0 && (size_t)fd < c->fd_size ? c->by_fd[fd] : NULL;
}

struct http_conn *conns_find(struct conns *c, int fd, uint64_t cookie)
{
	struct http_conn *one =
	    fd >= 0 && (size_t)fd < c->fd_size ? c->by_fd[fd] : NULL;

	return one != NULL && one->cookie == cookie && socket_cookie(fd) == cookie
		   ? one
		   : NULL;
}

struct bufferevent *conn_reading(const struct http_conn *c)
{
	return c->busy || c->upgraded ? NULL : c->bev;
}

void conn_busy(struct http_conn *c)
{
	c->busy = 1;
	c->since_ms = 0;
}

void conn_answered(struct http_conn *c)
{
	/* what has been pipelined counts from here */
	c->busy = 0;
	c->since_ms = evbuffer_get_length(bufferevent_get_input(c->bev)) > 0
			  ? loop_now_ms(c->conns->server->loop)
			  : 0;
}

void conn_upgraded(struct http_conn *c)
{
	c->upgraded = 1;
	c->busy = 0;
}

/* ---- the listener ---- */

static int bind_to(struct conns *all, const struct addrinfo *ai)
{
	all->listener = evconnlistener_new_bind(
	    loop_base(all->server->loop), NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
	    LISTEN_BACKLOG, ai->ai_addr, (int)ai->ai_addrlen);
	return all->listener != NULL;
}

static int bound_port(struct evconnlistener *l)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr = {0};
	socklen_t len = sizeof(addr);

	if (getsockname(evconnlistener_get_fd(l), &addr.any, &len) < 0) {
		return 0;
	}
	return ntohs(addr.any.sa_family == AF_INET6 ? addr.v6.sin6_port
						    : addr.v4.sin_port);
}

int conns_listen(struct conns *c, const char *host, int port, int *ret_port,
		 struct error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list = NULL, *ai;
	char service[16];
	int rc;

	(void)snprintf(service, sizeof(service), "%d", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0) {
		return err_set(err, ERR_INVALID, "cannot listen on host %s: %s", host,
			       gai_strerror(rc));
	}
	for (ai = list; ai != NULL && !bind_to(c, ai); ai = ai->ai_next) {
	}
	rc = errno;
	freeaddrinfo(list);
	if (c->listener == NULL) {
		errno = rc;
		return err_set(err, ERR_CONFLICT, "cannot listen on %s port %d: %s%s",
			       host, port, strerror(rc),
			       rc == EADDRINUSE
				   ? "; choose another with --port (0 takes a free one)"
				   : "");
	}
	evhttp_set_bevcb(c->server->ev, on_new_connection, c);
	if (evhttp_bind_listener(c->server->ev, c->listener) == NULL) {
		BUG("evhttp_bind_listener failed");
	}
	evconnlistener_set_error_cb(c->listener, on_accept_error);
	*ret_port = bound_port(c->listener);
	return 0;
}

void conns_stop_accepting(struct conns *c)
{
	c->stopped = 1;
	if (c->listener != NULL) {
		evconnlistener_disable(c->listener);
	}
}

int conns_count(const struct conns *c)
{
	return c->count;
}

struct conns *conns_new(struct http_server *s, int max)
{
	struct conns *c = xcalloc(1, sizeof(*c));

	c->server = s;
	c->max = max;
	TAILQ_INIT(&c->list);
	LIST_INSERT_HEAD(&servers, c, server_link);
	c->sweep = loop_timer_new(s->loop, on_sweep, c);
	c->accept_again = loop_timer_new(s->loop, on_accept_again, c);
	return c;
}

void conns_free(struct conns *c)
{
	struct http_conn *one;

	if (c == NULL) {
		return;
	}
	while ((one = TAILQ_FIRST(&c->list)) != NULL) {
		TAILQ_REMOVE(&c->list, one, link);
		if (one->accepted) {
			free(one);
		} else {
			one->conns = NULL; /* on_accepted() is under way */
		}
	}
	LIST_REMOVE(c, server_link);
	loop_timer_free(c->sweep);
	loop_timer_free(c->accept_again);
	free(c->by_fd);
	free(c);
}
