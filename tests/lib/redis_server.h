/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_server.h - a private redis-server for a test: Unix socket in a temporary
 * folder, no port, nothing saved unless asked, dies with the test.
 */
#ifndef TESTS_LIB_REDIS_SERVER_H
#define TESTS_LIB_REDIS_SERVER_H

#include <sys/types.h>

struct redis_server {
	pid_t pid; /* 0: not running */
	char dir[64];
	char sock[96];
	char url[128];
	const char *const *extra;
};

/* EXTRA: more arguments, NULL-terminated, or NULL ({"--appendonly", "yes", NULL}). They
 * must live as long as the server.  Aborts the test when redis-server does not come up.
 */
void redis_server_start(struct redis_server *s, const char *const *extra);
/* kill -9 and reap; the folder and its files stay. */
void redis_server_kill(struct redis_server *s);
/* After a kill: the same socket again. */
void redis_server_again(struct redis_server *s);
/* STOP or CONT: a Redis that hangs. */
void redis_server_signal(const struct redis_server *s, int signo);
/* Kills it and removes the folder. */
void redis_server_stop(struct redis_server *s);

#endif
