/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_http.c - the real server and bad HTTP clients.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"
#include "tests/lib/wf_server.h"

static struct wf_server server;

static void start(void)
{
	static const char *const args[] = {"--request-timeout", "1s", NULL};

	wf_server_start(&server, args, NULL);
}

static void stop(void)
{
	wf_server_stop(&server);
}

TestSuite(http, .init = start, .fini = stop, .timeout = 60);

struct talk {
	const char *request;
	int status;
	const char *body; /* exact, or NULL */
	const char *head; /* contained, or NULL */
};

#define H "HTTP/1.1\r\nHost: h:1\r\n"

static const struct talk talks[] = {
    {"GET /api/health " H "\r\n", 200, "true", "Access-Control-Allow-Origin: *"},
    {"GET /api/nosuch " H "\r\n", 404, "{\"detail\":\"Not Found\"}", NULL},
    {"GET /nosuch " H "\r\n", 404, "{\"detail\":\"Not Found\"}", NULL},
    {"PUT /api/health " H "Content-Length: 0\r\n\r\n", 405,
     "{\"detail\":\"Method Not Allowed\"}", "Allow: GET"},
    {"HEAD /api/health " H "\r\n", 405, NULL, "Allow: GET"},
    {"TRACE /api/health " H "\r\n", 405, "{\"detail\":\"Method Not Allowed\"}", NULL},
    {"BREW /api/health " H "\r\n", 405, "{\"detail\":\"Method Not Allowed\"}", NULL},
    {"OPTIONS /api/flows/ " H "Origin: http://x\r\nAccess-Control-Request-Method: "
     "POST\r\n\r\n",
     200, "OK", "Access-Control-Allow-Methods"},
    {"POST /api/events/ " H "Content-Length: 2\r\n\r\n[]", 307, "",
     "Location: http://h:1/api/events\r\n"},
    {"GET /api/health/?a=b " H "\r\n", 307, "", "Location: http://h:1/api/health?a=b"},
    {"nonsense\r\n\r\n", 400, NULL, "application/json"},
    {"GET /api/version " H "X-PREFECT-API-VERSION: 0.7.9\r\n\r\n", 400,
     "{\"detail\":\"The request specified API version 0.7.9 but this server requires "
     "version 0.8.0 or higher.\"}",
     NULL},
    {"GET /api/version " H "X-PREFECT-API-VERSION: abc\r\n\r\n", 400,
     "{\"detail\":\"Invalid X-PREFECT-API-VERSION header format.Expected header in "
     "format "
     "'x.y.z' but received abc\"}",
     NULL},
    {"GET /api/version " H "X-PREFECT-API-VERSION: 1.0.0\r\n\r\n", 200, "\"0.8.4\"",
     NULL},
    {"GET /api/csrf-token?client=1 " H "\r\n", 422,
     "{\"detail\":\"CSRF protection is disabled.\"}", NULL},
    {"GET /api/admin/storage " H "\r\n", 200,
     "{\"default_result_storage_block_id\":null}", NULL},
    {"POST /api/events " H "Content-Length: 9\r\n\r\n{\"name\": ", 422,
     "{\"exception_message\":\"Invalid request received.\",\"exception_detail\":[{"
     "\"type\":\"json_invalid\",\"loc\":[\"body\",9],\"msg\":\"JSON decode error\","
     "\"input\":{},\"ctx\":{\"error\":\"Expecting "
     "value\"}}],\"request_body\":\"{\\\"name\\\": "
     "\"}",
     NULL},
    {"POST /api/events " H "Content-Length: 0\r\n\r\n", 422,
     "{\"exception_message\":\"Invalid request received.\",\"exception_detail\":[{"
     "\"type\":\"missing\",\"loc\":[\"body\"],\"msg\":\"Field "
     "required\",\"input\":null}],"
     "\"request_body\":null}",
     NULL},
    {"POST /api/events " H "Content-Length: 4\r\n\r\n[\"\xff\"", 400,
     "{\"detail\":\"There was an error parsing the body\"}", NULL},
    {"PUT /api/admin/storage " H
     "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
     422, NULL, NULL},
    {"PUT /api/admin/storage " H "Content-Length: 3\r\n\r\n[1]", 422, NULL, NULL},
};

Test(http, answers_as_recorded)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(talks); i++) {
		const struct talk *t = &talks[i];
		char *answer = wf_ask(&server, t->request);

		cr_expect_eq(wf_status(answer), t->status, "%.40s: %s", t->request,
			     answer != NULL ? answer : "no answer");
		if (t->body != NULL) {
			cr_expect_str_eq(wf_body(answer), t->body, "%.40s", t->request);
		}
		if (t->head != NULL) {
			cr_expect(answer != NULL && strstr(answer, t->head) != NULL,
				  "%.40s: %s", t->request, answer);
		}
		free(answer);
	}
}

Test(http, a_body_above_the_limit_of_its_route_is_413)
{
	size_t len = (1u << 20) + 1;
	char head[128], *body = calloc(1, len), *answer;
	int fd = wf_connect(&server);

	memset(body, ' ', len);
	(void)snprintf(head, sizeof(head),
		       "PUT /api/admin/storage " H "Content-Length: %zu\r\n\r\n", len);
	wf_puts(fd, head);
	wf_send(fd, body, len);
	answer = wf_answer(fd, 10000);
	cr_assert_eq(wf_status(answer), 413);
	cr_assert(strncmp(wf_body(answer), "{\"detail\":\"Request body of", 26) == 0);
	free(answer);
	/* the connection is still good */
	wf_puts(fd, "GET /api/health " H "\r\n");
	answer = wf_answer(fd, 10000);
	cr_assert_eq(wf_status(answer), 200);
	free(answer);
	free(body);
	(void)close(fd);
}

Test(http, a_body_above_the_hard_limit_is_413)
{
	size_t len = 9u << 20;
	char *body = calloc(1, len), *answer;
	int fd = wf_connect(&server);

	memset(body, ' ', len);
	wf_puts(fd, "POST /api/events " H "Content-Length: 9437184\r\n\r\n");
	wf_send(fd, body,
		len); /* it is read and thrown away, so that the answer arrives */
	answer = wf_answer(fd, 10000);
	cr_assert_eq(wf_status(answer), 413, "%s",
		     answer != NULL ? answer : "no answer");
	cr_assert(strncmp(wf_body(answer), "{\"detail\":\"", 11) == 0, "%s", answer);
	free(answer);
	free(body);
	(void)close(fd);
}

Test(http, a_chunked_body_above_the_hard_limit_is_413)
{
	size_t len = 1 << 20, i;
	char *chunk = malloc(len + 16), *answer;
	int fd = wf_connect(&server), n;

	wf_puts(fd, "POST /api/events " H "Transfer-Encoding: chunked\r\n\r\n");
	n = sprintf(chunk, "%zx\r\n", len);
	memset(chunk + n, ' ', len);
	memcpy(chunk + (size_t)n + len, "\r\n", 2);
	for (i = 0; i < 12; i++) {
		wf_send(fd, chunk, (size_t)n + len + 2);
	}
	answer = wf_answer(fd, 10000);
	cr_assert(answer == NULL || wf_status(answer) == 413, "%s", answer);
	free(answer);
	free(chunk);
	(void)close(fd);
	answer = wf_ask(&server, "GET /api/health " H "\r\n");
	cr_assert_eq(wf_status(answer), 200);
	free(answer);
}

Test(http, endless_headers_are_refused)
{
	char line[1024], *answer;
	int fd = wf_connect(&server), i;

	memset(line, 'x', sizeof(line));
	memcpy(line, "X: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	wf_puts(fd, "GET /api/health " H);
	for (i = 0; i < 100; i++) {
		wf_send(fd, line, sizeof(line));
	}
	answer = wf_answer(fd, 10000);
	cr_assert(answer == NULL || wf_status(answer) == 413 ||
		      wf_status(answer) == 400,
		  "%s", answer);
	free(answer);
	(void)close(fd);
}

Test(http, a_client_that_trickles_is_cut)
{
	char byte;
	int fd = wf_connect(&server), i;
	ssize_t n = 1;

	wf_puts(fd, "GET /api/health HT");
	for (i = 0; i < 100 && n != 0; i++) {
		(void)usleep(100000);
		wf_puts(fd, i % 2 ? "T" : "P"); /* a sign of life is not enough */
		n = recv(fd, &byte, 1, MSG_DONTWAIT);
		n = n < 0 ? 1 : n;
	}
	cr_assert_eq(n, 0, "still connected after 10 s");
	(void)close(fd);
}

Test(http, half_a_connection_gets_its_answer)
{
	int fd = wf_connect(&server);
	char *answer;

	wf_puts(fd, "GET /api/ready " H "\r\n");
	(void)shutdown(fd, SHUT_WR);
	answer = wf_answer(fd, 5000);
	/* evhttp may see the end before the answer is ready; it must not hurt */
	cr_assert(answer == NULL || wf_status(answer) == 200);
	free(answer);
	(void)close(fd);
	answer = wf_ask(&server, "GET /api/health " H "\r\n");
	cr_assert_eq(wf_status(answer), 200);
	free(answer);
}

Test(http, clients_that_leave_while_their_request_is_handled)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	char *answer;
	int i, fd;

	for (i = 0; i < 200; i++) {
		fd = wf_connect(&server);
		wf_puts(fd, "GET /api/ready " H "\r\n");
		if (i % 2) {
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard,
					 sizeof(hard));
		}
		(void)close(fd);
	}
	answer = wf_ask(&server, "GET /api/ready " H "\r\n");
	cr_assert_eq(wf_status(answer), 200);
	free(answer);
}

Test(http, pipelined_requests_are_answered_in_order)
{
	int fd = wf_connect(&server), i;
	char *answer;

	for (i = 0; i < 30; i++) {
		wf_puts(fd, i % 3 == 0   ? "GET /api/ready " H "\r\n"
			    : i % 3 == 1 ? "GET /api/version " H "\r\n"
					 : "GET /api/health " H "\r\n");
	}
	for (i = 0; i < 30; i++) {
		answer = wf_answer(fd, 10000);
		cr_assert_str_eq(wf_body(answer), i % 3 == 0   ? "{\"message\":\"OK\"}"
						  : i % 3 == 1 ? "\"0.8.4\""
							       : "true");
		free(answer);
	}
	(void)close(fd);
}

Test(http, an_answer_to_head_has_no_body)
{
	int fd = wf_connect(&server);
	char *answer;

	wf_puts(fd, "HEAD /api/health " H "\r\nGET /api/version " H "\r\n");
	answer = wf_answer(fd, 5000);
	cr_assert_eq(wf_status(answer), 405);
	free(answer);
	answer = wf_answer(fd, 5000);
	cr_assert_eq(wf_status(answer), 200, "%s", answer);
	free(answer);
	(void)close(fd);
}

static int is_ready(void *arg)
{
	int fd = wf_connect(&server);
	char *answer;
	int status;

	(void)arg;
	wf_puts(fd, "GET /api/ready " H "\r\n");
	answer = wf_answer(fd, 1000);
	status = wf_status(answer);
	free(answer);
	(void)close(fd);
	return status == 200;
}

Test(http, out_of_descriptors_and_back)
{
	int fds[100];
	size_t i;

	(void)wf_server_term(&server);
	server.open_files = 64;
	wf_server_again(&server);
	for (i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] =
		    wf_connect(&server); /* the kernel's backlog takes what we do not */
	}
	cr_expect_not(is_ready(NULL));
	for (i = 0; i < ARRAY_LEN(fds); i++) {
		(void)close(fds[i]);
	}
	cr_assert(wf_wait_until(is_ready, NULL), "it does not accept again");
}

static int few_connections(void *arg)
{
	char *answer = wf_ask(&server, "GET /metrics " H "\r\n");
	const char *at = strstr(wf_body(answer), "\nwf_http_connections_open ");
	long n = at != NULL ? strtol(at + 26, NULL, 10) : -1;

	(void)arg;
	free(answer);
	return n >= 0 && n < 10;
}

Test(http, two_thousand_idle_connections)
{
	static int fds[2000];
	char *answer;
	size_t i;

	for (i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = wf_connect(&server);
	}
	answer = wf_ask(&server, "GET /api/ready " H "\r\n");
	cr_assert_eq(wf_status(answer), 200);
	free(answer);
	wf_puts(fds[1999], "GET /api/health " H "\r\n");
	answer = wf_answer(fds[1999], 5000);
	cr_assert_eq(wf_status(answer), 200);
	free(answer);
	for (i = 0; i < ARRAY_LEN(fds); i++) {
		(void)close(fds[i]);
	}
	cr_assert(wf_wait_until(few_connections, NULL),
		  "connections are not forgotten");
}
