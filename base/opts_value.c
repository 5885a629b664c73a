/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts_value.c - option values from text and back.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/opts_priv.h"

#define OPT_MAX_ITEMS 1024 /* of one list */
#define NEAREST_MAX   64   /* longer words get no suggestion */

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit time_units[] = {
    {"ms", 1},      {"s", 1000},    {"m", 60000},
    {"min", 60000}, {"h", 3600000}, {"d", 86400000},
};
static const struct unit byte_units[] = {
    {"b", 1},
    {"k", 1024},
    {"kb", 1024},
    {"kib", 1024},
    {"m", 1048576},
    {"mb", 1048576},
    {"mib", 1048576},
    {"g", 1073741824},
    {"gb", 1073741824},
    {"gib", 1073741824},
    {"t", 1099511627776},
    {"tb", 1099511627776},
    {"tib", 1099511627776},
};

static const struct unit *find_unit(const struct unit *units, size_t count,
				    const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strlen(units[i].name) == len &&
		    strncasecmp(units[i].name, s, len) == 0) {
			return &units[i];
		}
	}
	return NULL;
}

/*
 * "90", "1.5h", "1h30m": a sum of decimal numbers with units.  BARE is the factor of a
 * single number without one.  Returns 0 or -1.
 */
static int parse_units(const char *text, const struct unit *units, size_t count,
		       int64_t bare, int64_t *ret_value)
{
	const struct unit *unit;
	const char *s = text;
	size_t digits, len;
	double sum = 0, number;
	int first = 1;
	char *end;

	do {
		digits = strspn(s, "0123456789.");
		if (digits == 0 || digits > 20 || *s == '.' || s[digits - 1] == '.') {
			return -1;
		}
		number = strtod(s, &end);
		if (end != s + digits) {
			return -1;
		}
		s = end;
		for (len = 0; isalpha((unsigned char)s[len]); len++) {
		}
		if (len == 0 && (!first || *s != '\0')) {
			return -1;
		}
		unit = find_unit(units, count, s, len);
		if (unit == NULL && len != 0) {
			return -1;
		}
		sum += number * (double)(unit != NULL ? unit->factor : bare);
		s += len;
		first = 0;
	} while (*s != '\0');
	if (sum > (double)(INT64_MAX / 2)) {
		return -1;
	}
	*ret_value = llround(sum);
	return 0;
}

int opts_parse_ms(const char *text, int64_t *ret_ms, struct error *err)
{
	if (parse_units(text, time_units, ARRAY_LEN(time_units), 1000, ret_ms) != 0) {
		return err_set(err, ERR_INVALID,
			       "\"%.40s\" is not a duration; write for example 500ms, "
			       "30s, 5m or 1h30m",
			       text);
	}
	return 0;
}

int opts_parse_bytes(const char *text, int64_t *ret_bytes, struct error *err)
{
	if (parse_units(text, byte_units, ARRAY_LEN(byte_units), 1, ret_bytes) != 0) {
		return err_set(
		    err, ERR_INVALID,
		    "\"%.40s\" is not a size; write for example 512, 64k, 10M or 2G",
		    text);
	}
	return 0;
}

int opts_parse_bool(const char *text, int *ret_bool, struct error *err)
{
	static const char *const words[2][5] = {{"false", "no", "off", "0", "f"},
						{"true", "yes", "on", "1", "t"}};
	size_t i;
	int b;

	for (b = 0; b < 2; b++) {
		for (i = 0; i < ARRAY_LEN(words[b]); i++) {
			if (strcasecmp(text, words[b][i]) == 0) {
				*ret_bool = b;
				return 0;
			}
		}
	}
	return err_set(err, ERR_INVALID, "\"%.40s\" is neither true nor false", text);
}

static int parse_int(const char *text, int64_t *ret_value, struct error *err)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || isspace((unsigned char)*text)) {
		return err_set(err, ERR_INVALID, "\"%.40s\" is not an integer", text);
	}
	if (errno == ERANGE) {
		return err_set(err, ERR_INVALID, "\"%.40s\" does not fit in 64 bits",
			       text);
	}
	*ret_value = v;
	return 0;
}

static int parse_real(const char *text, double *ret_value, struct error *err)
{
	double v;
	char *end;

	v = strtod(text, &end);
	if (end == text || *end != '\0' || isspace((unsigned char)*text) ||
	    !isfinite(v)) {
		return err_set(err, ERR_INVALID, "\"%.40s\" is not a number", text);
	}
	*ret_value = v;
	return 0;
}

/* ---- members ---- */

/* The largest unit that divides V. */
static void format_units(int64_t v, const struct unit *units, size_t count,
			 struct buf *out)
{
	const struct unit *best = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (v != 0 && v % units[i].factor == 0 && strlen(units[i].name) <= 2 &&
		    (best == NULL || units[i].factor > best->factor)) {
			best = &units[i];
		}
	}
	if (best == NULL) {
		buf_addf(out, "%" PRId64, v);
	} else {
		buf_addf(out, "%" PRId64 "%s", v / best->factor,
			 best->factor == 1 && units == byte_units ? "" : best->name);
	}
}

static void format_number(const struct opt *opt, int64_t v, struct buf *out)
{
	if (opt->type == OPT_TYPE_MS) {
		format_units(v, time_units, ARRAY_LEN(time_units), out);
	} else if (opt->type == OPT_TYPE_BYTES) {
		format_units(v, byte_units, ARRAY_LEN(byte_units), out);
	} else {
		buf_addf(out, "%" PRId64, v);
	}
}

static int check_range(const struct opt *opt, int64_t v, struct error *err)
{
	struct buf range;
	int rc;

	if (opt->max == 0 || (v >= opt->min && v <= opt->max)) {
		return 0;
	}
	buf_init(&range);
	format_number(opt, opt->min, &range);
	buf_adds(&range, " and ");
	format_number(opt, opt->max, &range);
	rc = err_set(err, ERR_INVALID, "must be between %s", range.data);
	buf_release(&range);
	return rc;
}

static int set_number(const struct opt *opt, int64_t *member, const char *text,
		      struct error *err)
{
	int64_t v = 0;
	int rc;

	if (opt->type == OPT_TYPE_MS) {
		rc = opts_parse_ms(text, &v, err);
	} else if (opt->type == OPT_TYPE_BYTES) {
		rc = opts_parse_bytes(text, &v, err);
	} else {
		rc = parse_int(text, &v, err);
	}
	if (rc == 0) {
		rc = check_range(opt, v, err);
	}
	if (rc == 0) {
		*member = v;
	}
	return rc;
}

static int list_add(struct opt_list *list, const char *text, struct error *err)
{
	if (list->count >= OPT_MAX_ITEMS) {
		return err_set(err, ERR_LIMIT, "more than %d values", OPT_MAX_ITEMS);
	}
	list->items = xreallocarray(list->items, list->count + 2, sizeof(*list->items));
	list->items[list->count++] = xstrdup(text);
	list->items[list->count] = NULL;
	return 0;
}

int opt_set(const struct opt *opt, void *conf, const char *text, struct error *err)
{
	void *member = (char *)conf + opt->offset;

	switch (opt->type) {
	case OPT_TYPE_STR:
		free(*(char **)member);
		*(char **)member = xstrdup(text);
		return 0;
	case OPT_TYPE_INT:
	case OPT_TYPE_MS:
	case OPT_TYPE_BYTES:
		return set_number(opt, member, text, err);
	case OPT_TYPE_REAL:
		return parse_real(text, member, err);
	case OPT_TYPE_BOOL:
		return opts_parse_bool(text, member, err);
	case OPT_TYPE_LIST:
		return list_add(member, text, err);
	}
	BUG("option %s has type %d", opt->name, (int)opt->type);
}

void opt_clear(const struct opt *opt, void *conf)
{
	void *member = (char *)conf + opt->offset;
	struct opt_list *list = member;

	if (opt->type == OPT_TYPE_STR) {
		free(*(char **)member);
		*(char **)member = NULL;
	} else if (opt->type == OPT_TYPE_LIST) {
		while (list->count > 0) {
			free(list->items[--list->count]);
		}
		free(list->items);
		list->items = NULL;
	}
}

void opt_format(const struct opt *opt, const void *conf, struct buf *out)
{
	const void *member = (const char *)conf + opt->offset;
	const struct opt_list *list = member;
	const char *s;
	size_t i;

	switch (opt->type) {
	case OPT_TYPE_STR:
		s = *(char *const *)member;
		buf_adds(out, s != NULL ? s : "");
		break;
	case OPT_TYPE_INT:
	case OPT_TYPE_MS:
	case OPT_TYPE_BYTES:
		format_number(opt, *(const int64_t *)member, out);
		break;
	case OPT_TYPE_REAL:
		buf_addf(out, "%.15g", *(const double *)member);
		break;
	case OPT_TYPE_BOOL:
		buf_adds(out, *(const int *)member ? "true" : "false");
		break;
	case OPT_TYPE_LIST:
		for (i = 0; i < list->count; i++) {
			buf_addf(out, "%s%s", i > 0 ? "," : "", list->items[i]);
		}
		break;
	}
}

/* ---- names ---- */

const struct opt *opts_find(const struct opt_spec *spec, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < spec->count; i++) {
		if (strlen(spec->opts[i].name) == len &&
		    memcmp(spec->opts[i].name, name, len) == 0) {
			return &spec->opts[i];
		}
	}
	return NULL;
}

const struct opt *opts_find_letter(const struct opt_spec *spec, char letter)
{
	size_t i;

	for (i = 0; i < spec->count; i++) {
		if (letter != '\0' && spec->opts[i].letter == letter) {
			return &spec->opts[i];
		}
	}
	return NULL;
}

const char *opt_metavar(const struct opt *opt)
{
	static const char *const words[] = {
	    [OPT_TYPE_STR] = "TEXT",    [OPT_TYPE_INT] = "N",
	    [OPT_TYPE_REAL] = "NUMBER", [OPT_TYPE_BOOL] = NULL,
	    [OPT_TYPE_MS] = "TIME",     [OPT_TYPE_BYTES] = "SIZE",
	    [OPT_TYPE_LIST] = "TEXT",
	};

	if (opt->type == OPT_TYPE_BOOL) {
		return NULL;
	}
	return opt->metavar != NULL ? opt->metavar : words[opt->type];
}

/* Edit distance with swaps of neighbours; both words have at most NEAREST_MAX bytes. */
static size_t distance(const char *a, const char *b)
{
	size_t row[3][NEAREST_MAX + 1], la = strlen(a), lb = strlen(b), i, j, best;
	size_t *prev2, *prev, *cur;

	for (j = 0; j <= lb; j++) {
		row[0][j] = j;
		row[1][j] = row[2][j] = 0;
	}
	for (i = 1; i <= la; i++) {
		cur = row[i % 3];
		prev = row[(i + 2) % 3];
		prev2 = row[(i + 1) % 3];
		cur[0] = i;
		for (j = 1; j <= lb; j++) {
			best = prev[j - 1] + (a[i - 1] != b[j - 1]);
			best = MIN_OF(best, MIN_OF(prev[j] + 1, cur[j - 1] + 1));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1]) {
				best = MIN_OF(best, prev2[j - 2] + 1);
			}
			cur[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *opts_nearest(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t i, d, len = strlen(word), least = 4;

	if (len == 0 || len > NEAREST_MAX) {
		return NULL;
	}
	for (i = 0; i < count; i++) {
		if (names[i] == NULL || strlen(names[i]) > NEAREST_MAX) {
			continue;
		}
		/* a word that begins with what was typed is near, however long it is */
		d = len >= 3 && strncmp(names[i], word, len) == 0
			? 1
			: distance(word, names[i]);
		/* most of a short word must be right */
		if (d < least && d * 2 <= MAX_OF(len, 2)) {
			least = d;
			best = names[i];
		}
	}
	return best;
}
