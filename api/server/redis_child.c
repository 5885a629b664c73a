/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_child.c - see redis_child.h.
 */
#include "api/server/redis_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/server/redis_probe.h"
#include "base/backoff.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"

#define READY_MS                                                             \
	10000 /* to answer PING after a start; an append-only file is loaded \
	       */
#define READY_LOADING_MS 120000
#define SURVIVOR_MS      10000 /* for a survivor to end */
#define POLL_MS          20
#define STOP_GRACE_MS    8000
#define RESTART_BASE_MS  100
#define RESTART_CAP_MS   10000
#define SOCKET_PATH_MAX  100 /* sun_path has 108 */
#define LAST_LINE_MAX    256

struct redis_child {
	struct loop *loop;
	char *dir, *program, *conf_path, *socket; /* socket NULL: path too long */
	char password[65];
	int port;
	char *url, *tcp_url;
	int lock_fd;
	struct proc *proc; /* NULL: not running */
	struct loop_timer *again;
	struct backoff backoff;
	int stopping, restarts;
	int64_t started_ms;
	char last_line[LAST_LINE_MAX]; /* of its output, for messages */
};

/* ---- files ---- */

/* The password and the port of before, so that workers' URLs stay good. */
static void load_or_make_secret(struct redis_child *c)
{
	char *path = xasprintf("%s/password", c->dir);
	uint8_t random[32];
	struct buf b;

	buf_init(&b);
	if (buf_read_file(&b, path, 128, NULL) == 0 && b.len >= 64) {
		memcpy(c->password, b.data, 64);
		c->password[64] = '\0';
	} else {
		random_bytes(random, sizeof(random));
		sha256_hex(random, sizeof(random), c->password);
		if (file_write_atomic(path, c->password, 64, 0600, NULL) < 0) {
			log_warn("cannot write %s, ignoring", path);
		}
	}
	buf_release(&b);
	free(path);
}

static int read_port(const struct redis_child *c)
{
	char *path = xasprintf("%s/port", c->dir);
	long port = 0;
	struct buf b;

	buf_init(&b);
	if (buf_read_file(&b, path, 16, NULL) == 0) {
		port = strtol(b.data, NULL, 10);
	}
	buf_release(&b);
	free(path);
	return port > 0 && port < 65536 ? (int)port : 0;
}

static void write_port(const struct redis_child *c)
{
	char *path = xasprintf("%s/port", c->dir), text[16];
	int n = snprintf(text, sizeof(text), "%d\n", c->port);

	if (file_write_atomic(path, text, (size_t)n, 0600, NULL) < 0) {
		log_warn("cannot write %s, ignoring", path);
	}
	free(path);
}

static int write_conf(struct redis_child *c, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b);
	buf_addf(&b,
		 "# Written by wf-api at each start.\n"
		 "bind 127.0.0.1\nport %d\nprotected-mode yes\n"
		 "requirepass %s\n",
		 c->port, c->password);
	if (c->socket != NULL) {
		buf_addf(&b, "unixsocket \"%s\"\nunixsocketperm 600\n", c->socket);
	}
	buf_addf(&b,
		 "dir \"%s\"\ndaemonize no\nlogfile \"\"\nloglevel notice\n"
		 "appendonly yes\nappendfsync everysec\nsave \"\"\n"
		 "maxmemory-policy noeviction\nmaxclients 10000\n"
		 "tcp-keepalive 60\ntimeout 0\n",
		 c->dir);
	rc = file_write_atomic(c->conf_path, b.data, b.len, 0600, err);
	buf_release(&b);
	return rc;
}

static void make_urls(struct redis_child *c)
{
	free(c->url);
	free(c->tcp_url);
	c->tcp_url = xasprintf("redis://:%s@127.0.0.1:%d/0", c->password, c->port);
	c->url = c->socket != NULL
		     ? xasprintf("redis+unix://%s?password=%s", c->socket, c->password)
		     : xstrdup(c->tcp_url);
}

/* ---- the process ---- */

static void keep_line(struct redis_child *c, const char *line, size_t len)
{
	len = len < LAST_LINE_MAX ? len : LAST_LINE_MAX - 1;
	(void)snprintf(c->last_line, sizeof(c->last_line), "%.*s", (int)len, line);
	log_debug("redis-server: %s", c->last_line);
}

static void on_output(struct proc *p, int stream, const char *data, size_t len,
		      void *arg)
{
	struct redis_child *c = arg;
	const char *end = data + len, *nl;

	(void)p;
	(void)stream;
	for (; data < end; data = nl + 1) {
		nl = memchr(data, '\n', (size_t)(end - data));
		nl = nl != NULL ? nl : end;
		if (nl > data) {
			keep_line(c, data, (size_t)(nl - data));
		}
	}
}

static void on_exit_of(struct proc *p, const struct proc_exit *exit, void *arg)
{
	struct redis_child *c = arg;
	char how[96];
	int64_t in_ms;

	(void)p;
	c->proc = NULL;
	if (c->stopping) {
		return;
	}
	proc_describe(exit, how, sizeof(how));
	if (loop_now_ms(c->loop) - c->started_ms > RESTART_CAP_MS) {
		backoff_reset(&c->backoff);
	}
	in_ms = backoff_next(&c->backoff, random_unit());
	log_warn(
	    "redis-server ended (%s; last output: %s); starting it again in %lld ms",
	    how, c->last_line, (long long)in_ms);
	loop_timer_in(c->again, in_ms);
}

static int spawn(struct redis_child *c, struct error *err)
{
	char *argv[] = {c->program, c->conf_path, NULL};
	char *envp[] = {(char[]){"LC_ALL=C"}, NULL};
	struct proc_spec spec = {
	    .argv = argv,
	    .envp = envp,
	    .cwd = c->dir,
	    .fd = {-1, PROC_FD_PIPE, PROC_FD_PIPE, c->lock_fd},
	    .new_session = 1, /* Ctrl-C on our terminal is ours */
	    .death_signal = SIGTERM,
	    .kill_grace_ms = STOP_GRACE_MS,
	    .output_fn = on_output,
	    .exit_fn = on_exit_of,
	    .arg = c,
	};

	c->started_ms = loop_now_ms(c->loop);
	return proc_spawn(c->loop, &spec, &c->proc, err);
}

static void on_again(void *arg)
{
	struct redis_child *c = arg;
	struct error err = {0};

	c->restarts++;
	if (spawn(c, &err) < 0) {
		log_error("cannot start redis-server: %s; trying again", err.msg);
		loop_timer_in(c->again, backoff_next(&c->backoff, random_unit()));
	}
}

static int probe(const struct redis_child *c)
{
	return redis_probe(c->socket, c->port, c->password, "PING");
}

static int wait_ready(struct redis_child *c, struct error *err)
{
	int64_t start = clock_mono_ms();
	int answer;

	for (;;) {
		answer = probe(c);
		if (answer == REDIS_PROBE_OK) {
			return 0;
		}
		if (c->proc == NULL) {
			return err_set(
			    err, ERR_UNAVAILABLE,
			    "redis-server does not start in %s; its last output: "
			    "%s",
			    c->dir, c->last_line);
		}
		if (clock_mono_ms() - start >
		    (answer == REDIS_PROBE_BUSY ? READY_LOADING_MS : READY_MS)) {
			return err_set(err, ERR_TIMEOUT,
				       "redis-server in %s does not answer; its last "
				       "output: %s",
				       c->dir, c->last_line);
		}
		loop_turn(c->loop, POLL_MS);
	}
}

/* ---- a survivor ---- */

static int lock_try(const struct redis_child *c)
{
	return flock(c->lock_fd, LOCK_EX | LOCK_NB) == 0;
}

/* The lock is held by the redis-server of a server that was killed. */
static int end_survivor(struct redis_child *c, struct error *err)
{
	int64_t start = clock_mono_ms();

	log_info(
	    "a redis-server of an earlier run still serves %s; shutting it down first",
	    c->dir);
	(void)redis_probe(c->socket, c->port, c->password, "SHUTDOWN");
	while (!lock_try(c)) {
		if (clock_mono_ms() - start > SURVIVOR_MS) {
			return err_set(
			    err, ERR_CONFLICT,
			    "another redis-server holds %s/lock and does not "
			    "end; find it with `fuser %s/lock`, stop it, and "
			    "start again",
			    c->dir, c->dir);
		}
		loop_turn(c->loop, POLL_MS);
	}
	return 0;
}

static int open_lock(struct redis_child *c, struct error *err)
{
	char *path = xasprintf("%s/lock", c->dir);
	int rc = 0;

	c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (c->lock_fd < 0) {
		rc = err_errno(err, "open %s", path);
	} else if (!lock_try(c)) {
		rc = end_survivor(c, err);
	}
	free(path);
	return rc;
}

/* ---- public ---- */

static struct redis_child *child_new(struct loop *loop, const char *dir)
{
	struct redis_child *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->lock_fd = -1;
	c->dir = xstrdup(dir);
	c->conf_path = xasprintf("%s/redis.conf", dir);
	c->socket = xasprintf("%s/redis.sock", dir);
	if (strlen(c->socket) > SOCKET_PATH_MAX) {
		free(c->socket);
		c->socket = NULL;
	}
	c->again = loop_timer_new(loop, on_again, c);
	backoff_init(&c->backoff, RESTART_BASE_MS, RESTART_CAP_MS);
	return c;
}

int redis_child_start(struct loop *loop, const char *dir,
		      struct redis_child **ret_child, struct error *err)
{
	struct redis_child *c = child_new(loop, dir);
	int rc;

	c->program = proc_find_program("redis-server");
	if (c->program == NULL) {
		rc = err_set(
		    err, ERR_NOT_FOUND,
		    "redis-server was not found in PATH: install it (Debian and "
		    "Ubuntu: apt install redis-server), or use a Redis of yours "
		    "with --redis-url");
		goto fail;
	}
	rc = mkdir_p(dir, 0700, err);
	if (rc < 0) {
		goto fail;
	}
	load_or_make_secret(c);
	c->port = read_port(c);
	rc = open_lock(c, err);
	if (rc < 0) {
		goto fail;
	}
	c->port = redis_free_port(c->port);
	write_port(c);
	make_urls(c);
	rc = write_conf(c, err);
	rc = rc == 0 ? spawn(c, err) : rc;
	rc = rc == 0 ? wait_ready(c, err) : rc;
	if (rc < 0) {
		goto fail;
	}
	*ret_child = c;
	return 0;
fail:
	redis_child_stop(c);
	return rc;
}

void redis_child_stop(struct redis_child *c)
{
	if (c == NULL) {
		return;
	}
	c->stopping = 1;
	loop_timer_free(c->again);
	if (c->proc != NULL) {
		proc_stop(c->proc, PROC_STOP_SHUTDOWN, STOP_GRACE_MS);
	}
	while (c->proc != NULL) {
		loop_turn(c->loop, POLL_MS);
	}
	if (c->lock_fd >= 0) {
		(void)close(c->lock_fd);
	}
	free(c->dir);
	free(c->program);
	free(c->conf_path);
	free(c->socket);
	free(c->url);
	free(c->tcp_url);
	free(c);
}

const char *redis_child_url(const struct redis_child *c)
{
	return c->url;
}

const char *redis_child_tcp_url(const struct redis_child *c)
{
	return c->tcp_url;
}

long redis_child_pid(const struct redis_child *c)
{
	return c->proc != NULL ? (long)proc_pid(c->proc) : 0;
}

int redis_child_restarts(const struct redis_child *c)
{
	return c->restarts;
}
