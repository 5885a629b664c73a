/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_store.h - schedules of deployments: decoding, rows, JSON.
 */
#ifndef API_ROUTES_DEPLOYMENTS_SCHEDULE_STORE_H
#define API_ROUTES_DEPLOYMENTS_SCHEDULE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "api/routes/decode.h"
#include "base/uuid.h"

struct db_rows;
struct error;
struct http_invalid;
struct jsonw;
struct tx;

#define SCHEDULE_RUNS_MAX            50 /* max_scheduled_runs */
#define SCHEDULES_PER_DEPLOYMENT_MAX 1000

/* One element of "schedules", as sent; pointers into the body but SCHEDULE. */
struct schedule_in {
	json_t *schedule; /* owned, with all defaults; NULL: absent or null */
	json_t *raw;      /* as sent */
	int active;
	int64_t max_scheduled_runs;
	json_t *parameters;
	const char *slug, *replaces;
	struct decoded has; /* bits of enum schedule_field */
	int64_t place;      /* in the list: later ones count as updated later */
};
enum schedule_field {
	SF_ACTIVE,
	SF_SCHEDULE,
	SF_MAX_RUNS,
	SF_PARAMETERS,
	SF_SLUG,
	SF_REPLACES
};

/* One at LOC ("schedules.0" or ""); CREATE: a schedule must be there.  Problems go to
 * V. */
void schedule_decode(const json_t *obj, int create, const char *loc, int64_t now_us,
		     struct schedule_in *ret_in, struct http_invalid *v);
/* A list of them; NULL and 0 for a NULL ARRAY. */
struct schedule_in *schedule_decode_list(const json_t *array, int create,
					 const char *loc, int64_t now_us,
					 size_t *ret_count, struct http_invalid *v);
void schedule_in_release(struct schedule_in *in);
void schedule_list_free(struct schedule_in *list, size_t count);

struct schedule_row {
	struct uuid id, deployment_id;
	int64_t created_us, updated_us;
	char *schedule, *parameters, *slug; /* owned; JSON texts, slug may be NULL */
	int active;
	int64_t max_scheduled_runs; /* -1: none */
};
void schedule_row_release(struct schedule_row *s);
/* 1 found, 0 not. */
int schedule_find(struct tx *tx, const struct uuid *id, struct schedule_row *ret_row,
		  struct error *err);
/* Those of a deployment, latest first; freed with schedule_rows_free(). */
int schedule_of_deployment(struct tx *tx, const struct uuid *deployment_id,
			   struct schedule_row **ret_rows, size_t *ret_count,
			   struct error *err);
void schedule_rows_free(struct schedule_row *rows, size_t count);
int schedule_write_all(struct tx *tx, struct jsonw *w, const char *key,
		       const struct uuid *deployment_id, struct error *err);
void schedule_write(struct jsonw *w, const char *key, const struct schedule_row *s);

/* -ERR_CONFLICT: the slug is taken.  RET_ID may be NULL. */
int schedule_insert(struct tx *tx, const struct uuid *deployment_id,
		    const struct schedule_in *in, struct uuid *ret_id,
		    struct error *err);
/* Applies what IN sets to ROW and stores it; the scheduler starts over for it. */
int schedule_change(struct tx *tx, struct schedule_row *row,
		    const struct schedule_in *in, struct error *err);

#endif
