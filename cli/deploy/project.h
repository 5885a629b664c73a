/* SPDX-License-Identifier: Apache-2.0 */
/*
 * project.h - wf.yaml or prefect.yaml: what a folder deploys.
 *
 * Both have the same layout (worker-and-engine 7.1): name, pull (steps), deployments
 * (list). Values keep their templates; template.h fills them.  Anchors and merge keys
 * work; unknown keys of a deployment are refused with their place and the nearest known
 * key.
 */
#ifndef CLI_DEPLOY_PROJECT_H
#define CLI_DEPLOY_PROJECT_H

#include <jansson.h>

struct error;

struct project {
	char *file;          /* path as given or found; NULL: there is none */
	char *folder;        /* absolute folder of the file */
	json_t *pull;        /* array or NULL */
	json_t *deployments; /* array of objects */
};

/* FILE NULL: wf.yaml, else prefect.yaml, in the current folder; neither: an empty
 * project. */
int project_load(const char *file, struct project *ret_project, struct error *err);
void project_release(struct project *p);
/* A value of the command line: a JSON object, or the name of a JSON or YAML file. */
int project_value(const char *text_or_file, json_t **ret_json, struct error *err);

#endif
