/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.c - libyaml's events to a tree, with every limit checked before memory is
 * taken.
 *
 * An alias becomes a deep copy of its anchor, paid from the node budget, so that a
 * "billion laughs" file stops at YAML_MAX_NODES.  Merge keys ("<<") are resolved here:
 * what a mapping says itself wins over what it merges.
 */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "engine/yaml/diag.h"
#include "engine/yaml/node.h"

#define SMALL_MAP 16 /* duplicate keys are looked for pairwise up to this size */

struct parse {
	yaml_parser_t yaml;
	struct diags *d;
	struct map anchors; /* name -> struct ynode *, borrowed from the tree */
	size_t nodes;
	unsigned int aliases;
	int depth;
	struct ynode **grave; /* dropped nodes, which an anchor may still name */
	size_t graves;
};

static struct ymark mark_of(yaml_mark_t m)
{
	return (struct ymark){.line = (int)m.line + 1, .column = (int)m.column + 1};
}

static int fail(struct parse *p, struct ymark at, const char *what)
{
	diag_add(p->d, at, 0, "%s", what);
	return -ERR_INVALID;
}

/* Takes N; it is freed when parsing is over. */
static void bury(struct parse *p, struct ynode *n)
{
	p->grave = xreallocarray(p->grave, p->graves + 1, sizeof(struct ynode *));
	p->grave[p->graves++] = n;
}

static int next_event(struct parse *p, yaml_event_t *ev)
{
	const yaml_parser_t *y = &p->yaml;
	struct ymark at;

	if (yaml_parser_parse(&p->yaml, ev)) {
		return 0;
	}
	at = mark_of(y->problem_mark);
	if (y->error == YAML_READER_ERROR) {
		/* the reader knows only a byte offset */
		at = (struct ymark){0, 0};
	}
	diag_add(p->d, at, 0, "not valid YAML: %s%s%s",
		 y->problem != NULL ? y->problem : "syntax error",
		 y->context != NULL ? " " : "", y->context != NULL ? y->context : "");
	return -ERR_INVALID;
}

static int new_node(struct parse *p, const yaml_event_t *ev, enum ynode_kind kind,
		    struct ynode **ret_node)
{
	if (++p->nodes > YAML_MAX_NODES) {
		return fail(p, mark_of(ev->start_mark), "the file has too many values");
	}
	*ret_node = xcalloc(1, sizeof(**ret_node));
	(*ret_node)->kind = kind;
	(*ret_node)->at = mark_of(ev->start_mark);
	return 0;
}

static int copy_node(struct parse *p, const struct ynode *from, struct ymark at,
		     struct ynode **ret_node)
{
	size_t i, items = from->kind == YNODE_MAP ? 2 * from->count : from->count;
	struct ynode *n;
	int rc = 0;

	p->nodes++;
	if (p->nodes > YAML_MAX_NODES) {
		return fail(p, at, "aliases make the file too large");
	}
	n = xmemdup(from, sizeof(*from));
	n->items = NULL;
	n->text = from->text != NULL ? xmemdup(from->text, from->len + 1) : NULL;
	n->count = 0;
	if (items > 0) {
		n->items = xcalloc(items, sizeof(struct ynode *));
	}
	for (i = 0; i < items && rc == 0; i++) {
		rc = copy_node(p, from->items[i], at, &n->items[i]);
	}
	n->count = from->count;
	if (rc < 0) {
		ynode_free(n);
		return rc;
	}
	*ret_node = n;
	return 0;
}

static void remember_anchor(struct parse *p, const yaml_char_t *anchor, struct ynode *n)
{
	if (anchor != NULL) {
		(void)map_set(&p->anchors, (const char *)anchor, n, NULL);
	}
}

static int alias_node(struct parse *p, const yaml_event_t *ev, struct ynode **ret_node)
{
	const struct ynode *to =
	    map_get(&p->anchors, (const char *)ev->data.alias.anchor);
	struct ymark at = mark_of(ev->start_mark);

	if (to == NULL) {
		diag_add(p->d, at, 0,
			 "no anchor is named '%s' (or it is not finished yet)",
			 (const char *)ev->data.alias.anchor);
		return -ERR_INVALID;
	}
	if (++p->aliases > YAML_MAX_ALIASES) {
		return fail(p, at, "the file has too many aliases");
	}
	return copy_node(p, to, at, ret_node);
}

static int scalar_node(struct parse *p, const yaml_event_t *ev, struct ynode **ret_node)
{
	struct ynode *n;
	int rc = new_node(p, ev, YNODE_SCALAR, &n);

	if (rc < 0) {
		return rc;
	}
	n->text = xmemdup(ev->data.scalar.value, ev->data.scalar.length + 1);
	n->len = ev->data.scalar.length;
	switch (ev->data.scalar.style) {
	case YAML_LITERAL_SCALAR_STYLE:
		n->style = YSTYLE_LITERAL;
		break;
	case YAML_FOLDED_SCALAR_STYLE:
		n->style = YSTYLE_FOLDED;
		break;
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		n->style = YSTYLE_QUOTED;
		break;
	case YAML_PLAIN_SCALAR_STYLE:
	case YAML_ANY_SCALAR_STYLE:
	default:
		n->style = YSTYLE_PLAIN;
		break;
	}
	remember_anchor(p, ev->data.scalar.anchor, n);
	*ret_node = n;
	return 0;
}

static void push_item(struct ynode *n, struct ynode *item, size_t *cap, size_t *used)
{
	if (*used == *cap) {
		*cap = *cap == 0 ? 4 : *cap * 2;
		n->items = xreallocarray(n->items, *cap, sizeof(struct ynode *));
	}
	n->items[(*used)++] = item;
}

static int key_is_taken(struct map *seen, const struct ynode *n,
			const struct ynode *key)
{
	size_t i;

	if (n->count < SMALL_MAP) {
		for (i = 0; i < n->count; i++) {
			if (strcmp(ymap_key(n, i)->text, key->text) == 0) {
				return 1;
			}
		}
		return 0;
	}
	if (map_count(seen) == 0) {
		for (i = 0; i < n->count; i++) {
			(void)map_set(seen, ymap_key(n, i)->text, ymap_key(n, i)->text,
				      NULL);
		}
	}
	return map_get(seen, key->text) != NULL;
}

/* Adds one pair; takes KEY and VALUE.  A merged pair never replaces one that is there.
 */
static void map_add(struct map *seen, struct ynode *n, struct ynode *key,
		    struct ynode *value, size_t *cap)
{
	size_t used = 2 * n->count;

	push_item(n, key, cap, &used);
	push_item(n, value, cap, &used);
	n->count++;
	if (map_count(seen) > 0) {
		(void)map_set(seen, key->text, key->text, NULL);
	}
}

static int merge_one(struct parse *p, struct map *seen, struct ynode *n,
		     const struct ynode *from, size_t *cap)
{
	struct ynode *key, *value;
	size_t i;

	if (from->kind != YNODE_MAP) {
		diag_node(p->d, from, "'<<' merges a mapping or a list of mappings");
		return -ERR_INVALID;
	}
	for (i = 0; i < from->count; i++) {
		if (key_is_taken(seen, n, ymap_key(from, i))) {
			continue;
		}
		if (copy_node(p, ymap_key(from, i), from->at, &key) < 0) {
			return -ERR_INVALID;
		}
		if (copy_node(p, ymap_value(from, i), from->at, &value) < 0) {
			ynode_free(key);
			return -ERR_INVALID;
		}
		map_add(seen, n, key, value, cap);
	}
	return 0;
}

static int merge_into(struct parse *p, struct map *seen, struct ynode *n,
		      const struct ynode *merge, size_t *cap)
{
	size_t i;
	int rc = 0;

	if (merge->kind != YNODE_SEQ) {
		return merge_one(p, seen, n, merge, cap);
	}
	for (i = 0; i < merge->count && rc == 0; i++) {
		rc = merge_one(p, seen, n, merge->items[i], cap);
	}
	return rc;
}

static int parse_node(struct parse *p, yaml_event_t *ev, struct ynode **ret_node);

static int parse_next(struct parse *p, yaml_event_type_t end, int *ret_end,
		      struct ynode **ret_node)
{
	yaml_event_t ev;
	int rc = next_event(p, &ev);

	if (rc < 0) {
		return rc;
	}
	*ret_end = ev.type == end;
	if (!*ret_end) {
		rc = parse_node(p, &ev, ret_node);
	}
	yaml_event_delete(&ev);
	return rc;
}

static int seq_node(struct parse *p, const yaml_event_t *ev, struct ynode **ret_node)
{
	struct ynode *n = NULL, *item = NULL;
	size_t cap = 0;
	int rc = new_node(p, ev, YNODE_SEQ, &n), end = 0;

	while (rc == 0) {
		rc = parse_next(p, YAML_SEQUENCE_END_EVENT, &end, &item);
		if (rc < 0 || end) {
			break;
		}
		push_item(n, item, &cap, &n->count);
	}
	if (rc < 0) {
		ynode_free(n);
		return rc;
	}
	remember_anchor(p, ev->data.sequence_start.anchor, n);
	*ret_node = n;
	return 0;
}

static int check_key(struct parse *p, struct map *seen, const struct ynode *n,
		     const struct ynode *key)
{
	if (key->kind != YNODE_SCALAR) {
		diag_node(p->d, key, "a key must be text");
		return -ERR_INVALID;
	}
	if (strlen(key->text) != key->len) {
		diag_node(p->d, key, "a key must not contain a zero byte");
		return -ERR_INVALID;
	}
	if (key_is_taken(seen, n, key)) {
		diag_node(p->d, key, "the key '%s' is given twice", key->text);
		return -ERR_INVALID;
	}
	return 0;
}

static int is_merge(const struct ynode *key)
{
	return key->style == YSTYLE_PLAIN && strcmp(key->text, "<<") == 0;
}

/* Reads key and value; both are freed on failure. */
static int parse_pair(struct parse *p, int *ret_end, struct ynode **ret_key,
		      struct ynode **ret_value)
{
	struct ynode *key = NULL, *value = NULL;
	int end = 0, rc = parse_next(p, YAML_MAPPING_END_EVENT, ret_end, &key);

	if (rc < 0 || *ret_end) {
		return rc;
	}
	rc = parse_next(p, YAML_NO_EVENT, &end, &value);
	if (rc < 0) {
		ynode_free(key);
		return rc;
	}
	*ret_key = key;
	*ret_value = value;
	return 0;
}

static int map_pairs(struct parse *p, struct map *seen, struct ynode *n,
		     struct ynode **ret_merge, size_t *cap)
{
	struct ynode *key = NULL, *value = NULL;
	int rc, end = 0;

	for (;;) {
		rc = parse_pair(p, &end, &key, &value);
		if (rc < 0 || end) {
			return rc;
		}
		rc = check_key(p, seen, n, key);
		if (rc == 0 && is_merge(key) && *ret_merge == NULL) {
			bury(p, key);
			bury(p, value);
			*ret_merge = value;
		} else if (rc == 0) {
			map_add(seen, n, key, value, cap);
		} else {
			/* said; go on, so that the rest of the file is checked too */
			bury(p, key);
			bury(p, value);
		}
	}
}

static int map_node(struct parse *p, const yaml_event_t *ev, struct ynode **ret_node)
{
	struct ynode *n = NULL, *merge = NULL;
	struct map seen;
	size_t cap = 0;
	int rc = new_node(p, ev, YNODE_MAP, &n);

	if (rc < 0) {
		return rc;
	}
	map_init(&seen, YAML_MAX_NODES);
	rc = map_pairs(p, &seen, n, &merge, &cap);
	if (rc == 0 && merge != NULL) {
		rc = merge_into(p, &seen, n, merge, &cap);
	}
	map_release(&seen);
	if (rc < 0) {
		ynode_free(n);
		return rc;
	}
	remember_anchor(p, ev->data.mapping_start.anchor, n);
	*ret_node = n;
	return 0;
}

static int parse_node(struct parse *p, yaml_event_t *ev, struct ynode **ret_node)
{
	int rc;

	if (p->depth >= YAML_MAX_DEPTH) {
		return fail(p, mark_of(ev->start_mark), "values are nested too deeply");
	}
	p->depth++;
	switch ((int)ev->type) {
	case YAML_SCALAR_EVENT:
		rc = scalar_node(p, ev, ret_node);
		break;
	case YAML_ALIAS_EVENT:
		rc = alias_node(p, ev, ret_node);
		break;
	case YAML_SEQUENCE_START_EVENT:
		rc = seq_node(p, ev, ret_node);
		break;
	case YAML_MAPPING_START_EVENT:
		rc = map_node(p, ev, ret_node);
		break;
	default:
		rc = fail(p, mark_of(ev->start_mark), "unexpected end of the document");
		break;
	}
	p->depth--;
	return rc;
}

static int parse_document(struct parse *p, struct ynode **ret_root)
{
	struct ynode *root = NULL;
	yaml_event_t ev;
	int rc, done = 0;

	while (!done) {
		rc = next_event(p, &ev);
		if (rc < 0) {
			break;
		}
		switch ((int)ev.type) {
		case YAML_STREAM_END_EVENT:
			done = 1;
			break;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		default:
			rc = root == NULL ? parse_node(p, &ev, &root)
					  : fail(p, mark_of(ev.start_mark),
						 "a file holds one document");
			break;
		}
		yaml_event_delete(&ev);
		if (rc < 0) {
			break;
		}
	}
	if (rc == 0 && root == NULL) {
		rc = fail(p, (struct ymark){1, 1}, "the file is empty");
	}
	if (rc < 0) {
		ynode_free(root);
		return rc;
	}
	*ret_root = root;
	return 0;
}

int yaml_parse(const char *text, size_t len, struct diags *d, struct ynode **ret_root)
{
	struct parse p = {.d = d};
	size_t i;
	int rc;

	if (len > YAML_MAX_BYTES) {
		diag_add(d, (struct ymark){0, 0}, 0, "the file is larger than %u MiB",
			 YAML_MAX_BYTES >> 20);
		return -ERR_INVALID;
	}
	if (!yaml_parser_initialize(&p.yaml)) {
		diag_add(d, (struct ymark){0, 0}, 0, "out of memory");
		return -ERR_INVALID;
	}
	map_init(&p.anchors, YAML_MAX_ALIASES);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	rc = parse_document(&p, ret_root);
	yaml_parser_delete(&p.yaml);
	map_release(&p.anchors);
	for (i = 0; i < p.graves; i++) {
		ynode_free(p.grave[i]);
	}
	free(p.grave);
	return rc;
}
