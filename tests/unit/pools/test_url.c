/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_url.c - Redis URLs.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"
#include "pools/url.h"

static const struct {
	const char *text, *show, *user, *password;
	int db, rc;
} cases[] = {
    {"redis://localhost", "redis://localhost:6379/0", NULL, NULL, 0, 0},
    {"redis://10.0.0.1:7000/3", "redis://10.0.0.1:7000/3", NULL, NULL, 3, 0},
    {"redis://:s3cret@h:1/", "redis://h:1/0", NULL, "s3cret", 0, 0},
    {"redis://u:p%40%3a@h", "redis://h:6379/0", "u", "p@:", 0, 0},
    {"redis://u:a@b@h", "redis://h:6379/0", "u", "a@b", 0, 0},
    {"redis://[::1]:99/1", "redis://[::1]:99/1", NULL, NULL, 1, 0},
    {"redis://[::1]", "redis://[::1]:6379/0", NULL, NULL, 0, 0},
    {"redis+unix:///run/r.sock", "redis+unix:///run/r.sock", NULL, NULL, 0, 0},
    {"redis+unix:///r%20s?db=2&password=x%26y&user=me", "redis+unix:///r s", "me",
     "x&y", 2, 0},
    {"redis+sentinel://a,b:7,[::1]:8/main/2", "redis+sentinel://a,b:7,[::1]:8/main/2",
     NULL, NULL, 2, 0},
    {"redis+sentinel://u:p@a/main", "redis+sentinel://a/main/0", "u", "p", 0, 0},
    {"redis+sentinel://a", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis+sentinel://a,,b/main", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis+sentinel://a:x/main", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"rediss://u:p@h/1?ca=/c&cert=/d&key=/k&verify=no", "rediss://h:6379/1", "u", "p",
     1, 0},
    {"rediss+sentinel://a/main?ca=/c", "rediss+sentinel://a/main/0", NULL, NULL, 0, 0},
    {"rediss://h?nope=1", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://h?ca=/c", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"http://h", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://h:0", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://h:99999", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://h:12x", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://h/x", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://user@h", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://:a%zz@h", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://:a%00@h", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://[::1", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis://[::1]x", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis+unix://relative", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis+unix:///s?nope=1", NULL, NULL, NULL, 0, -ERR_INVALID},
    {"redis+unix:///s#f", NULL, NULL, NULL, 0, -ERR_INVALID},
};

static int same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

Test(url, table)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct redis_url u = {0};
		struct error err = {0};
		int rc = redis_url_parse(cases[i].text, &u, &err);
		cr_expect_eq(rc, cases[i].rc, "%s: %d %s", cases[i].text, rc, err.msg);
		if (rc == 0) {
			char *show = redis_url_show(&u);
			cr_expect_str_eq(show, cases[i].show);
			cr_expect(same(u.user, cases[i].user), "%s", cases[i].text);
			cr_expect(same(u.password, cases[i].password), "%s",
				  cases[i].text);
			cr_expect_eq(u.db, cases[i].db);
			free(show);
		}
		redis_url_release(&u);
	}
}

Test(url, messages_never_show_the_password)
{
	struct redis_url u = {0};
	struct error err = {0};

	cr_assert_eq(redis_url_parse("redis://:s3cret@h:xx", &u, &err), -ERR_INVALID);
	cr_expect_null(strstr(err.msg, "s3cret"));
}

Test(url, too_long_socket_path)
{
	char text[300] = "redis+unix:///";
	struct redis_url u = {0};
	struct error err = {0};

	memset(text + strlen(text), 'x', 200);
	cr_assert_eq(redis_url_parse(text, &u, &err), -ERR_INVALID);
}
