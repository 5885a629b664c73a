/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h - just enough UTF-8 to keep invalid bytes out of what we write.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed sequence at S (of LEN bytes, LEN > 0); 0 when it is not one.
 */
size_t utf8_length(const char *s, size_t len);
int utf8_is_valid(const char *s, size_t len);

#endif
