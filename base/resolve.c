/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.c - getaddrinfo() in a thread.
 *
 * One lock guards the life of all jobs.  A job belongs to its thread until that has
 * posted it to the loop; a cancelled one is freed by whoever comes last.  Under the
 * lock a job is either not posted, and then its loop may go once it is cancelled, or
 * posted, and then the loop runs what was posted before it goes.
 */
#include "base/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/mem.h"

#define THREAD_STACK_SIZE ((size_t)256 * 1024)

struct resolve {
	struct loop *loop;
	char *host;
	int port;
	resolve_fn fn;
	void *arg;
	int cancelled, posted; /* under the lock */
	struct resolve_addrs addrs;
	int gai_rc;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int threads; /* under the lock */

static void resolve_free(struct resolve *r)
{
	free(r->host);
	free(r);
}

static int lookup(const char *host, int port, int flags,
		  struct resolve_addrs *ret_addrs)
{
	struct addrinfo hints = {
	    .ai_flags = flags | AI_NUMERICSERV,
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list = NULL;
	char service[8];
	int rc;

	(void)snprintf(service, sizeof(service), "%d", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0) {
		return rc;
	}
	ret_addrs->count = 0;
	for (struct addrinfo *a = list;
	     a != NULL && ret_addrs->count < RESOLVE_ADDRS_MAX; a = a->ai_next) {
		struct resolve_addr *to = &ret_addrs->addr[ret_addrs->count];

		if (a->ai_addrlen > sizeof(to->sa)) {
			continue;
		}
		memcpy(&to->sa, a->ai_addr, a->ai_addrlen);
		to->len = a->ai_addrlen;
		ret_addrs->count++;
	}
	freeaddrinfo(list);
	return ret_addrs->count > 0 ? 0 : EAI_NONAME;
}

int resolve_numeric(const char *host, int port, struct resolve_addrs *ret_addrs)
{
	return lookup(host, port, AI_NUMERICHOST, ret_addrs) == 0;
}

static void on_resolved(void *arg)
{
	struct resolve *r = arg;
	struct error err;
	int cancelled;
	int rc = 0;

	pthread_mutex_lock(&lock);
	cancelled = r->cancelled;
	pthread_mutex_unlock(&lock);
	if (!cancelled) {
		if (r->gai_rc != 0) {
			rc = err_set(&err, ERR_UNAVAILABLE,
				     "the host name %s was not found: %s", r->host,
				     gai_strerror(r->gai_rc));
		}
		r->fn(rc, &r->addrs, rc < 0 ? &err : NULL, r->arg);
	}
	resolve_free(r);
}

static void *resolve_main(void *arg)
{
	struct resolve *r = arg;
	int gone;

	r->gai_rc = lookup(r->host, r->port, AI_ADDRCONFIG, &r->addrs);
	pthread_mutex_lock(&lock);
	threads--;
	gone = r->cancelled;
	if (!gone) {
		r->posted = 1;
		loop_post(r->loop, on_resolved, r);
	}
	pthread_mutex_unlock(&lock);
	if (gone) {
		resolve_free(r);
	}
	return NULL;
}

/* Signals stay with the main thread. */
static int start_thread(struct resolve *r)
{
	pthread_attr_t attr;
	pthread_t id;
	sigset_t all;
	sigset_t old;
	int rc;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, THREAD_STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&id, &attr, resolve_main, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return rc;
}

struct resolve *resolve_start(struct loop *loop, const char *host, int port,
			      resolve_fn fn, void *arg, struct error *err)
{
	struct resolve *r;
	int full;
	int rc;

	pthread_mutex_lock(&lock);
	full = threads >= RESOLVE_THREADS_MAX;
	threads += !full;
	pthread_mutex_unlock(&lock);
	if (full) {
		err_set(err, ERR_BUSY, "look up %s: %d look-ups are under way already",
			host, RESOLVE_THREADS_MAX);
		return NULL;
	}
	r = xcalloc(1, sizeof(*r));
	*r = (struct resolve){
	    .loop = loop,
	    .host = xstrdup(host),
	    .port = port,
	    .fn = fn,
	    .arg = arg,
	};
	rc = start_thread(r);
	if (rc != 0) {
		pthread_mutex_lock(&lock);
		threads--;
		pthread_mutex_unlock(&lock);
		resolve_free(r);
		err_set(err, ERR_BUSY, "look up %s: no thread: %s", host, strerror(rc));
		return NULL;
	}
	return r;
}

void resolve_cancel(struct resolve *r)
{
	if (r == NULL) {
		return;
	}
	pthread_mutex_lock(&lock);
	r->cancelled = 1;
	pthread_mutex_unlock(&lock);
}
