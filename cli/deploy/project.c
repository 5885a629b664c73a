/* SPDX-License-Identifier: Apache-2.0 */
/*
 * project.c - reads wf.yaml or prefect.yaml into JSON.
 */
#include "cli/deploy/project.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/opts.h"
#include "engine/yaml/diag.h"
#include "engine/yaml/node.h"
#include "engine/yaml/scalar.h"

#define PROJECT_MAX (4u << 20)

static const char *const deployment_keys[] = {"name",
					      "description",
					      "tags",
					      "version",
					      "version_type",
					      "flow_name",
					      "entrypoint",
					      "parameters",
					      "enforce_parameter_schema",
					      "schedules",
					      "schedule",
					      "paused",
					      "concurrency_limit",
					      "work_pool",
					      "build",
					      "push",
					      "pull",
					      "triggers",
					      "sla",
					      "on_lost",
					      "max_attempts",
					      "docker_image",
					      "path",
					      "labels"};

static json_t *to_json(const struct ynode *n);

static json_t *scalar_json(const struct ynode *n)
{
	struct yscalar s;

	yscalar_resolve(n, &s);
	switch (s.type) {
	case YSCALAR_NULL:
		return json_null();
	case YSCALAR_BOOL:
		return json_boolean(s.i);
	case YSCALAR_INT:
		return json_integer(s.i);
	case YSCALAR_REAL:
		return json_real(s.r);
	case YSCALAR_STR:
	default:
		return json_stringn(n->text, n->len);
	}
}

/* "<<": the pairs of the mapping (or of each mapping of the list) that are not there
 * yet. */
static void merge(json_t *into, const struct ynode *value)
{
	json_t *m;

	if (value->kind == YNODE_SEQ) {
		for (size_t i = 0; i < value->count; i++) {
			merge(into, value->items[i]);
		}
		return;
	}
	m = to_json(value);
	json_object_update_missing(into, m);
	json_decref(m);
}

static json_t *to_json(const struct ynode *n)
{
	json_t *v;

	if (n->kind == YNODE_SCALAR) {
		return scalar_json(n);
	}
	if (n->kind == YNODE_SEQ) {
		v = json_array();
		for (size_t i = 0; i < n->count; i++) {
			json_array_append_new(v, to_json(n->items[i]));
		}
		return v;
	}
	v = json_object();
	for (size_t i = 0; i < n->count; i++) {
		const struct ynode *key = ymap_key(n, i);

		if (key->kind == YNODE_SCALAR && strcmp(key->text, "<<") != 0) {
			json_object_set_new(v, key->text, to_json(ymap_value(n, i)));
		}
	}
	for (size_t i = 0; i < n->count; i++) {
		if (ymap_key(n, i)->kind == YNODE_SCALAR &&
		    strcmp(ymap_key(n, i)->text, "<<") == 0) {
			merge(v, ymap_value(n, i));
		}
	}
	return v;
}

static void check_keys(struct diags *d, const struct ynode *deployment)
{
	for (size_t i = 0; i < deployment->count; i++) {
		const struct ynode *key = ymap_key(deployment, i);
		const char *near;
		int known = strcmp(key->text, "<<") == 0;

		for (size_t k = 0; k < ARRAY_LEN(deployment_keys); k++) {
			known |= strcmp(key->text, deployment_keys[k]) == 0;
		}
		if (known) {
			continue;
		}
		near = opts_nearest(key->text, deployment_keys,
				    ARRAY_LEN(deployment_keys));
		diag_node(d, key, "unknown key '%s' of a deployment%s%s%s", key->text,
			  near != NULL ? "; did you mean '" : "",
			  near != NULL ? near : "", near != NULL ? "'?" : "");
	}
}

static void check(struct diags *d, const struct ynode *root)
{
	const struct ynode *list;

	if (root->kind != YNODE_MAP) {
		diag_node(d, root,
			  "a project file is a mapping with the key 'deployments'");
		return;
	}
	list = ymap_get(root, "deployments");
	if (list == NULL || (list->kind == YNODE_SCALAR && list->len == 0)) {
		return;
	}
	if (list->kind != YNODE_SEQ) {
		diag_node(d, list, "'deployments' is a list");
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i]->kind != YNODE_MAP) {
			diag_node(d, list->items[i], "a deployment is a mapping");
		} else {
			check_keys(d, list->items[i]);
		}
	}
}

/* YAML (or JSON, which is YAML) as JSON; a project is checked for unknown keys. */
static int parse(const char *file, const struct buf *text, int is_project,
		 json_t **ret_json, struct error *err)
{
	struct diags d;
	struct ynode *root = NULL;
	struct buf out;
	int rc;

	diags_init(&d, file, text->data, text->len);
	rc = yaml_parse(text->data, text->len, &d, &root);
	if (rc == 0 && is_project) {
		check(&d, root);
	}
	if (rc < 0 || d.count > 0) {
		buf_init(&out);
		diags_print(&d, &out);
		rc = err_set(err, ERR_INVALID, "%s", out.data);
		buf_release(&out);
	} else {
		*ret_json = to_json(root);
	}
	ynode_free(root);
	diags_release(&d);
	return rc;
}

int project_value(const char *text_or_file, json_t **ret_json, struct error *err)
{
	int is_text = text_or_file[strspn(text_or_file, " \t\n")] == '{';
	struct buf text;
	int rc = 0;

	buf_init(&text);
	if (is_text) {
		buf_adds(&text, text_or_file);
	} else {
		rc = buf_read_file(&text, text_or_file, PROJECT_MAX, err);
	}
	if (rc == 0) {
		rc = parse(is_text ? "value" : text_or_file, &text, 0, ret_json, err);
	}
	buf_release(&text);
	return rc;
}

static int read_project(struct project *p, const struct buf *text, struct error *err)
{
	json_t *all = NULL;
	int rc = parse(p->file, text, 1, &all, err);

	if (rc == 0) {
		p->pull = json_incref(json_object_get(all, "pull"));
		p->deployments = json_incref(json_object_get(all, "deployments"));
		if (!json_is_array(p->deployments)) {
			json_decref(p->deployments);
			p->deployments = json_array();
		}
	}
	json_decref(all);
	return rc;
}

static char *folder_of(const char *file)
{
	char real[PATH_MAX];
	char *slash;

	if (realpath(file, real) == NULL) {
		return xstrdup(".");
	}
	slash = strrchr(real, '/');
	if (slash != NULL) {
		*(slash == real ? slash + 1 : slash) = '\0';
	}
	return xstrdup(real);
}

int project_load(const char *file, struct project *ret_project, struct error *err)
{
	struct project p = {0};
	struct buf text;
	int rc = 0;

	if (file == NULL || file[0] == '\0') {
		file = access("wf.yaml", R_OK) == 0        ? "wf.yaml"
		       : access("prefect.yaml", R_OK) == 0 ? "prefect.yaml"
							   : NULL;
	}
	if (file == NULL) {
		p.folder = realpath(".", NULL);
		p.deployments = json_array();
		*ret_project = p;
		return 0;
	}
	p.file = xstrdup(file);
	p.folder = folder_of(file);
	buf_init(&text);
	rc = buf_read_file(&text, file, PROJECT_MAX, err);
	if (rc == 0) {
		rc = read_project(&p, &text, err);
	}
	buf_release(&text);
	if (rc < 0) {
		project_release(&p);
		return rc;
	}
	*ret_project = p;
	return 0;
}

void project_release(struct project *p)
{
	free(p->file);
	free(p->folder);
	json_decref(p->pull);
	json_decref(p->deployments);
	memset(p, 0, sizeof(*p));
}
