/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_json.h - states as clients send and read them.
 *
 * Stored details hold only keys that differ from their default; written ones have all
 * keys of StateDetails, in the reference's order.
 */
#ifndef API_ROUTES_STATE_JSON_H
#define API_ROUTES_STATE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct error;
struct http_invalid;
struct jsonw;
struct orc_state;
struct uuid;
struct db_rows;

/* Columns of a stored state, as text from the database. */
struct state_row {
	struct uuid *id; /* borrowed */
	int type;
	const char *name;
	int64_t at_us;
	const char *message;
	const char *data;    /* JSON text or NULL */
	const char *details; /* JSON text or NULL */
	/* said in the details where these lack them; NULL: not known */
	const struct uuid *flow_run_id, *task_run_id;
};
void state_write_row(struct jsonw *w, const char *key, const struct state_row *s);
void state_write(struct jsonw *w, const char *key, const struct orc_state *s);
/* A row of {run_state_columns} followed by flow_run_id, or by task_run_id, flow_run_id.
 */
void state_write_rows(struct jsonw *w, const char *key, const struct db_rows *rows,
		      int task);

/* The details as they are stored: without the ids that the row holds anyway.  Owned
 * text. */
char *state_details_text(const struct orc_state *s);
/* The data as it is stored; NULL: nothing to keep.  Owned text. */
char *state_data_text(const struct orc_state *s);
/* A stored state into RET_STATE (owned). */
void state_from_row(struct orc_state *ret_state, const struct state_row *row);

/*
 * StateCreate at LOC ("state") into RET_STATE (initialised here; type 0 when there were
 * problems).  Returns the number of problems added to V.
 */
size_t state_decode(const json_t *obj, const char *loc, struct orc_state *ret_state,
		    struct http_invalid *v);
/* Known, non-default keys of a details object; a new object.  Problems go to V (may be
 * NULL: wrong values are dropped). */
json_t *state_details_decode(const json_t *obj, const char *loc,
			     struct http_invalid *v);

#endif
