/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pyhost_env.c - which variables choose a template, forbid one, or are kept from
 * it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "worker/env.h"
#include "worker/pyhost_env.h"

#define VARS_MAX 8

/* A copy of up to two variables as an environment. */
static char **env_of(const char *a, const char *b)
{
	static char texts[2][VARS_MAX][128];
	static char *envs[2][VARS_MAX];
	static int turn;
	char **env = envs[turn];
	int n = 0;

	env[n] = strcpy(texts[turn][n], "USER=u");
	n++;
	if (a != NULL) {
		env[n] = strcpy(texts[turn][n], a);
		n++;
	}
	if (b != NULL) {
		env[n] = strcpy(texts[turn][n], b);
		n++;
	}
	env[n] = NULL;
	turn = !turn;
	return env;
}

Test(pyhost_env, key)
{
	static const struct {
		const char *a, *b, *python;
		int same; /* as the key without A and B */
	} cases[] = {
	    {"PYTHONPATH=/x", NULL, "/p", 0},
	    {"PYTHONUNBUFFERED=1", NULL, "/p", 0},
	    {"LD_PRELOAD=/x.so", NULL, "/p", 0},
	    {"LC_ALL=C", NULL, "/p", 0},
	    {"HOME=/h", NULL, "/p", 0},
	    {"SSL_CERT_FILE=/c", NULL, "/p", 0},
	    {"PREFECT_API_SSL_CERT_FILE=/c", NULL, "/p", 0},
	    {"PATH=/bin", NULL, "python3", 0},
	    {"PATH=/bin", NULL, "/p", 1},
	    {"PREFECT_API_URL=u", "MINE=1", "/p", 1},
	    {"HOMEPAGE=x", "LANGUAGES=y", "/p", 1},
	    {"PREFECT__FLOW_RUN_ID=x", NULL, "/p", 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *plain = pyhost_env_key(env_of(NULL, NULL), cases[i].python);
		char *key =
		    pyhost_env_key(env_of(cases[i].a, cases[i].b), cases[i].python);

		cr_assert_eq(strcmp(plain, key) == 0, cases[i].same, "%s", cases[i].a);
		free(plain);
		free(key);
	}
}

Test(pyhost_env, the_order_does_not_matter)
{
	char *one = pyhost_env_key(env_of("LC_ALL=C", "PYTHONHASHSEED=0"), "/p");
	char *two = pyhost_env_key(env_of("PYTHONHASHSEED=0", "LC_ALL=C"), "/p");

	cr_assert_str_eq(one, two);
	free(one);
	free(two);
}

Test(pyhost_env, refusal)
{
	static const struct {
		const char *var;
		int refused;
	} cases[] = {
	    {"OTEL_SERVICE_NAME=x", 1},       {"OTEL_X=", 0},
	    {"PREFECT_PLUGINS_ENABLED=1", 1}, {"PREFECT_PLUGINS_ENABLED=False", 0},
	    {"PREFECT_TEST_MODE=true", 1},    {"PREFECT_TEST_MODE=0", 0},
	    {"PREFECT_TEST_MODES=1", 0},      {"PYTHONPATH=/x", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *why = pyhost_env_refusal(env_of(cases[i].var, NULL));

		cr_assert_eq(why != NULL, cases[i].refused, "%s", cases[i].var);
	}
}

Test(pyhost_env, environment_of_a_template)
{
	char base_text[][40] = {
	    "PATH=/bin", "PYTHONPATH=/old", "DB_PASSWORD=x",    "WF_REDIS_URL=r",
	    "EDITOR=vi", "PREFECT_HOME=/h", "PREFECT_API_KEY=k"};
	char run_text[][48] = {
	    "PATH=/run/bin",           "PREFECT_HOME=/run", "JOB=1",
	    "PREFECT__FLOW_RUN_ID=1",  "LC_ALL=C.UTF-8",    "PREFECT_API_KEY=k",
	    "PREFECT__CONTROL_TOKEN=t"};
	char *base[ARRAY_LEN(base_text) + 1], *run[ARRAY_LEN(run_text) + 1];
	static const struct {
		const char *name, *value;
	} wanted[] = {
	    {"PATH", "/run/bin"},
	    {"PYTHONPATH", NULL},
	    {"DB_PASSWORD", NULL},
	    {"WF_REDIS_URL", NULL},
	    {"EDITOR", "vi"},
	    {"PREFECT_HOME", "/run"},
	    {"PREFECT_API_KEY", "k"},
	    {"JOB", NULL},
	    {"LC_ALL", "C.UTF-8"},
	    /* a place for the child's, as long as an id */
	    {"PREFECT__FLOW_RUN_ID", "------------------------------------"},
	    {"PREFECT__CONTROL_TOKEN", NULL},
	};
	char **env;

	for (size_t i = 0; i < ARRAY_LEN(base_text); i++) {
		base[i] = base_text[i];
	}
	base[ARRAY_LEN(base_text)] = NULL;
	for (size_t i = 0; i < ARRAY_LEN(run_text); i++) {
		run[i] = run_text[i];
	}
	run[ARRAY_LEN(run_text)] = NULL;
	env = pyhost_env_template(base, run);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		const char *got = env_get(env, wanted[i].name);

		if (wanted[i].value == NULL) {
			cr_assert_null(got, "%s", wanted[i].name);
		} else {
			cr_assert_not_null(got, "%s", wanted[i].name);
			cr_assert_str_eq(got, wanted[i].value);
		}
	}
	env_free(env);
}
