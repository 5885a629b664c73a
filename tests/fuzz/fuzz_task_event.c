/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_task_event.c - what a task may write to its fd 3, cut into lines.
 */
#include <stdint.h>

#include "engine/task/lines.h"
#include "engine/task/task_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_line(const char *line, size_t len, int cut, void *arg)
{
	struct task_event e;

	(void)cut;
	(void)arg;
	if (task_event_parse(line, len, &e, NULL) == 0) {
		task_event_release(&e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lines l;

	lines_init(&l, 4096, on_line, NULL);
	lines_feed(&l, (const char *)data, size / 2);
	lines_feed(&l, (const char *)data + size / 2, size - size / 2);
	lines_finish(&l);
	lines_release(&l);
	return 0;
}
