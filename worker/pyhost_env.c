/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pyhost_env.c - frozen variables, keys and environments of warm templates.
 */
#include "worker/pyhost_env.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "worker/env.h"

/* A trailing '*' means any rest.  PATH besides when the interpreter is found there. */
static const char *const frozen[] = {
    "PYTHON*",
    "LD_*",
    "MALLOC_*",
    "GLIBC_TUNABLES",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "OPENSSL_*",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "OMP_*",
    "OPENBLAS_*",
    "MKL_*",
    "HOME",
    "TZDIR",
    "COVERAGE_*",
    "PREFECT_API_SSL_CERT_FILE",
};
/* Prefect reads these when it is imported; a fork reads them again where they differ.
 */
static const char *const settings[] = {
    "PREFECT_*",
    "prefect_*",
    "PATH",
    "NO_COLOR",
    "FORCE_COLOR",
    "TERM",
    "COLORTERM",
    "CI",
    "COLUMNS",
    "LINES",
    "TTY_*",
    "JUPYTER_*",
    "DATABRICKS_RUNTIME_VERSION",
};
/* Not for a process that lives longer than one run. */
static const char *const per_run[] = {"WF_*", "PREFECT__*"};
#define PYHOST_MARK "PREFECT__FLOW_RUN_ID=------------------------------------"
static const char *const secret_words[] = {"AUTH",    "KEY",      "SECRET", "PASSWD",
					   "HEADERS", "PASSWORD", "TOKEN"};
static const struct {
	const char *name;
	const char *why;
} refusals[] = {
    {"OTEL_*", "OpenTelemetry (OTEL_*) is configured"},
    {"PREFECT_PLUGINS_ENABLED", "Prefect plugins are enabled"},
    {"PREFECT_EXPERIMENTS_PLUGINS_ENABLED", "Prefect plugins are enabled"},
    {"PREFECT_TEST_MODE", "Prefect's test mode is on"},
    {"PREFECT_TESTING_TEST_MODE", "Prefect's test mode is on"},
};

static size_t name_len(const char *item)
{
	return strcspn(item, "=");
}

/* Whether the name of ITEM ("NAME=VALUE") fits PATTERN. */
static int name_fits(const char *item, const char *pattern)
{
	size_t len = name_len(item), head = strcspn(pattern, "*");

	return (pattern[head] == '*' ? len >= head : len == head) &&
	       strncmp(item, pattern, head) == 0;
}

static int fits_any(const char *item, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (name_fits(item, patterns[i])) {
			return 1;
		}
	}
	return 0;
}

static int is_frozen(const char *item)
{
	return fits_any(item, frozen, ARRAY_LEN(frozen));
}

/* What a template takes from the run that it is started for. */
static int from_run(const char *item)
{
	return (is_frozen(item) || fits_any(item, settings, ARRAY_LEN(settings))) &&
	       !fits_any(item, per_run, ARRAY_LEN(per_run));
}

static int is_secret(const char *item)
{
	char *name = xstrndup(item, name_len(item));
	int found = 0;

	for (size_t i = 0; i < ARRAY_LEN(secret_words) && !found; i++) {
		found = strcasestr(name, secret_words[i]) != NULL;
	}
	free(name);
	return found;
}

static int is_off(const char *item)
{
	const char *value = item + name_len(item);

	value += *value == '=';
	return value[0] == '\0' || strcmp(value, "0") == 0 ||
	       strcasecmp(value, "false") == 0;
}

const char *pyhost_env_refusal(char *const *env)
{
	for (; *env != NULL; env++) {
		for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
			if (name_fits(*env, refusals[i].name) && !is_off(*env)) {
				return refusals[i].why;
			}
		}
	}
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

char *pyhost_env_key(char *const *env, const char *python)
{
	const char **items;
	size_t n = 0, count = 0;
	struct buf b;

	while (env[count] != NULL) {
		count++;
	}
	items = xcalloc(count + 1, sizeof(*items));
	for (size_t i = 0; i < count; i++) {
		if (is_frozen(env[i]) ||
		    (strchr(python, '/') == NULL && name_fits(env[i], "PATH"))) {
			items[n++] = env[i];
		}
	}
	qsort(items, n, sizeof(*items), by_text);
	buf_init(&b);
	buf_adds(&b, python);
	for (size_t i = 0; i < n; i++) {
		buf_addc(&b, '\n');
		buf_adds(&b, items[i]);
	}
	free(items);
	return buf_take(&b, NULL);
}

char **pyhost_env_template(char *const *base, char *const *env)
{
	size_t count = 0, n = 0;
	char **out;

	while (base[count] != NULL) {
		count++;
	}
	for (size_t i = 0; env[i] != NULL; i++) {
		count++;
	}
	out = xcalloc(count + 2, sizeof(*out));
	/* a place in its first environment, which the kernel shows of it: each child
	 * writes its run's id there (wf_pyhost/child.py) */
	out[n++] = xstrdup(PYHOST_MARK);
	for (; *base != NULL; base++) {
		if (!from_run(*base) && !is_secret(*base) &&
		    !fits_any(*base, per_run, ARRAY_LEN(per_run))) {
			out[n++] = xstrdup(*base);
		}
	}
	for (; *env != NULL; env++) {
		if (from_run(*env)) {
			out[n++] = xstrdup(*env);
		}
	}
	return out;
}
