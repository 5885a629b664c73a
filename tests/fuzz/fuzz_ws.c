/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ws.c - any bytes after a WebSocket handshake, through the real server on
 * loopback.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http/http.h"
#include "api/http/ws.h"
#include "base/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void echo(struct ws_conn *c, const char *data, size_t len)
{
	(void)ws_send(c, data, len);
}

static const struct ws_endpoint table[] = {{.pattern = "/e", .on_message = echo},
					   {.pattern = NULL}};
static const char hello[] = "GET /e HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
			    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct route *const none[] = {NULL};
	static const struct http_conf conf = {.host = "127.0.0.1", .base_path = ""};
	static struct loop *loop;
	static struct http_server *s;
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), i;

	if (s == NULL) {
		(void)signal(SIGPIPE, SIG_IGN);
		loop = loop_new(NULL);
		if (http_server_start(loop, &conf, none, &s, NULL) < 0 ||
		    ws_register(s, table) < 0) {
			abort();
		}
	}
	in.sin_port = htons((uint16_t)http_server_port(s));
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0 &&
	    send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL) > 0) {
		(void)send(fd, data, size, MSG_NOSIGNAL);
	}
	for (i = 0; i < 4; i++) {
		loop_turn(loop, 0);
	}
	(void)close(fd);
	for (i = 0; i < 4; i++) {
		loop_turn(loop, 0);
	}
	return 0;
}
