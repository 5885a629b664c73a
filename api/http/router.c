/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.c - the trie.
 */
#include "api/http/router.h"

#include <stdlib.h>
#include <string.h>

#include "api/http/text.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/uuid.h"

#define METHODS_MAX 8

struct entry {
	const char *method, *pattern;
	void *target;
};

struct node {
	char *name;            /* of a static segment */
	struct node **statics; /* sorted by name */
	size_t static_count;
	struct node *uuid, *text; /* parameters */
	struct entry entries[METHODS_MAX];
	size_t entry_count;
};

struct router {
	struct node root;
};

struct split {
	const char *at[ROUTER_SEGMENTS_MAX];
	size_t len[ROUTER_SEGMENTS_MAX];
	size_t count;
};

struct router *router_new(void)
{
	return xcalloc(1, sizeof(struct router));
}

static void node_release(struct node *n)
{
	size_t i;

	for (i = 0; i < n->static_count; i++) {
		node_release(n->statics[i]);
		free(n->statics[i]);
	}
	if (n->uuid != NULL) {
		node_release(n->uuid);
		free(n->uuid);
	}
	if (n->text != NULL) {
		node_release(n->text);
		free(n->text);
	}
	free(n->statics);
	free(n->name);
}

void router_free(struct router *r)
{
	if (r != NULL) {
		node_release(&r->root);
		free(r);
	}
}

/* "/a/{id}/" is three segments, the last one empty; "/" is one empty segment. */
static int split_path(const char *path, struct split *s)
{
	const char *end;

	s->count = 0;
	while (*path == '/') {
		if (s->count == ROUTER_SEGMENTS_MAX) {
			return -ERR_TOO_LARGE;
		}
		path++;
		end = strchrnul(path, '/');
		s->at[s->count] = path;
		s->len[s->count++] = (size_t)(end - path);
		path = end;
	}
	return *path == '\0' ? 0 : -ERR_INVALID;
}

static int name_cmp(const struct node *n, const char *name, size_t len)
{
	int c = strncmp(n->name, name, len);

	return c != 0 ? c : n->name[len] != '\0';
}

/* Position of NAME among the static children, or where it belongs. */
static size_t static_pos(const struct node *n, const char *name, size_t len,
			 int *ret_hit)
{
	size_t lo = 0, hi = n->static_count, mid;
	int c;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		c = name_cmp(n->statics[mid], name, len);
		if (c == 0) {
			*ret_hit = 1;
			return mid;
		}
		if (c < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	*ret_hit = 0;
	return lo;
}

static struct node *static_child(struct node *n, const char *name, size_t len)
{
	int hit;
	size_t pos = static_pos(n, name, len, &hit);
	struct node *child;

	if (hit) {
		return n->statics[pos];
	}
	child = xcalloc(1, sizeof(*child));
	child->name = xstrndup(name, len);
	n->statics =
	    xreallocarray(n->statics, n->static_count + 1, sizeof(struct node *));
	memmove(n->statics + pos + 1, n->statics + pos,
		(n->static_count - pos) * sizeof(struct node *));
	n->statics[pos] = child;
	n->static_count++;
	return child;
}

static int is_uuid_param(const char *seg, size_t len)
{
	return (len == 4 && memcmp(seg, "{id}", 4) == 0) ||
	       (len > 5 && memcmp(seg + len - 4, "_id}", 4) == 0);
}

static struct node *child_for(struct node *n, const char *seg, size_t len)
{
	struct node **slot;

	if (len < 3 || seg[0] != '{') {
		return static_child(n, seg, len);
	}
	slot = is_uuid_param(seg, len) ? &n->uuid : &n->text;
	if (*slot == NULL) {
		*slot = xcalloc(1, sizeof(**slot));
	}
	return *slot;
}

int router_add(struct router *r, const char *method, const char *pattern, void *target,
	       struct error *err)
{
	struct node *n = &r->root;
	struct split s;
	size_t i;

	if (split_path(pattern, &s) < 0) {
		return err_set(err, ERR_INVALID, "route %s %s: bad pattern", method,
			       pattern);
	}
	for (i = 0; i < s.count; i++) {
		n = child_for(n, s.at[i], s.len[i]);
	}
	for (i = 0; i < n->entry_count; i++) {
		if (strcmp(n->entries[i].method, method) == 0) {
			return err_set(err, ERR_CONFLICT,
				       "route %s %s is the same as %s", method, pattern,
				       n->entries[i].pattern);
		}
	}
	PRE(n->entry_count < METHODS_MAX);
	n->entries[n->entry_count++] =
	    (struct entry){.method = method, .pattern = pattern, .target = target};
	return 0;
}

static void allow_add(struct router_match *m, const char *method)
{
	size_t len = strlen(m->allow);

	if (strstr(m->allow, method) == NULL &&
	    len + strlen(method) + 3 < sizeof(m->allow)) {
		(void)stpcpy(stpcpy(m->allow + len, len > 0 ? ", " : ""), method);
	}
}

/* What a search carries down the trie. */
struct search {
	const char *method;
	const char *values[ROUTER_SEGMENTS_MAX]; /* decoded segments */
	size_t count;
	struct router_match *m;
	const struct entry *hit;
};

static enum router_result at_leaf(const struct node *n, struct search *q)
{
	size_t i;

	for (i = 0; i < n->entry_count; i++) {
		if (strcmp(n->entries[i].method, q->method) == 0) {
			q->hit = &n->entries[i];
			return ROUTER_FOUND;
		}
	}
	for (i = 0; i < n->entry_count; i++) {
		allow_add(q->m, n->entries[i].method);
	}
	return n->entry_count > 0 ? ROUTER_WRONG_METHOD : ROUTER_NONE;
}

static enum router_result walk(const struct node *n, size_t i, struct search *q)
{
	const char *seg = q->values[i];
	enum router_result best = ROUTER_NONE, got;
	const struct node *next[3];
	struct uuid u;
	size_t k, pos;
	int hit;

	if (i == q->count) {
		return at_leaf(n, q);
	}
	pos = static_pos(n, seg, strlen(seg), &hit);
	next[0] = hit ? n->statics[pos] : NULL;
	next[1] = n->uuid != NULL && uuid_parse(seg, &u) == 0 ? n->uuid : NULL;
	next[2] = seg[0] != '\0' ? n->text : NULL;
	for (k = 0; k < ARRAY_LEN(next) && best != ROUTER_FOUND; k++) {
		got = next[k] != NULL ? walk(next[k], i + 1, q) : ROUTER_NONE;
		best = got > best ? got : best;
	}
	return best;
}

/* Names come from the pattern, values from the path. */
static void take_params(struct router_match *m, const char *pattern,
			const struct search *q)
{
	struct split s;
	size_t i;

	if (split_path(pattern, &s) < 0) {
		BUG("pattern %s", pattern);
	}
	for (i = 0; i < s.count; i++) {
		if (s.len[i] < 3 || s.at[i][0] != '{') {
			continue;
		}
		PRE(m->param_count < ROUTER_PARAMS_MAX);
		m->params[m->param_count].name = s.at[i] + 1;
		m->params[m->param_count].name_len = s.len[i] - 2;
		m->params[m->param_count++].value = q->values[i];
	}
}

enum router_result router_find(const struct router *r, const char *method,
			       const char *path, struct router_match *ret_match)
{
	struct search q = {.method = method, .m = ret_match};
	enum router_result result;
	struct split s;
	char *out = ret_match->text;
	size_t i;

	ret_match->target = NULL;
	ret_match->param_count = 0;
	ret_match->allow[0] = '\0';
	if (strlen(path) > ROUTER_PATH_MAX - ROUTER_SEGMENTS_MAX ||
	    split_path(path, &s) < 0) {
		return ROUTER_NONE;
	}
	for (i = 0; i < s.count; i++) {
		q.values[i] = out;
		if (text_decode(s.at[i], s.len[i], 0, out) < 0) {
			return ROUTER_NONE;
		}
		out += strlen(out) + 1;
	}
	q.count = s.count;
	result = walk(&r->root, 0, &q);
	if (result == ROUTER_FOUND) {
		ret_match->target = q.hit->target;
		take_params(ret_match, q.hit->pattern, &q);
	}
	return result;
}

const char *router_param(const struct router_match *m, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < m->param_count; i++) {
		if (m->params[i].name_len == len &&
		    memcmp(m->params[i].name, name, len) == 0) {
			return m->params[i].value;
		}
	}
	return NULL;
}
