/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - evhttp set up with limits, and a request's way to its handler.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "api/http/guesses.h"
#include "api/http/http_priv.h"
#include "api/http/tls.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

static const char *method_name(enum evhttp_cmd_type type)
{
	static const struct {
		enum evhttp_cmd_type type;
		const char *name;
	} names[] = {
	    {EVHTTP_REQ_GET, "GET"},         {EVHTTP_REQ_POST, "POST"},
	    {EVHTTP_REQ_PUT, "PUT"},         {EVHTTP_REQ_DELETE, "DELETE"},
	    {EVHTTP_REQ_PATCH, "PATCH"},     {EVHTTP_REQ_HEAD, "HEAD"},
	    {EVHTTP_REQ_OPTIONS, "OPTIONS"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].type == type) {
			return names[i].name;
		}
	}
	return "OTHER";
}

/* Behind "/WORD/<anything>", or NULL. */
static const char *behind(const char *path, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(path, word, len) != 0 || path[len] == '\0' || path[len] == '/') {
		return NULL;
	}
	return path + len + strcspn(path + len, "/");
}

/* The part of PATH below the base path, or NULL.  Addresses that name an account and a
 * workspace mean the same: there is one of each. */
static const char *below_base(const struct http_server *s, const char *path)
{
	size_t len = strlen(s->base_path);
	const char *longer;

	if (strncmp(path, s->base_path, len) != 0 ||
	    (path[len] != '/' && path[len] != '\0')) {
		return NULL;
	}
	longer = behind(path + len, "/accounts/");
	longer = longer != NULL ? behind(longer, "/workspaces/") : NULL;
	return longer != NULL ? longer : path + len;
}

static struct http_req *req_new(struct http_server *s, struct evhttp_request *ev,
				const char *path, const char *query)
{
	struct http_req *r = xcalloc(1, sizeof(*r));

	r->server = s;
	r->api = s->api;
	r->loop = s->loop;
	r->ev = ev;
	r->method = method_name(evhttp_request_get_command(ev));
	r->path = xstrdup(path);
	r->query = query != NULL ? xstrdup(query) : NULL;
	r->arrived_us = loop_wall_us(s->loop);
	r->started_us = clock_mono_us();
	r->body = evbuffer_new();
	evbuffer_add_buffer(r->body, evhttp_request_get_input_buffer(ev));
	TAILQ_INSERT_TAIL(&s->pending, r, link);
	return r;
}

void http_req_free(struct http_req *r)
{
	size_t i;

	http_req_unwatch(r);
	for (i = 0; i < r->header_count; i++) {
		free(r->headers[i].name);
		free(r->headers[i].value);
	}
	for (i = 0; i < r->value_count; i++) {
		free(r->values[i]);
	}
	free(r->values);
	json_decref(r->json);
	evbuffer_free(r->body);
	free(r->match);
	free(r->query);
	free(r->path);
	free(r);
}

/* "/flows" exists as "/flows/", or the other way round: 307 there. */
static int redirect_slash(struct http_req *r, const struct router *routes,
			  const char *base)
{
	size_t len = strlen(r->path);
	char *other, *url;
	const char *host;
	int found;

	if (len > 1 && r->path[len - 1] == '/') {
		other = xstrndup(r->path, len - 1);
	} else {
		other = xasprintf("%s/", r->path);
	}
	found = router_find(routes, r->method, other, r->match) != ROUTER_NONE;
	if (found) {
		host = http_header(r, "Host");
		url = xasprintf("%s://%s%s%s%s%s", http_scheme(r),
				host != NULL ? host : "localhost", base, other,
				r->query != NULL ? "?" : "",
				r->query != NULL ? r->query : "");
		http_reply_header(r, "Location", url);
		http_reply_empty(r, 307);
		free(url);
	}
	free(other);
	return found;
}

static void run_handler(struct http_req *r)
{
	const struct http_route *hr = r->match->target;
	size_t max = hr->route->body_max != 0 ? hr->route->body_max : HTTP_BODY_DEF;

	r->route = hr;
	if ((hr->route->flags & (ROUTE_PUBLIC | ROUTE_ROOT)) == 0 &&
	    (check_version(r) || check_csrf(r))) {
		return;
	}
	if (evbuffer_get_length(r->body) > max) {
		http_reply_detail(r, 413,
				  "Request body of %zu bytes is too large: %s takes at "
				  "most %zu bytes",
				  evbuffer_get_length(r->body), hr->route->pattern,
				  max);
		return;
	}
	hr->route->handler(r);
}

static void route_request(struct http_req *r, int in_api)
{
	struct http_server *s = r->server;
	const struct router *routes = in_api ? s->api_routes : s->root_routes;

	r->match = xcalloc(1, sizeof(*r->match));
	switch (router_find(routes, r->method, r->path, r->match)) {
	case ROUTER_FOUND:
		run_handler(r);
		return;
	case ROUTER_WRONG_METHOD:
		http_reply_header(r, "Allow", r->match->allow);
		http_reply_detail(r, 405, "Method Not Allowed");
		return;
	case ROUTER_NONE:
		break;
	}
	if (!redirect_slash(r, routes, in_api ? s->base_path : "")) {
		http_reply_detail(r, 404, "Not Found");
	}
}

static void on_request(struct evhttp_request *ev, void *arg)
{
	struct http_server *s = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(ev);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	struct http_conn *conn = conns_of(s->conns, ev);
	const char *below;
	struct http_req *r;

	if (conn != NULL) {
		conn_busy(conn);
	}
	path = path != NULL && path[0] != '\0' ? path : "/";
	below = below_base(s, path);
	if (ws_upgrade(s, ev, below)) {
		return;
	}
	r = req_new(s, ev, below != NULL ? below : path,
		    uri != NULL ? evhttp_uri_get_query(uri) : NULL);
	if (evhttp_request_get_command(ev) == EVHTTP_REQ_OPTIONS) {
		cors_preflight(r);
	} else if (below == NULL || !check_auth(r)) {
		route_request(r, below != NULL);
	}
}

static int add_routes(struct http_server *s, const struct route *const *tables,
		      struct error *err)
{
	const struct route *const *t, *route;
	struct http_route *hr;
	size_t n = 0;
	int rc = 0;

	for (t = tables; *t != NULL; t++) {
		for (route = *t; route->method != NULL; route++) {
			n++;
		}
	}
	s->routes = xcalloc(n + 1, sizeof(*s->routes));
	for (t = tables; *t != NULL && rc == 0; t++) {
		for (route = *t; route->method != NULL && rc == 0; route++) {
			hr = &s->routes[s->route_count++];
			hr->route = route;
			hr->stats = route_stats_get(route->method, route->pattern);
			rc =
			    router_add((route->flags & ROUTE_ROOT) != 0 ? s->root_routes
									: s->api_routes,
				       route->method, route->pattern, hr, err);
		}
	}
	return rc;
}

static void set_up_evhttp(struct http_server *s)
{
	evhttp_set_allowed_methods(s->ev, EVHTTP_REQ_GET | EVHTTP_REQ_POST |
					      EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
					      EVHTTP_REQ_PATCH | EVHTTP_REQ_HEAD |
					      EVHTTP_REQ_OPTIONS);
	evhttp_set_max_headers_size(s->ev, HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(s->ev, (ev_ssize_t)s->body_max);
	evhttp_set_timeout(s->ev, HTTP_IDLE_S);
	evhttp_set_default_content_type(s->ev, NULL);
	evhttp_set_flags(s->ev, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_gencb(s->ev, on_request, s);
}

int http_server_start(struct loop *loop, const struct http_conf *conf,
		      const struct route *const *tables,
		      struct http_server **ret_server, struct error *err)
{
	struct http_server *s = xcalloc(1, sizeof(*s));
	int rc;

	s->loop = loop;
	s->api = conf->api;
	s->base_path = xstrdup(conf->base_path != NULL ? conf->base_path : "");
	s->body_max = conf->body_max != 0 ? conf->body_max : HTTP_BODY_MAX;
	s->request_ms = conf->request_ms > 0 ? conf->request_ms : HTTP_REQUEST_MS;
	TAILQ_INIT(&s->pending);
	s->refusals = refusals_new(s);
	s->api_routes = router_new();
	s->root_routes = router_new();
	s->unmatched = route_stats_get("", "");
	s->cors_origins =
	    xstrdup(conf->cors_origins != NULL ? conf->cors_origins : "*");
	s->csrf = conf->csrf;
	csrf_key_make(conf->auth, s->csrf_key);
	s->guesses = guesses_new();
	if (conf->auth != NULL && conf->auth[0] != '\0') {
		s->auth_token = xstrdup(conf->auth);
		s->auth = check_auth_header(conf->auth);
	}
	s->ev = evhttp_new(loop_base(loop));
	if (s->ev == NULL) {
		BUG("evhttp_new failed");
	}
	set_up_evhttp(s);
	rc = add_routes(s, tables, err);
	if (rc == 0 && conf->tls_cert != NULL && conf->tls_cert[0] != '\0') {
		rc = http_tls_new(conf->tls_cert, conf->tls_key, &s->tls, err);
	}
	if (rc == 0) {
		s->conns =
		    conns_new(s, conf->max_connections > 0 ? conf->max_connections
							   : HTTP_CONNS_MAX);
		rc = conns_listen(s->conns, conf->host, conf->port, &s->port, err);
	}
	if (rc < 0) {
		http_server_free(s);
		return rc;
	}
	http_metrics_register();
	*ret_server = s;
	return 0;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_stop_accepting(struct http_server *s)
{
	s->closing = 1;
	conns_stop_accepting(s->conns);
}

int http_server_pending(const struct http_server *s)
{
	const struct http_req *r;
	int n = 0;

	TAILQ_FOREACH (r, &s->pending, link) {
		n++;
	}
	return n;
}

/*
 * EV_CLOSED is an orderly end or half of one.  A reset shows as EV_READ only (libevent
 * turns EPOLLERR into that), and so do pipelined bytes, which stay where they are:
 * edge-triggered, or the loop would spin on them.
 */
static void on_client_gone(evutil_socket_t fd, short what, void *arg)
{
	struct http_req *r = arg;
	void (*fn)(struct http_req *, void *) = r->on_gone;
	char byte;
	ssize_t n;

	if ((what & EV_CLOSED) == 0) {
		n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n > 0 || (n < 0 && errno == EAGAIN)) {
			return;
		}
	}
	http_req_unwatch(r);
	r->on_gone = NULL;
	fn(r, r->on_gone_arg);
}

void http_req_unwatch(struct http_req *r)
{
	if (r->gone != NULL) {
		event_free(r->gone);
		r->gone = NULL;
	}
}

void http_watch_gone(struct http_server *s)
{
	int64_t before_us = clock_mono_us() - HTTP_GONE_MS * CLOCK_US_PER_MS;
	struct evhttp_connection *evcon;
	struct bufferevent *bev;
	struct http_req *r;

	TAILQ_FOREACH (r, &s->pending, link) {
		if (r->started_us > before_us) {
			return; /* the list is in the order of arrival */
		}
		evcon = evhttp_request_get_connection(r->ev);
		if (r->on_gone == NULL || r->gone != NULL || evcon == NULL) {
			continue;
		}
		/* an event of our own: reading through evhttp, which handles a request,
		 * would end the process (its state machine is not prepared) */
		bev = evhttp_connection_get_bufferevent(evcon);
		r->gone = event_new(loop_base(s->loop), bufferevent_getfd(bev),
				    EV_CLOSED | EV_READ | EV_ET | EV_PERSIST,
				    on_client_gone, r);
		event_add(r->gone, NULL);
	}
}

void http_server_free(struct http_server *s)
{
	struct http_req *r;

	if (s == NULL) {
		return;
	}
	ws_server_free(s->ws);
	refusals_free(s->refusals);
	TAILQ_FOREACH (r, &s->pending, link) {
		http_req_unwatch(r);
		r->ev = NULL; /* freed with its connection */
	}
	if (s->ev != NULL) {
		evhttp_free(s->ev);
	}
	conns_free(s->conns);
	while ((r = TAILQ_FIRST(&s->pending)) != NULL) {
		TAILQ_REMOVE(&s->pending, r, link);
		r->server = NULL; /* a late reply frees it */
	}
	router_free(s->api_routes);
	router_free(s->root_routes);
	free(s->routes);
	free(s->base_path);
	free(s->auth);
	free(s->auth_token);
	free(s->cors_origins);
	guesses_free(s->guesses);
	http_tls_free(s->tls);
	free(s);
}
