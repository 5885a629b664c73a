/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis.c - see redis.h.  The only file that knows hiredis, and only its codec.
 *
 *   DOWN --due--> RESOLVING --> CONNECTING --connected--> LOGIN --PONG--> UP
 *    ^               |              |                       |             |
 *    +---------------+--- failed ---+-----------------------+-------------+
 *
 * Commands are in one of two lists: `sent` (written, answered in order) or `waiting`
 * (no connection yet).  All deadlines are in one heap, one timer serves them and the
 * states.
 */
#include "pools/redis.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "base/backoff.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/resolve.h"
#include "base/sm.h"
#include "pools/sentinel.h"
#include "pools/tls.h"
#include "pools/url.h"

#define REDIS_ELEMENTS_MAX (1 << 20) /* of one array */
#define REDIS_QUIET_PINGS  3         /* unanswered ones that break a subscriber */

enum conn_state {
	CONN_DOWN = 1,
	CONN_RESOLVING,
	CONN_CONNECTING,
	CONN_LOGIN,
	CONN_UP,
	CONN_STATE_MAX
};

static const struct sm_state conn_states[CONN_STATE_MAX] = {
    [CONN_DOWN] = {"down", SM_TO(CONN_RESOLVING) | SM_TO(CONN_CONNECTING), SM_INITIAL},
    [CONN_RESOLVING] = {"resolving", SM_TO(CONN_CONNECTING) | SM_TO(CONN_DOWN), 0},
    [CONN_CONNECTING] = {"connecting", SM_TO(CONN_LOGIN) | SM_TO(CONN_DOWN), 0},
    [CONN_LOGIN] = {"login", SM_TO(CONN_UP) | SM_TO(CONN_DOWN), 0},
    [CONN_UP] = {"up", SM_TO(CONN_DOWN), 0},
};

struct cmd {
	TAILQ_ENTRY(cmd) link;
	struct heap_node deadline;
	char *data; /* the request, until it is written */
	size_t len;
	int sent;
	redis_fn fn;
	void *arg;
};
TAILQ_HEAD(cmd_list, cmd);

struct redis {
	struct loop *loop;
	struct redis_url url;
	char *show; /* the URL without secrets */
	struct redis_ops ops;
	struct loop_timer *timer;
	struct backoff backoff;
	enum conn_state state;
	int64_t state_at_ms; /* when the state has to be looked at */
	struct resolve *resolve;
	struct sentinel_ask *ask;
	unsigned int sentinel; /* which one is asked next */
	struct resolve_addrs addrs;
	int addr_next;
	struct bufferevent *bev;
	struct tls *tls; /* of bev */
	char host[256];  /* whose certificate is expected */
	redisReader *reader;
	redisReplyObjectFunctions reader_fn;
	size_t reply_bytes; /* fed since the last whole reply */
	struct cmd_list sent, waiting;
	struct heap deadlines;
	size_t in_flight;
	int login_left;
	int quiet_pings;
	int told_up; /* what ops.up was told last; -1: nothing */
	int closed;
	struct error last; /* why it is down */
};

/* ---- replies ---- */

static const redisReply *raw(const struct redis_reply *r)
{
	return (const redisReply *)r;
}

enum redis_type redis_type(const struct redis_reply *r)
{
	switch (raw(r)->type) {
	case REDIS_REPLY_INTEGER:
		return REDIS_INT;
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
	case REDIS_REPLY_ERROR:
		return REDIS_STR;
	case REDIS_REPLY_ARRAY:
		return REDIS_ARRAY;
	default:
		return REDIS_NIL;
	}
}

const char *redis_str(const struct redis_reply *r)
{
	return redis_type(r) == REDIS_STR ? raw(r)->str : "";
}

size_t redis_len(const struct redis_reply *r)
{
	return redis_type(r) == REDIS_STR ? raw(r)->len : 0;
}

int64_t redis_int(const struct redis_reply *r)
{
	if (redis_type(r) == REDIS_INT) {
		return raw(r)->integer;
	}
	return (int64_t)strtoll(redis_str(r), NULL, 10);
}

size_t redis_count(const struct redis_reply *r)
{
	return redis_type(r) == REDIS_ARRAY ? raw(r)->elements : 0;
}

const struct redis_reply *redis_at(const struct redis_reply *r, size_t i)
{
	PRE(i < redis_count(r));
	return (const struct redis_reply *)raw(r)->element[i];
}

/* ---- commands ---- */

static void cmd_free(struct cmd *c)
{
	redisFreeCommand(c->data);
	free(c);
}

/* Takes it out of its list; it then completes exactly once. */
static void cmd_unlink(struct redis *r, struct cmd *c)
{
	TAILQ_REMOVE(c->sent ? &r->sent : &r->waiting, c, link);
	heap_remove(&r->deadlines, &c->deadline);
	r->in_flight--;
}

static void cmd_fail(struct redis *r, struct cmd *c, const struct error *err)
{
	cmd_unlink(r, c);
	c->fn(-err->code, NULL, err, c->arg);
	cmd_free(c);
}

static void list_fail(struct redis *r, struct cmd_list *list, const struct error *err)
{
	const struct cmd *last = TAILQ_LAST(list, cmd_list);
	struct cmd *c;
	int end = last == NULL;

	/* What a callback adds behind `last` is not part of this failure. */
	while (!end && (c = TAILQ_FIRST(list)) != NULL) {
		end = c == last;
		cmd_fail(r, c, err);
	}
}

static struct cmd *cmd_new(const struct redis_cmd *spec, redis_fn fn, void *arg)
{
	struct cmd *c = xcalloc(1, sizeof(*c));
	int len = redisFormatCommandArgv(&c->data, spec->argc, spec->argv, spec->lens);

	if (len < 0) {
		BUG("redisFormatCommandArgv: out of memory");
	}
	c->len = (size_t)len;
	c->fn = fn;
	c->arg = arg;
	return c;
}

static void cmd_write(struct redis *r, struct cmd *c)
{
	bufferevent_write(r->bev, c->data, c->len);
	redisFreeCommand(c->data);
	c->data = NULL;
	c->sent = 1;
	TAILQ_INSERT_TAIL(&r->sent, c, link);
}

/* ---- the connection ---- */

static void conn_move(struct redis *r, enum conn_state next, int64_t look_at_ms)
{
	PRE(sm_allowed(conn_states, (int)r->state, (int)next));
	r->state = next;
	r->state_at_ms = look_at_ms;
}

static void timer_arm(struct redis *r)
{
	if (!r->closed) {
		int64_t key = heap_min_key(&r->deadlines);
		loop_timer_at(r->timer, MIN_OF(key, r->state_at_ms));
	}
}

static void tell_up(struct redis *r, int up)
{
	if (r->ops.up != NULL && r->told_up != up && !r->closed) {
		r->told_up = up;
		r->ops.up(up, up ? "connected" : r->last.msg, r->ops.arg);
	}
}

static void conn_release(struct redis *r)
{
	resolve_cancel(r->resolve);
	r->resolve = NULL;
	sentinel_cancel(r->ask);
	r->ask = NULL;
	if (r->bev != NULL) {
		bufferevent_free(r->bev);
		r->bev = NULL;
		r->tls = NULL;
	}
	if (r->reader != NULL) {
		redisReaderFree(r->reader);
		r->reader = NULL;
	}
}

/* Everything that was written has an unknown fate; what waits goes on waiting. */
static void conn_break(struct redis *r, const struct error *why)
{
	struct error err = *why;

	if (r->state == CONN_DOWN || r->closed) {
		return;
	}
	r->last = err;
	conn_release(r);
	conn_move(r, CONN_DOWN,
		  loop_now_ms(r->loop) + backoff_next(&r->backoff, random_unit()));
	if (err.code != ERR_DENIED && err.code != ERR_PROTOCOL) {
		err.code = ERR_UNAVAILABLE;
	}
	list_fail(r, &r->sent, &err);
	tell_up(r, 0);
	timer_arm(r);
}

static void conn_up(struct redis *r)
{
	struct cmd *c;

	conn_move(r, CONN_UP, INT64_MAX);
	if (r->ops.push != NULL) {
		r->quiet_pings = 0;
		r->state_at_ms = loop_now_ms(r->loop) + REDIS_PING_MS;
	}
	backoff_reset(&r->backoff);
	while ((c = TAILQ_FIRST(&r->waiting)) != NULL) {
		TAILQ_REMOVE(&r->waiting, c, link);
		cmd_write(r, c);
	}
	tell_up(r, 1);
	timer_arm(r);
}

/* An answer of ROLE.  The sentinels may know of a failover later than the servers. */
static int is_replica(const struct redis_reply *reply)
{
	return redis_count(reply) > 0 &&
	       strcmp(redis_str(redis_at(reply, 0)), "master") != 0;
}

static void on_login_reply(int rc, const struct redis_reply *reply,
			   const struct error *err, void *arg)
{
	struct redis *r = arg;
	struct error why = {0};

	if (rc == 0 && r->state == CONN_LOGIN && is_replica(reply)) {
		(void)err_set(&why, ERR_UNAVAILABLE,
			      "%s: the server that it names is a replica still",
			      r->show);
		conn_break(r, &why);
	} else if (rc < 0 && r->state == CONN_LOGIN) {
		why = *err;
		(void)err_wrap(&why, "log in to %s", r->show);
		conn_break(r, &why);
	} else if (rc == 0 && --r->login_left == 0) {
		conn_up(r);
	}
}

static void login_send(struct redis *r, int argc, const char **argv)
{
	struct redis_cmd spec = {.argc = argc, .argv = argv};
	struct cmd *c = cmd_new(&spec, on_login_reply, r);

	heap_set(&r->deadlines, &c->deadline, r->state_at_ms);
	r->in_flight++;
	r->login_left++;
	cmd_write(r, c);
}

static void conn_login(struct redis *r)
{
	char db[16];

	conn_move(r, CONN_LOGIN, r->state_at_ms);
	r->login_left = 0;
	if (r->url.password != NULL && r->url.user != NULL) {
		login_send(r, 3,
			   (const char *[]){"AUTH", r->url.user, r->url.password});
	} else if (r->url.password != NULL) {
		login_send(r, 2, (const char *[]){"AUTH", r->url.password});
	}
	if (r->url.db != 0) {
		(void)snprintf(db, sizeof(db), "%d", r->url.db);
		login_send(r, 2, (const char *[]){"SELECT", db});
	}
	if (r->url.service != NULL) {
		login_send(r, 1, (const char *[]){"ROLE"});
	}
	login_send(r, 1, (const char *[]){"PING"});
}

/* ---- input ---- */

static void take_reply(struct redis *r, redisReply *reply)
{
	struct cmd *c = TAILQ_FIRST(&r->sent);
	struct error err = {0};

	r->quiet_pings = 0;
	if (c == NULL && r->ops.push != NULL) {
		r->ops.push((const struct redis_reply *)reply, r->ops.arg);
		return;
	}
	if (c == NULL) {
		(void)err_set(&err, ERR_PROTOCOL, "%s sent an answer nobody asked for",
			      r->show);
		conn_break(r, &err);
		return;
	}
	if (reply->type != REDIS_REPLY_ERROR) {
		cmd_unlink(r, c);
		c->fn(0, (const struct redis_reply *)reply, NULL, c->arg);
		cmd_free(c);
		return;
	}
	(void)err_set(&err, redis_error_code(reply->str), REDIS_ANSWERED "%s",
		      reply->str);
	cmd_fail(r, c, &err);
	if (strncmp(reply->str, "READONLY ", 9) == 0) {
		/* A replica: the next connection may find the new master. */
		conn_break(r, &err);
	}
}

/* Returns 0 when the connection is gone or no whole reply is there. */
static int next_reply(struct redis *r, redisReply **ret_reply)
{
	struct error err = {0};
	void *reply = NULL;

	if (r->closed || r->reader == NULL) {
		return 0;
	}
	if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
		(void)err_set(&err, ERR_PROTOCOL,
			      "%s does not speak the Redis protocol: %s", r->show,
			      r->reader->errstr);
		conn_break(r, &err);
		return 0;
	}
	*ret_reply = reply;
	return reply != NULL;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct redis *r = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct error err = {0};
	redisReply *reply = NULL;
	size_t n;

	while (r->bev == bev && (n = evbuffer_get_contiguous_space(in)) > 0) {
		const char *data = (const char *)evbuffer_pullup(in, (ev_ssize_t)n);
		redisReaderFeed(r->reader, data, n);
		evbuffer_drain(in, n);
		r->reply_bytes += n;
		while (r->bev == bev && next_reply(r, &reply)) {
			r->reply_bytes = 0;
			take_reply(r, reply);
			freeReplyObject(reply);
		}
		if (r->bev == bev && r->reply_bytes > REDIS_REPLY_MAX) {
			(void)err_set(&err, ERR_PROTOCOL,
				      "%s sent a reply above %zu bytes", r->show,
				      REDIS_REPLY_MAX);
			conn_break(r, &err);
		}
	}
	timer_arm(r);
}

static void connect_next(struct redis *r);

/* With errno: the next address, or the end of this attempt. */
static void connect_failed(struct redis *r)
{
	struct error err = {0};

	if (r->addr_next < r->addrs.count) {
		connect_next(r);
		return;
	}
	(void)err_errno(&err, "connect to %s", r->show);
	conn_break(r, &err);
}

static void on_event(struct bufferevent *bev, short events, void *arg);

static void on_tls(void *arg)
{
	conn_login(arg);
}

/* On the connected socket; the login comes after the handshake. */
static void start_tls(struct redis *r)
{
	struct error err = {0};
	struct bufferevent *raw = r->bev;

	bufferevent_setcb(raw, NULL, NULL, NULL, NULL);
	r->bev = tls_wrap(raw, &r->url, r->host, on_tls, r, &r->tls, &err);
	if (r->bev == NULL) {
		conn_break(r, &err);
		return;
	}
	bufferevent_setcb(r->bev, on_read, NULL, on_event, r);
	bufferevent_enable(r->bev, EV_READ | EV_WRITE);
}

static void on_event(struct bufferevent *bev, short events, void *arg)
{
	struct redis *r = arg;
	int saved = errno;
	struct error err = {0};

	if ((events & BEV_EVENT_CONNECTED) != 0) {
		r->url.tls && r->tls == NULL ? start_tls(r) : conn_login(r);
		timer_arm(r);
		return;
	}
	if (tls_why(r->tls) != NULL) {
		(void)err_set(&err, ERR_UNAVAILABLE, "%s: %s", r->show,
			      tls_why(r->tls));
		conn_break(r, &err);
		return;
	}
	if (r->state == CONN_CONNECTING) {
		bufferevent_free(bev);
		r->bev = NULL;
		errno = saved;
		connect_failed(r);
		return;
	}
	if ((events & BEV_EVENT_EOF) != 0) {
		(void)err_set(&err, ERR_UNAVAILABLE, "%s closed the connection",
			      r->show);
	} else {
		errno = saved;
		(void)err_errno(&err, "%s: connection", r->show);
	}
	conn_break(r, &err);
}

/* ---- connecting ---- */

static void *bounded_array(const redisReadTask *task, int elements)
{
	const struct redis *r = task->privdata;

	if (elements > REDIS_ELEMENTS_MAX) {
		return NULL;
	}
	return r->reader_fn.createArray(task, elements);
}

static void reader_new(struct redis *r)
{
	static redisReplyObjectFunctions bounded;

	r->reader = redisReaderCreate();
	PRE(r->reader != NULL);
	r->reader_fn = *r->reader->fn;
	bounded = r->reader_fn;
	bounded.createArray = bounded_array;
	r->reader->fn = &bounded;
	r->reader->privdata = r;
	r->reply_bytes = 0;
}

static void connect_addr(struct redis *r, const struct sockaddr *sa, socklen_t len)
{
	struct error err = {0};
	int one = 1;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		(void)err_errno(&err, "socket for %s", r->show);
		conn_break(r, &err);
		return;
	}
	if (sa->sa_family != AF_UNIX) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	if (connect(fd, sa, len) < 0 && errno != EINPROGRESS) {
		int saved = errno;
		(void)close(fd);
		errno = saved;
		connect_failed(r);
		return;
	}
	if (r->reader != NULL) {
		redisReaderFree(r->reader);
	}
	reader_new(r);
	r->bev = bufferevent_socket_new(loop_base(r->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	PRE(r->bev != NULL);
	bufferevent_setcb(r->bev, on_read, NULL, on_event, r);
	bufferevent_enable(r->bev, EV_READ | EV_WRITE);
	/* Without an address: the descriptor is connecting, tell when it is done. */
	(void)bufferevent_socket_connect(r->bev, NULL, 0);
}

static void connect_next(struct redis *r)
{
	const struct resolve_addr *a = &r->addrs.addr[r->addr_next++];

	connect_addr(r, (const struct sockaddr *)&a->sa, a->len);
}

static void on_resolved(int rc, const struct resolve_addrs *addrs,
			const struct error *err, void *arg)
{
	struct redis *r = arg;

	r->resolve = NULL;
	if (rc < 0) {
		conn_break(r, err);
		return;
	}
	r->addrs = *addrs;
	conn_move(r, CONN_CONNECTING, r->state_at_ms);
	connect_next(r);
	timer_arm(r);
}

static void resolve_host(struct redis *r, const char *host, int port)
{
	struct error err = {0};

	(void)snprintf(r->host, sizeof(r->host), "%s", host);
	r->resolve = resolve_start(r->loop, host, port, on_resolved, r, &err);
	if (r->resolve == NULL) {
		conn_break(r, &err);
	}
}

static void on_sentinel(int rc, const char *host, int port, const struct error *err,
			void *arg)
{
	struct redis *r = arg;

	r->ask = NULL;
	if (rc < 0) {
		conn_break(r, err);
	} else {
		resolve_host(r, host, port);
	}
}

static void conn_start(struct redis *r)
{
	int64_t until = loop_now_ms(r->loop) + REDIS_CONNECT_MS;
	struct error err = {0};

	r->addrs.count = 0;
	r->addr_next = 0;
	if (r->url.path != NULL) {
		struct sockaddr_un sun = {.sun_family = AF_UNIX};
		memcpy(sun.sun_path, r->url.path, strlen(r->url.path) + 1);
		conn_move(r, CONN_CONNECTING, until);
		connect_addr(r, (const struct sockaddr *)&sun, sizeof(sun));
		return;
	}
	conn_move(r, CONN_RESOLVING, until);
	if (r->url.service == NULL) {
		resolve_host(r, r->url.host, r->url.port);
		return;
	}
	r->ask = sentinel_ask(r->loop, &r->url, r->sentinel++, on_sentinel, r, &err);
	if (r->ask == NULL) {
		conn_break(r, &err);
	}
}

/* ---- time ---- */

static void on_state_time(struct redis *r)
{
	struct error err = {0};

	if (r->state == CONN_DOWN) {
		conn_start(r);
		return;
	}
	if (r->state == CONN_UP && r->quiet_pings < REDIS_QUIET_PINGS) {
		r->quiet_pings++;
		r->state_at_ms = loop_now_ms(r->loop) + REDIS_PING_MS;
		redis_push_send(r, &(struct redis_cmd){
				       .argc = 1, .argv = (const char *[]){"PING"}});
		return;
	}
	(void)err_set(&err, ERR_TIMEOUT, "%s does not answer (%s)", r->show,
		      conn_states[r->state].name);
	conn_break(r, &err);
}

static void on_deadline(struct redis *r, struct cmd *c)
{
	struct error err = {0};

	if (!c->sent) {
		(void)err_set(&err, ERR_UNAVAILABLE, "%s is not reachable: %s", r->show,
			      r->last.code != 0 ? r->last.msg : "no connection yet");
		cmd_fail(r, c, &err);
		return;
	}
	(void)err_set(&err, ERR_TIMEOUT, "%s gave no answer in time", r->show);
	cmd_unlink(r, c);
	conn_break(r, &err);
	c->fn(-err.code, NULL, &err, c->arg);
	cmd_free(c);
}

static void on_timer(void *arg)
{
	struct redis *r = arg;
	int64_t now = loop_now_ms(r->loop);

	while (!r->closed && heap_min_key(&r->deadlines) <= now) {
		on_deadline(
		    r, container_of(heap_min(&r->deadlines), struct cmd, deadline));
	}
	if (!r->closed && r->state_at_ms <= now) {
		on_state_time(r);
	}
	timer_arm(r);
}

/* ---- public ---- */

struct redis *redis_new(struct loop *loop, const struct redis_url *url,
			const struct redis_ops *ops)
{
	struct redis *r = xcalloc(1, sizeof(*r));

	r->loop = loop;
	redis_url_copy(&r->url, url);
	r->show = redis_url_show(url);
	r->ops = *ops;
	r->state = CONN_DOWN;
	r->told_up = -1;
	backoff_init(&r->backoff, REDIS_BACKOFF_MS, REDIS_BACKOFF_CAP);
	TAILQ_INIT(&r->sent);
	TAILQ_INIT(&r->waiting);
	heap_init(&r->deadlines);
	r->timer = loop_timer_new(loop, on_timer, r);
	r->state_at_ms = loop_now_ms(loop);
	timer_arm(r);
	return r;
}

static void redis_destroy(void *arg)
{
	struct redis *r = arg;

	heap_release(&r->deadlines);
	redis_url_release(&r->url);
	free(r->show);
	free(r);
}

void redis_free(struct redis *r)
{
	struct error err = {0};

	if (r == NULL || r->closed) {
		return;
	}
	r->closed = 1;
	conn_release(r);
	loop_timer_free(r->timer);
	r->timer = NULL;
	(void)err_set(&err, ERR_CANCELED, "the connection to %s is being closed",
		      r->show);
	list_fail(r, &r->sent, &err);
	list_fail(r, &r->waiting, &err);
	loop_defer_free(r->loop, redis_destroy, r);
}

int redis_send(struct redis *r, const struct redis_cmd *spec, int64_t timeout_ms,
	       redis_fn fn, void *arg, struct error *err)
{
	struct cmd *c;

	if (r->closed) {
		return err_set(err, ERR_CANCELED, "the connection to %s is closed",
			       r->show);
	}
	if (r->in_flight >= REDIS_IN_FLIGHT_MAX) {
		return err_set(err, ERR_BUSY,
			       "%zu commands wait for %s already: try again later",
			       r->in_flight, r->show);
	}
	c = cmd_new(spec, fn, arg);
	heap_set(&r->deadlines, &c->deadline,
		 loop_now_ms(r->loop) +
		     (timeout_ms > 0 ? timeout_ms : REDIS_DEADLINE_MS));
	r->in_flight++;
	if (r->state == CONN_UP) {
		cmd_write(r, c);
	} else {
		TAILQ_INSERT_TAIL(&r->waiting, c, link);
	}
	timer_arm(r);
	return 0;
}

void redis_push_send(struct redis *r, const struct redis_cmd *spec)
{
	char *data = NULL;

	if (r->closed || r->state != CONN_UP) {
		return;
	}
	int len = redisFormatCommandArgv(&data, spec->argc, spec->argv, spec->lens);
	if (len > 0) {
		bufferevent_write(r->bev, data, (size_t)len);
	}
	redisFreeCommand(data);
}

int redis_is_up(const struct redis *r)
{
	return r->state == CONN_UP;
}

size_t redis_in_flight(const struct redis *r)
{
	return r->in_flight;
}
