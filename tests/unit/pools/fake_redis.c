/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_redis.c - see fake_redis.h.
 */
#include "tests/unit/pools/fake_redis.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/loop.h"

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)arg;
	bufferevent_free(bev);
}

static void answer(struct fake_redis *f, struct bufferevent *bev, const char *command)
{
	const char *text = strcmp(command, "PING") == 0
			       ? (f->ping != NULL ? f->ping : "+PONG\r\n")
			       : f->answer;

	f->commands++;
	if (text == NULL) {
		return;
	}
	for (int i = 0; i <= f->push_more; i++) {
		(void)bufferevent_write(bev, text, strlen(text));
	}
	if (f->close_after && text == f->answer) {
		bufferevent_setcb(bev, NULL, on_written, NULL, f);
	}
}

/* A command is "*<n>" and n times "$<len>" and a word; only the first word counts. */
static void on_read(struct bufferevent *bev, void *arg)
{
	struct fake_redis *f = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	char *line;
	static int left;

	while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF)) != NULL) {
		if (line[0] == '*') {
			left = 2;
		} else if (left == 2) {
			left = 1;
		} else if (left == 1) {
			left = 0;
			answer(f, bev, line);
		}
		free(line);
	}
}

static void on_event(struct bufferevent *bev, short events, void *arg)
{
	(void)arg;
	if ((events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) {
		bufferevent_free(bev);
	}
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
		      int len, void *arg)
{
	struct fake_redis *f = arg;

	(void)sa;
	(void)len;
	f->connections++;
	struct bufferevent *bev = bufferevent_socket_new(evconnlistener_get_base(l), fd,
							 BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, on_read, NULL, on_event, f);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

void fake_redis_start(struct fake_redis *f, struct loop *loop)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);

	f->listener =
	    evconnlistener_new_bind(loop_base(loop), on_accept, f,
				    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
				    (struct sockaddr *)&sin, sizeof(sin));
	cr_assert_not_null(f->listener);
	(void)getsockname(evconnlistener_get_fd(f->listener), (struct sockaddr *)&sin,
			  &len);
	(void)snprintf(f->url, sizeof(f->url), "redis://127.0.0.1:%d",
		       ntohs(sin.sin_port));
}

void fake_redis_stop(struct fake_redis *f)
{
	evconnlistener_free(f->listener);
	f->listener = NULL;
}
