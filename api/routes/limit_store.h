/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit_store.h - concurrency limits in the database: reading, taking, giving back.
 *
 * A slot is a record of a lease; what is in use is their sum.  Slots taken without a
 * lease (or by an operator) hang on leases that never expire.
 */
#ifndef API_ROUTES_LIMIT_STORE_H
#define API_ROUTES_LIMIT_STORE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "api/routes/limit_math.h"
#include "base/uuid.h"

#define LIMIT_NAMES_MAX 1000      /* of one request */
#define LEASE_FOREVER   INT64_MAX /* expires: until given back */

struct db_pred;
struct db_rows;
struct error;
struct tx;

struct limit_row {
	struct uuid id;
	char *name;
	int active;
	int64_t created_us, updated_us;
	struct limit_state s;
};

/* The limits that match PRED, by name; freed with limits_free(). */
int limits_load(struct tx *tx, const struct db_pred *pred, struct limit_row **ret_rows,
		size_t *ret_count, struct error *err);
/* Those named; PREFIX ("tag:" or "") goes in front of each. */
int limits_by_name(struct tx *tx, const json_t *names, const char *prefix,
		   struct limit_row **ret_rows, size_t *ret_count, struct error *err);
/* By id when TEXT is a UUID of one, else by name. */
int limits_find(struct tx *tx, const char *text, struct limit_row **ret_rows,
		size_t *ret_count, struct error *err);
void limits_free(struct limit_row *rows, size_t count);
void limit_from_row(const struct db_rows *r,
		    struct limit_row *ret); /* name is borrowed */

struct lease_spec {
	int64_t expires_us;
	const char *holder_type; /* or NULL */
	const struct uuid *holder;
	/* results of limits_take() */
	struct uuid lease;
	double wait_s;
};

/*
 * Takes SLOTS of every active limit of ROWS for a new lease, all or nothing.  1 and
 * SPEC->lease, or 0: no room; then the denial is recorded and SPEC->wait_s says when to
 * come again.
 */
int limits_take(struct tx *tx, struct limit_row *rows, size_t count, int64_t slots,
		struct lease_spec *spec, struct error *err);
/* Gives a lease back.  1, or 0 when there is none. */
int lease_release(struct tx *tx, const struct uuid *lease, struct error *err);
/* Gives SLOTS back that were taken without a lease; OCCUPANCY_S < 0: unknown. */
int limits_give(struct tx *tx, const struct limit_row *row, int64_t slots,
		double occupancy_s, struct error *err);
/* Makes SLOTS the whole usage of the limit, whatever holds it now. */
int limits_set_active(struct tx *tx, const struct limit_row *row, int64_t slots,
		      struct error *err);

#endif
