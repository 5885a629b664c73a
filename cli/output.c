/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - messages, JSON, dumps of objects and questions.
 */
#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opts.h"
#include "base/timefmt.h"
#include "cli/cli.h"

#define PARAMS_MAX  (1u << 20)
#define REAL_DIGITS JSON_REAL_PRECISION(16) /* 0.1, not 0.10000000000000001 */

const char *tone_on(const struct cli *cli, enum tone tone)
{
	static const char *const codes[] = {
	    [TONE_PLAIN] = "",        [TONE_OK] = "\033[32m", [TONE_WARN] = "\033[33m",
	    [TONE_BAD] = "\033[31m",  [TONE_DIM] = "\033[2m", [TONE_BOLD] = "\033[1m",
	    [TONE_LINK] = "\033[36m",
	};

	return cli->color ? codes[tone] : "";
}

const char *tone_off(const struct cli *cli)
{
	return cli->color ? "\033[0m" : "";
}

void say(const struct cli *cli, enum tone tone, const char *fmt, ...)
{
	va_list ap;

	(void)fputs(tone_on(cli, tone), stdout);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	if (tone != TONE_PLAIN) {
		(void)fputs(tone_off(cli), stdout);
	}
	(void)fputc('\n', stdout);
}

enum tone tone_of_state(const char *state_type)
{
	static const struct {
		const char *type;
		enum tone tone;
	} tones[] = {
	    {"COMPLETED", TONE_OK},   {"FAILED", TONE_BAD},      {"CRASHED", TONE_BAD},
	    {"CANCELLED", TONE_DIM},  {"RUNNING", TONE_LINK},    {"PENDING", TONE_LINK},
	    {"SCHEDULED", TONE_WARN}, {"CANCELLING", TONE_WARN}, {"PAUSED", TONE_WARN},
	};

	for (size_t i = 0; i < ARRAY_LEN(tones); i++) {
		if (state_type != NULL && strcmp(tones[i].type, state_type) == 0) {
			return tones[i].tone;
		}
	}
	return TONE_PLAIN;
}

void print_json(const json_t *v)
{
	char *text = json_dumps(v, JSON_INDENT(2) | JSON_ENCODE_ANY | REAL_DIGITS);

	(void)puts(text != NULL ? text : "null");
	free(text);
}

int want_json(const char *output, struct error *err)
{
	if (output == NULL || output[0] == '\0') {
		return 0;
	}
	if (strcasecmp(output, "json") == 0) {
		return 1;
	}
	return err_set(err, ERR_USAGE, "Only 'json' output format is supported.");
}

static void print_value(const struct cli *cli, const json_t *v, int indent);

/* Elements that are containers, each behind a dash. */
static void print_elements(const struct cli *cli, const json_t *list, int indent)
{
	size_t i;
	json_t *v;

	json_array_foreach (list, i, v) {
		(void)printf("%*s-", indent, "");
		print_value(cli, v, indent);
	}
}

static int has_containers(const json_t *list)
{
	size_t i;
	json_t *v;

	json_array_foreach (list, i, v) {
		if (json_object_size(v) > 0 || json_array_size(v) > 0) {
			return 1;
		}
	}
	return 0;
}

static void print_members(const struct cli *cli, const json_t *obj, int indent)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)obj, key, v) {
		(void)printf("%*s%s%s:%s", indent, "", tone_on(cli, TONE_BOLD), key,
			     tone_off(cli));
		print_value(cli, v, indent);
	}
}

/* What follows "key:" - on the same line for scalars, indented below for containers. */
static void print_value(const struct cli *cli, const json_t *v, int indent)
{
	if (json_is_object(v) && json_object_size(v) > 0) {
		(void)putchar('\n');
		print_members(cli, v, indent + 2);
	} else if (has_containers(v)) {
		(void)putchar('\n');
		print_elements(cli, v, indent + 2);
	} else if (json_is_string(v)) {
		(void)printf(" %s\n", json_string_value(v));
	} else {
		char *text =
		    json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | REAL_DIGITS);

		(void)printf(" %s\n", text != NULL ? text : "null");
		free(text);
	}
}

void print_object(const struct cli *cli, const json_t *obj)
{
	print_members(cli, obj, 0);
}

int confirm(const struct cli *cli, int default_answer, const char *fmt, ...)
{
	char line[16];
	va_list ap;

	if (!cli->prompt) {
		return default_answer;
	}
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)printf(" [y/N]: ");
	(void)fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL) {
		return 0;
	}
	return line[0] == 'y' || line[0] == 'Y';
}

const char *relative_time(const json_t *obj, const char *key, char *buf, size_t size)
{
	int64_t at_us;

	buf[0] = '\0';
	if (json_get_time(obj, key, &at_us, NULL) == 1) {
		time_format_relative(at_us, clock_wall_us(), buf, size);
	}
	return buf;
}

/* One k=v: V is JSON, or else text. */
static int param_add(json_t *obj, const char *pair, struct error *err)
{
	const char *eq = strchr(pair, '=');
	char *key;
	json_t *v;

	if (eq == NULL || eq == pair) {
		return err_set(err, ERR_USAGE, "Expected KEY=VALUE, got '%s'.", pair);
	}
	key = xstrndup(pair, (size_t)(eq - pair));
	v = json_parse(eq + 1, strlen(eq + 1), PARAMS_MAX, NULL);
	if (v == NULL) {
		v = json_string(eq + 1);
	}
	json_object_set_new(obj, key, v);
	free(key);
	return 0;
}

static int params_base(const char *json, json_t **ret_obj, struct error *err)
{
	struct buf in;
	int rc = 0;

	if (json == NULL || json[0] == '\0') {
		*ret_obj = json_object();
		return 0;
	}
	buf_init(&in);
	if (strcmp(json, "-") == 0) {
		rc = buf_read_fd(&in, STDIN_FILENO, PARAMS_MAX, err);
	} else {
		buf_adds(&in, json);
	}
	if (rc == 0) {
		*ret_obj = json_parse(in.data, in.len, PARAMS_MAX, err);
		if (*ret_obj == NULL) {
			rc = err_wrap(err, "--params");
		} else if (!json_is_object(*ret_obj)) {
			json_decref(*ret_obj);
			*ret_obj = NULL;
			rc = err_set(err, ERR_USAGE, "--params must be a JSON object.");
		}
	}
	buf_release(&in);
	return rc;
}

int params_parse(const struct opt_list *pairs, const char *json, json_t **ret_obj,
		 struct error *err)
{
	json_t *obj = NULL;
	int rc = params_base(json, &obj, err);

	for (size_t i = 0; rc == 0 && i < pairs->count; i++) {
		rc = param_add(obj, pairs->items[i], err);
	}
	if (rc < 0) {
		json_decref(obj);
		return rc;
	}
	*ret_obj = obj;
	return 0;
}
