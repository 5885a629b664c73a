/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters_priv.h - the shape of the filter tables.
 *
 * A table is an array of nodes ended by one without a name.  A group node has members
 * of its own; every other node is one criterion and names the fragment it becomes.
 */
#ifndef API_ROUTES_FILTERS_PRIV_H
#define API_ROUTES_FILTERS_PRIV_H

#include "api/routes/filters.h"

enum node_type {
	N_GROUP = 1,  /* object of members */
	N_UUIDS,      /* list of UUIDs, list fragment; empty matches nothing */
	N_UUID_TEXTS, /* the same, bound as text */
	N_TEXTS,      /* list of strings */
	N_STATES,     /* list of state types */
	N_WORKER_STATES,
	N_PREFIXES,   /* list of strings: one LIKE each, ORed */
	N_LIKE,       /* string: substring; empty is ignored */
	N_TAGS_ALL,   /* list of strings as one JSON value; empty is ignored */
	N_TAGS_ANY,   /* the same; empty matches nothing */
	N_BOOL,       /* FRAG when true, FRAG_ELSE when false */
	N_INT,        /* one value */
	N_TIME,       /* one value */
	N_TEXT_QUERY, /* string of the search grammar */
	N_IGNORED,    /* accepted without effect */
};

enum node_flags {
	NODE_OPERATOR = 1u << 0,     /* group: "operator" may be or_ */
	NODE_EMPTY_TRUE = 1u << 1,   /* list: empty is ignored */
	NODE_XOR = 1u << 2,          /* group: any_ and not_any_ together are ignored */
	NODE_HAS_PARENT = 1u << 3,   /* group: without any_ and with is_null_ absent or
					false,   the column must not be null */
	NODE_HIDE_DEFAULT = 1u << 4, /* group: absent means {"eq_": false} */
};

struct filter_node {
	const char *name;
	enum node_type type;
	enum sql_frag frag, frag_else;
	const struct filter_node *members;
	unsigned int flags;
};

/* Filter of another entity: EXISTS(entity joined with the one around it, its filter).
 */
struct filter_relation {
	const char *key; /* of the body; NULL ends the table */
	enum entity entity;
	enum sql_frag exists;
	const struct filter_relation *inside; /* joined further inside, or NULL */
};

struct filter_entity {
	const char *key; /* of the body for the target itself */
	const struct filter_node *nodes;
	unsigned int flags;                      /* NODE_OPERATOR */
	const struct filter_relation *relations; /* or NULL */
};

/* filters_runs.c and filters_other.c; NULL when ENT has no filter. */
const struct filter_entity *filter_entity_runs(enum entity ent);
const struct filter_entity *filter_entity_other(enum entity ent);

#endif
