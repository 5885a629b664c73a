/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - a YAML document as a tree that remembers where everything stood.
 *
 * Built by yaml_parse() from libyaml's events; bounded in bytes, depth, nodes and
 * aliases. Scalars keep their text; scalar.h resolves the plain ones.  A tree is
 * immutable once built.
 */
#ifndef ENGINE_YAML_NODE_H
#define ENGINE_YAML_NODE_H

#include <stddef.h>

struct diags;

enum ynode_kind { YNODE_SCALAR = 1, YNODE_SEQ, YNODE_MAP };
enum ynode_style { YSTYLE_PLAIN = 0, YSTYLE_QUOTED, YSTYLE_LITERAL, YSTYLE_FOLDED };

/* A place in the file; both count from 1.  Line 0 means "no place". */
struct ymark {
	int line, column;
};

struct ynode {
	enum ynode_kind kind;
	enum ynode_style style;
	struct ymark at;
	char *text; /* scalar: NUL terminated, LEN bytes */
	size_t len;
	struct ynode **items; /* sequence: items; mapping: key, value, key, value ... */
	size_t count;         /* items, or pairs of a mapping */
};

#define YAML_MAX_BYTES   (16u << 20)
#define YAML_MAX_NODES   2000000u
#define YAML_MAX_DEPTH   64
#define YAML_MAX_ALIASES 1000u

/*
 * Parses one document.  Errors (syntax, limits, duplicate keys) go to D with their
 * place. Returns 0 with *ret_root owned by the caller, or -ERR_INVALID.
 */
int yaml_parse(const char *text, size_t len, struct diags *d, struct ynode **ret_root);
void ynode_free(struct ynode *n); /* accepts NULL */

static inline const struct ynode *ymap_key(const struct ynode *map, size_t i)
{
	return map->items[2 * i];
}
static inline const struct ynode *ymap_value(const struct ynode *map, size_t i)
{
	return map->items[2 * i + 1];
}
/* The value under KEY, or NULL. */
const struct ynode *ymap_get(const struct ynode *map, const char *key);
/* "a mapping", "a list", "text", "the number 3": for messages. */
const char *ynode_describe(const struct ynode *n, char *buf, size_t size);

#endif
