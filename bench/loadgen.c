/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loadgen.c - an HTTP load: CONNS keep-alive connections, one request at a time on
 *each.
 *
 *	loadgen HOST PORT CONNS SECONDS|COUNTx METHOD PATH [BODY]
 *
 * for so many seconds, or until so many requests (400x) are answered.
 * Prints {"requests": n, "errors": n, "seconds": s, "p50_us": n, "p99_us": n}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX 2000000
#define CONNS_MAX   1024
#define ANSWER_MAX  (4u << 20)
#define COUNTED_US  600000000LL /* nothing counted takes longer */

struct conn {
	int fd;
	char *in;
	size_t len;
	long long sent_us;
};

static long long samples[SAMPLES_MAX];
static size_t sample_count;
static long errors;
static int conn_count;

static long long now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int by_value(const void *a, const void *b)
{
	const long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

static int dial(const char *host, int port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	sa.sin_port = htons((unsigned short)port);
	if (inet_pton(AF_INET, host, &sa.sin_addr) != 1 || fd < 0 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		perror("connect");
		exit(1);
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void ask(struct conn *c, const char *request, size_t len)
{
	c->len = 0;
	c->sent_us = now_us();
	if (send(c->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len) {
		perror("send");
		exit(1);
	}
}

/* 1 when the answer is whole (Content-Length only: that is what wf-api sends). */
static int whole(struct conn *c)
{
	const char *end, *length;
	size_t body = 0;

	c->in[c->len] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	if (end == NULL) {
		return 0;
	}
	length = strcasestr(c->in, "\r\ncontent-length:");
	if (length != NULL && length < end) {
		body = strtoul(length + 17, NULL, 10);
	}
	return c->len >= (size_t)(end + 4 - c->in) + body;
}

static void answered(struct conn *c)
{
	if (strncmp(c->in, "HTTP/1.1 2", 10) != 0) {
		errors++;
	}
	if (sample_count < SAMPLES_MAX) {
		samples[sample_count++] = now_us() - c->sent_us;
	}
}

/* Takes what has arrived on C.  1: an answer is whole. */
static int take(struct conn *c)
{
	ssize_t got = recv(c->fd, c->in + c->len, ANSWER_MAX - c->len, 0);

	if (got <= 0) {
		(void)fprintf(stderr, "connection closed by the server\n");
		exit(1);
	}
	c->len += (size_t)got;
	if (!whole(c)) {
		return 0;
	}
	answered(c);
	return 1;
}

/* MAX requests at most. */
static void run(int ep, long long until_us, size_t max, const char *request, size_t len)
{
	struct epoll_event events[64];
	size_t asked = (size_t)conn_count;

	while (now_us() < until_us && sample_count < max) {
		int n = epoll_wait(ep, events, 64, 100);

		for (int i = 0; i < n; i++) {
			if (take(events[i].data.ptr) && asked < max) {
				ask(events[i].data.ptr, request, len);
				asked++;
			}
		}
	}
}

int main(int argc, char **argv)
{
	static struct conn conns[CONNS_MAX];
	static char request[1 << 16];
	const char *body = argc > 7 ? argv[7] : "";
	int ep = epoll_create1(EPOLL_CLOEXEC), count, len, counted;
	size_t max;
	char *end;
	long long begin;
	double seconds;

	if (argc < 7) {
		(void)fprintf(
		    stderr, "usage: loadgen HOST PORT CONNS SECONDS|COUNTx METHOD PATH "
			    "[BODY]\n");
		return 64;
	}
	max = strtoul(argv[4], &end, 10);
	counted = *end == 'x';
	count = (int)strtol(argv[3], NULL, 10);
	count = count < 1 ? 1 : count > CONNS_MAX ? CONNS_MAX : count;
	count = counted && (size_t)count > max ? (int)max : count;
	conn_count = count;
	len = snprintf(
	    request, sizeof(request),
	    "%s %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    argv[5], argv[6], argv[1], argv[2], strlen(body), body);
	for (int i = 0; i < count; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &conns[i]};

		conns[i].fd = dial(argv[1], (int)strtol(argv[2], NULL, 10));
		conns[i].in = malloc(ANSWER_MAX + 1);
		if (conns[i].in == NULL ||
		    epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &e) < 0) {
			return 1;
		}
		ask(&conns[i], request, (size_t)len);
	}
	begin = now_us();
	if (counted) {
		run(ep, begin + COUNTED_US, max, request, (size_t)len);
	} else {
		run(ep, begin + (long long)(strtod(argv[4], NULL) * 1e6), SIZE_MAX,
		    request, (size_t)len);
	}
	seconds = (double)(now_us() - begin) / 1e6;
	qsort(samples, sample_count, sizeof(samples[0]), by_value);
	(void)printf(
	    "{\"requests\": %zu, \"errors\": %ld, \"seconds\": %.3f, \"p50_us\": %lld, "
	    "\"p99_us\": %lld}\n",
	    sample_count, errors, seconds,
	    sample_count > 0 ? samples[sample_count / 2] : 0,
	    sample_count > 0 ? samples[sample_count * 99 / 100] : 0);
	return 0;
}
