/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - base/httpc.h over the simulated network.  A request may be lost, refused,
 * arrive twice, or arrive long after its sender has given up.
 */
#include "tests/sim/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/queue_ext.h"
#include "tests/sim/net.h"
#include "tests/sim/sim.h"

#define TIMEOUT_MS 30000
#define CONNECT_MS 5000
#define AGAIN_US   (150 * SIM_MS)
#define LATE_US    (60 * SIM_S) /* a message in a cut is lost for good after this */

struct httpc {
	struct loop *loop;
	struct sim_node *node;
	int in_flight;
};

/* Never freed: messages may name it long afterwards. */
struct httpc_req {
	TAILQ_ENTRY(httpc_req) link; /* while it is not done */
	struct sim_node *server;
	struct httpc *c;
	struct loop_timer *timer;
	int done;
	char path[64];
	unsigned int inc; /* of the client */
	int64_t sent_us;
	httpc_fn fn;
	void *arg;
};

struct sim_node *(*http_pick)(void);
void (*http_serve)(struct http_msg *m);
static TAILQ_HEAD(req_list, httpc_req) reqs = TAILQ_HEAD_INITIALIZER(reqs);

void http_reset(void)
{
	TAILQ_INIT(&reqs);
}

struct httpc *httpc_new(struct loop *loop, int max_connections)
{
	struct httpc *c = xcalloc(1, sizeof(*c));

	(void)max_connections;
	c->loop = loop;
	c->node = sim_node;
	return c;
}

void httpc_free(struct httpc *c)
{
	(void)c;
}

static void finish(struct httpc_req *r, int rc, const struct httpc_resp *resp,
		   const struct error *err)
{
	if (r->done) {
		return;
	}
	sim_trace("%s is answered: %d", r->path, rc < 0 ? rc : resp->status);
	r->done = 1;
	TAILQ_REMOVE(&reqs, r, link);
	r->c->in_flight--;
	loop_timer_free(r->timer);
	r->timer = NULL;
	r->fn(rc, resp, err, r->arg);
}

static void fail(struct httpc_req *r, enum err_code code, const char *why)
{
	struct error err = {0};

	(void)err_set(&err, code, "the API: %s", why);
	finish(r, -(int)code, NULL, &err);
}

static void msg_free(struct http_msg *m)
{
	free(m->method);
	free(m->path);
	free(m->body);
	free(m);
}

/* ---- to the server ---- */

static void refused(void *arg)
{
	fail(arg, ERR_UNAVAILABLE, "connection refused");
}

static void reset(void *arg)
{
	fail(arg, ERR_UNAVAILABLE, "connection reset");
}

void http_server_died(struct sim_node *server)
{
	struct httpc_req *r;

	TAILQ_FOREACH (r, &reqs, link) {
		if (r->server == server && rnd_permille(900)) {
			(void)sim_at_inc(r->c->node, r->inc,
					 sim_now_us + net_delay_us(server, r->c->node),
					 reset, r);
		}
	}
}

static void server_hears(void *arg)
{
	struct http_msg *m = arg;
	int64_t age = sim_now_us - m->req->sent_us;

	if (net_is_cut(m->req->c->node, m->server)) {
		if (age > LATE_US || (m->req->done && rnd_permille(100))) {
			msg_free(m);
			return;
		}
		(void)sim_at(m->server, sim_now_us + AGAIN_US, server_hears, m);
		return;
	}
	http_serve(m);
}

static void send_msg(struct httpc_req *r, const struct httpc_spec *spec,
		     struct sim_node *server)
{
	struct http_msg *m = xcalloc(1, sizeof(*m));
	const char *path = strstr(spec->url, "/api");

	m->req = r;
	m->server = server;
	m->method = xstrdup(spec->method);
	m->path = xstrdup(path != NULL ? path + 4 : "");
	m->body = spec->body_len > 0 ? xmemdup(spec->body, spec->body_len) : NULL;
	m->len = spec->body_len;
	(void)sim_at(server, sim_now_us + net_delay_us(r->c->node, server),
		     server_hears, m);
}

static void on_timeout(void *arg)
{
	fail(arg, ERR_TIMEOUT, "no answer in time");
}

int httpc_send(struct httpc *c, const struct httpc_spec *spec, httpc_fn fn, void *arg,
	       struct httpc_req **ret_req, struct error *err)
{
	struct httpc_req *r = xcalloc(1, sizeof(*r));
	struct sim_node *server = http_pick();
	int64_t timeout = spec->timeout_ms > 0 ? spec->timeout_ms : TIMEOUT_MS;

	(void)err;
	r->c = c;
	r->inc = c->node->inc;
	r->server = server;
	TAILQ_INSERT_TAIL(&reqs, r, link);
	(void)snprintf(r->path, sizeof(r->path), "%s", spec->url);
	sim_trace("%s is sent to %s", r->path, server->name);
	r->fn = fn;
	r->arg = arg;
	r->sent_us = sim_now_us;
	r->timer = loop_timer_new(c->loop, on_timeout, r);
	c->in_flight++;
	if (!server->up) {
		(void)sim_at(c->node, sim_now_us + net_delay_us(c->node, server),
			     refused, r);
	} else if (net_is_cut(c->node, server) && rnd_permille(700)) {
		timeout = CONNECT_MS; /* it is never sent */
	} else {
		send_msg(r, spec, server);
		if (rnd_permille(net_conf.twice_permille)) {
			send_msg(r, spec, server);
		}
	}
	loop_timer_in(r->timer, timeout);
	if (ret_req != NULL) {
		*ret_req = r;
	}
	return 0;
}

static void cancelled(void *arg)
{
	fail(arg, ERR_CANCELED, "cancelled");
}

void httpc_cancel(struct httpc_req *r)
{
	if (!r->done) {
		loop_defer(r->c->loop, cancelled, r);
	}
}

int httpc_in_flight(const struct httpc *c)
{
	return c->in_flight;
}

/* ---- to the client ---- */

struct answer {
	struct httpc_req *req;
	struct sim_node *server;
	int status;
	char *body;
	size_t len;
};

static void client_hears(void *arg)
{
	struct answer *a = arg;
	struct httpc_resp resp = {
	    .status = a->status, .body = a->body, .len = a->len, .retry_after_ms = -1};

	if (!a->req->done && net_is_cut(a->req->c->node, a->server)) {
		(void)sim_at(a->req->c->node, sim_now_us + AGAIN_US, client_hears, a);
		return;
	}
	if (!a->req->done && rnd_permille(net_conf.lost_permille)) {
		fail(a->req, ERR_UNAVAILABLE, "connection reset");
	}
	finish(a->req, 0, &resp, NULL);
	free(a->body);
	free(a);
}

void http_answer(struct http_msg *m, int status, const void *body, size_t len)
{
	struct answer *a = xcalloc(1, sizeof(*a));
	struct sim_node *client = m->req->c->node;

	a->req = m->req;
	a->server = m->server;
	a->status = status;
	a->body = xmalloc(len + 1);
	if (len > 0) {
		memcpy(a->body, body, len);
	}
	a->body[len] = '\0';
	a->len = len;
	(void)sim_at_inc(client, m->req->inc,
			 sim_now_us + net_delay_us(m->server, client), client_hears, a);
	msg_free(m);
}
