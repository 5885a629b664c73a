/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.h - a stream of bytes cut into lines, each at most MAX bytes.
 */
#ifndef ENGINE_TASK_LINES_H
#define ENGINE_TASK_LINES_H

#include <stddef.h>

#include "base/buf.h"

/* CUT: the line was longer than the limit; LINE holds its beginning. */
typedef void (*lines_fn)(const char *line, size_t len, int cut, void *arg);

struct lines {
	struct buf part; /* private: the unfinished line */
	size_t max;
	int cut;
	lines_fn fn;
	void *arg;
};

void lines_init(struct lines *l, size_t max, lines_fn fn, void *arg);
void lines_release(struct lines *l);
void lines_feed(struct lines *l, const char *data, size_t len);
/* The end: what is left is a line too. */
void lines_finish(struct lines *l);

/* Text with every byte that is not UTF-8 replaced by U+FFFD; NUL and other control
 * bytes except tab and newline become spaces.  Owned. */
char *text_clean(const char *s, size_t len);

#endif
