/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_carry.c - what a program leaves to the next one in its process.
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/carry.h"
#include "base/error.h"
#include "base/opts.h"

#define VARIABLE "WF_TEST_CARRY"

/* The file of C under the variable, as an exec would leave it. */
static void leave(const struct carry *c)
{
	struct error err;
	char number[16];
	int fd = carry_file(c, "test", &err);

	cr_assert(fd >= 0);
	(void)snprintf(number, sizeof(number), "%d", fd);
	opts_env_set(VARIABLE, number);
}

Test(carry, lines_bytes_and_descriptors_come_back)
{
	static const char bytes[] = "a\0b\n\xff";
	struct carry c;
	struct buf text, out;
	struct error err;
	size_t at = 0;
	int pair[2];
	json_t *o;

	cr_assert_eq(pipe(pair), 0);
	carry_init(&c);
	carry_line(&c, json_pack("{s:s, s:i}", "what", "line\nfeed", "n", 7));
	carry_line(&c, json_pack("{s:o, s:o, s:o}", "bytes",
				 carry_bytes(bytes, sizeof(bytes)), "fd",
				 carry_fd(&c, pair[0]), "none", carry_fd(&c, -1)));
	cr_assert_eq(c.count, 1);
	leave(&c);
	buf_init(&text);
	buf_init(&out);
	cr_assert_eq(carry_read(VARIABLE, &text, &err), 0);
	o = carry_next(&text, &at, &err);
	cr_assert_str_eq(carry_str(o, "what"), "line\nfeed");
	cr_assert_eq(carry_int(o, "n"), 7);
	cr_assert_str_eq(carry_str(o, "absent"), "");
	json_decref(o);
	o = carry_next(&text, &at, &err);
	carry_take_bytes(o, "bytes", &out);
	cr_assert_arr_eq(out.data, bytes, sizeof(bytes));
	cr_assert_eq(carry_take_fd(o, "fd"), pair[0]);
	cr_assert_eq(fcntl(pair[0], F_GETFD), FD_CLOEXEC);
	cr_assert_eq(carry_take_fd(o, "none"), -1);
	json_decref(o);
	cr_assert_null(carry_next(&text, &at, &err));
	cr_assert_eq(err.code, 0, "the end is no error");
	carry_forget(VARIABLE);
	cr_assert_null(opts_env(VARIABLE));
	buf_release(&text);
	buf_release(&out);
	carry_release(&c);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

Test(carry, without_the_variable_there_is_nothing)
{
	struct buf text;
	struct error err;

	buf_init(&text);
	cr_assert_eq(carry_read("WF_TEST_NO_CARRY", &text, &err), 0);
	cr_assert_eq(text.len, 0);
	buf_release(&text);
}

Test(carry, a_failed_exec_leaves_everything_as_it_was)
{
	char name[] = "nothing", *const argv[] = {name, NULL};
	const struct carry_exec e = {
	    .variable = VARIABLE, .program = "/nonexistent/program", .argv = argv};
	struct carry c;
	struct error err;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	carry_init(&c);
	carry_line(&c, json_pack("{s:o}", "fd", carry_fd(&c, fd)));
	cr_assert_eq(carry_exec(&c, &e, &err), -ERR_NOT_FOUND);
	cr_assert_null(opts_env(VARIABLE));
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	carry_release(&c);
	(void)close(fd);
}
