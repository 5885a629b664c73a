/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c - the ring of recent trace records.
 *
 * Any thread may trace: a slot is taken with one atomic addition.  Its flag is held
 * while it is written or read; who finds it held (the ring has gone round meanwhile)
 * drops the record.
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
	atomic_flag busy;
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

	if (atomic_flag_test_and_set_explicit(&slot->busy, memory_order_acquire)) {
		return;
	}
	va_start(ap, fmt);
	if (vsnprintf(slot->text, sizeof(slot->text), fmt, ap) < 0) {
		slot->text[0] = '\0';
	}
	va_end(ap);
	slot->at_us = clock_mono_us();
	atomic_flag_clear_explicit(&slot->busy, memory_order_release);
	errno = saved;
}

/* The record of SLOT as a line; 0 when there is none. */
static int record_line(struct trace_slot *slot, char *line, size_t size)
{
	char text[TRACE_TEXT * 2];
	int len = 0;

	if (atomic_flag_test_and_set_explicit(&slot->busy, memory_order_acquire)) {
		return 0;
	}
	if (slot->at_us != 0) {
		log_escape(text, sizeof(text), slot->text,
			   strnlen(slot->text, sizeof(slot->text)));
		len = snprintf(line, size, "trace %.6f %s\n",
			       (double)slot->at_us / (double)CLOCK_US_PER_S, text);
	}
	atomic_flag_clear_explicit(&slot->busy, memory_order_release);
	return len > 0 ? len : 0;
}

void trace_dump(int fd)
{
	unsigned int n = atomic_load_explicit(&next_slot, memory_order_relaxed), i;
	char line[TRACE_TEXT * 2 + 64];
	int len;

	for (i = 0; i < TRACE_SLOTS; i++) {
		len = record_line(&slots[(n + i) % TRACE_SLOTS], line, sizeof(line));
		if (len > 0 && write(fd, line, (size_t)len) != (ssize_t)len) {
			return;
		}
	}
}
