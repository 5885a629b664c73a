/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_template.c - any text as a template, rendered with a few values. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *event(void)
{
	static json_t *made;

	if (made == NULL) {
		made =
		    json_loads("{\"event\":\"e\",\"id\":\"1\",\"occurred\":"
			       "\"2026-01-01T00:00:00Z\",\"resource\":{\"a.b\":"
			       "\"c\"},\"related\":[{\"prefect.resource.role\":\"r\"}]"
			       ",\"payload\":{\"l\":[1,\"a\",2.5,null]}}",
			       0, NULL);
	}
	return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct template_var vars[] = {
	    {"event", TEMPLATE_EVENT, NULL, event()},
	    {"l", TEMPLATE_PLAIN, NULL, json_object_get(event(), "related")},
	    {NULL, TEMPLATE_PLAIN, NULL, NULL}};
	const struct template_context ctx = {.vars = vars, .ui_base = "http://ui"};
	char *text = strndup((const char *)data, size);
	struct template *t = NULL;
	struct error err = {0};
	struct buf b;

	buf_init(&b);
	if (template_parse(text, &t, NULL, &err) == 0) {
		(void)template_check_limits(t, &err);
		(void)template_render(t, &ctx, &b, &err);
	}
	if (b.len > TEMPLATE_OUTPUT_MAX) {
		abort();
	}
	template_free(t);
	buf_release(&b);
	free(text);
	return 0;
}
