/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_httpc.c - the HTTP client against a real server.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/httpc.h"
#include "base/loop.h"
#include "tests/unit/base/http_server.h"

struct result {
	int calls, rc, status;
	char body[256];
	size_t len;
	int64_t retry_after_ms;
	struct error err;
};

struct fixture {
	struct http_server *server;
	struct loop *loop;
	struct httpc *client;
	char url[128];
};

static struct fixture open_fixture(int max_connections)
{
	struct fixture f = {0};

	f.server = http_server_start();
	f.loop = loop_new(NULL);
	f.client = httpc_new(f.loop, max_connections);
	return f;
}

static void close_fixture(struct fixture *f)
{
	httpc_free(f->client);
	loop_free(f->loop);
	http_server_stop(f->server);
}

static const char *url_of(struct fixture *f, const char *path)
{
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d%s",
		 http_server_port(f->server), path);
	return f->url;
}

static void on_done(int rc, const struct httpc_resp *resp, const struct error *err,
		    void *arg)
{
	struct result *r = arg;

	r->calls++;
	r->rc = rc;
	r->status = resp->status;
	r->len = resp->len;
	r->retry_after_ms = resp->retry_after_ms;
	snprintf(r->body, sizeof(r->body), "%s", resp->body);
	if (err != NULL) {
		r->err = *err;
	}
}

static void turn_until_done(struct fixture *f)
{
	while (httpc_in_flight(f->client) > 0) {
		loop_turn(f->loop, 5000);
	}
}

static struct result call(struct fixture *f, const struct httpc_spec *spec)
{
	struct result r = {0};
	struct error err;
	int rc = httpc_send(f->client, spec, on_done, &r, NULL, &err);

	cr_assert_eq(rc, 0, "%s", err.msg);
	cr_assert_eq(r.calls, 0, "no completion before return");
	turn_until_done(f);
	cr_assert_eq(r.calls, 1);
	return r;
}

static struct result get(struct fixture *f, const char *path)
{
	return call(f, &(struct httpc_spec){.method = "GET", .url = url_of(f, path)});
}

Test(httpc, answers_of_every_framing)
{
	static const struct {
		const char *path;
		int status;
		const char *body;
	} cases[] = {
	    {"/echo", 200, "GET /echo [] "},
	    {"/chunked", 200, "hello world"},
	    {"/eof", 200, "until the end"},
	    {"/missing", 404, "no"},
	};
	struct fixture f = open_fixture(4);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct result r = get(&f, cases[i].path);

		cr_assert_eq(r.rc, 0, "%s: %s", cases[i].path, r.err.msg);
		cr_assert_eq(r.status, cases[i].status, "%s", cases[i].path);
		cr_assert_str_eq(r.body, cases[i].body);
		cr_assert_eq(r.retry_after_ms, -1);
	}
	close_fixture(&f);
}

Test(httpc, sends_method_headers_and_body)
{
	struct fixture f = open_fixture(4);
	struct result r = call(&f, &(struct httpc_spec){
				       .method = "POST",
				       .url = url_of(&f, "/echo"),
				       .headers = (const char *[]){"X-Test: a b", NULL},
				       .body = "{}",
				       .body_len = 2,
				   });

	cr_assert_str_eq(r.body, "POST /echo [a b] {}");
	r = call(&f,
		 &(struct httpc_spec){.method = "HEAD", .url = url_of(&f, "/echo")});
	cr_assert_eq(r.status, 200);
	cr_assert_eq(r.len, 0);
	close_fixture(&f);
}

Test(httpc, redirects_keep_the_method_and_end)
{
	struct fixture f = open_fixture(4);
	struct httpc_spec spec = {
	    .method = "PATCH",
	    .url = url_of(&f, "/to-echo"),
	    .body = "b",
	    .body_len = 1,
	};
	struct result r = call(&f, &spec);

	cr_assert_str_eq(r.body, "PATCH /echo?x=1 [] b");
	spec.url = url_of(&f, "/found");
	r = call(&f, &spec);
	cr_assert_eq(r.status, 302, "only GET follows a 302");
	r = get(&f, "/found");
	cr_assert_str_eq(r.body, "GET /echo [] ");
	r = get(&f, "/loop");
	cr_assert_eq(r.rc, -ERR_PROTOCOL);
	close_fixture(&f);
}

Test(httpc, retry_after_and_what_may_be_retried)
{
	struct fixture f = open_fixture(4);
	struct result r = get(&f, "/busy");

	cr_assert_eq(r.status, 503);
	cr_assert_eq(r.retry_after_ms, 1500);
	cr_assert(http_is_retryable(r.rc, r.status));
	cr_assert(http_is_retryable(0, 429));
	cr_assert(http_is_retryable(-ERR_UNAVAILABLE, 0));
	cr_assert_not(http_is_retryable(0, 404));
	cr_assert_not(http_is_retryable(-ERR_CANCELED, 0));
	close_fixture(&f);
}

Test(httpc, failures_have_their_codes_and_name_the_target)
{
	struct fixture f = open_fixture(4);
	struct result r = call(&f, &(struct httpc_spec){.method = "GET",
							.url = url_of(&f, "/slow"),
							.timeout_ms = 50});

	cr_assert_eq(r.rc, -ERR_TIMEOUT);
	cr_assert_not_null(strstr(r.err.msg, "/slow"), "%s", r.err.msg);
	r = call(&f, &(struct httpc_spec){.method = "GET",
					  .url = url_of(&f, "/big"),
					  .max_body = 99999});
	cr_assert_eq(r.rc, -ERR_TOO_LARGE);
	r = call(&f, &(struct httpc_spec){.method = "GET",
					  .url = url_of(&f, "/big"),
					  .max_body = 100000});
	cr_assert_eq(r.rc, 0);
	cr_assert_eq(r.len, 100000);
	cr_assert_eq(get(&f, "/cut").rc, -ERR_UNAVAILABLE);
	cr_assert_eq(get(&f, "/garbage").rc, -ERR_PROTOCOL);
	close_fixture(&f);
}

/* A port on which nobody listens: bound, but not listening. */
static int dead_port(int *ret_fd)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sa);

	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(*ret_fd, (const struct sockaddr *)&sa, len), 0);
	cr_assert_eq(getsockname(*ret_fd, (struct sockaddr *)&sa, &len), 0);
	return ntohs(sa.sin_port);
}

Test(httpc, a_refused_connection_hides_the_secrets)
{
	struct fixture f = open_fixture(4);
	char url[128];
	int fd = -1;
	struct result r;

	snprintf(url, sizeof(url), "http://me:hidden@127.0.0.1:%d/p?token=hidden",
		 dead_port(&fd));
	r = call(&f, &(struct httpc_spec){.method = "GET", .url = url});
	cr_assert_eq(r.rc, -ERR_UNAVAILABLE);
	cr_assert_not_null(strstr(r.err.msg, "refused"), "%s", r.err.msg);
	cr_assert_null(strstr(r.err.msg, "hidden"), "%s", r.err.msg);
	close(fd);
	close_fixture(&f);
}

Test(httpc, names_are_looked_up)
{
	struct fixture f = open_fixture(4);
	char url[128];
	struct result r;

	snprintf(url, sizeof(url), "http://localhost:%d/echo",
		 http_server_port(f.server));
	r = call(&f, &(struct httpc_spec){.method = "GET", .url = url});
	cr_assert_eq(r.status, 200, "%s", r.err.msg);
	r = call(&f, &(struct httpc_spec){.method = "GET", .url = "http://a.invalid/"});
	cr_assert_eq(r.rc, -ERR_UNAVAILABLE);
	close_fixture(&f);
}

Test(httpc, bad_requests_are_refused_at_once)
{
	static const char *const urls[] = {
	    "",
	    "ftp://x/",
	    "file:///etc/passwd",
	    "http://",
	    "http:///x",
	    "http://h:99999",
	    "http://h h/",
	    "http://h/a b",
	    "http://h\\@x/",
	    "http://h/\r\nX: y",
	};
	struct fixture f = open_fixture(4);
	struct error err;
	struct httpc_spec spec = {.method = "GET"};

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		spec.url = urls[i];
		cr_assert_eq(httpc_send(f.client, &spec, on_done, NULL, NULL, &err),
			     -ERR_INVALID, "%s", urls[i]);
	}
	spec.url = "http://h/";
	spec.headers = (const char *[]){"X-Test: a\r\nEvil: b", NULL};
	cr_assert_eq(httpc_send(f.client, &spec, on_done, NULL, NULL, &err),
		     -ERR_INVALID);
	cr_assert_null(strstr(err.msg, "Evil"));
	spec.headers = NULL;
	spec.method = "GET / HTTP/1.1\r\n";
	cr_assert_eq(httpc_send(f.client, &spec, on_done, NULL, NULL, &err),
		     -ERR_INVALID);
	cr_assert_eq(httpc_in_flight(f.client), 0);
	close_fixture(&f);
}

Test(httpc, cancelling_completes_once_from_the_loop)
{
	struct fixture f = open_fixture(4);
	struct result r = {0};
	struct httpc_req *req = NULL;
	struct httpc_spec spec = {.method = "GET", .url = url_of(&f, "/slow")};

	cr_assert_eq(httpc_send(f.client, &spec, on_done, &r, &req, NULL), 0);
	loop_turn(f.loop, 100);
	loop_turn(f.loop, 100);
	httpc_cancel(req);
	cr_assert_eq(r.calls, 0);
	turn_until_done(&f);
	cr_assert_eq(r.calls, 1);
	cr_assert_eq(r.rc, -ERR_CANCELED);
	close_fixture(&f);
}

Test(httpc, free_cancels_what_is_in_flight)
{
	struct fixture f = open_fixture(1);
	struct result r[3] = {0};
	struct httpc_spec spec = {.method = "GET", .url = url_of(&f, "/slow")};

	for (int i = 0; i < 3; i++) {
		cr_assert_eq(httpc_send(f.client, &spec, on_done, &r[i], NULL, NULL),
			     0);
	}
	loop_turn(f.loop, 100);
	httpc_free(f.client);
	f.client = NULL;
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(r[i].calls, 1);
		cr_assert_eq(r[i].rc, -ERR_CANCELED);
	}
	close_fixture(&f);
}

static void on_done_free_client(int rc, const struct httpc_resp *resp,
				const struct error *err, void *arg)
{
	struct fixture *f = arg;

	(void)rc;
	(void)resp;
	(void)err;
	httpc_free(f->client); /* the second call, while closing, does nothing */
}

Test(httpc, a_callback_may_free_the_client)
{
	struct fixture f = open_fixture(2);
	struct httpc_spec spec = {.method = "GET", .url = url_of(&f, "/echo")};

	for (int i = 0; i < 5; i++) {
		cr_assert_eq(
		    httpc_send(f.client, &spec, on_done_free_client, &f, NULL, NULL),
		    0);
	}
	for (int i = 0; i < 20; i++) {
		loop_turn(f.loop, 20);
	}
	f.client = NULL;
	close_fixture(&f);
}

Test(httpc, connections_are_kept_and_replaced)
{
	struct fixture f = open_fixture(4);

	cr_assert_str_eq(get(&f, "/connection").body, "1");
	cr_assert_str_eq(get(&f, "/connection").body, "1", "the same one");
	cr_assert_str_eq(get(&f, "/once").body, "1");
	/* the server has closed it meanwhile, or is about to: a new one, unseen */
	cr_assert_str_eq(get(&f, "/connection").body, "2");
	close_fixture(&f);
}

Test(httpc, a_hundred_requests_share_eight_connections)
{
	enum { N = 100, CAP = 8 };
	static struct result r[N];
	struct fixture f = open_fixture(CAP);
	struct httpc_spec spec = {.method = "GET", .url = url_of(&f, "/hold")};

	for (int i = 0; i < N; i++) {
		cr_assert_eq(httpc_send(f.client, &spec, on_done, &r[i], NULL, NULL),
			     0);
	}
	while (http_server_most_held(f.server) < CAP) {
		loop_turn(f.loop, 10);
	}
	cr_assert_eq(httpc_in_flight(f.client), N);
	http_server_release(f.server);
	turn_until_done(&f);
	for (int i = 0; i < N; i++) {
		cr_assert_eq(r[i].calls, 1);
		cr_assert_eq(r[i].status, 200, "%s", r[i].err.msg);
	}
	cr_assert_eq(http_server_connections(f.server), CAP);
	cr_assert_eq(http_server_most_held(f.server), CAP);
	close_fixture(&f);
}

Test(httpc, waiting_for_a_connection_counts_against_the_time)
{
	struct fixture f = open_fixture(1);
	struct result r[2] = {0};
	struct httpc_spec spec = {
	    .method = "GET", .url = url_of(&f, "/slow"), .timeout_ms = 200};

	cr_assert_eq(httpc_send(f.client, &spec, on_done, &r[0], NULL, NULL), 0);
	spec.timeout_ms = 50;
	cr_assert_eq(httpc_send(f.client, &spec, on_done, &r[1], NULL, NULL), 0);
	turn_until_done(&f);
	cr_assert_eq(r[0].rc, -ERR_TIMEOUT);
	cr_assert_eq(r[1].rc, -ERR_TIMEOUT);
	cr_assert_not_null(strstr(r[1].err.msg, "busy"), "%s", r[1].err.msg);
	close_fixture(&f);
}

Test(httpc, unix_sockets)
{
	struct fixture f = open_fixture(2);
	char dir[] = "/tmp/wf-test-httpc-XXXXXX";
	char path[64];
	struct http_server *s;
	struct result r;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	s = http_server_start_unix(path);
	r = call(&f, &(struct httpc_spec){.method = "PUT",
					  .url = "http://any.name/echo",
					  .unix_socket = path,
					  .body = "x",
					  .body_len = 1});
	cr_assert_str_eq(r.body, "PUT /echo [] x");
	http_server_stop(s);
	unlink(path);
	r = call(&f, &(struct httpc_spec){
			 .method = "GET", .url = "http://h/", .unix_socket = path});
	cr_assert_eq(r.rc, -ERR_UNAVAILABLE);
	rmdir(dir);
	close_fixture(&f);
}

Test(httpc, blocking_calls_reuse_their_connection)
{
	struct http_server *s = http_server_start();
	struct httpc_answer a = {0};
	struct httpc_spec spec = {.method = "GET"};
	struct error err = {0};
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/connection",
		 http_server_port(s));
	spec.url = url;
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(httpc_call(&spec, &a, &err), 0, "%s", err.msg);
		cr_assert_eq(a.status, 200);
		cr_assert_str_eq(a.body, "1");
		httpc_answer_release(&a);
	}
	http_server_stop(s);
	cr_assert_lt(httpc_call(&spec, &a, &err), 0);
	cr_assert_eq(err.code, ERR_UNAVAILABLE);
}

Test(httpc, https_to_a_plain_server_fails_cleanly)
{
	struct fixture f = open_fixture(2);
	char url[64];
	struct result r;

	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", http_server_port(f.server));
	r = call(&f,
		 &(struct httpc_spec){.method = "GET", .url = url, .timeout_ms = 2000});
	cr_assert_lt(r.rc, 0);
	cr_assert_neq(r.rc, -ERR_UNSUPPORTED, "%s", r.err.msg);
	close_fixture(&f);
}
