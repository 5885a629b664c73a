/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - a file of flows: read, parse, load, report.
 */
#include "engine/yaml/load.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "engine/plan.h"
#include "engine/tryout/tests.h"
#include "engine/yaml/scalar.h"

#define MAX_FLOWS   1000u
#define VERSION_HEX 32

static void file_version_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct yscalar s = {.type = YSCALAR_STR};
	char buf[80];

	(void)obj;
	if (n->kind == YNODE_SCALAR) {
		yscalar_resolve(n, &s);
	}
	if (s.type != YSCALAR_INT || s.i != 1) {
		diag_node(l->d, n, "'version' must be 1, not %s",
			  ynode_describe(n, buf, sizeof(buf)));
	}
}

static void file_flows_key(struct loader *l, const struct ynode *n, void *obj)
{
	struct plan_file *file = obj;
	char buf[80];
	size_t i;

	if (n->kind != YNODE_MAP || n->count == 0 || n->count > MAX_FLOWS) {
		diag_node(l->d, n, "'flows' must be a mapping of 1 to %u flows, not %s",
			  MAX_FLOWS,
			  n->kind == YNODE_MAP ? "so many"
					       : ynode_describe(n, buf, sizeof(buf)));
		return;
	}
	file->flows = xcalloc(n->count, sizeof(struct plan_flow *));
	for (i = 0; i < n->count; i++) {
		file->flows[file->count++] =
		    load_flow(l, ymap_key(n, i), ymap_value(n, i));
	}
}

/* Known before the flows, which may stand in front of them: see load_root(). */
static void file_names_key(struct loader *l, const struct ynode *n, void *obj)
{
	(void)obj;
	(void)load_is_map(l, n, "'actions', 'checks' and 'handlers' of the file");
}

/* Loaded when the flows are known. */
static void file_tests_key(struct loader *l, const struct ynode *n, void *obj)
{
	(void)l;
	(void)n;
	(void)obj;
}

static const struct field file_fields[] = {
    {"actions", FIELD_FN, .fn = file_names_key},
    {"checks", FIELD_FN, .fn = file_names_key},
    {"flows", FIELD_FN, .fn = file_flows_key},
    {"handlers", FIELD_FN, .fn = file_names_key},
    {"tests", FIELD_FN, .fn = file_tests_key},
    {"version", FIELD_FN, .fn = file_version_key},
};

static const struct ynode *named(const struct ynode *root, const char *key)
{
	const struct ynode *n = ymap_get(root, key);

	return n != NULL && n->kind == YNODE_MAP ? n : NULL;
}

/* Subflows of this file exist. */
static void check_uses(struct loader *l)
{
	const char **names = xcalloc(l->file->count + 1, sizeof(*names));
	char hint[128];
	size_t i, k;

	for (k = 0; k < l->file->count; k++) {
		names[k] = l->file->flows[k]->name;
	}
	for (i = 0; i < l->uses_count; i++) {
		for (k = 0; k < l->file->count; k++) {
			if (strcmp(names[k], l->uses[i].name) == 0) {
				break;
			}
		}
		if (k == l->file->count) {
			diag_node(l->d, l->uses[i].node,
				  "the file has no flow '%.80s'%s", l->uses[i].name,
				  load_hint(l->uses[i].name, names, l->file->count,
					    hint, sizeof(hint)));
		}
	}
	free(names);
}

/* They are for `wf flow test`; nobody else shall hear later that they are wrong. */
static void check_tests(struct loader *l, const struct ynode *n)
{
	struct test_cases cases;

	if (n != NULL) {
		tests_load(l, n, &cases);
		tests_release(&cases);
	}
}

static void load_root(struct loader *l, const struct ynode *root)
{
	static const char *const needed[] = {"version", "flows"};
	size_t i;

	l->actions = named(root, "actions");
	l->checks = named(root, "checks");
	l->handlers = named(root, "handlers");
	load_fields(l, root, file_fields, ARRAY_LEN(file_fields), "the file", l->file);
	load_check_names(l);
	check_uses(l);
	check_tests(l, ymap_get(root, "tests"));
	for (i = 0; root->kind == YNODE_MAP && i < ARRAY_LEN(needed); i++) {
		if (ymap_get(root, needed[i]) == NULL) {
			diag_node(l->d, root, "the file has no key '%s'%s", needed[i],
				  i == 0 ? " (write version: 1)" : "");
		}
	}
}

static void loader_release(struct loader *l)
{
	map_release(&l->task_index);
	free(l->pending);
	free(l->needs);
	free(l->uses);
}

int plan_parse(const char *name, const char *text, size_t len,
	       struct plan_file **ret_file, struct buf *report)
{
	struct loader l = {0};
	struct ynode *root = NULL;
	struct diags d;
	char hex[65];
	size_t errors;

	diags_init(&d, name, text, len);
	l.d = &d;
	l.file = xcalloc(1, sizeof(*l.file));
	l.file->path = xstrdup(name);
	sha256_hex(text, len, hex);
	l.file->version = xstrndup(hex, VERSION_HEX);
	map_init(&l.task_index, PLAN_MAX_TASKS);
	if (yaml_parse(text, len, &d, &root) == 0) {
		load_root(&l, root);
	}
	errors = d.count;
	diags_print(&d, report);
	diags_release(&d);
	loader_release(&l);
	ynode_free(root);
	if (errors > 0) {
		plan_free(l.file);
		return -ERR_INVALID;
	}
	*ret_file = l.file;
	return 0;
}

int plan_load(const char *path, struct plan_file **ret_file, struct buf *report,
	      struct error *err)
{
	struct buf text;
	int rc;

	buf_init(&text);
	rc = buf_read_file(&text, path, YAML_MAX_BYTES, err);
	if (rc == 0) {
		rc = plan_parse(path, text.data, text.len, ret_file, report);
		if (rc < 0) {
			(void)err_set(err, ERR_INVALID, "%s is not a valid flow file",
				      path);
		}
	}
	buf_release(&text);
	return rc;
}
