/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_probe.c - see redis_probe.h.  Inline commands are enough.
 */
#include "api/server/redis_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PROBE_S 2

static int connect_to(const char *path, int port)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct timeval limit = {.tv_sec = PROBE_S};
	int fd =
		socket(path != NULL ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    rc;

	if (fd < 0) {
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (path != NULL) {
		(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
		rc = connect(fd, (const struct sockaddr *)&un, sizeof(un));
	} else {
		in.sin_port = htons((uint16_t)port);
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		rc = connect(fd, (const struct sockaddr *)&in, sizeof(in));
	}
	if (rc < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

enum redis_probe_result redis_probe(const char *socket, int port, const char *password,
				    const char *command)
{
	enum redis_probe_result result = REDIS_PROBE_NONE;
	char text[256], *line;
	int fd, n;
	ssize_t got, len = 0;

	fd = socket != NULL || port > 0 ? connect_to(socket, port) : -1;
	if (fd < 0) {
		return REDIS_PROBE_NONE;
	}
	n = snprintf(text, sizeof(text), "AUTH %s\r\n%s\r\n", password, command);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) == n) {
		/* two lines, or the end of the connection */
		do {
			got = recv(fd, text + len, sizeof(text) - 1 - (size_t)len, 0);
			len += got > 0 ? got : 0;
			text[len] = '\0';
			line = strchr(text, '\n');
		} while (got > 0 && (line == NULL || strchr(line + 1, '\n') == NULL));
		if (len > 0) {
			line = strchr(text, '\n');
			result = strncmp(text, "+OK", 3) == 0 && line != NULL &&
					 line[1] == '+'
				     ? REDIS_PROBE_OK
				     : REDIS_PROBE_BUSY;
		}
	}
	(void)close(fd);
	return result;
}

static int try_port(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, got = 0;

	if (fd < 0) {
		return 0;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	in.sin_port = htons((uint16_t)port);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (const struct sockaddr *)&in, sizeof(in)) == 0 &&
	    listen(fd, 1) == 0 && getsockname(fd, (struct sockaddr *)&in, &len) == 0) {
		got = ntohs(in.sin_port);
	}
	(void)close(fd);
	return got;
}

int redis_free_port(int wish)
{
	int got = wish > 0 ? try_port(wish) : 0;

	return got > 0 ? got : try_port(0);
}
