/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe.c - asks wf-engine or Python what a flow says of itself.
 */
#include "cli/deploy/describe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/capture.h"
#include "cli/client.h"
#include "cli/deploy/describe_gen.h"

#define DESCRIBE_LIMIT_MS 120000

/* The file part of FILE:NAME, owned; *ret_name points behind the colon, or NULL. */
static char *split(const char *entrypoint, const char **ret_name)
{
	const char *colon = strrchr(entrypoint, ':');

	*ret_name = colon != NULL ? colon + 1 : NULL;
	return colon != NULL ? xstrndup(entrypoint, (size_t)(colon - entrypoint))
			     : xstrdup(entrypoint);
}

static int ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* PROGRAM:FLOW of the C SDK: an executable file, and no Python. */
static int entrypoint_is_program(const char *entrypoint)
{
	const char *name;
	char *file = split(entrypoint, &name);
	struct stat st;
	int yes = !ends_with(file, ".py") && strchr(file, '/') != NULL &&
		  stat(file, &st) == 0 && S_ISREG(st.st_mode) &&
		  access(file, X_OK) == 0;

	free(file);
	return yes;
}

int entrypoint_is_native(const char *entrypoint)
{
	const char *name;
	char *file = split(entrypoint, &name);
	int yes = ends_with(file, ".yaml") || ends_with(file, ".yml") ||
		  entrypoint_is_program(entrypoint);

	free(file);
	return yes;
}

/* Runs ARGV and parses its output; its stderr is the message when it fails. */
static int run_json(char *const *argv, const char *what, json_t **ret_json,
		    struct error *err)
{
	struct buf out, errors;
	int status = 0, rc;

	buf_init(&out);
	buf_init(&errors);
	rc = capture(argv, DESCRIBE_LIMIT_MS, &out, &errors, &status, err);
	if (rc == 0 && status != 0) {
		/* the end of a long traceback says most */
		const char *text =
		    errors.len > 400 ? errors.data + errors.len - 400 : errors.data;

		rc = err_set(err, ERR_INVALID, "%s cannot be loaded:\n%s", what,
			     text[0] != '\0' ? text : out.data);
	}
	if (rc == 0) {
		*ret_json = json_parse(out.data, out.len, CAPTURE_MAX, err);
		rc = *ret_json != NULL ? 0 : err_wrap(err, "description of %s", what);
	}
	buf_release(&out);
	buf_release(&errors);
	return rc;
}

static int describe_python(const char *entrypoint, json_t **ret_flow, struct error *err)
{
	const char *python = opts_env("WF_PYTHON");
	char *argv[] = {
	    xstrdup(python != NULL && python[0] != '\0' ? python : "python3"),
	    xstrdup("-c"), xstrdup(describe_src), xstrdup(entrypoint), NULL};
	int rc = run_json(argv, entrypoint, ret_flow, err);

	for (size_t i = 0; argv[i] != NULL; i++) {
		free(argv[i]);
	}
	if (rc == 0) {
		json_object_set_new(*ret_flow, "entrypoint", json_string(entrypoint));
	}
	return rc;
}

/* The flow called NAME in the engine's list; without NAME the only one. */
static int pick(const json_t *list, const char *file, const char *name,
		json_t **ret_flow, struct error *err)
{
	size_t i;
	json_t *f;

	if (name == NULL && json_array_size(list) == 1) {
		*ret_flow = json_incref(json_array_get(list, 0));
		return 0;
	}
	json_array_foreach (list, i, f) {
		if (name != NULL && strcmp(member(f, "name"), name) == 0) {
			*ret_flow = json_incref(f);
			return 0;
		}
	}
	return name == NULL
		   ? err_set(err, ERR_USAGE,
			     "%s has %zu flows: say which one, as %s:NAME.", file,
			     json_array_size(list), file)
		   : err_set(err, ERR_NOT_FOUND, "%s has no flow '%s'.", file, name);
}

static int describe_native(const char *entrypoint, json_t **ret_flow, struct error *err)
{
	const char *name;
	char *file = split(entrypoint, &name);
	int program = entrypoint_is_program(entrypoint);
	char *argv[] = {program ? xstrdup(file) : cli_find_program("wf-engine", err),
			xstrdup("list"), program ? NULL : xstrdup(file), NULL};
	json_t *list = NULL;
	int rc;

	if (argv[0] == NULL) {
		rc = -err->code;
	} else {
		rc = run_json(argv, file, &list, err);
	}
	if (rc == 0) {
		rc = pick(list, file, name, ret_flow, err);
	}
	if (rc == 0) {
		char *e = xasprintf("%s:%s", file, member(*ret_flow, "name"));

		json_object_set_new(*ret_flow, "entrypoint", json_string(e));
		free(e);
	}
	json_decref(list);
	for (size_t i = 0; i < 3; i++) {
		free(argv[i]);
	}
	free(file);
	return rc;
}

int describe_flow(const char *entrypoint, json_t **ret_flow, struct error *err)
{
	return entrypoint_is_native(entrypoint)
		   ? describe_native(entrypoint, ret_flow, err)
		   : describe_python(entrypoint, ret_flow, err);
}
