/* SPDX-License-Identifier: Apache-2.0 */
/* trigger_rules.c - see trigger_rules.h; by fnmatch and regular expressions. */
#include "tests/sim/trigger_rules.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *get(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

/* ---- 3.4 ---- */

static int pattern_matches(const char *pattern, const char *text)
{
	int negate = pattern[0] == '!';

	return (fnmatch(pattern + negate, text, FNM_NOESCAPE) == 0) != negate;
}

static int label_matches(const json_t *wanted, const char *value)
{
	json_t *one;
	size_t i;

	if (json_is_string(wanted)) {
		return pattern_matches(json_string_value(wanted), value);
	}
	json_array_foreach (wanted, i, one) {
		if (pattern_matches(json_string_value(one), value)) {
			return 1;
		}
	}
	return 0;
}

int resource_matches(const json_t *spec, const json_t *resource)
{
	void *i = json_object_iter((json_t *)(uintptr_t)spec);

	for (; i != NULL; i = json_object_iter_next((json_t *)(uintptr_t)spec, i)) {
		const char *v =
		    json_string_value(get(resource, json_object_iter_key(i)));

		if (v == NULL || !label_matches(json_object_iter_value(i), v)) {
			return 0;
		}
	}
	return 1;
}

static int some_related_matches(const json_t *spec, const json_t *related)
{
	json_t *one;
	size_t i;

	if (json_object_size(spec) == 0) {
		return 1;
	}
	json_array_foreach (related, i, one) {
		if (resource_matches(spec, one)) {
			return 1;
		}
	}
	return 0;
}

int related_match(const json_t *specs, const json_t *related)
{
	json_t *one;
	size_t i;

	if (json_is_object(specs)) {
		return some_related_matches(specs, related);
	}
	json_array_foreach (specs, i, one) {
		if (!some_related_matches(one, related)) {
			return 0;
		}
	}
	return 1;
}

/* (b): literal text, '*' is one character or more, anchored at the start only. */
static int starts_like(const char *pattern, const char *name)
{
	char re[256] = "^";
	size_t at = 1;
	regex_t r;
	int hit;

	for (; *pattern != '\0'; pattern++) {
		at += (size_t)snprintf(re + at, sizeof(re) - at,
				       *pattern == '*' ? ".+" : "[%c]", *pattern);
	}
	if (regcomp(&r, re, REG_EXTENDED | REG_NOSUB) != 0) {
		abort();
	}
	hit = regexec(&r, name, 0, NULL, 0) == 0;
	regfree(&r);
	return hit;
}

int names_match(const json_t *names, const char *name, int how)
{
	json_t *one;
	size_t i;

	json_array_foreach (names, i, one) {
		const char *p = json_string_value(one);
		int hit = how == 'a'   ? fnmatch(p, name, FNM_NOESCAPE) == 0
			  : how == 'b' ? starts_like(p, name)
				       : pattern_matches(p, name);

		if (hit) {
			return 1;
		}
	}
	return 0;
}

/* 1.2: find(label) */
const char *find_label(const json_t *event, const char *label)
{
	const char *colon = strrchr(label, ':');
	json_t *one;
	size_t i;

	if (strncmp(label, "related:", 8) == 0) {
		json_array_foreach (get(event, "related"), i, one) {
			const char *role =
			    json_string_value(get(one, "prefect.resource.role"));

			if (strlen(role) == (size_t)(colon - label - 8) &&
			    strncmp(role, label + 8, strlen(role)) == 0) {
				const char *v = json_string_value(get(one, colon + 1));
				return v != NULL ? v : "";
			}
		}
	}
	label = json_string_value(get(get(event, "resource"), label));
	return label != NULL ? label : "";
}
