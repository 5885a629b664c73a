/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c - the ring of recent trace records.
 *
 * Any thread may trace: a slot is taken with one atomic addition.  A reader may see a
 * record that is just being overwritten; a dump is for a human after an accident, so
 * that is fine.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define TRACE_SLOTS 256
#define TRACE_TEXT  232

struct trace_slot {
	int64_t at_us; /* monotonic; 0: never used */
	char text[TRACE_TEXT];
};

static struct trace_slot slots[TRACE_SLOTS];
static atomic_uint next_slot;

void trace(const char *fmt, ...)
{
	int saved = errno;
	unsigned int n = atomic_fetch_add_explicit(&next_slot, 1, memory_order_relaxed);
	struct trace_slot *slot = &slots[n % TRACE_SLOTS];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(slot->text, sizeof(slot->text), fmt, ap) < 0) {
		slot->text[0] = '\0';
	}
	va_end(ap);
	slot->at_us = clock_mono_us();
	errno = saved;
}

void trace_dump(int fd)
{
	unsigned int n = atomic_load_explicit(&next_slot, memory_order_relaxed), i;
	char text[TRACE_TEXT * 2], line[sizeof(text) + 64];
	const struct trace_slot *slot;
	int len;

	for (i = 0; i < TRACE_SLOTS; i++) {
		slot = &slots[(n + i) % TRACE_SLOTS];
		if (slot->at_us == 0) {
			continue;
		}
		log_escape(text, sizeof(text), slot->text,
			   strnlen(slot->text, sizeof(slot->text)));
		len = snprintf(line, sizeof(line), "trace %.6f %s\n",
			       (double)slot->at_us / (double)CLOCK_US_PER_S, text);
		if (len <= 0 || write(fd, line, (size_t)len) != (ssize_t)len) {
			return;
		}
	}
}
