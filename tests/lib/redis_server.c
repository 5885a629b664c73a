/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_server.c - see redis_server.h.
 */
#include "tests/lib/redis_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX  40
#define START_MS  10000
#define RETRY_MS  5
#define NS_PER_MS 1000000L

static void die(const char *what)
{
	perror(what);
	abort();
}

static void run_server(const struct redis_server *s, pid_t parent)
{
	const char *argv[ARGS_MAX] = {"redis-server",
				      "--port",
				      "0",
				      "--unixsocket",
				      s->sock,
				      "--dir",
				      s->dir,
				      "--save",
				      "",
				      "--logfile",
				      "log",
				      "--daemonize",
				      "no"};
	int n = 13;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) {
		_exit(127);
	}
	for (int i = 0; s->extra != NULL && s->extra[i] != NULL && n < ARGS_MAX - 1;
	     i++) {
		argv[n++] = s->extra[i];
	}
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)dup2(fd, 0);
	(void)dup2(fd, 1);
	(void)dup2(fd, 2);
	(void)execvp(argv[0], (char *const *)(void *)argv);
	_exit(127);
}

static int can_connect(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	int ok = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0;
	(void)close(fd);
	return ok;
}

void redis_server_again(struct redis_server *s)
{
	pid_t parent = getpid();

	(void)unlink(s->sock);
	s->pid = fork();
	if (s->pid < 0) {
		die("fork");
	}
	if (s->pid == 0) {
		run_server(s, parent);
	}
	for (int ms = 0; !can_connect(s->sock); ms += RETRY_MS) {
		struct timespec ts = {.tv_nsec = RETRY_MS * NS_PER_MS};
		if (ms > START_MS || waitpid(s->pid, NULL, WNOHANG) == s->pid) {
			die("redis-server did not start (is it installed?)");
		}
		(void)nanosleep(&ts, NULL);
	}
}

void redis_server_start(struct redis_server *s, const char *const *extra)
{
	memset(s, 0, sizeof(*s));
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/wf-redis-XXXXXX");
	if (mkdtemp(s->dir) == NULL) {
		die("mkdtemp");
	}
	(void)snprintf(s->sock, sizeof(s->sock), "%s/r.sock", s->dir);
	(void)snprintf(s->url, sizeof(s->url), "redis+unix://%s", s->sock);
	s->extra = extra;
	redis_server_again(s);
}

void redis_server_signal(const struct redis_server *s, int signo)
{
	(void)kill(s->pid, signo);
}

void redis_server_kill(struct redis_server *s)
{
	if (s->pid > 0) {
		(void)kill(s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0);
		s->pid = 0;
	}
}

void redis_server_stop(struct redis_server *s)
{
	char *command = NULL;

	redis_server_kill(s);
	if (asprintf(&command, "rm -rf '%s'", s->dir) > 0) {
		(void)!system(command);
		free(command);
	}
}
