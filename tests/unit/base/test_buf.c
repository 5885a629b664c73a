/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_buf.c - the byte buffer, and whole files.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"

Test(buf, is_an_empty_string_at_first)
{
	struct buf b;
	char *taken;
	size_t len = 9;

	buf_init(&b);
	cr_assert_str_eq(b.data, "");
	buf_truncate(&b, 0);
	buf_consume(&b, 0);
	taken = buf_take(&b, &len);
	cr_assert_str_eq(taken, "");
	cr_assert_eq(len, 0);
	free(taken);
	buf_release(&b);
}

Test(buf, grows_and_stays_terminated)
{
	struct buf b;

	buf_init(&b);
	for (int i = 0; i < 10000; i++) {
		buf_addc(&b, (char)('a' + i % 26));
		cr_assert_eq(b.data[b.len], '\0');
	}
	buf_adds(&b, "end");
	cr_assert_eq(b.len, 10003);
	cr_assert_str_eq(b.data + 10000, "end");
	buf_consume(&b, 10000);
	cr_assert_str_eq(b.data, "end");
	buf_truncate(&b, 1);
	cr_assert_str_eq(b.data, "e");
	buf_truncate(&b, 5);
	cr_assert_eq(b.len, 1, "truncating never grows");
	buf_reset(&b);
	cr_assert_eq(b.len, 0);
	buf_release(&b);
}

Test(buf, formats_short_and_long)
{
	struct buf b;

	buf_init(&b);
	buf_addf(&b, "%d-%s", 5, "x");
	cr_assert_str_eq(b.data, "5-x");
	buf_addf(&b, "%0500d", 1);
	cr_assert_eq(b.len, 503);
	buf_add_u32be(&b, 0x01020304);
	cr_assert_eq(memcmp(b.data + 503, "\1\2\3\4", 4), 0);
	buf_release(&b);
}

/* A fresh folder that the test leaves empty. */
static char *temporary_folder(void)
{
	char *dir = strdup("/tmp/wf-test-buf-XXXXXX");

	cr_assert_not_null(mkdtemp(dir));
	return dir;
}

static int count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (readdir(d) != NULL) {
		n++;
	}
	closedir(d);
	return n - 2;
}

Test(file, written_atomically_and_read_back)
{
	char *dir = temporary_folder();
	char path[128];
	struct error err;
	struct stat st;
	struct buf b;

	snprintf(path, sizeof(path), "%s/f", dir);
	umask(077);
	cr_assert_eq(file_write_atomic(path, "one", 3, 0644, &err), 0);
	cr_assert_eq(file_write_atomic(path, "two!", 4, 0640, &err), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0640, "the mode is exact");
	cr_assert_eq(count_entries(dir), 1, "no temporary file is left");
	buf_init(&b);
	buf_adds(&b, ">");
	cr_assert_eq(buf_read_file(&b, path, 4, &err), 0);
	cr_assert_str_eq(b.data, ">two!");
	cr_assert_eq(buf_read_file(&b, path, 3, &err), -ERR_TOO_LARGE);
	cr_assert_str_eq(b.data, ">two!", "a failed read adds nothing");
	buf_release(&b);
	unlink(path);
	rmdir(dir);
	free(dir);
}

Test(file, errors_name_the_path)
{
	struct error err;
	struct buf b;

	buf_init(&b);
	cr_assert_eq(buf_read_file(&b, "/nonexistent/f", 10, &err), -ERR_NOT_FOUND);
	cr_assert_not_null(strstr(err.msg, "/nonexistent/f"));
	cr_assert_lt(file_write_atomic("/nonexistent/f", "", 0, 0600, &err), 0);
	cr_assert_not_null(strstr(err.msg, "/nonexistent/f"));
	cr_assert_lt(buf_read_file(&b, "/tmp", 10, &err), 0);
	buf_release(&b);
}

Test(file, mkdir_p_makes_the_whole_path)
{
	char *dir = temporary_folder();
	char path[128];
	char file[160];
	struct error err;

	snprintf(path, sizeof(path), "%s/a/b", dir);
	cr_assert_eq(mkdir_p(path, 0755, &err), 0);
	cr_assert_eq(mkdir_p(path, 0755, &err), 0, "it may be there");
	snprintf(file, sizeof(file), "%s/f", path);
	cr_assert_eq(file_write_atomic(file, "", 0, 0600, &err), 0);
	cr_assert_lt(mkdir_p(file, 0755, &err), 0, "a file is no folder");
	strcat(file, "/x");
	cr_assert_lt(mkdir_p(file, 0755, &err), 0);
	*strrchr(file, '/') = '\0';
	unlink(file);
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(dir);
	free(dir);
}
