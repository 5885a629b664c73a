/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_data_home.c - where a user's data is, and whether a server runs there.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/data_home.h"
#include "base/error.h"
#include "base/opts.h"

Test(data_home, follows_the_environment)
{
	char *dir;

	opts_env_set("HOME", "/home/me");
	opts_env_set("XDG_DATA_HOME", "/data");
	dir = data_home();
	cr_expect_str_eq(dir, "/data/wf");
	free(dir);
	opts_env_set("XDG_DATA_HOME", "");
	dir = data_home();
	cr_expect_str_eq(dir, "/home/me/.local/share/wf");
	free(dir);
}

Test(data_home, the_url_is_the_first_line_of_its_file)
{
	static const struct {
		const char *text, *url; /* url NULL: no server */
	} cases[] = {
	    {"http://127.0.0.1:4200/api\n", "http://127.0.0.1:4200/api"},
	    {"http://h/api\r\nmore", "http://h/api"},
	    {"\n", NULL},
	    {"", NULL},
	};
	char dir[] = "/tmp/wf-home-XXXXXX", path[64];
	struct error err;
	char *url;

	cr_assert_not_null(mkdtemp(dir));
	cr_expect_null(data_home_url(dir));
	(void)snprintf(path, sizeof(path), "%s/url", dir);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FILE *f = fopen(path, "w");

		cr_assert_not_null(f);
		(void)fputs(cases[i].text, f);
		(void)fclose(f);
		if (cases[i].url == NULL) {
			cr_expect_eq(data_home_need_url(dir, &url, &err), -ERR_USAGE);
			cr_expect_not_null(strstr(err.msg, "wf server start"));
		} else {
			cr_assert_eq(data_home_need_url(dir, &url, &err), 0);
			cr_expect_str_eq(url, cases[i].url);
		}
		free(url);
	}
	(void)unlink(path);
	(void)rmdir(dir);
}
