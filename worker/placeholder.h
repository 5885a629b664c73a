/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placeholder.h - "{{ name }}" in JSON values: pure.
 *
 * Grammar: "{{", blanks, [A-Za-z0-9_.\-\[\]$]+, blanks, "}}".  Kinds by prefix:
 * prefect.blocks., prefect.variables., $ (environment), anything else is a path into
 * values (dots and [n]).
 */
#ifndef WORKER_PLACEHOLDER_H
#define WORKER_PLACEHOLDER_H

#include <jansson.h>

struct error;

enum placeholder_flags {
	PLACEHOLDER_KEEP_REFS = 1u << 0,  /* blocks, variables and $ stay as they are */
	PLACEHOLDER_KEEP_UNSET = 1u << 1, /* unknown ones inside of text stay */
};

/* Paths.  A whole-string placeholder becomes the typed value; absent: its key or item
 * is dropped (*ret_json NULL at the top).  Inside of text: the value's text, or
 * nothing. */
int placeholder_fill(const json_t *v, const json_t *values, unsigned int flags,
		     json_t **ret_json, struct error *err);
/* {{ prefect.blocks.slug.name.path }} and {"$ref": {"block_document_id": ID}}. */
int placeholder_blocks(const json_t *v, const json_t *blocks, json_t **ret_json,
		       struct error *err);
/* {{ prefect.variables.name }} (unknown: empty text) and {{ $NAME }} (unset: stays). */
int placeholder_variables(const json_t *v, const json_t *variables, json_t **ret_json,
			  struct error *err);
/* Appends what has to be looked up; see job_refs(). */
int placeholder_refs(const json_t *v, json_t *variables, json_t *blocks,
		     struct error *err);

#endif
