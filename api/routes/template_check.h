/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template_check.h - is a text a template?  Delimiters, strings, brackets and the
 * nesting of blocks are checked; what the expressions mean is not.  Pure.
 */
#ifndef API_ROUTES_TEMPLATE_CHECK_H
#define API_ROUTES_TEMPLATE_CHECK_H

struct error;

/* -ERR_INVALID with what is wrong; *ret_line (always set then) says where, from 1. */
int template_text_check(const char *text, int *ret_line, struct error *err);

#endif
