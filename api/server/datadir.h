/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datadir.h - the folder of one server: lock, url and port files.
 *
 *	lock      flock held while the server runs; its pid in it
 *	url       "http://127.0.0.1:4200/api\n" while the server answers
 *	port      "4200\n", likewise
 *	wf.db     the database (unless --database-url)
 *	redis/    the private redis-server (unless --redis-url)
 *	log/      wf-api.log of --background
 */
#ifndef API_SERVER_DATADIR_H
#define API_SERVER_DATADIR_H

struct error;

struct datadir {
	char *path; /* owned; absolute */
	int lock_fd;
};

/* Made with mode 0700 when missing.  -ERR_CONFLICT: a running server has it; the
 * message says which process, and what to do. */
int datadir_open(struct datadir *d, const char *path, struct error *err);
void datadir_close(struct datadir *d);
/* "$XDG_DATA_HOME/wf" or "~/.local/share/wf", owned; NULL without a home. */
char *datadir_default(void);
/* 1 when a server has it; *ret_pid (may be NULL) is its pid, 0 when unknown. */
int datadir_is_used(const char *path, long *ret_pid);

int datadir_publish(const struct datadir *d, const char *url, int port,
		    struct error *err);
void datadir_unpublish(const struct datadir *d);

#endif
