/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.h - (method, path) to a table entry, through a trie of path segments.
 *
 * Pure.  A path is split on '/' first and each segment is percent-decoded then, so that
 * %2F stays inside its segment.  Static segments win over UUIDs, UUIDs over free text.
 * A final
 * '/' is an empty last segment.
 */
#ifndef API_HTTP_ROUTER_H
#define API_HTTP_ROUTER_H

#include <stddef.h>

struct error;
struct router;

#define ROUTER_PATH_MAX     2048
#define ROUTER_SEGMENTS_MAX 16
#define ROUTER_PARAMS_MAX   6

enum router_result { ROUTER_NONE = 0, ROUTER_WRONG_METHOD, ROUTER_FOUND };

struct router_match {
	void *target; /* what was added; NULL unless FOUND */
	size_t param_count;
	struct {
		const char *name; /* borrowed from the pattern: "id}/labels" */
		size_t name_len;
		const char *value; /* decoded, into text */
	} params[ROUTER_PARAMS_MAX];
	char allow[64]; /* "GET, PATCH": what exists at this path */
	char text[ROUTER_PATH_MAX + 1];
};

struct router *router_new(void);
void router_free(struct router *r);
/* METHOD and PATTERN are borrowed for the life of the router.  -ERR_CONFLICT: there
 * already. */
int router_add(struct router *r, const char *method, const char *pattern, void *target,
	       struct error *err);
enum router_result router_find(const struct router *r, const char *method,
			       const char *path, struct router_match *ret_match);
/* NULL when the match has no such parameter. */
const char *router_param(const struct router_match *m, const char *name);

#endif
