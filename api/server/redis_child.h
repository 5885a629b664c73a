/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_child.h - the private redis-server of a server without --redis-url.
 *
 * Lives in DIR: redis.conf (0600, with the generated password), redis.sock, port, lock,
 * the append-only file.  The lock's descriptor is inherited by the process, so that the
 * lock lasts exactly as long as it does: there are never two on one folder, also when
 * the server was killed and its redis-server was not.  Such a survivor is shut down
 * cleanly first, then a new one is started on the same files, with the same password
 * and port. It ends with its server (TERM when the parent dies) and is restarted with
 * back-off when it dies.  Loop thread only.
 */
#ifndef API_SERVER_REDIS_CHILD_H
#define API_SERVER_REDIS_CHILD_H

struct error;
struct loop;
struct redis_child;

/* Blocks until it answers (start-up only; turns the loop). */
int redis_child_start(struct loop *loop, const char *dir,
		      struct redis_child **ret_child, struct error *err);
/* For ourselves: over the Unix socket when its path is short enough. */
const char *redis_child_url(const struct redis_child *c);
/* For workers on this host: over loopback. */
const char *redis_child_tcp_url(const struct redis_child *c);
long redis_child_pid(const struct redis_child *c); /* 0: not running just now */
int redis_child_restarts(const struct redis_child *c);
/* TERM and the wait for its end (turns the loop).  Accepts NULL; frees. */
void redis_child_stop(struct redis_child *c);

#endif
