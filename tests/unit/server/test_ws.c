/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ws.c - the real server and good, odd and bad WebSocket clients.
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
static char buf[1 << 20];

static void start(void)
{
	wf_server_start(&server, NULL, NULL);
}

static void stop(void)
{
	wf_server_stop(&server);
}

TestSuite(ws, .init = start, .fini = stop, .timeout = 60);

#define AUTH    "{\"type\":\"auth\",\"token\":null}"
#define SUCCESS "{\"type\":\"auth_success\"}"

static int open_with_auth(const char *path)
{
	int fd = wf_ws_open(&server, path, "prefect", NULL);

	cr_assert_geq(fd, 0);
	wf_ws_text(fd, AUTH);
	cr_assert_eq(wf_ws_read(fd, buf, sizeof(buf), 5000), 1);
	cr_assert_str_eq(buf, SUCCESS);
	return fd;
}

static void expect_close(int fd, int code, const char *reason)
{
	char got[256];
	int c = wf_ws_close_code(fd, got, sizeof(got));

	cr_expect_eq(c, code, "%d %s", c, got);
	if (reason != NULL) {
		cr_expect(strncmp(got, reason, strlen(reason)) == 0, "%s", got);
	}
	(void)close(fd);
}

static void expect_alive(void)
{
	char *answer = wf_ask(&server, "GET /api/health HTTP/1.1\r\nHost: h\r\n\r\n");

	cr_assert_eq(wf_status(answer), 200);
	free(answer);
}

static void send_event(int fd, int n)
{
	char text[512];

	(void)snprintf(
	    text, sizeof(text),
	    "{\"id\":\"00000000-0000-4000-8000-%012d\",\"event\":\"t.e\","
	    "\"occurred\":\"2099-01-01T00:00:00Z\",\"resource\":{"
	    "\"prefect.resource.id\":\"r.%d\"},\"related\":[],\"payload\":{}}",
	    n, n);
	wf_ws_text(fd, text);
}

Test(ws, refusals_before_the_upgrade)
{
	char *answer;

	cr_assert_eq(wf_ws_open(&server, "/api/nosuch/socket", "prefect", &answer), -1);
	cr_expect_eq(wf_status(answer), 403);
	free(answer);
	cr_assert_eq(wf_ws_open(&server, "/nosuch", NULL, &answer), -1);
	cr_expect_eq(wf_status(answer), 403);
	free(answer);
	/* this one has its place, but only for those who speak its language */
	cr_assert_eq(
	    wf_ws_open(&server, "/api/work_pools/p/workers/connect", NULL, &answer),
	    -1);
	cr_expect_eq(wf_status(answer), 403);
	free(answer);
	answer = wf_ask(&server, "GET /api/events/in HTTP/1.1\r\nHost: h\r\nUpgrade: "
				 "websocket\r\nConnection: Upgrade\r\n"
				 "Sec-WebSocket-Key: x\r\n\r\n");
	cr_expect_eq(wf_status(answer), 400);
	free(answer);
	answer = wf_ask(&server, "GET /api/events/in HTTP/1.1\r\nHost: h\r\nUpgrade: "
				 "websocket\r\nConnection: Upgrade\r\n"
				 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
				 "Sec-WebSocket-Version: 8\r\n\r\n");
	cr_expect_eq(wf_status(answer), 426);
	free(answer);
}

Test(ws, the_subprotocol_is_echoed)
{
	char *answer;
	int fd = wf_ws_open(&server, "/api/events/in", "a, prefect", &answer);

	cr_assert_geq(fd, 0);
	cr_expect_not_null(strstr(answer, "Sec-WebSocket-Protocol: prefect\r\n"));
	cr_expect_not_null(
	    strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	free(answer);
	(void)close(fd);
}

Test(ws, a_ping_before_auth_is_answered)
{
	int fd = wf_ws_open(&server, "/api/events/in", "prefect", NULL);

	wf_ws_send(fd, 0x89, "hello", 5);
	cr_assert_eq(wf_ws_read(fd, buf, sizeof(buf), 5000), 10);
	cr_assert_str_eq(buf, "hello");
	wf_ws_text(fd, AUTH);
	cr_assert_eq(wf_ws_read(fd, buf, sizeof(buf), 5000), 1);
	cr_assert_str_eq(buf, SUCCESS);
	(void)close(fd);
}

Test(ws, first_messages_that_are_wrong)
{
	int fd = wf_ws_open(&server, "/api/events/out", "prefect", NULL);

	wf_ws_text(fd, "{\"type\":\"filter\",\"filter\":{}}");
	expect_close(fd, 1008, "Expected 'auth' message");
	fd = wf_ws_open(&server, "/api/events/out", "prefect", NULL);
	wf_ws_text(fd, "nonsense");
	expect_close(fd, 1002, NULL);
	fd = open_with_auth("/api/events/out");
	wf_ws_text(fd, AUTH);
	expect_close(fd, 1002, "Expected 'filter' message");
	fd = open_with_auth("/api/events/out");
	wf_ws_text(fd, "{\"type\":\"filter\",\"filter\":{\"nosuch\":1}}");
	expect_close(fd, 1002, "Invalid filter: ");
	fd = open_with_auth("/api/logs/out");
	wf_ws_text(fd, "{\"type\":\"filter\",\"filter\":{\"level\":5}}");
	expect_close(fd, 1002, "Invalid filter: ");
	fd = open_with_auth("/api/events/in");
	wf_ws_text(fd, "{}");
	expect_close(fd, 1002, "Invalid event: Field required");
	fd = open_with_auth("/api/events/in");
	wf_ws_send(fd, 0x82, "\1\2", 2);
	expect_close(fd, 1003, NULL);
}

Test(ws, fragments_are_put_together)
{
	int fd = wf_ws_open(&server, "/api/events/in", "prefect", NULL);

	wf_ws_send(fd, 0x01, "{\"type\":\"au", 11);
	wf_ws_send(fd, 0x89, "p", 1); /* between two fragments */
	wf_ws_send(fd, 0x00, "th\",\"tok", 8);
	wf_ws_send(fd, 0x80, "en\":null}", 9);
	cr_assert_eq(wf_ws_read(fd, buf, sizeof(buf), 5000), 10);
	cr_assert_eq(wf_ws_read(fd, buf, sizeof(buf), 5000), 1);
	cr_assert_str_eq(buf, SUCCESS);
	(void)close(fd);
}

Test(ws, frames_in_the_same_packet_as_the_handshake)
{
	char *answer;
	int fd = wf_connect(&server);

	wf_puts(fd,
		"GET /api/events/in HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: prefect\r\n\r\n");
	wf_ws_text(fd, AUTH);
	answer = wf_answer(fd, 5000);
	cr_assert_eq(wf_status(answer), 101);
	free(answer);
	cr_assert_eq(wf_ws_read(fd, buf, sizeof(buf), 5000), 1);
	cr_assert_str_eq(buf, SUCCESS);
	(void)close(fd);
}

Test(ws, junk_ends_the_socket_and_nothing_else)
{
	static const char junk[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	size_t big = (3u << 20);
	char *text = malloc(big);
	int fd = open_with_auth("/api/events/in");

	wf_send(fd, junk, sizeof(junk) - 1);
	expect_close(fd, 1002, NULL);
	fd = open_with_auth("/api/events/in");
	wf_send(fd, "\x81\x02hi", 4); /* not masked */
	expect_close(fd, 1002, NULL);
	fd = open_with_auth("/api/events/in");
	wf_ws_send(fd, 0x81, "\xff\xfe", 2);
	expect_close(fd, 1007, NULL);
	fd = open_with_auth("/api/events/in");
	memset(text, ' ', big);
	wf_ws_send(fd, 0x81, text, big);
	expect_close(fd, 1009, NULL);
	free(text);
	expect_alive();
}

Test(ws, half_closed_and_vanished_clients)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	int i, fd;

	for (i = 0; i < 50; i++) {
		fd = open_with_auth(i % 2 ? "/api/events/in" : "/api/events/out");
		if (i % 2) {
			send_event(fd, i);
		} else {
			wf_ws_text(fd, "{\"type\":\"filter\",\"filter\":{}}");
		}
		if (i % 3 == 0) {
			(void)shutdown(fd, SHUT_WR);
		} else if (i % 3 == 1) {
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard,
					 sizeof(hard));
		}
		(void)close(fd);
	}
	expect_alive();
}

Test(ws, the_pong_comes_after_the_commit_and_events_are_live)
{
	int in = open_with_auth("/api/events/in"),
	    out = open_with_auth("/api/events/out");
	char *answer;
	int i;

	wf_ws_text(out,
		   "{\"type\":\"filter\",\"backfill\":false,\"filter\":{\"event\":{"
		   "\"name\":[\"t.e\"]},\"id\":{\"id\":[]}}}");
	wf_ws_send(out, 0x89, "", 0);
	cr_assert_eq(wf_ws_read(out, buf, sizeof(buf), 5000), 10);
	for (i = 1; i <= 500; i++) {
		send_event(in, i);
	}
	wf_ws_send(in, 0x89, "all", 3);
	cr_assert_eq(wf_ws_read(in, buf, sizeof(buf), 20000), 10);
	cr_assert_str_eq(buf, "all");
	for (i = 1; i <= 500; i++) {
		char id[64];

		cr_assert_eq(wf_ws_read(out, buf, sizeof(buf), 5000), 1);
		(void)snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012d", i);
		cr_assert_not_null(strstr(buf, id));
	}
	/* acknowledged: it survives */
	wf_server_kill(&server);
	(void)close(in);
	(void)close(out);
	wf_server_again(&server);
	out = open_with_auth("/api/events/out");
	wf_ws_text(
	    out,
	    "{\"type\":\"filter\",\"filter\":{\"resource\":{\"id\":[\"r.500\"]}}}");
	cr_assert_eq(wf_ws_read(out, buf, sizeof(buf), 5000), 1);
	cr_assert_not_null(strstr(buf, "\"prefect.resource.id\":\"r.500\""));
	(void)close(out);
	answer = wf_ask(&server, "GET /api/ready HTTP/1.1\r\nHost: h\r\n\r\n");
	cr_assert_eq(wf_status(answer), 200);
	free(answer);
}

Test(ws, a_duplicate_event_is_sent_once)
{
	int in = open_with_auth("/api/events/in"),
	    out = open_with_auth("/api/events/out");

	send_event(in, 7);
	wf_ws_send(in, 0x89, "", 0);
	cr_assert_eq(wf_ws_read(in, buf, sizeof(buf), 5000), 10);
	wf_ws_text(
	    out, "{\"type\":\"filter\",\"filter\":{\"event\":{\"prefix\":[\"t.\"]}}}");
	cr_assert_eq(wf_ws_read(out, buf, sizeof(buf), 5000), 1);
	cr_assert_not_null(strstr(buf, "r.7"));
	send_event(in, 7);
	send_event(in, 8);
	cr_assert_eq(wf_ws_read(out, buf, sizeof(buf), 5000), 1);
	cr_assert_not_null(strstr(buf, "r.8"));
	(void)close(in);
	(void)close(out);
}

Test(ws, shutdown_says_1001)
{
	int in = open_with_auth("/api/events/in"),
	    out = open_with_auth("/api/events/out");

	cr_assert_eq(wf_server_term(&server), 0);
	expect_close(in, 1001, NULL);
	expect_close(out, 1001, NULL);
}
