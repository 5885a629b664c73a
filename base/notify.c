/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - see notify.h.  Sending never blocks and never fails anything.
 */
#include "base/notify.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/opts.h"

#define STATUS_MAX 400 /* bytes of a status line */

struct notify {
	int fd;
	struct sockaddr_un to;
	socklen_t to_len;
	char *socket, *watchdog_usec, *watchdog_pid; /* as they were; or NULL */
	int64_t every_ms;                            /* 0: no watchdog */
	struct loop *loop;
	struct loop_timer *timer;
	char *status;
};

static void send_text(const struct notify *n, const char *text)
{
	(void)sendto(n->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
		     (const struct sockaddr *)&n->to, n->to_len);
}

static void on_watchdog(void *arg)
{
	struct notify *n = arg;

	send_text(n, "WATCHDOG=1");
	loop_timer_in(n->timer, n->every_ms);
}

/* 0 when PATH can be no socket. */
static int set_address(struct notify *n, const char *path)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(n->to.sun_path)) {
		return 0;
	}
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, path, len + 1);
	if (path[0] == '@') {
		n->to.sun_path[0] = '\0'; /* the abstract name space */
	}
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
				(path[0] == '/'));
	return 1;
}

static char *take_env(const char *name)
{
	const char *value = opts_env(name);
	char *copy = value != NULL && value[0] != '\0' ? xstrdup(value) : NULL;

	if (value != NULL) {
		opts_env_set(name, NULL);
	}
	return copy;
}

/* Three signs of life in the time that the manager allows. */
static int64_t watchdog_ms(const struct notify *n)
{
	long long usec;

	if (n->watchdog_usec == NULL ||
	    (n->watchdog_pid != NULL &&
	     strtoll(n->watchdog_pid, NULL, 10) != (long long)getpid())) {
		return 0;
	}
	usec = strtoll(n->watchdog_usec, NULL, 10);
	return usec <= 0 ? 0 : usec / CLOCK_US_PER_MS / 3 + 1;
}

struct notify *notify_open(struct loop *loop)
{
	struct notify *n = xcalloc(1, sizeof(*n));

	n->fd = -1;
	n->loop = loop;
	n->socket = take_env("NOTIFY_SOCKET");
	n->watchdog_usec = take_env("WATCHDOG_USEC");
	n->watchdog_pid = take_env("WATCHDOG_PID");
	if (n->socket != NULL && set_address(n, n->socket)) {
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	if (n->fd < 0) {
		notify_close(n);
		return NULL;
	}
	n->every_ms = watchdog_ms(n);
	if (n->every_ms > 0) {
		n->timer = loop_timer_new(loop, on_watchdog, n);
		loop_timer_in(n->timer, n->every_ms);
	}
	return n;
}

void notify_close(struct notify *n)
{
	if (n == NULL) {
		return;
	}
	if (n->fd >= 0) {
		(void)close(n->fd);
	}
	loop_timer_free(n->timer);
	free(n->socket);
	free(n->watchdog_usec);
	free(n->watchdog_pid);
	free(n->status);
	free(n);
}

void notify_ready(struct notify *n)
{
	if (n != NULL) {
		send_text(n, "READY=1");
	}
}

void notify_stopping(struct notify *n)
{
	if (n != NULL) {
		send_text(n, "STOPPING=1");
	}
}

void notify_status(struct notify *n, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	if (n == NULL) {
		return;
	}
	buf_init(&b);
	buf_adds(&b, "STATUS=");
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (b.len > STATUS_MAX) {
		buf_truncate(&b, STATUS_MAX);
	}
	b.data[strcspn(b.data, "\n")] = '\0';
	if (n->status == NULL || strcmp(n->status, b.data) != 0) {
		send_text(n, b.data);
		free(n->status);
		n->status = xstrdup(b.data);
	}
	buf_release(&b);
}

void notify_forget_env(const struct notify *n)
{
	if (n != NULL) {
		opts_env_set("NOTIFY_SOCKET", NULL);
		opts_env_set("WATCHDOG_USEC", NULL);
		opts_env_set("WATCHDOG_PID", NULL);
	}
}

void notify_restore_env(const struct notify *n)
{
	if (n == NULL) {
		return;
	}
	opts_env_set("NOTIFY_SOCKET", n->socket);
	if (n->watchdog_usec != NULL) {
		opts_env_set("WATCHDOG_USEC", n->watchdog_usec);
	}
	if (n->watchdog_pid != NULL) {
		opts_env_set("WATCHDOG_PID", n->watchdog_pid);
	}
}
