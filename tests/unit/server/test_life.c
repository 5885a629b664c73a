/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_life.c - start, stop, crash: data directory, private redis-server, background,
 * auth.
 */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/wf_server.h"

static struct wf_server server;

TestSuite(life, .timeout = 90);

static int file_exists(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/data/%s", server.dir, name);
	return access(path, F_OK) == 0;
}

static int status_of(const char *request)
{
	char *answer = wf_ask(&server, request);
	int status = wf_status(answer);

	free(answer);
	return status;
}

#define READY "GET /api/ready HTTP/1.1\r\nHost: h\r\n\r\n"

Test(life, files_and_a_clean_stop)
{
	struct stat st;
	char path[128];

	wf_server_start(&server, NULL, NULL);
	(void)snprintf(path, sizeof(path), "%s/data", server.dir);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0700);
	(void)snprintf(path, sizeof(path), "%s/data/redis/redis.conf", server.dir);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
	cr_expect(file_exists("url") && file_exists("port") && file_exists("lock"));
	cr_assert_eq(wf_server_term(&server), 0);
	cr_expect_not(file_exists("url"));
	cr_expect_not(file_exists("port"));
	wf_server_stop(&server);
}

Test(life, a_second_server_on_the_same_directory_is_refused)
{
	char data[96], want[64], *output;
	const char *args[] = {"--port", "0", "--data-dir", data, NULL};

	wf_server_start(&server, NULL, NULL);
	(void)snprintf(data, sizeof(data), "%s/data", server.dir);
	cr_expect_eq(wf_server_run(args, &output), 73, "%s", output);
	(void)snprintf(want, sizeof(want), "pid %d", (int)server.pid);
	cr_expect_not_null(strstr(output, want), "%s", output);
	cr_expect_not_null(strstr(output, "wf server stop"), "%s", output);
	free(output);
	cr_expect_eq(status_of(READY), 200);
	wf_server_stop(&server);
}

static int redis_is_another(void *arg)
{
	pid_t pid = 0;

	return wf_server_redis(&server, &pid) == 1 && pid != *(pid_t *)arg;
}

Test(life, redis_is_started_again_when_it_dies)
{
	pid_t pid = 0;

	wf_server_start(&server, NULL, NULL);
	cr_assert_eq(wf_server_redis(&server, &pid), 1);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert(wf_wait_until(redis_is_another, &pid), "no new redis-server");
	cr_expect_eq(status_of(READY), 200);
	cr_expect_eq(wf_server_term(&server), 0);
	wf_server_stop(&server);
}

Test(life, a_killed_server_starts_again_with_one_redis)
{
	pid_t pid = 0;
	int i;

	wf_server_start(&server, NULL, NULL);
	for (i = 0; i < 3; i++) {
		wf_server_kill(&server);
		wf_server_again(&server);
		cr_expect_eq(wf_server_redis(&server, &pid), 1);
		cr_expect_eq(status_of(READY), 200);
	}
	wf_server_stop(&server);
}

static int is_gone(void *arg)
{
	return kill(*(pid_t *)arg, 0) < 0;
}

Test(life, redis_that_survived_is_shut_down_first)
{
	pid_t pid = 0;

	wf_server_start(&server, NULL, NULL);
	cr_assert_eq(wf_server_redis(&server, &pid), 1);
	cr_assert_eq(kill(pid, SIGSTOP), 0); /* it cannot follow its parent now */
	wf_server_kill(&server);
	cr_assert_eq(kill(pid, SIGCONT), 0);
	wf_server_again(&server);
	cr_assert(wf_wait_until(is_gone, &pid), "the old redis-server is still there");
	cr_expect_eq(wf_server_redis(&server, &pid), 1);
	wf_server_stop(&server);
}

Test(life, authentication)
{
	static const char *const env[] = {"WF_API_AUTH_STRING=admin:pass", NULL};
	char *answer, reason[128];
	int fd;

	wf_server_start(&server, NULL, env);
	answer = wf_ask(&server, "GET /api/version HTTP/1.1\r\nHost: h\r\n\r\n");
	cr_expect_eq(wf_status(answer), 401);
	cr_expect_str_eq(wf_body(answer), "{\"exception_message\":\"Unauthorized\"}");
	free(answer);
	cr_expect_eq(status_of("GET /api/nosuch HTTP/1.1\r\nHost: h\r\n\r\n"), 401);
	cr_expect_eq(status_of("GET /api/health HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
	cr_expect_eq(status_of(READY), 200);
	cr_expect_eq(
	    status_of("GET /api/version HTTP/1.1\r\nHost: h\r\nAuthorization: Basic "
		      "YWRtaW46cGFzcw==\r\n\r\n"),
	    200);
	cr_expect_eq(
	    status_of("GET /api/version HTTP/1.1\r\nHost: h\r\nAuthorization: Basic "
		      "YWRtaW46cGFzcX==\r\n\r\n"),
	    401);
	fd = wf_ws_open(&server, "/api/events/in", "prefect", NULL);
	wf_ws_text(fd, "{\"type\":\"auth\",\"token\":null}");
	cr_expect_eq(wf_ws_close_code(fd, reason, sizeof(reason)), 1008);
	cr_expect_str_eq(reason, "Auth required but no token provided");
	(void)close(fd);
	fd = wf_ws_open(&server, "/api/events/in", "prefect", NULL);
	wf_ws_text(fd, "{\"type\":\"auth\",\"token\":\"admin:nope\"}");
	cr_expect_eq(wf_ws_close_code(fd, reason, sizeof(reason)), 1008);
	cr_expect_str_eq(reason, "Invalid token");
	(void)close(fd);
	fd = wf_ws_open(&server, "/api/events/in", NULL, NULL);
	cr_expect_eq(wf_ws_close_code(fd, reason, sizeof(reason)), 1002);
	(void)close(fd);
	wf_server_stop(&server);
}

Test(life, background)
{
	char dir[] = "/tmp/wf-test-XXXXXX", path[64], command[96], *output;
	const char *args[] = {"--background", "--port", "0", "--data-dir", dir, NULL};
	FILE *lock;
	long pid = 0;

	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(wf_server_run(args, &output), 0, "%s", output);
	cr_expect(strncmp(output, "http://127.0.0.1:", 17) == 0, "%s", output);
	free(output);
	cr_expect_neq(wf_server_run(args, &output), 0);
	cr_expect_not_null(strstr(output, "already runs"), "%s", output);
	free(output);
	(void)snprintf(path, sizeof(path), "%s/lock", dir);
	lock = fopen(path, "re");
	cr_assert_not_null(lock);
	cr_assert_eq(fscanf(lock, "%ld", &pid), 1);
	(void)fclose(lock);
	cr_assert_gt(pid, 1);
	(void)kill((pid_t)pid, SIGTERM);
	cr_expect(wf_wait_until(is_gone, &(pid_t){(pid_t)pid}));
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_expect_eq(system(command), 0);
}

Test(life, nonsense_options)
{
	const char *bad_level[] = {"--log-level", "loud", NULL};
	const char *bad_port[] = {"--port", "70000", NULL};
	const char *bad_host[] = {"--host",     "no.such.host.invalid",
				  "--data-dir", "/tmp/wf-test-host",
				  "--port",     "0",
				  NULL};
	const char *secret[] = {"--auth-string", "a:b", NULL};
	char *output;

	cr_expect_eq(wf_server_run(bad_level, &output), 64, "%s", output);
	free(output);
	cr_expect_neq(wf_server_run(bad_port, &output), 0, "%s", output);
	free(output);
	cr_expect_neq(wf_server_run(secret, &output), 0, "%s", output);
	free(output);
	cr_expect_neq(wf_server_run(bad_host, &output), 0);
	cr_expect_not_null(strstr(output, "no.such.host.invalid"), "%s", output);
	free(output);
	cr_expect_eq(system("rm -rf /tmp/wf-test-host"), 0);
}
