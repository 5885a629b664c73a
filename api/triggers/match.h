/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.h - does a resource satisfy a specification, does an event name fit a pattern?
 *
 * Patterns of labels: optional '!' negates, '*' any run, '?' one character, [abc],
 * [a-z], [!a]; case-sensitive, anchored at both ends.  Pure.
 */
#ifndef API_TRIGGERS_MATCH_H
#define API_TRIGGERS_MATCH_H

#include <stddef.h>

#include <jansson.h>

/* The whole of TEXT, without negation. */
int match_glob(const char *p, const char *s);
/* The same with a leading '!'. */
int match_pattern(const char *pattern, const char *text);
/* Length of what stands before the first of * ? [ in PATTERN. */
size_t match_literal(const char *pattern);

/* SPEC: label -> pattern or list of patterns; empty: everything. */
int match_resource(const json_t *spec, const json_t *resource);
/* One specification or a list: each is satisfied by at least one of RELATED. */
int match_related(const json_t *specs, const json_t *related);

/*
 * Names of events in expect and after: '*' stands for one character or more unless
 * another pattern covers the prefix; '?', '[' and a leading '!' are plain characters.
 */
int match_candidate(const json_t *expect, const json_t *after, const char *name);
/* Any pattern of NAMES, with negation; an empty list: none. */
int match_any(const json_t *names, const char *name);

/* The value of a label, "related:<role>:<label>" included; NULL when there is none. */
const char *match_label(const json_t *event, const char *label);

#endif
