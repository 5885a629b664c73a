/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.h - host names to addresses without blocking the loop.
 *
 * Numeric hosts are answered without a thread; names are looked up by getaddrinfo() in
 * a short-lived thread, at most RESOLVE_THREADS_MAX at a time.
 */
#ifndef BASE_RESOLVE_H
#define BASE_RESOLVE_H

#include <sys/socket.h>

#define RESOLVE_ADDRS_MAX   8
#define RESOLVE_THREADS_MAX 32

struct error;
struct loop;
struct resolve;

struct resolve_addr {
	struct sockaddr_storage sa;
	socklen_t len;
};
struct resolve_addrs {
	struct resolve_addr addr[RESOLVE_ADDRS_MAX];
	int count;
};

/* ADDRS is borrowed; RC 0 means at least one address. */
typedef void (*resolve_fn)(int rc, const struct resolve_addrs *addrs,
			   const struct error *err, void *arg);

/* FN runs later, from the loop, exactly once unless cancelled.  NULL: it will not run.
 */
struct resolve *resolve_start(struct loop *loop, const char *host, int port,
			      resolve_fn fn, void *arg, struct error *err);
void resolve_cancel(struct resolve *r); /* FN will not run; accepts NULL */
/* At once: 1 and the address when HOST is numeric, else 0. */
int resolve_numeric(const char *host, int port, struct resolve_addrs *ret_addrs);

#endif
