/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag.h - everything that is wrong with one file, each with its place.
 *
 *     hello.flow.yaml:12:5: error: unknown key 'retires' of a task; did you mean
 * 'retries'? 12 |     retires: 3 |     ^~~~~~~
 */
#ifndef ENGINE_YAML_DIAG_H
#define ENGINE_YAML_DIAG_H

#include <stddef.h>

#include "base/compiler.h"
#include "engine/yaml/node.h"

#define DIAG_MAX 50

struct buf;
struct diag;

struct diags {
	const char *file; /* borrowed: name in the messages */
	const char *text; /* borrowed: the source, for the quoted lines; may be NULL */
	size_t len;
	struct diag *items; /* private */
	size_t count;
	size_t dropped; /* beyond DIAG_MAX */
};

void diags_init(struct diags *d, const char *file, const char *text, size_t len);
void diags_release(struct diags *d);
/* WIDTH is how much is underlined (0: one column). */
void diag_add(struct diags *d, struct ymark at, size_t width, const char *fmt, ...)
    WF_PRINTF(4, 5);
/* At the beginning of N, underlining a plain scalar whole. */
void diag_node(struct diags *d, const struct ynode *n, const char *fmt, ...)
    WF_PRINTF(3, 4);
/* Where byte OFFSET of scalar N stands in the source. */
struct ymark diag_mark(const struct diags *d, const struct ynode *n, size_t offset);
/* Appends all of them, ordered by place, and a line that counts the dropped ones. */
void diags_print(struct diags *d, struct buf *out);

#endif
