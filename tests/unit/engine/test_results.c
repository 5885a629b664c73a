/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result store.
 */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "engine/results.h"

static int gone(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

Test(results, are_named_by_their_content)
{
	char top[] = "/tmp/wf-results-XXXXXX";
	const char *const text = "\"hello\"";
	json_t *first = NULL, *again = NULL, *stored;
	char *dir;
	struct stat before, after;
	struct buf b;

	cr_assert_not_null(mkdtemp(top));
	dir = xasprintf("%s/a/b", top);
	cr_assert_eq(results_put(dir, text, strlen(text), &first, NULL), 0);
	stored = json_object_get(first, "stored");
	cr_expect_str_eq(
	    json_string_value(json_object_get(stored, "sha256")),
	    "5aa762ae383fbb727af3c7a36d4940a5b8c40a989452d2304fc958ff3f354e7a");
	cr_expect_eq(json_integer_value(json_object_get(stored, "size")), 7);
	buf_init(&b);
	cr_assert_eq(buf_read_file(&b,
				   json_string_value(json_object_get(stored, "path")),
				   100, NULL),
		     0);
	cr_expect_str_eq(b.data, text);
	cr_assert_eq(stat(json_string_value(json_object_get(stored, "path")), &before),
		     0);
	cr_assert_eq(results_put(dir, text, strlen(text), &again, NULL), 0);
	cr_expect(json_equal(first, again));
	cr_assert_eq(stat(json_string_value(json_object_get(stored, "path")), &after),
		     0);
	cr_expect_eq(before.st_ino, after.st_ino);
	buf_release(&b);
	json_decref(first);
	json_decref(again);
	free(dir);
	(void)nftw(top, gone, 8, FTW_DEPTH | FTW_PHYS);
}

Test(results, a_folder_that_cannot_be_made_is_told)
{
	json_t *reference = NULL;
	struct error err = {0};

	cr_assert_lt(results_put("/proc/nowhere", "1", 1, &reference, &err), 0);
	cr_expect_not_null(strstr(err.msg, "/proc/nowhere"), "%s", err.msg);
}
