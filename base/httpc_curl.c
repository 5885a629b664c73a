/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpc_curl.c - https by libcurl's multi interface on our loop.
 *
 * libcurl tells which sockets to watch (one loop_io each) and when to be called again;
 * its timer callback only notes the time.  Redirects are httpc.c's business.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/curl_api.h"
#include "base/httpc_priv.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/opts.h"

struct curl_transport {
	const struct curl_api *api;
	CURLM *multi;
	struct httpc *client;
};

struct curl_exchange {
	CURL *easy;
	struct curl_slist *headers;
	struct httpc_req *req;
	int too_large;
	struct error refused;  /* code 0: no address was */
	struct curl_slist *to; /* of a mail */
	char text[CURL_ERROR_SIZE];
};

static void exchange_free(struct curl_exchange *x)
{
	struct curl_transport *t = x->req->client->curl;

	if (x->easy != NULL) {
		t->api->multi_remove(t->multi, x->easy);
		t->api->easy_free(x->easy);
	}
	t->api->list_free(x->headers);
	t->api->list_free(x->to);
	x->req->exchange = NULL;
	free(x);
}

static int code_of(const struct curl_exchange *x, CURLcode code)
{
	if (x->too_large) {
		return ERR_TOO_LARGE;
	}
	/* everything else is a failed transport */
	if (code == CURLE_OPERATION_TIMEDOUT) {
		return ERR_TIMEOUT;
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION ||
	    code == CURLE_SSL_CACERT_BADFILE || code == CURLE_WEIRD_SERVER_REPLY) {
		return ERR_PROTOCOL;
	}
	return ERR_UNAVAILABLE;
}

static void exchange_done(struct curl_exchange *x, CURLcode code)
{
	struct httpc_req *r = x->req;
	const struct curl_api *api = r->client->curl->api;
	struct error err;
	long status = 0;

	if (code == CURLE_OK) {
		api->easy_get(x->easy, CURLINFO_RESPONSE_CODE, &status);
		r->answer.status = (int)status;
		exchange_free(x);
		httpc_done(r, 0, NULL);
		return;
	}
	if (x->refused.code != 0) {
		err = x->refused;
	} else if (x->too_large) {
		err_set(&err, ERR_TOO_LARGE,
			"the answer is longer than the %zu bytes accepted",
			r->max_body);
	} else {
		err_set(&err, (enum err_code)code_of(x, code), "%s",
			x->text[0] != '\0' ? x->text : api->easy_text(code));
	}
	exchange_free(x);
	httpc_done(r, -err.code, &err);
}

static void collect(struct httpc *c)
{
	struct curl_transport *t = c->curl;
	CURLMsg *msg;
	int left;

	while ((msg = t->api->multi_read(t->multi, &left)) != NULL) {
		struct curl_exchange *x = NULL;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE) {
			continue;
		}
		t->api->easy_get(msg->easy_handle, CURLINFO_PRIVATE, &x);
		exchange_done(x, code);
	}
}

static void action(struct httpc *c, curl_socket_t s, int events)
{
	int running;

	c->curl->api->multi_action(c->curl->multi, s, events, &running);
	collect(c);
	httpc_rearm(c);
}

void curl_tick(struct httpc *c)
{
	c->curl_at_ms = INT64_MAX;
	action(c, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket_io(int fd, unsigned int events, void *arg)
{
	action(arg, fd,
	       ((events & LOOP_READ) != 0 ? CURL_CSELECT_IN : 0) |
		   ((events & LOOP_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static int on_socket(CURL *easy, curl_socket_t s, int what, void *arg, void *socket_arg)
{
	struct httpc *c = arg;
	struct loop_io *io = socket_arg;
	unsigned int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		loop_io_free(io);
		c->curl->api->multi_assign(c->curl->multi, s, NULL);
		return 0;
	}
	events |= (what & CURL_POLL_IN) != 0 ? LOOP_READ : 0u;
	events |= (what & CURL_POLL_OUT) != 0 ? LOOP_WRITE : 0u;
	if (io != NULL) {
		loop_io_set(io, events);
		return 0;
	}
	io = loop_io_new(c->loop, s, events, on_socket_io, c);
	c->curl->api->multi_assign(c->curl->multi, s, io);
	return io == NULL ? -1 : 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct httpc *c = arg;

	(void)multi;
	c->curl_at_ms = timeout_ms < 0 ? INT64_MAX : clock_mono_ms() + timeout_ms;
	httpc_rearm(c);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct curl_exchange *x = arg;
	struct httpc_req *r = x->req;
	size_t n = size * count;

	if (n > r->max_body - r->answer.body.len) {
		x->too_large = 1;
		return 0; /* fewer than given: libcurl ends the transfer */
	}
	buf_add(&r->answer.body, data, n);
	return n;
}

/* Copies the value when the LEN bytes at LINE are the header NAME. */
static void keep_header(const char *line, size_t len, const char *name, char **dst)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':') {
		return;
	}
	line += n + 1;
	len -= n + 1;
	while (len > 0 && strchr(" \t", *line) != NULL) {
		line++;
		len--;
	}
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL) {
		len--;
	}
	free(*dst);
	*dst = xstrndup(line, len);
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct http_answer *a = &((struct curl_exchange *)arg)->req->answer;
	size_t n = size * count;

	keep_header(data, n, "Content-Type", &a->content_type);
	keep_header(data, n, "Location", &a->location);
	keep_header(data, n, "Retry-After", &a->retry_after);
	return n;
}

static void set_headers(struct curl_exchange *x)
{
	const struct httpc_req *r = x->req;
	const struct curl_api *api = r->client->curl->api;
	char *type;

	for (char **h = r->headers; *h != NULL; h++) {
		x->headers = api->list_add(x->headers, *h);
	}
	x->headers = api->list_add(x->headers, "Expect:"); /* no wait for a 100 */
	if (!httpc_has_header(r, "Content-Type")) {
		/* without a value it takes libcurl's own default away */
		type =
		    xasprintf("Content-Type:%s%s", r->content_type != NULL ? " " : "",
			      r->content_type != NULL ? r->content_type : "");
		x->headers = api->list_add(x->headers, type);
		free(type);
	}
	api->easy_set(x->easy, CURLOPT_HTTPHEADER, x->headers);
}

static void set_method(struct curl_exchange *x)
{
	const struct httpc_req *r = x->req;
	const struct curl_api *api = r->client->curl->api;

	if (strcmp(r->method, "HEAD") == 0) {
		api->easy_set(x->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (r->body_len > 0 || strcmp(r->method, "GET") != 0) {
		api->easy_set(x->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			      (curl_off_t)r->body_len);
		api->easy_set(x->easy, CURLOPT_POSTFIELDS,
			      r->body != NULL ? r->body : "");
	}
	api->easy_set(x->easy, CURLOPT_CUSTOMREQUEST, r->method);
}

/* libcurl is about to connect: the address may be one that is not for this request. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *at)
{
	struct curl_exchange *x = arg;

	(void)purpose;
	if (httpc_refuse_address(x->req, &at->addr, &x->refused) < 0) {
		return CURL_SOCKET_BAD;
	}
	return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

static size_t on_mail_body(char *dst, size_t size, size_t count, void *arg)
{
	struct httpc_req *r = ((struct curl_exchange *)arg)->req;
	size_t n = MIN_OF(size * count, r->body_len - r->mail->sent);

	memcpy(dst, (const char *)r->body + r->mail->sent, n);
	r->mail->sent += n;
	return n;
}

static void set_mail(struct curl_exchange *x)
{
	const struct httpc_req *r = x->req;
	const struct mail_parts *m = r->mail;
	const struct curl_api *api = r->client->curl->api;
	char *url = xasprintf(r->url.is_ipv6 ? "%s://[%s]:%d" : "%s://%s:%d",
			      r->url.tls ? "smtps" : "smtp", r->url.host, r->url.port);

	for (char **to = m->to; *to != NULL; to++) {
		x->to = api->list_add(x->to, *to);
	}
	api->easy_set(x->easy, CURLOPT_URL, url);
	api->easy_set(x->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	api->easy_set(x->easy, CURLOPT_MAIL_FROM, m->from);
	api->easy_set(x->easy, CURLOPT_MAIL_RCPT, x->to);
	if (m->username != NULL && m->password != NULL) {
		api->easy_set(x->easy, CURLOPT_USERNAME, m->username);
		api->easy_set(x->easy, CURLOPT_PASSWORD, m->password);
	}
	api->easy_set(x->easy, CURLOPT_USE_SSL,
		      (long)(m->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	api->easy_set(x->easy, CURLOPT_UPLOAD, 1L);
	api->easy_set(x->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_len);
	api->easy_set(x->easy, CURLOPT_READFUNCTION, on_mail_body);
	api->easy_set(x->easy, CURLOPT_READDATA, x);
	free(url);
}

static void set_options(struct curl_exchange *x)
{
	struct httpc_req *r = x->req;
	const struct curl_api *api = r->client->curl->api;
	char *origin = url_origin(&r->url);
	char *url = xasprintf("%s%s", origin, r->url.target);
	const char *authorities = opts_env("SSL_CERT_FILE");

	api->easy_set(x->easy, CURLOPT_URL, url);
	api->easy_set(x->easy, CURLOPT_PRIVATE, x);
	api->easy_set(x->easy, CURLOPT_NOSIGNAL, 1L);
	api->easy_set(x->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	api->easy_set(x->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	api->easy_set(x->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	api->easy_set(x->easy, CURLOPT_USERAGENT, "wf");
	api->easy_set(x->easy, CURLOPT_ERRORBUFFER, x->text);
	api->easy_set(x->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_timeout_ms);
	api->easy_set(x->easy, CURLOPT_WRITEFUNCTION, on_body);
	api->easy_set(x->easy, CURLOPT_WRITEDATA, x);
	api->easy_set(x->easy, CURLOPT_HEADERFUNCTION, on_header);
	api->easy_set(x->easy, CURLOPT_HEADERDATA, x);
	if (authorities != NULL && authorities[0] != '\0') {
		api->easy_set(x->easy, CURLOPT_CAINFO, authorities);
	}
	if (r->unix_socket != NULL) {
		api->easy_set(x->easy, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
	}
	if ((r->flags & HTTPC_PUBLIC_ONLY) != 0) {
		api->easy_set(x->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
		api->easy_set(x->easy, CURLOPT_OPENSOCKETDATA, x);
		/* what others opened was not checked; a proxy would connect for us */
		api->easy_set(x->easy, CURLOPT_FRESH_CONNECT, 1L);
		api->easy_set(x->easy, CURLOPT_PROXY, "");
	}
	if ((r->flags & HTTPC_NO_VERIFY) != 0) {
		api->easy_set(x->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		api->easy_set(x->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	free(url);
	free(origin);
	if (r->mail != NULL) {
		set_mail(x);
		return;
	}
	set_method(x);
	set_headers(x);
}

static int transport_open(struct httpc *c, struct error *err)
{
	const struct curl_api *api;
	struct curl_transport *t;
	CURLM *multi;

	if (c->curl != NULL) {
		return 0;
	}
	api = curl_api_get(err);
	if (api == NULL) {
		return -ERR_UNSUPPORTED;
	}
	multi = api->multi_new();
	if (multi == NULL) {
		return err_set(err, ERR_NOMEM, "https: libcurl is out of memory");
	}
	t = xcalloc(1, sizeof(*t));
	*t = (struct curl_transport){.api = api, .multi = multi, .client = c};
	c->curl = t;
	api->multi_set(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	api->multi_set(multi, CURLMOPT_SOCKETDATA, c);
	api->multi_set(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	api->multi_set(multi, CURLMOPT_TIMERDATA, c);
	api->multi_set(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)c->max_connections);
	api->multi_set(multi, CURLMOPT_MAXCONNECTS, (long)c->max_connections);
	return 0;
}

int curl_start(struct httpc_req *r, struct error *err)
{
	struct curl_exchange *x;
	CURLMcode code;
	int rc = transport_open(r->client, err);

	if (rc < 0) {
		return rc;
	}
	x = xcalloc(1, sizeof(*x));
	x->req = r;
	r->exchange = x;
	x->easy = r->client->curl->api->easy_new();
	if (x->easy == NULL) {
		exchange_free(x);
		return err_set(err, ERR_NOMEM, "https: libcurl is out of memory");
	}
	set_options(x);
	code = r->client->curl->api->multi_add(r->client->curl->multi, x->easy);
	if (code != CURLM_OK) {
		exchange_free(x);
		return err_set(err, ERR_UNAVAILABLE, "https: %s",
			       r->client->curl->api->multi_text(code));
	}
	return 0;
}

void curl_abort(struct httpc_req *r)
{
	exchange_free(r->exchange);
}

void curl_close(struct httpc *c)
{
	if (c->curl == NULL) {
		return;
	}
	c->curl->api->multi_free(c->curl->multi);
	free(c->curl);
	c->curl = NULL;
}
