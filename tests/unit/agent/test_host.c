/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_host.c - policies of wf-agent in virtual time: admission, deaths, queue names,
 * options; and the reader of the host's load.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/admit.h"
#include "agent/host_conf.h"
#include "agent/host_load.h"
#include "agent/host_match.h"
#include "agent/tally.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/mem.h"

/* ---- admission ---- */

static const struct admit_limits limits = {
    .max_load = 8, .min_free_bytes = 1000, .max_stall_pct = 20};
static const struct admit_sample fine = {1, 5000, 0, 0};

static struct admit_sample with_load(double load)
{
	struct admit_sample x = fine;

	x.load = load;
	return x;
}

Test(admit, closes_at_once_and_says_why)
{
	static const struct {
		struct admit_sample sample;
		enum admit_why why;
		const char *text;
	} cases[] = {
	    {{9.5, 5000, 0, 0}, ADMIT_LOAD, "load 9.50"},
	    {{1, 999, 0, 0}, ADMIT_MEMORY, "memory are free"},
	    {{1, 5000, 21, 0}, ADMIT_PRESSURE, "stall for memory 21.0 %"},
	    {{8, 1000, 20, 99}, ADMIT_OK, "open"},
	    {{ADMIT_UNKNOWN, ADMIT_UNKNOWN, ADMIT_UNKNOWN, ADMIT_UNKNOWN},
	     ADMIT_OK,
	     "open"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct admit a;
		char text[160];

		admit_init(&a, &limits);
		cr_expect_eq(admit_feed(&a, &cases[i].sample, 0),
			     cases[i].why != ADMIT_OK, "case %zu", i);
		cr_expect_eq(a.why, cases[i].why, "case %zu", i);
		admit_describe(&a, text, sizeof(text));
		cr_expect(strstr(text, cases[i].text) != NULL, "%s", text);
	}
}

Test(admit, opens_only_after_calm_with_room_to_spare)
{
	const struct admit_sample high = with_load(9), near = with_load(7.9);
	struct admit a;

	admit_init(&a, &limits);
	admit_feed(&a, &high, 0);
	cr_expect_eq(admit_feed(&a, &near, 1000), 0, "7.9 is not clear of 8");
	admit_feed(&a, &near, 60000);
	cr_expect_not(admit_is_open(&a));
	admit_feed(&a, &fine, 61000);
	admit_feed(&a, &near, 63000); /* the calm is over: it counts anew */
	admit_feed(&a, &fine, 64000);
	cr_expect_eq(admit_feed(&a, &fine, 64000 + ADMIT_CALM_MS - 1), 0);
	cr_expect_eq(admit_feed(&a, &fine, 64000 + ADMIT_CALM_MS), 1);
	cr_expect(admit_is_open(&a));
}

Test(admit, no_limit_is_no_limit)
{
	const struct admit_limits none = {0};
	const struct admit_sample bad = {1000, 0, 100, 100};
	struct admit a;

	admit_init(&a, &none);
	cr_expect_eq(admit_feed(&a, &bad, 0), 0);
}

/* ---- deaths ---- */

Test(tally, the_delay_grows_and_a_long_life_resets_it)
{
	struct tally t;
	int64_t now = 0, last = 0;

	tally_init(&t);
	for (int i = 0; i < 20; i++) {
		int64_t wait;

		tally_started(&t, now);
		now += 10;
		wait = tally_died(&t, "signal 9 (SIGKILL)", now, 1.0);
		cr_expect_geq(wait, MIN_OF(last, TALLY_CAP_MS));
		cr_expect_leq(wait, TALLY_CAP_MS);
		last = wait;
		now += wait;
	}
	cr_expect_eq(last, TALLY_CAP_MS);
	cr_expect_eq(t.in_a_row, 20);
	tally_started(&t, now);
	now += TALLY_STABLE_MS;
	cr_expect_leq(tally_died(&t, "exit status 1", now, 1.0), TALLY_BASE_MS);
	cr_expect_eq(t.deaths, 21);
	cr_expect_eq(t.in_a_row, 1);
	cr_expect_str_eq(t.last, "exit status 1");
}

/* ---- queues ---- */

static struct opt_list list_of(char **items)
{
	struct opt_list l = {.items = items};

	while (items[l.count] != NULL) {
		l.count++;
	}
	return l;
}

static void expect_match(char **named, char **prefixes, char **existing,
			 const char *served, const char *missing)
{
	struct opt_list n = list_of(named), p = list_of(prefixes);
	struct host_match m;
	struct buf b;

	buf_init(&b);
	host_match(&n, &p, existing, &m);
	for (size_t i = 0; i < m.count; i++) {
		buf_addf(&b, "%s ", m.served[i]);
	}
	cr_expect_str_eq(b.data, served);
	buf_reset(&b);
	for (size_t i = 0; i < m.missing_count; i++) {
		buf_addf(&b, "%s ", m.missing[i]);
	}
	cr_expect_str_eq(b.data, missing);
	host_match_release(&m);
	buf_release(&b);
}

Test(match, names_are_created_prefixes_are_not)
{
	char *none[] = {NULL}, *night[] = {(char[]){"night-"}, NULL};
	char *named[] = {(char[]){"x"}, (char[]){"y"}, (char[]){"y"}, NULL};
	char *there[] = {(char[]){"night-2"}, (char[]){"x"}, (char[]){"night-1"},
			 (char[]){"day"}, NULL};

	expect_match(none, night, there, "night-1 night-2 ", "");
	expect_match(named, none, there, "x y ", "y ");
	expect_match(named, night, there, "night-1 night-2 x y ", "y ");
	expect_match(none, night, none, "", "");
}

/* ---- options ---- */

Test(host_conf, pool_words)
{
	static const struct {
		const char *text, *name;
		int prefix, weight;
	} good[] = {{"etl", "etl", 0, 1},
		    {"etl=3", "etl", 0, 3},
		    {"team-*", "team-", 1, 1},
		    {"team-*=2", "team-", 1, 2},
		    {"*", "", 1, 1}};
	static const char *const bad[] = {"", "=2", "etl=0", "etl=x", "etl=", "a/b"};
	struct host_pool_spec spec;
	struct error err;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		cr_assert_eq(host_pool_spec_parse(good[i].text, &spec, &err), 0, "%s",
			     good[i].text);
		cr_expect_str_eq(spec.name, good[i].name);
		cr_expect_eq(spec.prefix, good[i].prefix);
		cr_expect_eq(spec.weight, good[i].weight);
		free(spec.name);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cr_expect_eq(host_pool_spec_parse(bad[i], &spec, &err), -ERR_USAGE,
			     "%s", bad[i]);
	}
}

/* ---- the reader ---- */

static void put(const char *root, const char *path, const char *text)
{
	char *full = xasprintf("%s%s", root, path), *slash = strrchr(full, '/');
	FILE *f;

	*slash = '\0';
	cr_assert_eq(mkdir_p(full, 0700, NULL), 0);
	*slash = '/';
	f = fopen(full, "w");
	cr_assert_not_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
	free(full);
}

Test(host_load, reads_proc_and_the_cgroup)
{
	char root[] = "/tmp/wf-load-XXXXXX";
	struct admit_sample s;
	char *cmd;

	cr_assert_not_null(mkdtemp(root));
	host_load_read(root, &s);
	cr_expect_lt(s.load, 0, "nothing is there");
	cr_expect_lt(s.free_bytes, 0);
	put(root, "/proc/loadavg", "1.50 2.00 3.00 1/234 567\n");
	put(root, "/proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    2048 kB\n");
	put(root, "/proc/pressure/memory",
	    "some avg10=7.00 avg60=0 avg300=0 total=1\n"
	    "full avg10=3.25 avg60=0 avg300=0 total=1\n");
	put(root, "/proc/pressure/cpu", "some avg10=55.00 avg60=0 avg300=0 total=1\n");
	host_load_read(root, &s);
	cr_expect_float_eq(s.load, 1.5, 1e-9);
	cr_expect_float_eq(s.free_bytes, 2048.0 * 1024, 1e-3);
	cr_expect_float_eq(s.mem_stalled, 3.25, 1e-9);
	cr_expect_float_eq(s.cpu_stalled, 55, 1e-9);
	put(root, "/proc/self/cgroup", "0::/system.slice/wf.service\n");
	put(root, "/sys/fs/cgroup/system.slice/wf.service/memory.max", "max\n");
	put(root, "/sys/fs/cgroup/system.slice/memory.max", "1000000\n");
	put(root, "/sys/fs/cgroup/system.slice/memory.current", "400000\n");
	host_load_read(root, &s);
	cr_expect_float_eq(s.free_bytes, 600000, 1e-3, "the limit above counts");
	cmd = xasprintf("rm -rf %s", root);
	cr_expect_eq(system(cmd), 0);
	free(cmd);
}
