/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.c - memory and lookups of YAML trees.
 */
#include "engine/yaml/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/yaml/scalar.h"

/* Depth is bounded by YAML_MAX_DEPTH, so recursion is. */
void ynode_free(struct ynode *n)
{
	size_t i, items;

	if (n == NULL) {
		return;
	}
	items = n->kind == YNODE_MAP ? 2 * n->count : n->count;
	for (i = 0; i < items && n->items != NULL; i++) {
		ynode_free(n->items[i]);
	}
	free(n->items);
	free(n->text);
	free(n);
}

const struct ynode *ymap_get(const struct ynode *map, const char *key)
{
	size_t i;

	if (map == NULL || map->kind != YNODE_MAP) {
		return NULL;
	}
	for (i = 0; i < map->count; i++) {
		if (strcmp(ymap_key(map, i)->text, key) == 0) {
			return ymap_value(map, i);
		}
	}
	return NULL;
}

static const char *scalar_word(enum yscalar_type type)
{
	switch (type) {
	case YSCALAR_NULL:
		return "null";
	case YSCALAR_BOOL:
		return "the boolean";
	case YSCALAR_INT:
	case YSCALAR_REAL:
		return "the number";
	case YSCALAR_STR:
		break;
	}
	return "the text";
}

const char *ynode_describe(const struct ynode *n, char *buf, size_t size)
{
	struct yscalar s;

	if (n->kind == YNODE_SEQ) {
		return "a list";
	}
	if (n->kind == YNODE_MAP) {
		return "a mapping";
	}
	yscalar_resolve(n, &s);
	if (s.type == YSCALAR_NULL) {
		return "null";
	}
	if (s.type == YSCALAR_STR) {
		(void)snprintf(buf, size, "the text \"%.40s\"%s", n->text,
			       n->len > 40 ? "..." : "");
	} else {
		(void)snprintf(buf, size, "%s %.40s", scalar_word(s.type), n->text);
	}
	return buf;
}
