/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - the inside of wf-agent: what its parts share.  Loop thread only.
 *
 *   host.c         pools, budget, draining, the end
 *   host_queues.c  which pools and queues there are
 *   host_worker.c  one wf-worker process: start, socket, exit
 *   host_loss.c    what a dead worker leaves behind
 *   host_status.c  status file, status line, dump
 *   host_handover.c  a new version of the program takes over
 */
#ifndef AGENT_HOST_H
#define AGENT_HOST_H

#include <stdint.h>

#include "agent/admit.h"
#include "agent/host_conf.h"
#include "agent/slots.h"
#include "agent/tally.h"
#include "base/compiler.h"
#include "base/proc.h"
#include "base/queue_ext.h"

struct error;
struct host_api;
struct host_loss;
struct host_pool;
struct httpc;
struct loop;
struct loop_io;
struct loop_timer;
struct notify;
struct pools;

/* One wf-worker process.  It outlives its place as the pool's current worker when a new
 * version replaces it: then it drains and ends ("retired"). */
struct host_worker {
	TAILQ_ENTRY(host_worker) link;
	struct host_pool *pool;
	struct proc *proc; /* NULL: it has ended, its loss is being settled */
	int pid;
	int fd; /* our end of the socket, or -1 */
	struct loop_io *io;
	struct loop_timer *retry; /* a socket that was full */
	int sharer;               /* in host.slots, or -1 */
	char *table;              /* path of its run table */
	int retired;
	int stop_told;      /* SIGTERM or SIGINT was sent: its end is no death */
	int64_t stop_at_ms; /* its runs are stopped then; of a drain without a limit */
	int64_t term_at_ms; /* a drain without limit gets one: 0, or when */
	int64_t kill_at_ms; /* one that should have ended by then is killed */
	/* its last report */
	int held, want;
	unsigned int flags;
	int64_t reported_ms, started_ms;
	/* to be told */
	int tell_queues, tell_grant, tell_tally;
	struct host_loss *loss;
};
TAILQ_HEAD(host_worker_list, host_worker);

struct host_pool {
	TAILQ_ENTRY(host_pool) link;
	struct host *host;
	char *name, *enc /* for URLs and paths */, *worker_name, *dir;
	int weight;
	int wanted;                  /* by the options; else it is being drained away */
	int drained;                 /* from afar: not started again before SIGHUP */
	struct host_worker *current; /* or NULL */
	struct tally tally;
	struct loop_timer *timer; /* of the next start */
	int64_t start_at_ms;      /* 0: none is planned */
	char **queues; /* served, NULL-terminated; NULL: all, or not known yet */
	int queues_known, queues_asking, queues_left_out_told;
	int creating; /* queues that are being created */
};
TAILQ_HEAD(host_pool_list, host_pool);

struct host {
	const struct host_conf *conf;
	int argc;
	char **argv; /* as given, for the handover */
	struct loop *loop;
	struct httpc *httpc;
	struct host_api *api;
	struct pools *pools; /* NULL: no Redis is known */
	struct notify *notify;
	struct loop_timer *tick; /* every second */
	struct slots slots;
	struct admit admit;
	struct host_pool_list pool_list;
	struct host_worker_list workers;
	char *dir, *worker_program;
	int lock_fd;
	int pool_count;
	int64_t refresh_at_ms, table_seq;
	int balance_pending, status_pending, listing, info_asking, info_known;
	int stops;    /* SIGTERM and SIGINT so far */
	int draining; /* no worker is started any more */
	int handing_over, closing;
	int started_told;
};

/* host.c */
int host_open(struct host *h, const struct host_conf *conf, struct error *err);
void host_close(struct host *h);
/* New options (SIGHUP). */
void host_reload(struct host *h, const struct host_conf *conf);
void host_stop(struct host *h, int signo);
/* Grants are worked out again at the end of the turn. */
void host_balance(struct host *h);
/* A worker is gone for good, its loss settled. */
void host_worker_over(struct host_worker *w);
/* The pool NAME of the options (WEIGHT), made when it is new.  NULL: too many. */
struct host_pool *host_pool_want(struct host *h, const char *name, int weight);
struct host_pool *host_pool_find(const struct host *h, const char *name);
void host_maybe_leave(struct host *h);

/* host_queues.c */
void host_queues_refresh(struct host *h);
void host_queues_of(struct host_pool *p);

/* host_worker.c */
void host_worker_start(struct host_pool *p);
struct host_worker *host_worker_new(struct host_pool *p);
void host_worker_free(struct host_worker *w);
void host_worker_watch(struct host_worker *w); /* FD is there: reads it */
void host_worker_on_exit(struct proc *proc, const struct proc_exit *exit, void *arg);
/* Sends what is to be told. */
void host_worker_tell(struct host_worker *w);
/* A drain: SIGTERM with the drain time as limit, SIGINT without. */
void host_worker_drain(struct host_worker *w, int signo);

/* host_loss.c: HOW is told to the runs; calls host_worker_over() in the end. */
void host_loss_start(struct host_worker *w, const char *how);
void host_loss_free(struct host_loss *l);

/* host_status.c */
void host_status_changed(struct host *h); /* written soon */
void host_status_write(struct host *h);
void host_status_dump(const struct host *h);

/* host_handover.c */
/* Executes the program anew; returns only when that failed. */
void host_hand_over(struct host *h);
/* The locked descriptor that the program before us left open, or -1. */
int host_handover_lock(void);
/* Takes over from the process that we were; 0 when there was none. */
int host_take_over(struct host *h, struct error *err);

#endif
