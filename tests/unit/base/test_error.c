/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_error.c - error codes and messages.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/error.h"

Test(error, set_returns_the_negated_code_and_fills_the_struct)
{
	struct error err = {0};

	cr_assert_eq(err_set(&err, ERR_CONFLICT, "run %s is %s", "a", "done"),
		     -ERR_CONFLICT);
	cr_assert_eq(err.code, ERR_CONFLICT);
	cr_assert_str_eq(err.msg, "run a is done");
}

Test(error, every_function_accepts_no_struct)
{
	errno = ENOENT;
	cr_assert_eq(err_set(NULL, ERR_BUSY, "x"), -ERR_BUSY);
	cr_assert_eq(err_errno(NULL, "x"), -ERR_NOT_FOUND);
	cr_assert_eq(err_wrap(NULL, "x"), -ERR_INTERNAL);
}

Test(error, wrap_puts_context_in_front_and_keeps_the_code)
{
	struct error err = {0};

	err_set(&err, ERR_NOT_FOUND, "no row");
	cr_assert_eq(err_wrap(&err, "load deployment %d", 7), -ERR_NOT_FOUND);
	cr_assert_eq(err_wrap(&err, "start"), -ERR_NOT_FOUND);
	cr_assert_str_eq(err.msg, "start: load deployment 7: no row");
}

Test(error, arguments_may_be_the_message_itself)
{
	struct error err = {0};

	err_set(&err, ERR_IO, "inner");
	err_set(&err, ERR_USAGE, "outer (%s)", err.msg);
	cr_assert_str_eq(err.msg, "outer (inner)");
	err_wrap(&err, "%s", err.msg);
	cr_assert_str_eq(err.msg, "outer (inner): outer (inner)");
}

Test(error, errno_is_mapped_named_and_kept)
{
	static const struct {
		int number;
		enum err_code code;
	} cases[] = {
	    {ENOENT, ERR_NOT_FOUND},       {EACCES, ERR_FORBIDDEN},
	    {EEXIST, ERR_CONFLICT},        {EINVAL, ERR_INVALID},
	    {ENOMEM, ERR_NOMEM},           {EMFILE, ERR_BUSY},
	    {ETIMEDOUT, ERR_TIMEOUT},      {ECONNREFUSED, ERR_UNAVAILABLE},
	    {EOPNOTSUPP, ERR_UNSUPPORTED}, {ENOSPC, ERR_IO},
	};
	struct error err = {0};
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		errno = cases[i].number;
		cr_assert_eq(err_errno(&err, "open %s", "f"), -(int)cases[i].code,
			     "errno %d", cases[i].number);
		cr_assert_eq(errno, cases[i].number);
	}
	cr_assert_str_eq(err.msg, "open f: No space left on device");
}

Test(error, a_long_message_is_cut_between_characters)
{
	char text[1000];
	struct error err = {0};
	size_t i, len, shift;

	/* two-byte characters at every offset to the end of the buffer */
	for (shift = 0; shift < 2; shift++) {
		memset(text, 'x', shift);
		for (i = shift; i + 2 < sizeof(text); i += 2) {
			memcpy(text + i, "\xc3\xa4", 2);
		}
		text[i] = '\0';
		err_set(&err, ERR_INVALID, "%s", text);
		len = strlen(err.msg);
		cr_assert_geq(len, sizeof(err.msg) - 2);
		cr_assert_eq((unsigned char)err.msg[len - 1], 0xa4);
		err_wrap(&err, "in front");
		len = strlen(err.msg);
		cr_assert_lt(len, sizeof(err.msg));
		cr_assert_eq((unsigned char)err.msg[len - 1], 0xa4);
	}
}

Test(error, properties_take_a_code_of_either_sign)
{
	cr_assert_str_eq(err_name(ERR_NOT_FOUND), "NOT_FOUND");
	cr_assert_str_eq(err_name(-ERR_NOT_FOUND), "NOT_FOUND");
	cr_assert_str_eq(err_text(-ERR_TIMEOUT), "timed out");
	cr_assert_eq(err_http_status(-ERR_LIMIT), 429);
	cr_assert_eq(err_exit_status(ERR_USAGE), 64);
	cr_assert(err_is_retryable(-ERR_UNAVAILABLE));
	cr_assert_not(err_is_retryable(ERR_INVALID));
	cr_assert_str_eq(err_name(0), "NONE");
}

Test(error, an_unknown_code_is_an_internal_error)
{
	cr_assert_str_eq(err_name(9999), "INTERNAL");
	cr_assert_str_eq(err_name(-9999), "INTERNAL");
	cr_assert_eq(err_http_status(ERR_CODE_MAX), 500);
}

Test(error, every_code_has_sensible_properties)
{
	int c;

	for (c = 1; c < ERR_CODE_MAX; c++) {
		cr_assert_not_null(err_name(c));
		cr_assert_neq(err_text(c)[0], '\0');
		cr_assert(err_http_status(c) >= 400 && err_http_status(c) < 600, "%s",
			  err_name(c));
		cr_assert(err_exit_status(c) >= 0 && err_exit_status(c) <= 130, "%s",
			  err_name(c));
	}
}

Test(error, a_failed_precondition_aborts, .signal = SIGABRT)
{
	PRE(1 + 1 == 3);
}
