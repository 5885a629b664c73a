/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mem.c - allocation that aborts.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

Test(mem, zero_bytes_are_a_valid_pointer)
{
	void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xrealloc(NULL, 0);

	cr_assert_not_null(a);
	cr_assert_not_null(b);
	cr_assert_not_null(c);
	free(a);
	free(b);
	free(c);
}

Test(mem, strings_are_copied)
{
	char *a = xstrdup("abc"), *b = xstrndup("abcdef", 2), *c = xstrndup("ab", 9),
	     *d = xasprintf("%d-%s", 7, "x"), *e = xmemdup("a\0b", 3);

	cr_assert_str_eq(a, "abc");
	cr_assert_str_eq(b, "ab");
	cr_assert_str_eq(c, "ab");
	cr_assert_str_eq(d, "7-x");
	cr_assert_arr_eq(e, "a\0b", 3);
	free(a);
	free(b);
	free(c);
	free(d);
	free(e);
}

Test(mem, an_overflowing_array_aborts, .signal = SIGABRT)
{
	free(xreallocarray(NULL, SIZE_MAX / 2, 3));
}
