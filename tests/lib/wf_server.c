/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wf_server.c - see wf_server.h.
 */
#include "tests/lib/wf_server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#define ARGS_MAX   32
#define START_MS   30000
#define ANSWER_MAX (4 << 20)

static void pause_ms(long ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&ts, NULL);
}

int wf_wait_until(int (*fn)(void *arg), void *arg)
{
	int i;

	for (i = 0; i < 1000; i++) {
		if (fn(arg)) {
			return 1;
		}
		pause_ms(10);
	}
	return 0;
}

/* ---- the process ---- */

static void exec_server(const char *const *args, const char *const *env,
			const char *data, int out)
{
	static char path[512];
	const char *builddir = getenv("builddir");
	char *argv[ARGS_MAX] = {path};
	int n = 1;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(path, sizeof(path), "%s/wf-api",
		       builddir != NULL ? builddir : ".");
	if (data != NULL) {
		argv[n++] = (char[]){"--port"};
		argv[n++] = (char[]){"0"};
		argv[n++] = (char[]){"--data-dir"};
		argv[n++] = strdup(data);
	}
	for (; args != NULL && *args != NULL && n < ARGS_MAX - 1; args++) {
		argv[n++] = strdup(*args);
	}
	for (; env != NULL && *env != NULL; env++) {
		(void)putenv(strdup(*env));
	}
	(void)dup2(out, 1);
	(void)dup2(out, 2);
	(void)signal(SIGPIPE, SIG_DFL);
	execv(path, argv);
	_exit(127);
}

static char *read_small(const char *path)
{
	static char text[120];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0) {
		(void)close(fd);
	}
	if (n <= 0) {
		return NULL;
	}
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static int is_published(void *arg)
{
	struct wf_server *s = arg;
	char path[128], *url;

	(void)snprintf(path, sizeof(path), "%s/data/url", s->dir);
	url = read_small(path);
	if (url == NULL) {
		return waitpid(s->pid, NULL, WNOHANG) != 0;
	}
	(void)snprintf(s->url, sizeof(s->url), "%s", url);
	s->port = (int)strtol(strrchr(url, ':') + 1, NULL, 10);
	return 1;
}

void wf_server_again(struct wf_server *s)
{
	char data[96], log[96];
	int fd, i, up = 0;

	(void)snprintf(data, sizeof(data), "%s/data", s->dir);
	(void)snprintf(log, sizeof(log), "%s/data/url", s->dir);
	(void)unlink(log); /* of a server that was killed */
	(void)snprintf(log, sizeof(log), "%s/log", s->dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	s->port = 0;
	s->pid = fork();
	cr_assert_geq(s->pid, 0);
	if (s->pid == 0) {
		if (s->open_files > 0) {
			struct rlimit rl = {(rlim_t)s->open_files,
					    (rlim_t)s->open_files};

			(void)setrlimit(RLIMIT_NOFILE, &rl);
		}
		exec_server(s->args, s->env, data, fd);
	}
	(void)close(fd);
	for (i = 0; i < START_MS / 10000 && !up; i++) {
		up = wf_wait_until(is_published, s);
	}
	cr_assert(s->port > 0, "wf-api did not start; see %s", log);
}

void wf_server_start(struct wf_server *s, const char *const *args,
		     const char *const *env)
{
	memset(s, 0, sizeof(*s));
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/wf-test-XXXXXX");
	cr_assert_not_null(mkdtemp(s->dir));
	s->args = args;
	s->env = env;
	(void)signal(SIGPIPE, SIG_IGN);
	wf_server_again(s);
}

static int end(struct wf_server *s, int signo)
{
	int status = 0;

	if (s->pid > 0) {
		(void)kill(s->pid, signo);
		(void)waitpid(s->pid, &status, 0);
	}
	s->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void wf_server_kill(struct wf_server *s)
{
	(void)end(s, SIGKILL);
}

int wf_server_term(struct wf_server *s)
{
	return end(s, SIGTERM);
}

void wf_server_stop(struct wf_server *s)
{
	char command[128];

	(void)end(s, SIGTERM);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
	cr_expect_eq(system(command), 0);
}

int wf_server_run(const char *const *args, char **ret_output)
{
	char *text = calloc(1, 65536);
	size_t len = 0;
	int fd[2], status;
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe2(fd, O_CLOEXEC), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		exec_server(args, NULL, NULL, fd[1]);
	}
	(void)close(fd[1]);
	while ((n = read(fd[0], text + len, 65535 - len)) > 0) {
		len += (size_t)n;
	}
	(void)close(fd[0]);
	(void)waitpid(pid, &status, 0);
	*ret_output = text;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int wf_server_redis(const struct wf_server *s, pid_t *ret_pid)
{
	char path[64], text[4096] = "", *at, *next;
	int fd, count = 0;
	long pid;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)s->pid,
		       (int)s->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0) {
		text[0] = '\0';
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	for (at = text; (pid = strtol(at, &next, 10)) > 0; at = next) {
		*ret_pid = (pid_t)pid;
		count++;
	}
	return count;
}

/* ---- HTTP ---- */

int wf_connect(const struct wf_server *s)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_port = htons((uint16_t)s->port);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0, "connect: %s",
		     strerror(errno));
	return fd;
}

void wf_send(int fd, const void *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n < 0) {
			return; /* the server has closed: the answer tells */
		}
		data = (const char *)data + n;
		len -= (size_t)n;
	}
}

void wf_puts(int fd, const char *text)
{
	wf_send(fd, text, strlen(text));
}

static int readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

static int read_exact(int fd, void *buf, size_t len, int timeout_ms)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		if (!readable(fd, timeout_ms)) {
			return 0;
		}
		n = recv(fd, (char *)buf + done, len - done, 0);
		if (n <= 0) {
			return 0;
		}
		done += (size_t)n;
	}
	return 1;
}

char *wf_answer(int fd, int timeout_ms)
{
	size_t len = 0, size = 65536, body = 0;
	char *text = calloc(1, size), *grown, *end_of_head, *length;

	/* the head byte by byte, so that a pipelined answer stays in the socket */
	while (len < size - 1 &&
	       (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0)) {
		if (!read_exact(fd, text + len, 1, timeout_ms)) {
			free(text);
			return NULL;
		}
		len++;
	}
	end_of_head = text + len;
	length = strcasestr(text, "\r\nContent-Length:");
	if (length != NULL && length < end_of_head) {
		body = strtoul(length + 17, NULL, 10);
	}
	cr_assert_lt(body, (size_t)ANSWER_MAX);
	grown = realloc(text, len + body + 1);
	cr_assert_not_null(grown);
	if (body > 0 && !read_exact(fd, grown + len, body, timeout_ms)) {
		body = 0;
	}
	grown[len + body] = '\0';
	return grown;
}

char *wf_ask(const struct wf_server *s, const char *request)
{
	int fd = wf_connect(s);
	char *answer;

	wf_puts(fd, request);
	answer = wf_answer(fd, 10000);
	(void)close(fd);
	return answer;
}

int wf_status(const char *answer)
{
	return answer != NULL ? (int)strtol(answer + 9, NULL, 10) : 0;
}

const char *wf_body(const char *answer)
{
	const char *body = answer != NULL ? strstr(answer, "\r\n\r\n") : NULL;

	return body != NULL ? body + 4 : "";
}

/* ---- WebSocket ---- */

int wf_ws_open(const struct wf_server *s, const char *path, const char *subprotocol,
	       char **ret_answer)
{
	char request[1024], *answer;
	int fd = wf_connect(s);

	(void)snprintf(
	    request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
	    "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
	    path, subprotocol != NULL ? "Sec-WebSocket-Protocol: " : "",
	    subprotocol != NULL ? subprotocol : "", subprotocol != NULL ? "\r\n" : "");
	wf_puts(fd, request);
	answer = wf_answer(fd, 10000);
	if (wf_status(answer) != 101) {
		(void)close(fd);
		fd = -1;
	}
	if (ret_answer != NULL) {
		*ret_answer = answer;
	} else {
		free(answer);
	}
	return fd;
}

void wf_ws_send(int fd, uint8_t first, const void *data, size_t len)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};
	uint8_t head[14] = {first}, *body = malloc(len + 1);
	size_t n = 2, i;

	if (len < 126) {
		head[1] = (uint8_t)(0x80 | len);
	} else if (len < 65536) {
		head[1] = 0x80 | 126;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		n = 4;
	} else {
		head[1] = 0x80 | 127;
		for (i = 0; i < 8; i++) {
			head[2 + i] = (uint8_t)(len >> (56 - 8 * i));
		}
		n = 10;
	}
	memcpy(head + n, mask, 4);
	for (i = 0; i < len; i++) {
		body[i] = (uint8_t)(((const uint8_t *)data)[i] ^ mask[i % 4]);
	}
	wf_send(fd, head, n + 4);
	wf_send(fd, body, len);
	free(body);
}

void wf_ws_text(int fd, const char *text)
{
	wf_ws_send(fd, 0x81, text, strlen(text));
}

int wf_ws_read(int fd, char *buf, size_t size, int timeout_ms)
{
	uint8_t head[10];
	uint64_t len;
	int i;

	if (!read_exact(fd, head, 2, timeout_ms)) {
		return -1;
	}
	len = head[1] & 0x7f;
	if (len >= 126) {
		int bytes = len == 126 ? 2 : 8;

		if (!read_exact(fd, head + 2, (size_t)bytes, timeout_ms)) {
			return -1;
		}
		for (len = 0, i = 0; i < bytes; i++) {
			len = len << 8 | head[2 + i];
		}
	}
	cr_assert_lt(len, size);
	if (!read_exact(fd, buf, (size_t)len, timeout_ms)) {
		return -1;
	}
	buf[len] = '\0';
	return head[0] & 0x0f;
}

int wf_ws_close_code(int fd, char *reason, size_t size)
{
	static char buf[1 << 20];
	int op;

	reason[0] = '\0';
	do {
		op = wf_ws_read(fd, buf, sizeof(buf), 10000);
	} while (op >= 0 && op != 8);
	if (op != 8) {
		return 1006;
	}
	(void)snprintf(reason, size, "%s", buf + 2);
	return (uint8_t)buf[0] << 8 | (uint8_t)buf[1];
}
