/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cluster.c - slots of keys and answers MOVED.  A real cluster is in
 * tests/integration/test_cluster.py.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "pools/cluster.h"
#include "pools/url.h"

static unsigned int slot(const char *key)
{
	return cluster_slot(key, strlen(key));
}

Test(cluster, slots)
{
	static const struct {
		const char *key;
		unsigned int slot;
	} cases[] = {
	    {"123456789", 12739}, {"foo", 12182}, {"{foo}bar", 12182},
	    {"a{foo}", 12182},    {"", 0},        {"wf:{foo}:run:1", 12182},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cr_expect_eq(slot(cases[i].key), cases[i].slot, "%s: %u", cases[i].key,
			     slot(cases[i].key));
	}
	cr_expect_neq(slot("{}foo"), slot("{}bar"), "empty braces do not count");
	cr_expect_eq(slot("wf:{p}"), slot("wf:{p}:lease"));
}

Test(cluster, moved)
{
	static const struct {
		const char *text;
		int good;
		const char *host;
		int port;
		unsigned int slot;
	} cases[] = {
	    {"MOVED 3999 127.0.0.1:6381", 1, "127.0.0.1", 6381, 3999},
	    {"MOVED 0 ::1:6381", 1, "::1", 6381, 0},
	    {"MOVED 5 :6381", 1, "", 6381, 5},
	    {"MOVED 16384 127.0.0.1:6381", 0, "", 0, 0},
	    {"MOVED 1 127.0.0.1:0", 0, "", 0, 0},
	    {"MOVED 1 127.0.0.1:70000", 0, "", 0, 0},
	    {"MOVED 1", 0, "", 0, 0},
	    {"MOVED x h:1", 0, "", 0, 0},
	    {"ASK 3999 127.0.0.1:6381", 0, "", 0, 0},
	    {"MOVED 1 a-name-that-is-too-long-for-it:1", 0, "", 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char host[24];
		unsigned int at = 0;
		int port = 0, good = cluster_moved_parse(cases[i].text, &at, host,
							 sizeof(host), &port);

		cr_expect_eq(good, cases[i].good, "%s", cases[i].text);
		if (good && cases[i].good) {
			cr_expect_str_eq(host, cases[i].host);
			cr_expect_eq(port, cases[i].port);
			cr_expect_eq(at, cases[i].slot);
		}
	}
}

Test(cluster, urls)
{
	struct redis_url u = {0}, one = {0};
	char *show;

	cr_assert_eq(redis_url_parse("redis+cluster://me:pw@a,b:7001", &u, NULL), 0);
	cr_expect(u.cluster);
	show = redis_url_show(&u);
	cr_expect_str_eq(show, "redis+cluster://a,b:7001");
	cr_assert_eq(redis_url_sentinel(&u, 3, &one, NULL), 0);
	cr_expect_str_eq(one.host, "b");
	cr_expect_eq(one.port, 7001);
	cr_expect_str_eq(one.password, "pw");
	redis_url_release(&one);
	cr_assert_eq(redis_url_sentinel(&u, 0, &one, NULL), 0);
	cr_expect_eq(one.port, REDIS_PORT);
	redis_url_release(&one);
	redis_url_release(&u);
	free(show);
	cr_expect_lt(redis_url_parse("redis+cluster://a/1", &u, NULL), 0);
	cr_expect_lt(redis_url_parse("redis+cluster://", &u, NULL), 0);
	cr_assert_eq(redis_url_parse("rediss+cluster://a?verify=no", &u, NULL), 0);
	cr_expect(u.tls && u.no_verify && u.cluster);
	redis_url_release(&u);
}
