/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.h - one background service: what services.c runs.
 *
 * A pass is one bounded piece of work in a write transaction, and runs only under the
 * service's leader lease.  It takes the time from tx->now_us, so that tests drive it
 * through any day.
 */
#ifndef API_SERVICES_SERVICE_H
#define API_SERVICES_SERVICE_H

#include <stdint.h>

struct api;
struct error;
struct service_pass;
struct tx;
struct uuid;

#define SERVICE_SLICE_US                                            \
	10000 /* a pass stops looking for more work after this long \
	       */
#define SERVICE_LEASE_US (20 * 1000000LL)

struct service_pass {
	int more;        /* out: there is more to do, come again at once */
	int64_t next_us; /* out: come at this instant at the latest; 0: the interval */
	int woken;       /* in: by what was committed, not by the clock */
	int64_t last_run_us;   /* in: start of the pass before this one, 0: none */
	int64_t began_mono_us; /* in: for service_is_late() */
	int64_t done;          /* out: objects changed, for metrics */
};

struct service {
	const char *name;
	int64_t interval_ms;
	int64_t pause_ms; /* between passes while there is more to do: others write */
	/* DB_READ: 1 when a pass would find work; NULL: always. */
	int (*probe)(struct tx *tx, struct service_pass *p, struct error *err);
	int (*pass)(struct tx *tx, struct service_pass *p, struct error *err);
};

/* The slice is used up: set p->more and return. */
int service_is_late(const struct service_pass *p);

extern const struct service service_scheduler;
extern const struct service service_late_runs;
extern const struct service service_pause_expiry;
extern const struct service service_cancellation;
extern const struct service service_foreman;
extern const struct service service_lease_reaper;
extern const struct service service_retention;
extern const struct service service_rollups;

/* Leader lease of NAME for OWNER until now + SERVICE_LEASE_US: 1 ours, 0 somebody
 * else's. Writes only when the lease is new or a third of it is left. */
int service_lease(struct tx *tx, const char *name, const struct uuid *owner,
		  int64_t *ret_fence, struct error *err);
/* All leases of OWNER end, since it stops: the next process, or another one, need not
 * wait for them. */
void service_leases_drop(struct api *api, const struct uuid *owner);

#endif
