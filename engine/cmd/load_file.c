/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_file.c - loading for a command.
 */
#include "engine/cmd/load_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "engine/plan.h"
#include "engine/runner.h"

int load_file(const char *arg, struct plan_file **ret_file,
	      const struct plan_flow **ret_flow)
{
	char *path = xstrdup(arg), *name = NULL, *colon = strrchr(path, ':');
	struct plan_file *file = NULL;
	struct error err;
	struct buf report;
	int rc;

	if (colon != NULL && strchr(colon, '/') == NULL && access(path, F_OK) != 0) {
		*colon = '\0';
		name = colon + 1;
	}
	buf_init(&report);
	rc = plan_load(path, &file, &report, &err);
	if (rc < 0) {
		if (report.len > 0) {
			(void)fputs(report.data, stderr);
		} else {
			(void)fprintf(stderr, "wf-engine: %s\n", err.msg);
		}
	} else if (name != NULL && (*ret_flow = plan_find(file, name, &err)) == NULL) {
		(void)fprintf(stderr, "wf-engine: %s\n", err.msg);
		rc = -ERR_NOT_FOUND;
	}
	buf_release(&report);
	free(path);
	if (rc < 0) {
		plan_free(file);
		return RUNNER_UNUSABLE;
	}
	*ret_file = file;
	return 0;
}
