/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaper.h - ends leases whose workers are gone, every POOLS_REAP_MS, in every pool.
 *
 * Workers reap their own pool; this does it when none is left.  No leader lock: a run
 * is taken once, by whoever calls the script first, and a loss that did not reach the
 * database is reported again by Redis.  Loop thread only.
 */
#ifndef API_SERVICES_REAPER_H
#define API_SERVICES_REAPER_H

struct api;
struct reaper;

struct reaper *reaper_start(struct api *api); /* API->pools may be NULL: idle */
void reaper_stop(struct reaper *r); /* accepts NULL; frees when nothing is under way */

#endif
