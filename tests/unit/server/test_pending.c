/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pending.c - requests whose handler answers late: the client leaves, the server
 * goes.
 */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/http.h"
#include "base/clock.h"
#include "base/loop.h"

static struct loop *loop;
static struct http_server *server;
static struct http_req *kept[8];
static int kept_count, gone_count;

static void on_gone(struct http_req *r, void *arg)
{
	cr_expect_eq(r, arg);
	gone_count++;
}

static void keep(struct http_req *r)
{
	kept[kept_count++] = r;
	http_on_gone(r, on_gone, r);
}

static const struct route routes[] = {{"POST", "/keep/{name}", keep, 0, 0},
				      {NULL, NULL, NULL, 0, 0}};

static void start(void)
{
	static const struct route *const tables[] = {routes, NULL};
	struct http_conf conf = {.host = "127.0.0.1", .base_path = "/api"};

	(void)signal(SIGPIPE, SIG_IGN);
	loop = loop_new(NULL);
	cr_assert_eq(http_server_start(loop, &conf, tables, &server, NULL), 0);
	kept_count = gone_count = 0;
}

static void stop(void)
{
	http_server_free(server);
	(void)loop_turn(loop, 0);
	loop_free(loop);
}

TestSuite(pending, .init = start, .fini = stop, .timeout = 30);

static int ask(void)
{
	static const char text[] =
	    "POST /api/keep/a%20b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), before = kept_count;

	in.sin_port = htons((uint16_t)http_server_port(server));
	cr_assert_eq(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	cr_assert_eq(send(fd, text, sizeof(text) - 1, 0), (ssize_t)sizeof(text) - 1);
	while (kept_count == before) {
		loop_turn(loop, 1000);
	}
	return fd;
}

static void turn_for(int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end) {
		loop_turn(loop, 50);
	}
}

static void reset(int fd)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	(void)close(fd);
}

Test(pending, a_late_answer_arrives)
{
	char answer[512] = "";
	int fd = ask();
	size_t len;

	cr_assert_eq(http_server_pending(server), 1);
	cr_assert_str_eq(http_param(kept[0], "name"), "a b");
	cr_assert_eq(memcmp(http_body(kept[0], &len), "body", 4), 0);
	http_reply_detail(kept[0], 409, "late");
	turn_for(50);
	cr_assert_gt(recv(fd, answer, sizeof(answer) - 1, 0), 0);
	cr_assert_not_null(strstr(answer, "{\"detail\":\"late\"}"));
	cr_assert_eq(http_server_pending(server), 0);
	(void)close(fd);
}

Test(pending, the_handler_is_told_when_its_client_leaves)
{
	int closed = ask(), was_reset = ask();
	size_t len;

	(void)close(closed);
	reset(was_reset);
	while (gone_count < 2) {
		loop_turn(loop, 1000);
	}
	/* what the handler holds is still good, and the reply goes nowhere */
	cr_assert_str_eq(http_param(kept[1], "name"), "a b");
	cr_assert_eq(memcmp(http_body(kept[1], &len), "body", 4), 0);
	http_reply_detail(kept[0], 200, "x");
	http_reply_detail(kept[1], 200, "x");
	turn_for(100);
	cr_assert_eq(http_server_pending(server), 0);
}

Test(pending, clients_that_leave_and_pipeline_do_not_hurt)
{
	int fd = ask(), i;

	for (i = 0; i < 100; i++) {
		(void)send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
	}
	turn_for(2500); /* long enough for the watch on gone clients to be armed */
	reset(fd);
	turn_for(200);
	http_reply_detail(kept[0], 200, "x");
	turn_for(100);
	cr_assert_eq(http_server_pending(server), 0);
}

Test(pending, replies_after_the_server_is_gone)
{
	int fd = ask(), other = ask();

	http_server_free(server);
	server = NULL;
	http_reply_detail(kept[0], 200, "x");
	http_reply_empty(kept[1], 204);
	turn_for(20);
	(void)close(fd);
	(void)close(other);
}
