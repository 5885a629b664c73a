/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode_scalar.c - numbers, booleans, UUIDs and instants as lenient as the reference
 * is: "5", true and 5.0 are integers, "yes" is a boolean, a number is a Unix time.
 */
#include "api/routes/decode_priv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/http/http.h"
#include "base/compiler.h"
#include "base/timefmt.h"
#include "base/uuid.h"

/* Unix times above this are milliseconds, as the reference's parser decides. */
#define TIME_MS_ABOVE 2e10

static void problem(const struct decode_at *at, const char *type, const char *msg)
{
	http_invalid_add(at->v, type, at->loc, at->value, msg);
}

static int has_min(const struct field *f)
{
	return (f->flags & F_GT) != 0 || f->min != 0 || f->max != 0;
}

static int in_range(const struct decode_at *at, double v)
{
	const struct field *f = at->f;
	char msg[96];

	if ((f->flags & F_GT) != 0 && !(v > (double)f->min)) {
		(void)snprintf(msg, sizeof(msg),
			       "Input should be greater than %" PRId64, f->min);
		problem(at, "greater_than", msg);
		return 0;
	}
	if ((f->flags & F_GT) == 0 && has_min(f) && v < (double)f->min) {
		(void)snprintf(msg, sizeof(msg),
			       "Input should be greater than or equal to %" PRId64,
			       f->min);
		problem(at, "greater_than_equal", msg);
		return 0;
	}
	if ((f->min != 0 || f->max != 0) && f->max >= f->min && v > (double)f->max) {
		(void)snprintf(msg, sizeof(msg),
			       "Input should be less than or equal to %" PRId64,
			       f->max);
		problem(at, "less_than_equal", msg);
		return 0;
	}
	return 1;
}

/* Text around a number may be blank; "5.0" is an integer, "5.5" is not. */
static int text_to_int(const char *s, int64_t *ret)
{
	char *end;
	long long v;

	if (strlen(s) > 64) {
		return 0;
	}
	while (isspace((unsigned char)*s)) {
		s++;
	}
	if (!isdigit((unsigned char)*s) && *s != '-' && *s != '+') {
		return 0;
	}
	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || errno != 0) {
		return 0;
	}
	if (*end == '.') {
		end++;
		end += strspn(end, "0");
	}
	while (isspace((unsigned char)*end)) {
		end++;
	}
	*ret = v;
	return *end == '\0';
}

void decode_int(const struct decode_at *at)
{
	double d;
	int64_t v;

	if (json_is_integer(at->value)) {
		v = json_integer_value(at->value);
	} else if (json_is_boolean(at->value)) {
		v = json_is_true(at->value);
	} else if (json_is_real(at->value)) {
		d = json_real_value(at->value);
		if (d != floor(d)) {
			problem(at, "int_from_float",
				"Input should be a valid integer, got a number with a "
				"fractional part");
			return;
		}
		if (d < -9.2e18 || d > 9.2e18) {
			problem(at, "int_parsing_size",
				"Unable to parse input string as an integer, exceeded "
				"maximum size");
			return;
		}
		v = (int64_t)d;
	} else if (!json_is_string(at->value)) {
		problem(at, "int_type", "Input should be a valid integer");
		return;
	} else if (!text_to_int(json_string_value(at->value), &v)) {
		problem(at, "int_parsing",
			"Input should be a valid integer, unable to parse string as an "
			"integer");
		return;
	}
	if (in_range(at, (double)v)) {
		*(int64_t *)at->out = v;
	}
}

void decode_real(const struct decode_at *at)
{
	const char *s;
	char *end;
	double v;

	if (json_is_number(at->value)) {
		v = json_number_value(at->value);
	} else if (json_is_boolean(at->value)) {
		v = json_is_true(at->value);
	} else if (json_is_string(at->value)) {
		s = json_string_value(at->value);
		v = strtod(s, &end);
		while (isspace((unsigned char)*end)) {
			end++;
		}
		if (end == s || *end != '\0' || !isfinite(v)) {
			problem(
			    at, "float_parsing",
			    "Input should be a valid number, unable to parse string "
			    "as a number");
			return;
		}
	} else {
		problem(at, "float_type", "Input should be a valid number");
		return;
	}
	if (in_range(at, v)) {
		*(double *)at->out = v;
	}
}

static int word_in(const char *s, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcasecmp(s, *words) == 0) {
			return 1;
		}
	}
	return 0;
}

void decode_bool(const struct decode_at *at)
{
	static const char *const yes[] = {"true", "t", "yes", "y", "on", "1", NULL};
	static const char *const no[] = {"false", "f", "no", "n", "off", "0", NULL};
	const char *s = json_string_value(at->value);
	int *out = at->out;
	double d;

	if (json_is_boolean(at->value)) {
		*out = json_is_true(at->value);
		return;
	}
	if (s != NULL && (word_in(s, yes) || word_in(s, no))) {
		*out = word_in(s, yes);
		return;
	}
	if (s == NULL && !json_is_number(at->value)) {
		problem(at, "bool_type", "Input should be a valid boolean");
		return;
	}
	d = s != NULL ? -1 : json_number_value(at->value);
	if (d == 0.0 || d == 1.0) {
		*out = d == 1.0;
		return;
	}
	problem(at, "bool_parsing",
		"Input should be a valid boolean, unable to interpret input");
}

/* Bytes of the (valid) UTF-8 character at S. */
static int char_len(const char *s)
{
	unsigned char c = (unsigned char)*s;

	return c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
}

/* Length of S cut to at most MAX bytes at a whole character. */
static int cut_len(const char *s, int max)
{
	int n = 0, c;

	while (s[n] != '\0') {
		c = char_len(s + n);
		if (n + c > max) {
			break;
		}
		n += c;
	}
	return n;
}

void decode_uuid_problem(const char *text, char *dst, size_t size)
{
	static const size_t group_len[] = {8, 4, 4, 4, 12};
	const char *at = text, *dash;
	size_t i, len = strlen(text), groups = 1;

	for (i = 0; i < len; i++) {
		if (text[i] == '-') {
			groups++;
		} else if (!isxdigit((unsigned char)text[i])) {
			(void)snprintf(dst, size,
				       "invalid character: found `%.*s` at %zu",
				       char_len(text + i), text + i, i);
			return;
		}
	}
	if (groups == 1) {
		(void)snprintf(dst, size,
			       "invalid length: expected length 32 for simple format, "
			       "found %zu",
			       len);
		return;
	}
	if (groups != ARRAY_LEN(group_len)) {
		(void)snprintf(dst, size, "invalid group count: expected 5, found %zu",
			       groups);
		return;
	}
	for (i = 0; i < ARRAY_LEN(group_len); i++) {
		dash = strchrnul(at, '-');
		if ((size_t)(dash - at) != group_len[i]) {
			(void)snprintf(
			    dst, size,
			    "invalid group length in group %zu: expected %zu, "
			    "found %zu",
			    i, group_len[i], (size_t)(dash - at));
			return;
		}
		at = dash + (*dash == '-');
	}
	(void)snprintf(dst, size, "invalid UUID");
}

void decode_uuid(const struct decode_at *at)
{
	const char *s = json_string_value(at->value);
	char what[96], msg[160];

	if (s == NULL) {
		problem(at, "uuid_type",
			"UUID input should be a string, bytes or UUID object");
		return;
	}
	if (uuid_parse(s, at->out) < 0) {
		decode_uuid_problem(s, what, sizeof(what));
		(void)snprintf(msg, sizeof(msg), "Input should be a valid UUID, %s",
			       what);
		problem(at, "uuid_parsing", msg);
	}
}

void decode_time(const struct decode_at *at)
{
	const char *s = json_string_value(at->value);
	char msg[160], *end = NULL;
	double d = 0;

	if (s != NULL && time_parse(s, at->out, NULL, NULL, NULL) == 0) {
		return;
	}
	if (s != NULL && s[0] != '\0' && s[strspn(s, "0123456789.-")] == '\0') {
		d = strtod(s, &end); /* seconds as a text */
	}
	if (s != NULL && (end == NULL || *end != '\0')) {
		(void)snprintf(msg, sizeof(msg),
			       "Value error, Unable to parse string [%.*s]",
			       cut_len(s, 100), s);
		problem(at, "value_error", msg);
		return;
	}
	if (s == NULL && !json_is_number(at->value)) {
		problem(at, "datetime_type", "Input should be a valid datetime");
		return;
	}
	d = s != NULL ? d : json_number_value(at->value);
	d *= fabs(d) > TIME_MS_ABOVE ? 1e3 : 1e6;
	if (fabs(d) > 2.5e17) { /* the year 9999 */
		problem(at, "datetime_parsing",
			"Input should be a valid datetime, dates after 9999 are not "
			"supported as unix timestamps");
		return;
	}
	*(int64_t *)at->out = (int64_t)d;
}
