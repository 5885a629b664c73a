/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.h - allocation that aborts on failure, for our programs.  Leases make a crash
 * safe. A size that comes from outside is checked against a named limit before it gets
 * here. All results are owned by the caller and freed with free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/compiler.h"

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *ptr, size_t size);
void *xreallocarray(void *ptr, size_t count, size_t size); /* overflow aborts */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t max);
void *xmemdup(const void *p, size_t size);
char *xasprintf(const char *fmt, ...) WF_PRINTF(1, 2);
/* Gives what is free back to the system; costs page faults later. */
void mem_trim(void);

#endif
