/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_client.c - pools/redis.h over the simulated network: a connection delivers in
 * order and may break at any moment; what was under way then may still arrive.
 */
#include "tests/sim/redis_client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/queue_ext.h"
#include "pools/redis.h"
#include "tests/sim/net.h"
#include "tests/sim/redis_fake.h"
#include "tests/sim/sim.h"

#define AGAIN_US     (20 * SIM_MS)
#define CHANNELS_MAX 8

struct link;

struct cmd {
	TAILQ_ENTRY(cmd) entry;
	struct redis *redis;
	struct link *link; /* it was written to; NULL: waits for a connection */
	int argc, done;
	char **argv;
	size_t *lens;
	int64_t deadline_ms;
	redis_fn fn;
	void *arg;
};
TAILQ_HEAD(cmd_list, cmd);

/* One connection; never freed: events of a dead program may still name it. */
struct link {
	TAILQ_ENTRY(link) entry;
	struct redis *redis;
	struct sim_node *client;
	unsigned int client_inc, server_inc;
	int broken; /* for the client */
	int is_push;
	uint64_t sent, arrived;   /* to the server: order */
	uint64_t answered, heard; /* to the client */
	int64_t stuck_us;         /* since then nothing passes; 0: it does */
	char *channels[CHANNELS_MAX];
};
TAILQ_HEAD(link_list, link);

struct redis {
	struct loop *loop;
	struct redis_ops ops;
	struct link *link; /* NULL: not connected */
	struct cmd_list cmds;
	struct loop_timer *timer;
	struct backoff backoff;
	int64_t connect_ms, ping_ms;
	int connecting, up, freed;
	size_t in_flight;
};

struct sim_node *redis_node;
int64_t redis_refuses_until_us;
static struct link_list links = TAILQ_HEAD_INITIALIZER(links);

void redis_links_reset(void)
{
	TAILQ_INIT(&links);
	redis_refuses_until_us = 0;
}

/* ---- commands ---- */

static void cmd_free(struct cmd *c)
{
	for (int i = 0; i < c->argc; i++) {
		free(c->argv[i]);
	}
	free(c->argv);
	free(c->lens);
	free(c);
}

static void cmd_done(struct cmd *c, int rc, const struct redis_reply *reply,
		     const struct error *err)
{
	redis_fn fn = c->fn;
	void *arg = c->arg;

	TAILQ_REMOVE(&c->redis->cmds, c, entry);
	c->redis->in_flight--;
	c->done = 1;
	if (c->link == NULL) {
		cmd_free(c);
	}
	fn(rc, reply, err, arg);
}

static void timer_arm(struct redis *r);

/* Everything that was written completes; what waited goes on waiting. */
static void break_link(struct redis *r, const char *why)
{
	struct error err = {0};
	struct cmd *c, *next;
	struct link *l = r->link;
	int was_up = r->up;

	if (l != NULL) {
		l->broken = 1;
	}
	r->link = NULL;
	r->up = r->connecting = 0;
	r->connect_ms = clock_mono_ms() + backoff_next(&r->backoff, random_unit());
	(void)err_set(&err, ERR_UNAVAILABLE, "Redis: %s", why);
	sim_trace("redis connection %s: %s", r->ops.push != NULL ? "(wake)" : "", why);
	TAILQ_FOREACH_SAFE (c, &r->cmds, entry, next) {
		if (c->link == l && l != NULL) {
			cmd_done(c, -ERR_UNAVAILABLE, NULL, &err);
		}
	}
	if (r->freed) {
		return;
	}
	timer_arm(r);
	if (was_up && r->ops.up != NULL) {
		r->ops.up(0, why, r->ops.arg);
	}
}

/* ---- from the server to the client ---- */

struct answer {
	struct link *link;
	struct cmd *cmd; /* NULL: a push */
	uint64_t seq;
	struct redis_reply *reply; /* owned */
	char *push;                /* "channel\0message", owned */
	char *channel;
	int error;
};

static void answer_free(struct answer *a)
{
	redis_fake_reply_free(a->reply);
	free(a->push);
	free(a->channel);
	free(a);
}

static enum err_code code_of(const char *text)
{
	if (strncmp(text, "NOSCRIPT ", 9) == 0) {
		return ERR_NOT_FOUND;
	}
	return strncmp(text, "OOM ", 4) == 0 || strncmp(text, "LOADING ", 8) == 0
		   ? ERR_UNAVAILABLE
		   : ERR_PROTOCOL;
}

static struct redis_reply *push_reply(const char *kind, const char *channel,
				      const char *message)
{
	const char *argv[] = {"EVAL", "return ARGV", "0", kind, channel, message};
	int error = 0;

	return redis_fake_call(0, 6, argv, NULL, &error);
}

static void take_push(struct redis *r, const struct answer *a)
{
	struct redis_reply *reply =
	    push_reply(a->push != NULL ? "message" : "subscribe", a->channel,
		       a->push != NULL ? a->push : "1");

	r->ops.push(reply, r->ops.arg);
	redis_fake_reply_free(reply);
}

/* The worst moment for a worker that takes a late answer for a fresh one. */
static void maybe_cut(struct sim_node *n, const struct redis_reply *r)
{
	if (n != NULL && n->cut_when_renewed && n->late_until_us <= sim_now_us &&
	    redis_count(r) > 0 && redis_type(redis_at(r, 0)) == REDIS_INT) {
		n->cut_when_renewed = 0;
		sim_trace("%s is cut off redis", n->name);
		net_cut(n, redis_node, sim_now_us + 20 * SIM_S);
	}
}

static void take_answer(const struct answer *a)
{
	struct error err = {0};
	int rc = 0;

	if (a->error) {
		rc = err_set(&err, code_of(redis_str(a->reply)), "%s",
			     redis_str(a->reply));
	}
	cmd_done(a->cmd, rc, rc < 0 ? NULL : a->reply, rc < 0 ? &err : NULL);
	cmd_free(a->cmd);
	maybe_cut(a->link->client, a->reply);
}

/* Nothing passes a cut, and nothing overtakes on a connection. 1: it passes now. */
static int passes(struct link *l, uint64_t seq, uint64_t *expected)
{
	if (net_is_cut(l->client, redis_node)) {
		l->stuck_us = l->stuck_us != 0 ? l->stuck_us : sim_now_us;
		return 0;
	}
	l->stuck_us = 0;
	if (seq != *expected) {
		return 0;
	}
	++*expected;
	return 1;
}

static void client_hears(void *arg)
{
	struct answer *a = arg;
	struct link *l = a->link;

	if (l->broken) {
		answer_free(a);
		return;
	}
	if (!passes(l, a->seq, &l->heard)) {
		(void)sim_at(l->client, sim_now_us + AGAIN_US, client_hears, a);
		return;
	}
	if (a->cmd != NULL && !a->cmd->done) {
		take_answer(a);
	} else if (a->cmd == NULL) {
		take_push(l->redis, a);
	}
	answer_free(a);
}

static int64_t late_us(const struct sim_node *n)
{
	return n != NULL && n->late_until_us > sim_now_us ? n->late_us : 0;
}

static void answer_send(struct answer *a)
{
	struct link *l = a->link;

	a->seq = l->answered++;
	(void)sim_at_inc(l->client, l->client_inc,
			 sim_now_us + net_delay_us(redis_node, l->client) +
			     late_us(l->client),
			 client_hears, a);
}

static void publish(const char *channel, const char *message)
{
	struct link *l;

	TAILQ_FOREACH (l, &links, entry) {
		for (int i = 0; i < CHANNELS_MAX && !l->broken; i++) {
			if (l->channels[i] != NULL &&
			    strcmp(l->channels[i], channel) == 0) {
				struct answer *a = xcalloc(1, sizeof(*a));
				a->link = l;
				a->channel = xstrdup(channel);
				a->push = xstrdup(message);
				answer_send(a);
			}
		}
	}
}

/* ---- from the client to the server ---- */

struct request {
	struct link *link;
	struct cmd *cmd; /* NULL: of a subscriber */
	uint64_t seq;
	int argc;
	char **argv; /* a copy: the client may have given up */
	size_t *lens;
};

static void request_free(struct request *q)
{
	for (int i = 0; i < q->argc; i++) {
		free(q->argv[i]);
	}
	free(q->argv);
	free(q->lens);
	free(q);
}

static void subscribe(struct link *l, const char *verb, const char *channel)
{
	int add = strcmp(verb, "SUBSCRIBE") == 0, done = 0;

	for (int i = 0; i < CHANNELS_MAX; i++) {
		char **c = &l->channels[i];
		if (*c != NULL && strcmp(*c, channel) == 0) {
			done = add;
			if (!add) {
				free(*c);
				*c = NULL;
			}
		}
	}
	for (int i = 0; add && !done && i < CHANNELS_MAX; i++) {
		if (l->channels[i] == NULL) {
			l->channels[i] = xstrdup(channel);
			done = 1;
		}
	}
	if (add) {
		struct answer *a = xcalloc(1, sizeof(*a));
		a->link = l;
		a->channel = xstrdup(channel);
		answer_send(a);
	}
}

/* What may be refused when memory is full: see docs/redis-keys.md. */
static int refused(const struct request *q)
{
	return sim_now_us < redis_refuses_until_us && q->argc > 1;
}

static void execute(struct request *q)
{
	static const char loading[] = "LOADING Redis is loading the dataset in memory";
	struct answer *a = xcalloc(1, sizeof(*a));
	int killed = 0;

	a->link = q->link;
	a->cmd = q->cmd;
	redis_fake_publish = publish;
	if (strcmp(q->argv[0], "CLIENT") == 0) {
		killed = redis_links_break(1);
		const char *argv[] = {"EVAL", "return #ARGV", "0", "1"};
		a->reply =
		    redis_fake_call(0, killed > 0 ? 4 : 3, argv, NULL, &a->error);
	} else if (refused(q)) {
		const char *argv[] = {"EVAL", "return ARGV[1]", "0", loading};
		a->reply = redis_fake_call(0, 4, argv, NULL, &a->error);
		a->error = 1;
	} else {
		a->reply =
		    redis_fake_call(clock_wall_us(), q->argc,
				    (const char *const *)q->argv, q->lens, &a->error);
	}
	if (q->link->broken || (q->cmd != NULL && q->cmd->done)) {
		answer_free(a);
		return;
	}
	answer_send(a);
}

static void server_hears(void *arg)
{
	struct request *q = arg;
	struct link *l = q->link;

	/* A connection that its client has given up may have been read to its end. */
	if (l->broken && rnd_permille(500)) {
		request_free(q);
		return;
	}
	if (!l->broken && !passes(l, q->seq, &l->arrived)) {
		(void)sim_at(redis_node, sim_now_us + AGAIN_US, server_hears, q);
		return;
	}
	if (l->is_push) {
		subscribe(l, q->argv[0], q->argc > 1 ? q->argv[1] : "");
	} else {
		execute(q);
	}
	request_free(q);
}

static void send_to(struct link *l, struct cmd *c, int argc, const char *const *argv,
		    const size_t *lens)
{
	struct request *q = xcalloc(1, sizeof(*q));

	q->link = l;
	q->cmd = c;
	q->argc = argc;
	q->argv = xcalloc((size_t)argc + 1, sizeof(*q->argv));
	q->lens = xcalloc((size_t)argc + 1, sizeof(*q->lens));
	for (int i = 0; i < argc; i++) {
		q->lens[i] = lens != NULL ? lens[i] : strlen(argv[i]);
		q->argv[i] = xmalloc(q->lens[i] + 1);
		memcpy(q->argv[i], argv[i], q->lens[i]);
		q->argv[i][q->lens[i]] = '\0';
	}
	q->seq = l->sent++;
	(void)sim_at(redis_node, sim_now_us + net_delay_us(l->client, redis_node),
		     server_hears, q);
}

static void cmd_write(struct redis *r, struct cmd *c)
{
	c->link = r->link;
	send_to(r->link, c, c->argc, (const char *const *)c->argv, c->lens);
}

/* ---- connecting ---- */

static void on_connected(void *arg)
{
	struct link *l = arg;
	struct redis *r = l->redis;
	struct cmd *c;

	if (l->broken) {
		return;
	}
	if ((redis_node != NULL &&
	     (!redis_node->up || redis_node->inc != l->server_inc)) ||
	    net_is_cut(l->client, redis_node)) {
		break_link(r, "connect: refused");
		return;
	}
	r->connecting = 0;
	r->up = 1;
	r->ping_ms = clock_mono_ms() + REDIS_PING_MS;
	backoff_reset(&r->backoff);
	TAILQ_FOREACH (c, &r->cmds, entry) {
		cmd_write(r, c);
	}
	timer_arm(r);
	if (r->ops.up != NULL) {
		r->ops.up(1, "connected", r->ops.arg);
	}
}

static void connect_now(struct redis *r, struct sim_node *client)
{
	struct link *l = xcalloc(1, sizeof(*l));
	int64_t wait = net_delay_us(client, redis_node) * 2;

	l->redis = r;
	l->client = client;
	l->client_inc = client != NULL ? client->inc : 0;
	l->server_inc = redis_node != NULL ? redis_node->inc : 0;
	l->is_push = r->ops.push != NULL;
	if (redis_node != NULL && redis_node->up &&
	    redis_node->resume_us > sim_now_us) {
		wait += redis_node->resume_us - sim_now_us;
	}
	TAILQ_INSERT_TAIL(&links, l, entry);
	r->link = l;
	r->connecting = 1;
	(void)sim_at(client, sim_now_us + MIN_OF(wait, REDIS_CONNECT_MS * SIM_MS),
		     on_connected, l);
}

static void on_deadlines(struct redis *r, int64_t now)
{
	struct error err = {0};
	struct cmd *c, *next;

	TAILQ_FOREACH_SAFE (c, &r->cmds, entry, next) {
		if (c->deadline_ms <= now) {
			(void)err_set(&err, ERR_TIMEOUT, "Redis: no answer in time");
			if (c->link != NULL) {
				cmd_done(c, -ERR_TIMEOUT, NULL, &err);
				break_link(r, "no answer in time");
				return;
			}
			cmd_done(c, -ERR_TIMEOUT, NULL, &err);
			return;
		}
	}
}

/* A subscriber is pinged; without anything coming back it connects again. */
static void on_ping(struct redis *r, int64_t now)
{
	r->ping_ms = now + REDIS_PING_MS;
	if (net_is_cut(r->link->client, redis_node) ||
	    (redis_node != NULL && redis_node->resume_us > sim_now_us + SIM_S)) {
		break_link(r, "no answer to a ping");
	}
}

static void on_timer(void *arg)
{
	struct redis *r = arg;
	int64_t now = clock_mono_ms();

	if (r->link == NULL && r->connect_ms <= now) {
		connect_now(r, sim_node);
	}
	on_deadlines(r, now);
	if (!r->freed && r->up && r->ops.push != NULL && r->ping_ms <= now) {
		on_ping(r, now);
	}
	if (!r->freed) {
		timer_arm(r);
	}
}

static void timer_arm(struct redis *r)
{
	int64_t at = r->link == NULL ? r->connect_ms : INT64_MAX;
	const struct cmd *c;

	TAILQ_FOREACH (c, &r->cmds, entry) {
		at = MIN_OF(at, c->deadline_ms);
	}
	if (r->up && r->ops.push != NULL) {
		at = MIN_OF(at, r->ping_ms);
	}
	loop_timer_at(r->timer, at);
}

/* ---- pools/redis.h ---- */

struct redis *redis_new(struct loop *loop, const struct redis_url *url,
			const struct redis_ops *ops)
{
	struct redis *r = xcalloc(1, sizeof(*r));

	(void)url;
	r->loop = loop;
	r->ops = *ops;
	TAILQ_INIT(&r->cmds);
	backoff_init(&r->backoff, REDIS_BACKOFF_MS, REDIS_BACKOFF_CAP);
	r->timer = loop_timer_new(loop, on_timer, r);
	r->connect_ms = clock_mono_ms();
	timer_arm(r);
	return r;
}

static void redis_destroy(void *arg)
{
	free(arg);
}

void redis_free(struct redis *r)
{
	struct error err = {0};
	struct cmd *c;

	if (r == NULL || r->freed) {
		return;
	}
	r->freed = 1;
	if (r->link != NULL) {
		r->link->broken = 1;
	}
	(void)err_set(&err, ERR_CANCELED, "Redis: the connection is being closed");
	while ((c = TAILQ_FIRST(&r->cmds)) != NULL) {
		cmd_done(c, -ERR_CANCELED, NULL, &err);
	}
	loop_timer_free(r->timer);
	loop_defer_free(r->loop, redis_destroy, r);
}

int redis_send(struct redis *r, const struct redis_cmd *spec, int64_t timeout_ms,
	       redis_fn fn, void *arg, struct error *err)
{
	struct cmd *c;

	if (r->freed) {
		return err_set(err, ERR_CANCELED, "Redis: closed");
	}
	if (r->in_flight >= REDIS_IN_FLIGHT_MAX) {
		return err_set(err, ERR_BUSY, "Redis: too many commands are under way");
	}
	c = xcalloc(1, sizeof(*c));
	c->redis = r;
	c->argc = spec->argc;
	c->argv = xcalloc((size_t)spec->argc + 1, sizeof(*c->argv));
	c->lens = xcalloc((size_t)spec->argc + 1, sizeof(*c->lens));
	for (int i = 0; i < spec->argc; i++) {
		c->lens[i] = spec->lens != NULL ? spec->lens[i] : strlen(spec->argv[i]);
		c->argv[i] = xmalloc(c->lens[i] + 1);
		memcpy(c->argv[i], spec->argv[i], c->lens[i]);
		c->argv[i][c->lens[i]] = '\0';
	}
	c->deadline_ms =
	    clock_mono_ms() + (timeout_ms > 0 ? timeout_ms : REDIS_DEADLINE_MS);
	c->fn = fn;
	c->arg = arg;
	TAILQ_INSERT_TAIL(&r->cmds, c, entry);
	r->in_flight++;
	if (r->up) {
		cmd_write(r, c);
	}
	timer_arm(r);
	return 0;
}

void redis_push_send(struct redis *r, const struct redis_cmd *spec)
{
	if (r->up) {
		send_to(r->link, NULL, spec->argc, spec->argv, spec->lens);
	}
}

int redis_is_up(const struct redis *r)
{
	return r->up;
}

size_t redis_in_flight(const struct redis *r)
{
	return r->in_flight;
}

/* ---- faults ---- */

static void client_sees_break(void *arg)
{
	struct link *l = arg;

	if (!l->broken) {
		break_link(l->redis, "connection lost");
	}
}

int redis_links_break(int which)
{
	struct link *l;
	int n = 0;

	TAILQ_FOREACH (l, &links, entry) {
		if (!l->broken && (which == 0 || l->is_push) &&
		    (l->client == NULL || l->client->inc == l->client_inc)) {
			(void)sim_at(l->client,
				     sim_now_us + net_delay_us(redis_node, l->client),
				     client_sees_break, l);
			n++;
		}
	}
	return n;
}
