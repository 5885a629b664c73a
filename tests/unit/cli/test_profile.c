/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_profile.c - profiles.toml, ours and Prefect's, in a home of its own.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/profile.h"

static char home[] = "/tmp/wf-test-profile-XXXXXX";

static void start(void)
{
	static const char *const unset[] = {"WF_CONFIG_DIR", "XDG_CONFIG_HOME",
					    "PREFECT_HOME",  "PREFECT_PROFILES_PATH",
					    "WF_PROFILE",    "PREFECT_PROFILE"};

	cr_assert_not_null(mkdtemp(home));
	for (size_t i = 0; i < sizeof(unset) / sizeof(unset[0]); i++) {
		unsetenv(unset[i]);
	}
	setenv("HOME", home, 1);
}

static void end(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", home);
	cr_assert_eq(system(command), 0);
}

TestSuite(profile, .init = start, .fini = end);

static void put(const char *folder, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "mkdir -p '%s/%s'", home, folder);
	cr_assert_eq(system(path), 0);
	(void)snprintf(path, sizeof(path), "%s/%s/profiles.toml", home, folder);
	f = fopen(path, "we");
	cr_assert_not_null(f);
	(void)fputs(text, f);
	cr_assert_eq(fclose(f), 0);
}

static struct profile *load(const char *name)
{
	struct profile *p = NULL;
	struct error err = {0};

	cr_assert_eq(profile_load(name, &p, &err), 0, "%s", err.msg);
	return p;
}

static void setting_is(const char *profile, const char *key, const char *value)
{
	struct profile *p = load(profile);
	const char *got = profile_get(p, key);

	cr_expect(value == NULL ? got == NULL : got != NULL && strcmp(got, value) == 0,
		  "%s of %s is %s", key, profile != NULL ? profile : "(active)",
		  got != NULL ? got : "(none)");
	profile_free(p);
}

Test(profile, without_files_there_is_an_empty_default)
{
	struct profile *p = load(NULL);

	cr_assert_str_eq(profile_name(p), "default");
	cr_assert_eq(profile_count(p), 0);
	cr_assert_null(profile_get(p, "WF_API_URL"));
	profile_free(p);
}

Test(profile, an_unknown_one_is_an_error_that_names_it)
{
	struct profile *p = NULL;
	struct error err = {0};

	cr_assert_eq(profile_load("nope", &p, &err), -ERR_NOT_FOUND);
	cr_assert_not_null(strstr(err.msg, "nope"), "%s", err.msg);
}

Test(profile, settings_are_kept_and_removed)
{
	struct error err = {0};
	struct stat st;
	char path[256];

	cr_assert_eq(profile_create("x", NULL, &err), 0, "%s", err.msg);
	cr_assert_eq(profile_set("x", "WF_API_URL", "http://h:1/api \"q\" \\", &err),
		     0);
	cr_assert_eq(profile_set("x", "WF_B", "2", &err), 0);
	setting_is("x", "WF_API_URL", "http://h:1/api \"q\" \\");
	cr_assert_eq(profile_set("x", "WF_API_URL", NULL, &err), 0);
	setting_is("x", "WF_API_URL", NULL);
	setting_is("x", "WF_B", "2");
	(void)snprintf(path, sizeof(path), "%s/.config/wf/profiles.toml", home);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 077, 0, "secrets may be in it: %o",
		     st.st_mode & 0777);
}

Test(profile, the_active_one_is_remembered_and_the_environment_wins)
{
	struct profile *p;

	cr_assert_eq(profile_create("a", NULL, NULL), 0);
	cr_assert_eq(profile_create("b", NULL, NULL), 0);
	cr_assert_eq(profile_use("b", NULL), 0);
	p = load(NULL);
	cr_assert_str_eq(profile_name(p), "b");
	profile_free(p);
	setenv("PREFECT_PROFILE", "a", 1);
	p = load(NULL);
	cr_assert_str_eq(profile_name(p), "a");
	profile_free(p);
	setenv("WF_PROFILE", "b", 1);
	p = load("a");
	cr_assert_str_eq(profile_name(p), "a");
	profile_free(p);
	cr_assert_lt(profile_use("nope", NULL), 0);
}

Test(profile, one_is_made_from_another_once)
{
	struct error err = {0};

	cr_assert_eq(profile_create("a", NULL, NULL), 0);
	cr_assert_eq(profile_set("a", "WF_X", "1", NULL), 0);
	cr_assert_eq(profile_create("b", "a", &err), 0, "%s", err.msg);
	setting_is("b", "WF_X", "1");
	cr_assert_lt(profile_create("b", NULL, &err), 0);
	cr_assert_not_null(strstr(err.msg, "b"));
	cr_assert_lt(profile_create("c", "nope", NULL), 0);
	cr_assert_eq(profile_delete("a", NULL), 0);
	cr_assert_lt(profile_delete("a", NULL), 0);
}

Test(profile, those_of_prefect_are_read_and_ours_come_first)
{
	struct profile *p;

	put(".prefect", "active = \"remote\"\n[profiles.remote]\n"
			"PREFECT_API_URL = \"http://p/api\"\n[profiles.both]\n"
			"PREFECT_API_URL = \"theirs\"\n[profiles.empty]\n");
	put(".config/wf", "[profiles.both]\nWF_API_URL = \"ours\"\n");
	p = load("remote");
	cr_assert(profile_is_prefects(p));
	cr_assert_str_eq(profile_get(p, "PREFECT_API_URL"), "http://p/api");
	cr_assert_eq(profile_count(p), 1);
	cr_assert_str_eq(profile_key(p, 0), "PREFECT_API_URL");
	cr_assert_str_eq(profile_value(p, 0), "http://p/api");
	profile_free(p);
	setting_is("both", "WF_API_URL", "ours");
	setting_is("empty", "PREFECT_API_URL", NULL);
}

Test(profile, all_names_are_listed_once)
{
	char **names;
	int both = 0, n = 0;

	put(".prefect", "[profiles.t]\nA = \"1\"\n[profiles.both]\nA = \"1\"\n");
	put(".config/wf", "[profiles.o]\nA = \"1\"\n[profiles.both]\nA = \"2\"\n");
	names = profile_names(NULL);
	cr_assert_not_null(names);
	for (; names[n] != NULL; n++) {
		both += strcmp(names[n], "both") == 0;
		free(names[n]);
	}
	free(names);
	cr_assert_eq(both, 1);
	cr_assert_geq(n, 3);
}

Test(profile, a_damaged_file_is_an_error_that_names_it)
{
	struct profile *p = NULL;
	struct error err = {0};

	put(".config/wf", "[profiles.x\nA = 1\n");
	cr_assert_lt(profile_load("x", &p, &err), 0);
	cr_assert_not_null(strstr(err.msg, "profiles.toml"), "%s", err.msg);
}
