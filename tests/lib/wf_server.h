/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wf_server.h - a private wf-api for a test: port 0, a temporary data directory, dies
 * with the test; and the few lines of HTTP and WebSocket that a test of bad clients
 * needs.
 */
#ifndef TESTS_LIB_WF_SERVER_H
#define TESTS_LIB_WF_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct wf_server {
	pid_t pid; /* 0: not running */
	int port;
	char dir[64]; /* temporary folder; the data directory is DIR/data */
	char url[128];
	const char *const *args; /* more arguments, NULL-terminated, or NULL */
	const char *const *env;  /* more environment, likewise */
	long open_files;         /* limit of descriptors; 0: as it is; set before
				    wf_server_again() */
};

/* Aborts the test when the server does not answer. */
void wf_server_start(struct wf_server *s, const char *const *args,
		     const char *const *env);
/* Starts it again on the same folder. */
void wf_server_again(struct wf_server *s);
void wf_server_kill(struct wf_server *s); /* KILL and reap */
int wf_server_term(struct wf_server *s);  /* TERM and reap; its exit status */
void wf_server_stop(struct wf_server *s); /* TERM, and removes the folder */
/* Runs wf-api with these arguments to its end; its output (owned) in *ret_output. */
int wf_server_run(const char *const *args, char **ret_output);
/* The redis-server children of the server: how many, and one of them. */
int wf_server_redis(const struct wf_server *s, pid_t *ret_pid);

int wf_connect(const struct wf_server *s);
void wf_send(int fd, const void *data, size_t len);
void wf_puts(int fd, const char *text);
/* One whole HTTP answer, owned and NUL terminated; NULL: the connection ended before.
 */
char *wf_answer(int fd, int timeout_ms);
/* Connect, send, answer, close. */
char *wf_ask(const struct wf_server *s, const char *request);
int wf_status(const char *answer);
const char *wf_body(const char *answer);

/* WebSocket: connects and upgrades; -1 and the HTTP answer in *ret_answer when refused.
 */
int wf_ws_open(const struct wf_server *s, const char *path, const char *subprotocol,
	       char **ret_answer);
/* A masked frame. FIRST is the first byte: 0x81 text, 0x01 text to be continued, 0x89
 * ping. */
void wf_ws_send(int fd, uint8_t first, const void *data, size_t len);
void wf_ws_text(int fd, const char *text);
/* The next frame: its opcode (-1: end of the connection); payload in BUF, terminated.
 */
int wf_ws_read(int fd, char *buf, size_t size, int timeout_ms);
/* Reads up to the close frame and gives its code; 1006 when there is none. */
int wf_ws_close_code(int fd, char *reason, size_t size);

/* Until FN(ARG) is true, at most 10 s; returns the last answer. */
int wf_wait_until(int (*fn)(void *arg), void *arg);

#endif
