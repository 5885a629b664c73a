/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc.c - the life of requests: queue, cap, deadline, redirects, completion.
 *
 * All callbacks run from on_timer() or from httpc_free(), never from a transport, so a
 * callback may send, cancel and free whatever it likes.
 */
#include "base/httpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/digest.h"
#include "base/httpc_priv.h"
#include "base/loop.h"
#include "base/mem.h"

#define QUEUE_MAX          65536 /* requests that wait for a connection */
#define REDIRECTS_MAX      5
#define HEADERS_MAX        64
#define TIMEOUT_MS         30000
#define CONNECT_TIMEOUT_MS 5000
#define BODY_MAX           (16u << 20)

static void mail_free(struct mail_parts *m)
{
	if (m == NULL) {
		return;
	}
	for (char **to = m->to; *to != NULL; to++) {
		free(*to);
	}
	free(m->to);
	free(m->from);
	free(m->username);
	free(m->password);
	free(m);
}

static char *copy_or_null(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

static struct mail_parts *mail_new(const struct httpc_mail *in)
{
	struct mail_parts *m = xcalloc(1, sizeof(*m));
	size_t n = 0;

	while (in->to[n] != NULL) {
		n++;
	}
	m->to = xcalloc(n + 1, sizeof(*m->to));
	for (size_t i = 0; i < n; i++) {
		m->to[i] = xstrdup(in->to[i]);
	}
	m->from = xstrdup(in->from);
	m->username = copy_or_null(in->username);
	m->password = copy_or_null(in->password);
	m->starttls = in->starttls;
	return m;
}

static void req_free(struct httpc_req *r)
{
	for (char **h = r->headers; h != NULL && *h != NULL; h++) {
		free(*h);
	}
	free(r->headers);
	free(r->method);
	free(r->unix_socket);
	free(r->content_type);
	free(r->body);
	mail_free(r->mail);
	url_release(&r->url);
	http_answer_release(&r->answer);
	free(r);
}

/* The one place that moves a request between states; state and list are one fact. */
static void req_move(struct httpc_req *r, enum req_state next)
{
	struct httpc *c = r->client;

	switch (r->state) {
	case REQ_QUEUED:
		TAILQ_REMOVE(&c->queued, r, link);
		c->queued_count--;
		break;
	case REQ_ACTIVE:
		TAILQ_REMOVE(&c->active, r, link);
		c->active_count--;
		break;
	case REQ_DONE:
		TAILQ_REMOVE(&c->done, r, link);
		c->done_count--;
		break;
	case REQ_DELIVERING:
		BUG("a request that is being delivered cannot move");
	}
	r->state = next;
	switch (next) {
	case REQ_QUEUED: /* a redirect goes first: it has waited already */
		TAILQ_INSERT_HEAD(&c->queued, r, link);
		c->queued_count++;
		break;
	case REQ_ACTIVE:
		TAILQ_INSERT_TAIL(&c->active, r, link);
		c->active_count++;
		break;
	case REQ_DONE:
		heap_remove(&c->deadlines, &r->deadline);
		TAILQ_INSERT_TAIL(&c->done, r, link);
		c->done_count++;
		break;
	case REQ_DELIVERING:
		break;
	}
}

void httpc_rearm(struct httpc *c)
{
	int64_t at_ms = heap_min_key(&c->deadlines);

	at_ms = MIN_OF(at_ms, heap_min_key(&c->connects));
	at_ms = MIN_OF(at_ms, c->curl_at_ms);
	if (c->done_count > 0 ||
	    (c->queued_count > 0 && c->active_count < c->max_connections)) {
		at_ms = 0;
	}
	loop_timer_at(c->timer, at_ms);
}

void httpc_describe(const struct httpc_req *r, char *buf, size_t size)
{
	char *origin = url_origin(&r->url);

	if (r->unix_socket != NULL) {
		(void)snprintf(buf, size, "%s %s%.*s", r->method, r->unix_socket,
			       (int)strcspn(r->url.target, "?"), r->url.target);
	} else {
		(void)snprintf(buf, size, "%s %s%.*s", r->method, origin,
			       (int)strcspn(r->url.target, "?"), r->url.target);
	}
	free(origin);
}

static void finish(struct httpc_req *r, int rc, const struct error *err)
{
	char what[192];

	r->rc = rc;
	if (rc < 0) {
		r->err = *err;
		httpc_describe(r, what, sizeof(what));
		err_wrap(&r->err, "%s", what);
	}
	req_move(r, REQ_DONE);
	httpc_rearm(r->client);
}

static int header_is(const char *header, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(header, name, n) == 0 && header[n] == ':';
}

int httpc_has_header(const struct httpc_req *r, const char *name)
{
	for (char **h = r->headers; *h != NULL; h++) {
		if (header_is(*h, name)) {
			return 1;
		}
	}
	return 0;
}

/* Another host must not see what was meant for the first one. */
static void drop_credentials(struct httpc_req *r)
{
	char **to = r->headers;

	for (char **h = r->headers; *h != NULL; h++) {
		if (header_is(*h, "Authorization") || header_is(*h, "Cookie") ||
		    header_is(*h, "Host")) {
			free(*h);
		} else {
			*to++ = *h;
		}
	}
	*to = NULL;
}

/* GET and HEAD follow every redirect; others only those that keep the method. */
static int follows(const struct httpc_req *r)
{
	int status = r->answer.status;
	int is_get = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;

	if (r->answer.location == NULL || (r->flags & HTTPC_NO_REDIRECT) != 0) {
		return 0;
	}
	return status == 307 || status == 308 ||
	       (is_get && (status == 301 || status == 302 || status == 303));
}

static int redirect(struct httpc_req *r, struct error *err)
{
	struct url next = {0};
	char *text;
	int rc;

	if (++r->redirects > REDIRECTS_MAX) {
		return err_set(err, ERR_PROTOCOL, "more than %d redirects",
			       REDIRECTS_MAX);
	}
	text = url_resolve(&r->url, r->answer.location);
	rc = url_parse(text, &next, err);
	free(text);
	if (rc < 0) {
		return err_wrap(err, "redirect");
	}
	if (!url_same_origin(&r->url, &next)) {
		drop_credentials(r);
		/* a socket path stands for the first host only */
		free(r->unix_socket);
		r->unix_socket = NULL;
	}
	url_release(&r->url);
	r->url = next;
	http_answer_release(&r->answer);
	return 0;
}

void httpc_done(struct httpc_req *r, int rc, const struct error *err)
{
	struct error e;

	PRE(r->state == REQ_ACTIVE);
	if (rc == 0 && follows(r)) {
		rc = redirect(r, &e);
		if (rc == 0) {
			req_move(r, REQ_QUEUED);
			httpc_rearm(r->client);
			return;
		}
		err = &e;
	}
	finish(r, rc, err);
}

static void req_abort(struct httpc_req *r)
{
	if (r->state != REQ_ACTIVE) {
		return;
	}
	if (r->conn != NULL) {
		plain_abort(r);
	} else if (r->exchange != NULL) {
		curl_abort(r);
	}
}

static void expire(struct httpc *c, int64_t now_ms)
{
	while (heap_min_key(&c->deadlines) <= now_ms) {
		struct httpc_req *r =
		    container_of(heap_min(&c->deadlines), struct httpc_req, deadline);
		struct error err;
		int rc;

		rc =
		    err_set(&err, ERR_TIMEOUT, "no answer in time%s",
			    r->state == REQ_QUEUED ? ", all connections are busy" : "");
		req_abort(r);
		finish(r, rc, &err);
	}
}

/* Starts what waits, as far as the cap allows. */
static void pump(struct httpc *c)
{
	while (c->queued_count > 0 && c->active_count < c->max_connections) {
		struct httpc_req *r = TAILQ_FIRST(&c->queued);
		struct error err;
		int rc;

		req_move(r, REQ_ACTIVE);
		rc = r->url.tls || r->mail != NULL ? curl_start(r, &err)
						   : plain_start(r, &err);
		if (rc < 0) {
			finish(r, rc, &err);
		}
	}
}

static void deliver_one(struct httpc_req *r)
{
	struct httpc_resp resp = {.body = "", .retry_after_ms = -1};

	req_move(r, REQ_DELIVERING);
	if (r->rc == 0) {
		resp = (struct httpc_resp){
		    .status = r->answer.status,
		    .body = r->answer.body.data,
		    .len = r->answer.body.len,
		    .content_type = r->answer.content_type,
		    .retry_after_ms =
			http_retry_after_ms(r->answer.retry_after, clock_wall_us()),
		};
	}
	r->fn(r->rc, &resp, r->rc < 0 ? &r->err : NULL, r->arg);
	req_free(r);
}

static void destroy(struct httpc *c)
{
	plain_close_all(c);
	curl_close(c);
	loop_timer_free(c->timer);
	heap_release(&c->deadlines);
	heap_release(&c->connects);
	free(c);
}

/* Only what was done when this began: a callback that sends again cannot starve the
 * loop. 0 when a callback freed the client. */
static int deliver(struct httpc *c)
{
	int n = c->done_count;

	c->depth++;
	while (n-- > 0 && c->done_count > 0) {
		/* the analyzer does not see that the list has a new head */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		deliver_one(TAILQ_FIRST(&c->done));
	}
	c->depth--;
	if (c->dead && c->depth == 0) {
		destroy(c);
		return 0;
	}
	return !c->dead;
}

static void on_timer(void *arg)
{
	struct httpc *c = arg;
	int64_t now_ms = loop_now_ms(c->loop);

	if (c->curl_at_ms <= now_ms) {
		curl_tick(c);
	}
	plain_tick(c, now_ms);
	expire(c, now_ms);
	if (deliver(c)) {
		pump(c);
		httpc_rearm(c);
	}
}

struct httpc *httpc_new(struct loop *loop, int max_connections)
{
	struct httpc *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->max_connections = max_connections > 0 ? max_connections : 1;
	c->curl_at_ms = INT64_MAX;
	TAILQ_INIT(&c->queued);
	TAILQ_INIT(&c->active);
	TAILQ_INIT(&c->done);
	TAILQ_INIT(&c->conns);
	heap_init(&c->deadlines);
	heap_init(&c->connects);
	c->timer = loop_timer_new(loop, on_timer, c);
	return c;
}

void httpc_free(struct httpc *c)
{
	if (c == NULL || c->closing) {
		return;
	}
	c->closing = 1;
	while (c->queued_count > 0) {
		httpc_cancel(TAILQ_FIRST(&c->queued));
	}
	while (c->active_count > 0) {
		httpc_cancel(TAILQ_FIRST(&c->active));
	}
	c->dead = 1;
	deliver(c);
}

/* Token characters of RFC 9110 that methods are made of in practice. */
static int is_method(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");

	return n > 0 && n <= 32 && s[n] == '\0';
}

static int is_header(const char *s)
{
	const char *colon = strchr(s, ':');

	return colon != NULL && colon != s && strpbrk(s, "\r\n") == NULL &&
	       strcspn(s, " \t") > (size_t)(colon - s);
}

static int check_spec(const struct httpc_spec *spec, struct error *err)
{
	int count = 0;

	if (!is_method(spec->method)) {
		return err_set(err, ERR_INVALID, "bad HTTP method");
	}
	for (const char *const *h = spec->headers; h != NULL && *h != NULL; h++) {
		if (!is_header(*h)) {
			/* not repeated: the value may be a secret */
			return err_set(err, ERR_INVALID, "bad HTTP header \"%.*s\"",
				       (int)strcspn(*h, ": \r\n"), *h);
		}
		if (++count > HEADERS_MAX) {
			return err_set(err, ERR_INVALID, "more than %d HTTP headers",
				       HEADERS_MAX);
		}
	}
	if (spec->content_type != NULL && strpbrk(spec->content_type, "\r\n") != NULL) {
		return err_set(err, ERR_INVALID, "bad content type");
	}
	return 0;
}

/* The caller's headers, and Authorization for "user:password@" in the URL. */
static char **copy_headers(const struct httpc_spec *spec, const char *userinfo)
{
	char **out = xcalloc(HEADERS_MAX + 2, sizeof(*out));
	size_t n = 0;
	int has_auth = 0;

	for (const char *const *h = spec->headers; h != NULL && *h != NULL; h++) {
		has_auth |= header_is(*h, "Authorization");
		out[n++] = xstrdup(*h);
	}
	if (userinfo != NULL && !has_auth) {
		char *b64 = base64_encode(userinfo, strlen(userinfo));

		out[n++] = xasprintf("Authorization: Basic %s", b64);
		free(b64);
	}
	return out;
}

static struct httpc_req *req_new(const struct httpc_spec *spec, struct error *err)
{
	struct httpc_req *r;
	struct url url = {0};
	int rc = check_spec(spec, err);

	if (rc == 0) {
		rc = url_parse(spec->url, &url, err);
	}
	if (rc < 0) {
		return NULL;
	}
	r = xcalloc(1, sizeof(*r));
	r->url = url;
	r->method = xstrdup(spec->method);
	r->headers = copy_headers(spec, url.userinfo);
	r->flags = spec->flags;
	r->mail = spec->mail != NULL ? mail_new(spec->mail) : NULL;
	r->max_body = spec->max_body != 0 ? spec->max_body : BODY_MAX;
	r->connect_timeout_ms = spec->connect_timeout_ms > 0 ? spec->connect_timeout_ms
							     : CONNECT_TIMEOUT_MS;
	if (spec->unix_socket != NULL) {
		r->unix_socket = xstrdup(spec->unix_socket);
	}
	if (spec->body_len > 0) {
		r->body = xmemdup(spec->body, spec->body_len);
		r->body_len = spec->body_len;
	}
	/* "": none at all */
	if ((spec->content_type != NULL && spec->content_type[0] != '\0') ||
	    (spec->content_type == NULL && spec->body_len > 0)) {
		r->content_type =
		    xstrdup(spec->content_type != NULL ? spec->content_type
						       : "application/json");
	}
	http_answer_init(&r->answer);
	return r;
}

int httpc_send(struct httpc *c, const struct httpc_spec *spec, httpc_fn fn, void *arg,
	       struct httpc_req **ret_req, struct error *err)
{
	int64_t timeout_ms = spec->timeout_ms > 0 ? spec->timeout_ms : TIMEOUT_MS;
	struct httpc_req *r;

	if (c->closing) {
		return err_set(err, ERR_CANCELED, "the HTTP client is being closed");
	}
	if (c->queued_count >= QUEUE_MAX) {
		return err_set(err, ERR_BUSY, "%d HTTP requests are waiting already",
			       QUEUE_MAX);
	}
	r = req_new(spec, err);
	if (r == NULL) {
		return -ERR_INVALID;
	}
	r->client = c;
	r->fn = fn;
	r->arg = arg;
	r->state = REQ_QUEUED;
	TAILQ_INSERT_TAIL(&c->queued, r, link);
	c->queued_count++;
	heap_set(&c->deadlines, &r->deadline, clock_mono_ms() + timeout_ms);
	httpc_rearm(c);
	if (ret_req != NULL) {
		*ret_req = r;
	}
	return 0;
}

void httpc_cancel(struct httpc_req *r)
{
	struct error err;
	int rc;

	if (r->state == REQ_DELIVERING) {
		return;
	}
	rc = err_set(&err, ERR_CANCELED, "canceled");
	if (r->state == REQ_DONE) {
		r->rc = rc; /* the answer is there, but nobody wants it any more */
		r->err = err;
		return;
	}
	req_abort(r);
	finish(r, rc, &err);
}

int httpc_in_flight(const struct httpc *c)
{
	return c->queued_count + c->active_count + c->done_count;
}
