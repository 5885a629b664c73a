/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env.c - the environment of Python and native runs.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "worker/env.h"

static char *const base[] = {(char *)(uintptr_t) "PATH=/bin",
			     (char *)(uintptr_t) "SHARED=worker",
			     (char *)(uintptr_t) "PREFECT_API_URL=http://settings/api",
			     (char *)(uintptr_t) "PREFECT_LOGGING_LEVEL=DEBUG",
			     (char *)(uintptr_t) "PREFECT__FLOW_RUN_ID=old",
			     (char *)(uintptr_t) "PREFECT_API_KEY=k",
			     (char *)(uintptr_t) "PREFECT_API_AUTH_STRING=a:b",
			     (char *)(uintptr_t) "WF_API_AUTH_STRING=a:b",
			     (char *)(uintptr_t) "WF_API_KEY=k",
			     (char *)(uintptr_t) "WF_REDIS_URL=redis://:pw@h/0",
			     (char *)(uintptr_t) "PREFECT_SERVER_API_AUTH_STRING=a:b",
			     (char *)(uintptr_t) "not a variable",
			     (char *)(uintptr_t) "=odd",
			     NULL};

static const struct env_python py = {4711, "0123"};

static struct env_run run(const json_t *job_env)
{
	return (struct env_run){.flow_run_id = "r1",
				.flow_id = "f1",
				.flow_name = "etl",
				.deployment_name = "nightly",
				.worker_name = "w1",
				.api_url = "http://api/api",
				.job_env = job_env,
				.fence = 7};
}

static void has(char **env, const char *name, const char *value)
{
	const char *got = env_get(env, name);

	cr_expect(value == NULL ? got == NULL : got != NULL && strcmp(got, value) == 0,
		  "%s is '%s'", name, got != NULL ? got : "(none)");
}

Test(env, python_gets_the_fixed_set_and_the_attribution)
{
	const struct env_run r = run(NULL);
	char **env = env_for_python(base, &r, &py);

	has(env, "PATH", "/bin");
	has(env, "PREFECT_API_URL", "http://api/api");
	has(env, "PREFECT__FLOW_RUN_ID", "r1");
	has(env, "PREFECT__FLOW_ID", "f1");
	has(env, "PREFECT__FLOW_NAME", "etl");
	has(env, "PREFECT__DEPLOYMENT_NAME", "nightly");
	has(env, "PREFECT__DEPLOYMENT_ID", NULL);
	has(env, "PREFECT__WORKER_NAME", "w1");
	has(env, "PREFECT__CONTROL_PORT", "4711");
	has(env, "PREFECT__CONTROL_TOKEN", "0123");
	has(env, "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS", "true");
	has(env, "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED", "false");
	has(env, "DO_NOT_TRACK", "1");
	has(env, "PYTHONUNBUFFERED", "1");
	has(env, "PREFECT_API_AUTH_STRING", "a:b");
	has(env, "", NULL);
	env_free(env);
}

Test(env, the_job_wins_over_the_worker_but_not_over_its_settings)
{
	json_t *job = json_pack("{s:s, s:n, s:s, s:s, s:s, s:s, s:s}", "SHARED", "job",
				"PATH", "PREFECT_LOGGING_LEVEL", "INFO",
				"PREFECT__FLOW_RUN_ID", "forged", "PREFECT_RESULTS_X",
				"mine", "PYTHONUNBUFFERED", "0", "A=B", "odd");
	const struct env_run r = run(job);
	char **env = env_for_python(base, &r, &py);

	has(env, "SHARED", "job");
	has(env, "PATH", NULL);                     /* null removes */
	has(env, "PREFECT_LOGGING_LEVEL", "DEBUG"); /* the worker has set it */
	has(env, "PREFECT_RESULTS_X", "mine");      /* the worker has not */
	has(env, "PREFECT__FLOW_RUN_ID", "r1");     /* never forged */
	has(env, "PYTHONUNBUFFERED", "0");          /* only a default */
	has(env, "A", NULL);                        /* a name with = is none */
	env_free(env);
	json_decref(job);
}

static void fence_is(const char *mine, uint64_t fence, const char *want)
{
	json_t *job = mine != NULL
			  ? json_pack("{s:s}", "PREFECT_CLIENT_CUSTOM_HEADERS", mine)
			  : NULL;
	struct env_run r = run(job);
	char **env;
	json_t *got, *expected = json_loads(want, 0, NULL);

	r.fence = fence;
	env = env_for_python(base, &r, &py);
	got = json_loads(env_get(env, "PREFECT_CLIENT_CUSTOM_HEADERS"), 0, NULL);
	cr_expect(json_equal(got, expected), "%s",
		  env_get(env, "PREFECT_CLIENT_CUSTOM_HEADERS"));
	json_decref(got);
	json_decref(expected);
	env_free(env);
	json_decref(job);
}

Test(env, the_fence_joins_the_users_headers)
{
	fence_is(NULL, 7, "{\"X-WF-Fence\": \"r1:7\"}");
	fence_is("{\"X-Mine\": \"1\"}", 7,
		 "{\"X-Mine\": \"1\", \"X-WF-Fence\": \"r1:7\"}");
	fence_is("{\"X-WF-Fence\": \"r1:99\"}", 7, "{\"X-WF-Fence\": \"r1:7\"}");
	fence_is("no json", 7, "{\"X-WF-Fence\": \"r1:7\"}");
	fence_is("[1]", 7, "{\"X-WF-Fence\": \"r1:7\"}");
	fence_is("{\"X-Mine\": \"1\"}", 0, "{\"X-Mine\": \"1\"}");
	fence_is("{}", UINT64_MAX, "{\"X-WF-Fence\": \"r1:18446744073709551615\"}");
}

Test(env, native_runs_get_no_credentials)
{
	static const char *const secrets[] = {
	    "WF_API_AUTH_STRING", "WF_API_KEY",
	    "WF_REDIS_URL",       "PREFECT_API_AUTH_STRING",
	    "PREFECT_API_KEY",    "PREFECT_SERVER_API_AUTH_STRING"};
	json_t *job =
	    json_pack("{s:s, s:n, s:s}", "SHARED", "job", "PATH", "WF_CONTROL_FD", "9");
	const struct env_run r = run(job);
	char **env = env_for_native(base, &r);

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		has(env, secrets[i], NULL);
	}
	has(env, "SHARED", "job");
	has(env, "PATH", NULL);
	has(env, "WF_CONTROL_FD", "3");
	has(env, "PREFECT__FLOW_RUN_ID", "r1");
	has(env, "PREFECT__CONTROL_TOKEN", NULL);
	has(env, "PREFECT_CLIENT_CUSTOM_HEADERS", NULL);
	env_free(env);
	json_decref(job);
}

Test(env, get_wants_the_whole_name)
{
	cr_assert_null(env_get(base, "PAT"));
	cr_assert_null(env_get(base, "PATHS"));
	cr_assert_null(env_get(NULL, "PATH"));
	cr_assert_str_eq(env_get(base, "PATH"), "/bin");
}
