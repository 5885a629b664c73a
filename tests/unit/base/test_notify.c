/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_notify.c - what a service manager hears.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/notify.h"

static int manager(char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/wf-notify-XXXXXX";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(at.sun_path), "%s/s", dir);
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void expect(int fd, const char *text)
{
	char got[512] = "";
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	cr_expect_geq(n, 0, "nothing came instead of %s", text);
	cr_expect_str_eq(got, text);
}

Test(notify, ready_status_watchdog_stopping)
{
	char path[108], more[2], pid[16];
	int fd = manager(path);
	struct error err;
	struct loop *loop = loop_new(&err);
	struct notify *n;

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", "3000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	n = notify_open(loop);
	cr_assert_not_null(n);
	cr_expect_null(getenv("NOTIFY_SOCKET"), "children must not inherit it");
	cr_expect_null(getenv("WATCHDOG_USEC"));
	notify_ready(n);
	notify_status(n, "%d of %d", 1, 2);
	notify_status(n, "%d of %d", 1, 2); /* the same: not sent */
	expect(fd, "READY=1");
	expect(fd, "STATUS=1 of 2");
	cr_expect_eq(recv(fd, more, 1, MSG_DONTWAIT), -1);
	loop_turn(loop, 1000);
	expect(fd, "WATCHDOG=1");
	notify_stopping(n);
	notify_restore_env(n);
	cr_expect_str_eq(getenv("NOTIFY_SOCKET"), path);
	cr_expect_str_eq(getenv("WATCHDOG_USEC"), "3000");
	notify_close(n);
	loop_free(loop);
	close(fd);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

Test(notify, nobody_listens)
{
	struct error err;
	struct loop *loop = loop_new(&err);

	unsetenv("NOTIFY_SOCKET");
	cr_expect_null(notify_open(loop));
	setenv("NOTIFY_SOCKET", "relative", 1);
	cr_expect_null(notify_open(loop));
	notify_ready(NULL);
	notify_status(NULL, "x");
	notify_close(NULL);
	loop_free(loop);
}
