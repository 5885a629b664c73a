/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_router.c - paths and query strings of any kind: no crash, and what matches
 * decodes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/router.h"
#include "api/http/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct router *make(void)
{
	static const char *const patterns[] = {"/",
					       "/flows/",
					       "/flows/{id}",
					       "/flows/name/{name}",
					       "/work_pools/{name}",
					       "/work_pools/{name}/queues/{queue}",
					       "/d/{id}/schedules/{schedule_id}"};
	struct router *r = router_new();
	size_t i;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (router_add(r, "GET", patterns[i], r, NULL) < 0) {
			abort();
		}
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct router *r;
	struct router_match m;
	char *path = malloc(size + 1), *value;
	size_t offset;

	r = r != NULL ? r : make();
	memcpy(path, data, size);
	path[size] = '\0';
	if (router_find(r, "GET", path, &m) == ROUTER_FOUND && m.target != r) {
		abort();
	}
	value = text_query_value(path, "name");
	(void)text_json_problem(path, size, &offset);
	if (offset > size) {
		abort();
	}
	free(value);
	free(path);
	return 0;
}
