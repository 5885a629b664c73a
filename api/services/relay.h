/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - the transactional outbox's way to Redis.
 *
 * Woken at once after a COMMIT that wrote outbox rows (FX_OUTBOX), reads rows in order,
 * sends what the named objects are now, and deletes a row only after Redis has
 * answered.  Rows wait while Redis is down; order per object is kept since a newer row
 * is never sent before an older one.  At most RELAY_IN_FLIGHT_MAX operations are under
 * way.  Loop thread only.
 */
#ifndef API_SERVICES_RELAY_H
#define API_SERVICES_RELAY_H

#include <stdint.h>

struct api;
struct relay;

#define RELAY_IN_FLIGHT_MAX 512

/* API->db must be open; API->pools may be NULL: then rows wait.  Starts by itself. */
struct relay *relay_new(struct api *api);
/* Stops sending; rows that Redis has not answered for stay in the database. */
void relay_free(struct relay *r); /* accepts NULL */
/* There may be rows: look now. */
void relay_wake(struct relay *r); /* accepts NULL */
/* Operations sent and not answered, for tests and metrics. */
int64_t relay_in_flight(const struct relay *r);

#endif
