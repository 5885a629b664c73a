/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_job.c - any JSON as what a job is made of, any text as a command: resolved or
 * refused.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "worker/job_template.h"

#define MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_words(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), **words = NULL;
	struct error err;
	size_t total = 0;

	if (words_split(text, &words, &err) == 0) {
		for (char **w = words; *w != NULL; w++) {
			total += strlen(*w);
		}
		if (total > strlen(text)) {
			abort();
		}
		words_free(words);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	json_t *v = json_parse((const char *)data, size, MAX, &err);
	struct job_input in = {.base_job_template = json_object_get(v, "t"),
			       .deployment_variables = json_object_get(v, "d"),
			       .run_variables = json_object_get(v, "r"),
			       .flow = json_object_get(v, "f"),
			       .flow_run = json_object_get(v, "fr"),
			       .variables = json_object_get(v, "v"),
			       .blocks = json_object_get(v, "b")};
	json_t *variables = json_array(), *blocks = json_array();
	struct job job;

	fuzz_words(data, size);
	if (v != NULL && job_refs(&in, variables, blocks, &err) == 0 &&
	    job_resolve(&in, &job, &err) == 0) {
		job_release(&job);
	}
	json_decref(variables);
	json_decref(blocks);
	json_decref(v);
	return 0;
}
