/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flaky_http.c - a page of a server that does not always answer: retries with growing
 * delays and jitter, but none for what will not get better (401, 404).
 *
 *     ./flaky_http run fetch -p host=127.0.0.1 -p port=8000 -p path=/status
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wf.h>

/* 0 and the answer's text in BUF, or -1. */
static int http_get(const char *host, const char *port, const char *path, char *buf,
		    size_t size)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *a = NULL;
	size_t len = 0;
	ssize_t n = -1;
	int fd;

	if (getaddrinfo(host, port, &hints, &a) != 0) {
		return -1;
	}
	fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    dprintf(fd, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host) > 0) {
		while (len + 1 < size &&
		       (n = read(fd, buf + len, size - 1 - len)) > 0) {
			len += (size_t)n;
		}
	}
	buf[len] = '\0';
	freeaddrinfo(a);
	if (fd >= 0) {
		(void)close(fd);
	}
	return n < 0 ? -1 : 0;
}

static bool may_get_better(const wf_task *t, const wf_task_run *run, const wf_state *s)
{
	(void)t;
	(void)run;
	return wf_fail_code(s) != 401 && wf_fail_code(s) != 404;
}

WF_TASK(get_page, wf_json, .retries = 4, .retry_delays = WF_BACKOFF(0.1),
	.retry_jitter = 0.5, .retry_if = may_get_better, .timeout = 10)
{
	char *answer = wf_alloc(ctx, 65536), *body;
	const char *port = wf_fmt(ctx, "%lld", (long long)wf_i64(in, "port"));
	int status = 0;

	if (http_get(wf_str(in, "host"), port, wf_str(in, "path"), answer, 65536) < 0) {
		return wf_fail(ctx, errno, "no answer: %s", strerror(errno));
	}
	if (sscanf(answer, "HTTP/%*s %d", &status) != 1 || status != 200) {
		return wf_fail(ctx, status, "the server answered %d", status);
	}
	body = strstr(answer, "\r\n\r\n");
	return wf_ok_text(ctx, body != NULL ? body + 4 : "");
}

WF_FLOW(fetch,
	.params = "{host: string = '127.0.0.1', port: integer, path: string = '/'}",
	.description = "a page of a server that does not always answer")
{
	return wf_ok(ctx,
		     wf_get(wf_call(ctx, get_page, "{host: %s, port: %lld, path: %s}",
				    wf_str(in, "host"), (long long)wf_i64(in, "port"),
				    wf_str(in, "path"))));
}

int main(int argc, char **argv)
{
	return wf_main(argc, argv);
}
