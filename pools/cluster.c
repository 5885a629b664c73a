/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.c - see cluster.h.
 */
#include "pools/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/queue_ext.h"
#include "pools/url.h"

#define ASK_MS     2000 /* for the map, of one server */
#define REFRESH_MS 300  /* between two questions while something is wrong */
#define HOST_MAX   256
#define PORT_MAX   65535

struct node {
	struct cluster *cluster;
	char host[HOST_MAX];
	int port;
	struct redis *redis; /* NULL: not used yet */
	int down;            /* it was told so */
};

struct later {
	TAILQ_ENTRY(later) link;
	int64_t at_ms;
	cluster_later_fn fn;
	void *arg;
};

struct cluster {
	struct loop *loop;
	struct redis_url *url;
	struct redis_ops ops;
	struct loop_timer *timer;
	struct node **nodes;
	size_t node_count;
	int16_t map[CLUSTER_SLOTS]; /* index into nodes; -1: unknown */
	int known;                  /* the map was answered at least once */
	struct redis *asked;        /* for the map; NULL: nobody */
	unsigned int next_seed;
	int64_t refresh_at_ms; /* INT64_MAX: all is well */
	TAILQ_HEAD(, later) later;
	int told_up, closed;
};

/* ---- pure ---- */

static unsigned int crc16(const char *data, size_t len)
{
	unsigned int crc = 0;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned int)(unsigned char)data[i] << 8;
		for (int bit = 0; bit < 8; bit++) {
			crc = (crc & 0x8000u) != 0 ? (crc << 1) ^ 0x1021u : crc << 1;
		}
		crc &= 0xffffu;
	}
	return crc;
}

unsigned int cluster_slot(const char *key, size_t len)
{
	const char *open = memchr(key, '{', len);
	const char *close =
	    open != NULL ? memchr(open, '}', len - (size_t)(open - key)) : NULL;

	if (close != NULL && close > open + 1) {
		return crc16(open + 1, (size_t)(close - open) - 1) % CLUSTER_SLOTS;
	}
	return crc16(key, len) % CLUSTER_SLOTS;
}

int cluster_moved_parse(const char *text, unsigned int *ret_slot, char *ret_host,
			size_t size, int *ret_port)
{
	char *end;
	const char *host, *colon;
	unsigned long slot;
	long port;

	if (strncmp(text, "MOVED ", 6) != 0) {
		return 0;
	}
	slot = strtoul(text + 6, &end, 10);
	host = end + (*end == ' ');
	colon = strrchr(host, ':');
	if (end == text + 6 || *end != ' ' || slot >= CLUSTER_SLOTS || colon == NULL ||
	    (size_t)(colon - host) >= size) {
		return 0;
	}
	port = strtol(colon + 1, &end, 10);
	if (port < 1 || port > PORT_MAX) {
		return 0;
	}
	(void)snprintf(ret_host, size, "%.*s", (int)(colon - host), host);
	*ret_slot = (unsigned int)slot;
	*ret_port = (int)port;
	return 1;
}

/* ---- who is told ---- */

static int all_up(const struct cluster *c)
{
	int used = 0;

	for (size_t i = 0; i < c->node_count; i++) {
		const struct node *n = c->nodes[i];

		if (n->redis != NULL && !redis_is_up(n->redis)) {
			return 0;
		}
		used |= n->redis != NULL;
	}
	return c->known && used;
}

static void tell_up(struct cluster *c, const char *why)
{
	int up = all_up(c);

	if (!c->closed && c->told_up != up && c->ops.up != NULL) {
		c->told_up = up;
		c->ops.up(up, up ? "connected" : why, c->ops.arg);
	}
}

static void arm(struct cluster *c)
{
	const struct later *l = TAILQ_FIRST(&c->later);

	if (!c->closed) {
		loop_timer_at(c->timer, MIN_OF(c->refresh_at_ms,
					       l != NULL ? l->at_ms : INT64_MAX));
	}
}

static void refresh_in(struct cluster *c, int64_t in_ms)
{
	c->refresh_at_ms = MIN_OF(c->refresh_at_ms, loop_now_ms(c->loop) + in_ms);
	arm(c);
}

static void on_node(int up, const char *why, void *arg)
{
	struct node *n = arg;

	n->down = !up;
	if (!up) {
		refresh_in(n->cluster, REFRESH_MS); /* a replica may be promoted */
	}
	tell_up(n->cluster, why);
}

/* ---- servers ---- */

static void url_of(const struct cluster *c, const char *host, int port,
		   struct redis_url *ret_url)
{
	redis_url_copy(ret_url, c->url);
	free(ret_url->sentinels);
	ret_url->sentinels = NULL;
	ret_url->cluster = 0;
	free(ret_url->host);
	ret_url->host = xstrdup(host);
	ret_url->port = port;
}

static int find_node(struct cluster *c, const char *host, int port)
{
	struct node *n;

	for (size_t i = 0; i < c->node_count; i++) {
		if (c->nodes[i]->port == port && strcmp(c->nodes[i]->host, host) == 0) {
			return (int)i;
		}
	}
	if (c->node_count >= CLUSTER_NODES_MAX) {
		return -1;
	}
	n = xcalloc(1, sizeof(*n));
	n->cluster = c;
	n->port = port;
	(void)snprintf(n->host, sizeof(n->host), "%s", host);
	c->nodes = xreallocarray(c->nodes, c->node_count + 1, sizeof(struct node *));
	c->nodes[c->node_count] = n;
	return (int)c->node_count++;
}

static struct redis *connection(struct node *n)
{
	const struct redis_ops ops = {.up = on_node, .arg = n};
	struct redis_url url = {0};

	if (n->redis == NULL) {
		url_of(n->cluster, n->host, n->port, &url);
		n->redis = redis_new(n->cluster->loop, &url, &ops);
		redis_url_release(&url);
	}
	return n->redis;
}

struct redis *cluster_redis(struct cluster *c, const char *key, size_t len)
{
	int at = c->map[cluster_slot(key, len)];

	if (at < 0) {
		refresh_in(c, c->asked != NULL ? REFRESH_MS : 0);
		return NULL;
	}
	return connection(c->nodes[at]);
}

/* A server without slots is of no use any more; its commands fail. */
static void drop_unused(struct cluster *c)
{
	char *used = xcalloc(c->node_count + 1, 1);

	for (size_t i = 0; i < CLUSTER_SLOTS; i++) {
		if (c->map[i] >= 0) {
			used[c->map[i]] = 1;
		}
	}
	for (size_t i = 0; i < c->node_count; i++) {
		if (!used[i] && c->nodes[i]->redis != NULL) {
			redis_free(c->nodes[i]->redis);
			c->nodes[i]->redis = NULL;
			c->nodes[i]->down = 0;
		}
	}
	free(used);
}

/* ---- the map ---- */

/* [from, to, [host, port, id, ...], replicas ...]; HOST "" is the asked server's. */
static void take_range(struct cluster *c, const struct redis_reply *r, const char *self)
{
	const struct redis_reply *master = redis_count(r) > 2 ? redis_at(r, 2) : NULL;
	int64_t from, to, port;
	const char *host;
	int at;

	if (master == NULL || redis_count(master) < 2) {
		return;
	}
	from = redis_int(redis_at(r, 0));
	to = redis_int(redis_at(r, 1));
	host = redis_str(redis_at(master, 0));
	port = redis_int(redis_at(master, 1));
	if (from < 0 || to >= CLUSTER_SLOTS || from > to || port < 1 ||
	    port > PORT_MAX || strlen(host) >= HOST_MAX) {
		return;
	}
	at = find_node(c, host[0] != '\0' ? host : self, (int)port);
	for (int64_t i = from; i <= to; i++) {
		c->map[i] = (int16_t)at;
	}
}

struct question {
	struct cluster *cluster; /* NULL: it was freed meanwhile */
	char host[HOST_MAX];
};

static void on_map(int rc, const struct redis_reply *reply, const struct error *err,
		   void *arg)
{
	struct question *q = arg;
	struct cluster *c = q->cluster;
	int whole = 1;

	if (rc == -ERR_CANCELED || c->closed) {
		free(q);
		return;
	}
	redis_free(c->asked);
	c->asked = NULL;
	c->refresh_at_ms = INT64_MAX;
	if (rc == 0) {
		for (size_t i = 0; i < CLUSTER_SLOTS; i++) {
			c->map[i] = -1;
		}
		for (size_t i = 0; i < redis_count(reply); i++) {
			take_range(c, redis_at(reply, i), q->host);
		}
		c->known = 1;
		drop_unused(c);
		for (size_t i = 0; i < CLUSTER_SLOTS && whole; i++) {
			whole = c->map[i] >= 0;
		}
		if (c->map[0] >= 0) {
			(void)connection(c->nodes[c->map[0]]); /* so that UP is known */
		}
	}
	if (rc < 0 || !whole) {
		refresh_in(c, REFRESH_MS);
	}
	for (size_t i = 0; i < c->node_count; i++) {
		if (c->nodes[i]->down) {
			refresh_in(c, REFRESH_MS);
		}
	}
	tell_up(c, err != NULL ? err->msg : "a server of the cluster is away");
	free(q);
	arm(c);
}

void cluster_any_url(const struct cluster *c, unsigned int at,
		     struct redis_url *ret_url)
{
	const struct node *n;

	if (c->node_count > 0 && at % 2 == 0) {
		n = c->nodes[(at / 2) % c->node_count];
		url_of(c, n->host, n->port, ret_url);
	} else if (redis_url_sentinel(c->url, at / 2, ret_url, NULL) < 0) {
		BUG("a URL of a cluster that was checked");
	}
}

static void ask_map(struct cluster *c)
{
	const char *argv[] = {"CLUSTER", "SLOTS"};
	const struct redis_cmd cmd = {.argc = 2, .argv = argv};
	struct question *q;
	struct redis_url url = {0};

	c->refresh_at_ms = INT64_MAX;
	if (c->asked != NULL) {
		return;
	}
	cluster_any_url(c, c->next_seed++, &url);
	q = xcalloc(1, sizeof(*q));
	q->cluster = c;
	(void)snprintf(q->host, sizeof(q->host), "%s", url.host);
	c->asked = redis_new(c->loop, &url, &(struct redis_ops){.up = NULL});
	redis_url_release(&url);
	(void)redis_send(c->asked, &cmd, ASK_MS, on_map, q, NULL);
}

void cluster_moved(struct cluster *c, const char *text)
{
	char host[HOST_MAX];
	unsigned int slot;
	int port, at;

	if (cluster_moved_parse(text, &slot, host, sizeof(host), &port) &&
	    host[0] != '\0') {
		at = find_node(c, host, port);
		c->map[slot] = (int16_t)at;
	}
	refresh_in(c, 0);
}

/* ---- time ---- */

void cluster_later(struct cluster *c, cluster_later_fn fn, void *arg)
{
	struct later *l = xcalloc(1, sizeof(*l));

	l->fn = fn;
	l->arg = arg;
	l->at_ms = loop_now_ms(c->loop) + CLUSTER_LATER_MS;
	TAILQ_INSERT_TAIL(&c->later, l, link);
	arm(c);
}

/* The first of those that wait. */
static void later_call(struct cluster *c, int canceled)
{
	struct later *l = TAILQ_FIRST(&c->later);
	cluster_later_fn fn = l->fn;
	void *arg = l->arg;

	TAILQ_REMOVE_HEAD(&c->later, link);
	free(l);
	fn(canceled, arg);
}

static void on_timer(void *arg)
{
	struct cluster *c = arg;
	int64_t now = loop_now_ms(c->loop);
	struct later *l;

	if (c->refresh_at_ms <= now) {
		ask_map(c);
	}
	while (!c->closed && (l = TAILQ_FIRST(&c->later)) != NULL && l->at_ms <= now) {
		later_call(c, 0);
	}
	arm(c);
}

/* ---- life ---- */

struct cluster *cluster_new(struct loop *loop, const struct redis_url *url,
			    const struct redis_ops *ops)
{
	struct cluster *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->url = xcalloc(1, sizeof(*c->url));
	redis_url_copy(c->url, url);
	c->ops = *ops;
	c->told_up = -1;
	memset(c->map, 0xff, sizeof(c->map)); /* -1 */
	TAILQ_INIT(&c->later);
	c->timer = loop_timer_new(loop, on_timer, c);
	c->refresh_at_ms = loop_now_ms(loop);
	arm(c);
	return c;
}

static void destroy(void *arg)
{
	struct cluster *c = arg;

	for (size_t i = 0; i < c->node_count; i++) {
		free(c->nodes[i]);
	}
	free(c->nodes);
	redis_url_release(c->url);
	free(c->url);
	free(c);
}

void cluster_free(struct cluster *c)
{
	if (c == NULL || c->closed) {
		return;
	}
	c->closed = 1;
	redis_free(c->asked); /* completes the question */
	for (size_t i = 0; i < c->node_count; i++) {
		redis_free(c->nodes[i]->redis);
		c->nodes[i]->redis = NULL;
	}
	while (!TAILQ_EMPTY(&c->later)) {
		later_call(c, 1);
	}
	loop_timer_free(c->timer);
	loop_defer_free(c->loop, destroy, c);
}

int cluster_is_up(const struct cluster *c)
{
	return all_up(c);
}

size_t cluster_in_flight(const struct cluster *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->node_count; i++) {
		n += c->nodes[i]->redis != NULL ? redis_in_flight(c->nodes[i]->redis)
						: 0;
	}
	return n;
}

char **cluster_tags(const struct cluster *c, size_t *ret_count)
{
	char **tags = xcalloc(c->node_count + 1, sizeof(*tags)), text[16];
	char *done = xcalloc(c->node_count + 1, 1);
	size_t count = 0;

	/* 200,000 numbers meet each of 16384 slots almost surely */
	for (int i = 0; i < 200000 && count < c->node_count; i++) {
		int len = snprintf(text, sizeof(text), "{%d}", i);
		int at = c->map[cluster_slot(text, (size_t)len)];

		if (at >= 0 && !done[at]) {
			done[at] = 1;
			tags[count++] = xstrdup(text);
		}
		if (i == 4096 && count > 0) {
			break; /* the others have a few slots at most */
		}
	}
	free(done);
	*ret_count = count;
	return tags;
}
