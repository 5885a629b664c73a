/* SPDX-License-Identifier: Apache-2.0 */
/*
 * services.h - the background services of wf-api: scheduler, late runs, expiries,
 * statuses, reapers, retention, reconciler.
 *
 * Each service is one entry of the table in services.c: a name, an interval, and a pass
 * that runs as database work.  A pass runs only while this process holds the service's
 * leader lease in SQL, so that any number of replicas is safe.  Loop thread only.
 */
#ifndef API_SERVICES_SERVICES_H
#define API_SERVICES_SERVICES_H

#include <stdint.h>

struct api;
struct error;
struct services;

/* API->db is open; API->pools and API->relay may be NULL.  First passes start at once.
 */
struct services *services_start(struct api *api);
/* No new pass starts; passes under way complete before db_close() returns. */
void services_stop(struct services *s); /* accepts NULL; frees */
/* FX (enum fx_flags of api/tx.h) happened in a committed transaction: wakes the
 * scheduler for FX_SCHEDULES.  The relay is woken by relay_wake(), for FX_OUTBOX. */
void services_wake(struct services *s, unsigned int fx); /* accepts NULL */
/* Redis is told everything, also what it seems to know. */
void services_rebuild(struct services *s);           /* accepts NULL */
int64_t services_rebuilds(const struct services *s); /* done; accepts NULL */
/* Redis is reachable (again): the reconciler looks at once. */
void services_redis_up(struct services *s); /* accepts NULL */

#endif
