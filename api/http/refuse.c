/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse.c - a declared body that is too large gets its 413 at once.
 *
 * evhttp would read it to its end first.  When the head is there, the declared length
 * is noted and taken away, so that the request counts as complete; it is then answered
 * by hand, our side is shut, and what the client still sends is thrown away for a
 * while: closing with unread bytes would reset the connection and take the answer
 * along.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>

#include "api/http/http_priv.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

#define HEAD_LOOK  4096 /* bytes of a head that are looked at at a time */
#define LINGER_MS  2000
#define LINGER_MAX ((size_t)256 << 20) /* bytes that are thrown away */

struct refusal {
	TAILQ_ENTRY(refusal) link; /* in the order of their deadlines */
	struct refusals *all;
	struct evhttp_connection *evcon; /* owns bev and the request */
	struct bufferevent *bev;
	int64_t deadline_ms;
	size_t thrown;
	int ended;
};

struct refusals {
	struct http_server *server;
	struct loop_timer *timer;
	TAILQ_HEAD(, refusal) list;
};

/* ---- the head ---- */

int64_t refuse_announced(struct evbuffer *in, int *ret_end)
{
	static const char name[] = "content-length:";
	char text[HEAD_LOOK + 1], *line = text, *next;
	ev_ssize_t n = evbuffer_copyout(in, text, HEAD_LOOK);
	char *number, *rest;
	long long length = -1;

	text[n > 0 ? n : 0] = '\0';
	for (; (next = strchr(line, '\n')) != NULL; line = next + 1) {
		*next = '\0';
		if (line[0] == '\0' || (line[0] == '\r' && line[1] == '\0')) {
			*ret_end = line != text; /* empty lines may come first */
			break;
		}
		if ((line[0] | 0x20) != name[0] ||
		    strncasecmp(line, name, sizeof(name) - 1) != 0) {
			continue;
		}
		number = line + sizeof(name) - 1;
		number += strspn(number, " \t");
		length = strtoll(number, &rest, 10); /* INT64_MAX when it is too much */
		if (rest == number || number[0] == '-' ||
		    rest[strspn(rest, " \t\r")] != '\0') {
			length = -1; /* not a number: evhttp says so */
		}
	}
	if (n == HEAD_LOOK && !*ret_end) {
		*ret_end = 1; /* a long head: its end would be missed */
	}
	return length;
}

/* ---- the end of the connection ---- */

static void refusal_free(void *arg)
{
	struct refusal *r = arg;

	TAILQ_REMOVE(&r->all->list, r, link);
	evhttp_connection_free(r->evcon);
	free(r);
}

static void finish(struct refusal *r)
{
	if (!r->ended) {
		r->ended = 1;
		bufferevent_setcb(r->bev, NULL, NULL, NULL, NULL);
		bufferevent_disable(r->bev, EV_READ | EV_WRITE);
		loop_defer_free(r->all->server->loop, refusal_free, r);
	}
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct refusal *r = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	r->thrown += evbuffer_get_length(in);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (r->thrown > LINGER_MAX) {
		finish(r);
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)arg;
	(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	finish(arg);
}

static void on_timer(void *arg)
{
	struct refusals *all = arg;
	int64_t now = loop_now_ms(all->server->loop);
	struct refusal *r;

	TAILQ_FOREACH (r, &all->list, link) {
		if (r->deadline_ms > now) {
			loop_timer_at(all->timer, r->deadline_ms);
			return;
		}
		finish(r);
	}
}

static struct refusal *take_over(struct refusals *all, struct bufferevent *bev,
				 struct evhttp_connection *evcon)
{
	struct refusal *r = xcalloc(1, sizeof(*r));

	r->all = all;
	r->evcon = evcon;
	r->bev = bev;
	r->deadline_ms = loop_now_ms(all->server->loop) + LINGER_MS;
	TAILQ_INSERT_TAIL(&all->list, r, link);
	bufferevent_setcb(r->bev, on_readable, on_written, on_event, r);
	bufferevent_set_timeouts(r->bev, NULL, NULL);
	bufferevent_enable(r->bev, EV_READ | EV_WRITE);
	if (TAILQ_FIRST(&all->list) == r) {
		loop_timer_at(all->timer, r->deadline_ms);
	}
	return r;
}

/* ---- the answer ---- */

struct later {
	struct http_server *server;
	int fd;
	uint64_t cookie;
	int64_t length;
};

static void answer(struct http_server *s, struct bufferevent *bev, int64_t length)
{
	struct evbuffer *body = evbuffer_new(), *out = bufferevent_get_output(bev);

	evbuffer_add_printf(body,
			    "{\"detail\":\"Request body of %lld bytes is too large: at "
			    "most %zu bytes are taken\"}",
			    (long long)length, s->body_max);
	evbuffer_add_printf(
	    out,
	    "HTTP/1.1 413 Request Entity Too Large\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\nAccess-Control-Allow-Origin: *\r\n\r\n",
	    evbuffer_get_length(body));
	evbuffer_add_buffer(out, body);
	evbuffer_free(body);
}

/* evhttp has read the head by now, and waits for the body; or it has refused it. */
static void refuse(void *arg)
{
	struct later *l = arg;
	struct http_server *s = l->server;
	struct http_conn *c = conns_find(s->conns, l->fd, l->cookie);
	struct bufferevent *bev = c != NULL ? conn_reading(c) : NULL;
	bufferevent_data_cb readcb = NULL;
	void *evcon = NULL;

	if (bev != NULL) {
		/* evhttp's own: none are left when it has given the connection up */
		bufferevent_getcb(bev, &readcb, NULL, NULL, &evcon);
	}
	if (readcb != NULL && evcon != NULL &&
	    evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
		log_debug("413: a body of %lld bytes is announced",
			  (long long)l->length);
		route_stats_count(s->unmatched, 413, 0);
		conn_upgraded(c); /* no deadlines but ours from now on */
		answer(s, bev, l->length);
		on_readable(bev, take_over(s->refusals, bev, evcon));
	}
	free(l);
}

void refuse_later(struct http_server *s, int fd, uint64_t cookie, int64_t length)
{
	struct later *l = xcalloc(1, sizeof(*l));

	*l = (struct later){s, fd, cookie, length};
	loop_defer(s->loop, refuse, l);
}

struct refusals *refusals_new(struct http_server *s)
{
	struct refusals *all = xcalloc(1, sizeof(*all));

	all->server = s;
	TAILQ_INIT(&all->list);
	all->timer = loop_timer_new(s->loop, on_timer, all);
	return all;
}

void refusals_free(struct refusals *all)
{
	struct refusal *r;

	if (all == NULL) {
		return;
	}
	TAILQ_FOREACH (r, &all->list, link) {
		finish(r);
	}
	loop_turn(all->server->loop, 0); /* runs what is deferred */
	loop_timer_free(all->timer);
	free(all);
}
