/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compiler.h - attributes and small macros, the only home of statement expressions.
 */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#include <stddef.h>

#define WF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define WF_NORETURN          __attribute__((noreturn))
#define WF_UNUSED            __attribute__((unused))
#define WF_MUST_CHECK        __attribute__((warn_unused_result))

#define ARRAY_LEN(a)         (sizeof(a) / sizeof((a)[0]))

/* The struct that holds MEMBER at PTR. */
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#endif
