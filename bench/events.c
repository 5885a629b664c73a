/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - a stream of events for POST /api/events.
 *
 *	events HOST PORT CONNS COUNT BATCH NAMES [PREFIX]
 *
 * COUNT events in batches of BATCH, one batch under way on each connection; names are
 * bench.0 to bench.(NAMES - 1) in turn, each event has a resource PREFIX.n of its own
 * and a related flow run.  Prints the seconds until the last batch was acknowledged.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS_MAX 64
#define EVENT_MAX 512 /* bytes of one event */

static const char *host, *prefix = "bench";
static int port, fds[CONNS_MAX];
static long count, batch, names, sent;
static char *body;
static uint64_t salt;

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int dial(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	sa.sin_port = htons((unsigned short)port);
	if (inet_pton(AF_INET, host, &sa.sin_addr) != 1 || fd < 0 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		fail("connect");
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void put(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0) {
			fail("send");
		}
		data += n;
		len -= (size_t)n;
	}
}

static void send_batch(int fd)
{
	size_t at = 0, size = (size_t)batch * EVENT_MAX;
	struct timespec t;
	struct tm tm;
	char head[256], time_text[32];
	int len;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)gmtime_r(&t.tv_sec, &tm);
	(void)strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%S", &tm);
	for (long i = 0; i < batch && sent < count; i++, sent++) {
		at += (size_t)snprintf(
		    body + at, size - at,
		    "%c{\"id\":\"%08x-%04x-4%03x-8000-%012lx\",\"occurred\":"
		    "\"%s.%06ldZ\",\"event\":\"bench.%ld\",\"resource\":{"
		    "\"prefect.resource.id\":\"%s.%ld\",\"prefect.resource.name\":"
		    "\"one of many\"},\"related\":[{\"prefect.resource.id\":"
		    "\"prefect.flow-run.%08x\",\"prefect.resource.role\":\"flow-run\"}]"
		    ","
		    "\"payload\":{\"n\":%ld}}",
		    i == 0 ? '[' : ',', (unsigned int)(salt >> 32),
		    (unsigned int)(salt >> 16 & 0xffff), (unsigned int)(salt & 0xfff),
		    (unsigned long)sent, time_text, t.tv_nsec / 1000, sent % names,
		    prefix, sent, (unsigned int)sent, sent);
	}
	body[at++] = ']';
	len = snprintf(head, sizeof(head),
		       "POST /api/events HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: "
		       "application/json\r\nContent-Length: %zu\r\n\r\n",
		       host, port, at);
	put(fd, head, (size_t)len);
	put(fd, body, at);
}

static void take_answer(int fd)
{
	char answer[4096];
	size_t len = 0;
	ssize_t n;

	do {
		n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
		if (n <= 0) {
			fail("recv");
		}
		len += (size_t)n;
		answer[len] = '\0';
	} while (strstr(answer, "\r\n\r\n") == NULL);
	if (strncmp(answer, "HTTP/1.1 204", 12) != 0) {
		(void)fprintf(stderr, "%s\n", answer);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	int conns, waiting = 0, turn = 0;
	double begin;

	if (argc < 7) {
		(void)fprintf(
		    stderr,
		    "usage: events HOST PORT CONNS COUNT BATCH NAMES [PREFIX]\n");
		return 64;
	}
	host = argv[1];
	port = (int)strtol(argv[2], NULL, 10);
	conns = (int)strtol(argv[3], NULL, 10);
	count = strtol(argv[4], NULL, 10);
	batch = strtol(argv[5], NULL, 10);
	names = strtol(argv[6], NULL, 10);
	prefix = argc > 7 ? argv[7] : prefix;
	body = conns < 1 || conns > CONNS_MAX || batch < 1 || names < 1
		   ? NULL
		   : malloc((size_t)batch * EVENT_MAX);
	if (body == NULL || getrandom(&salt, sizeof(salt), 0) != sizeof(salt)) {
		return 64;
	}
	for (int i = 0; i < conns; i++) {
		fds[i] = dial();
	}
	begin = now();
	for (; waiting < conns && sent < count; waiting++) {
		send_batch(fds[waiting]);
	}
	for (; waiting > 0; turn = (turn + 1) % conns) {
		take_answer(fds[turn]);
		if (sent < count) {
			send_batch(fds[turn]);
		} else {
			waiting--;
		}
	}
	(void)printf("%.6f\n", now() - begin);
	return 0;
}
