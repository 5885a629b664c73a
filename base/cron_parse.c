/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cron_parse.c - the text of a cron expression.
 *
 *   expression  minute hour day month weekday [second [year]] | @alias
 *   field       item {, item}
 *   item        * | ? | value | value-value | L | weekday#n | Lweekday, each but the
 * last three with an optional /step; a value with a step runs to the field's end; a
 * range that ends before it starts wraps around
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"
#include "base/cron.h"
#include "base/cron_priv.h"
#include "base/error.h"
#include "base/mem.h"

#define TEXT_MAX    1024
#define NUMBER_MAX  99999
#define FIELDS_MIN  5
#define FIELDS_MAX  7
#define FIELD_DAY   2
#define FIELD_MONTH 3
#define FIELD_DOW   4
#define FIELD_SEC   5
#define FIELD_YEAR  6

static const struct {
	const char *name;
	int min, max;
	int all; /* so many values are the same as a star */
} fields[FIELDS_MAX] = {
    {"minute", 0, 59, 60},
    {"hour", 0, 23, 24},
    {"day of month", 1, 31, 31},
    {"month", 1, 12, 12},
    {"weekday", 0, 7, 7},
    {"second", 0, 59, 60},
    {"year", CRON_YEAR_MIN, 2099, CRON_YEARS},
};

static const struct {
	const char *name;
	const char *text;
} aliases[] = {
    {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

static const char *const weekday_names[7] = {"sun", "mon", "tue", "wed",
					     "thu", "fri", "sat"};
static const char *const month_names[12] = {"jan", "feb", "mar", "apr", "may", "jun",
					    "jul", "aug", "sep", "oct", "nov", "dec"};

/* One field under way. */
struct field {
	int index;
	uint64_t bits[(CRON_YEARS + 63) / 64]; /* years count from CRON_YEAR_MIN */
	int star;                              /* one item was a star */
	int other_has_star; /* for day and weekday: in the text of the other */
	struct cron *cron;
	struct error *err;
};

static int bad(const struct field *f, const char *item, const char *why)
{
	return err_set(f->err, ERR_INVALID, "cron: %s \"%.40s\": %s",
		       fields[f->index].name, item, why);
}

static int number(const char *s, size_t len, int *ret_v)
{
	int v = 0;

	if (len == 0 || len > 5) {
		return -1;
	}
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9') {
			return -1;
		}
		v = v * 10 + (s[i] - '0');
	}
	*ret_v = v;
	return v > NUMBER_MAX ? -1 : 0;
}

static int name_index(const char *const *names, int count, const char *s, size_t len)
{
	for (int i = 0; i < count; i++) {
		if (len == 3 && strncasecmp(names[i], s, 3) == 0) {
			return i;
		}
	}
	return -1;
}

/* A number or a name within the field's limits; 0 or -1. */
static int value(const struct field *f, const char *s, size_t len, int *ret_v)
{
	int v = -1;

	if (f->index == FIELD_DOW) {
		v = name_index(weekday_names, 7, s, len);
	} else if (f->index == FIELD_MONTH) {
		v = name_index(month_names, 12, s, len);
		v = v < 0 ? v : v + 1;
	}
	if (v < 0 && number(s, len, &v) < 0) {
		return -1;
	}
	if (v < fields[f->index].min || v > fields[f->index].max) {
		return -1;
	}
	*ret_v = f->index == FIELD_DOW ? v % 7 : v; /* Sunday has two numbers */
	return 0;
}

static void add(struct field *f, int v)
{
	int bit = f->index == FIELD_YEAR ? v - CRON_YEAR_MIN : v;

	PRE(bit >= 0 && bit < CRON_YEARS);
	f->bits[bit / 64] |= (uint64_t)1 << (bit % 64);
}

static int field_max(const struct field *f)
{
	return f->index == FIELD_DOW ? 6 : fields[f->index].max;
}

/*
 * LOW to HIGH by STEP.  Two rules are croniter's: a range of one value (5-5) is the
 * whole field, and a range that wraps around the end of the field goes on, when its
 * step does not hit the field's first value exactly, one later than counting through
 * would.
 */
static void add_range(struct field *f, int low, int high, int step)
{
	int min = fields[f->index].min;
	int max = field_max(f);
	int v = low;

	if (low == high) {
		v = min;
		high = max;
	} else if (low > high) {
		int over;

		for (; v <= max; v += step) {
			add(f, v);
		}
		over = v - max - 1;
		v = min + (over > 0 ? over + 1 : 0);
	}
	for (; v <= high; v += step) {
		add(f, v);
	}
}

static int parse_step(const struct field *f, const char *item, const char *s,
		      size_t len, int *ret_step)
{
	if (number(s, len, ret_step) < 0 || *ret_step == 0) {
		return bad(f, item, "the step must be a number above 0");
	}
	return 0;
}

/* value | value-value | star, before the step; *ret_open: it has no end of its own. */
static int parse_span(struct field *f, const char *item, size_t len, int *ret_low,
		      int *ret_high, int *ret_open)
{
	const char *dash = memchr(item, '-', len);
	size_t low_len = dash == NULL ? len : (size_t)(dash - item);

	*ret_open = dash == NULL;
	if (len == 1 && item[0] == '*') {
		*ret_low = fields[f->index].min;
		*ret_high = field_max(f);
		return 0;
	}
	if (value(f, item, low_len, ret_low) < 0) {
		return bad(f, item, "not a value of this field");
	}
	if (dash == NULL) {
		*ret_high = *ret_low;
		return 0;
	}
	if (f->index == FIELD_DAY && len - low_len == 2 && (dash[1] | 0x20) == 'l') {
		*ret_high = 31;
		return 0;
	}
	/* an end below the field's start (month 4-0) is croniter's "to the field's end"
	 */
	if (value(f, dash + 1, len - low_len - 1, ret_high) < 0 &&
	    (number(dash + 1, len - low_len - 1, ret_high) < 0 || *ret_high != 0)) {
		return bad(f, item, "not a range of this field");
	}
	return 0;
}

static int parse_plain(struct field *f, const char *item)
{
	const char *slash = strchr(item, '/');
	size_t len = slash == NULL ? strlen(item) : (size_t)(slash - item);
	int open = 0;
	int low = 0;
	int high = 0;
	int step = 1;
	int rc;

	rc = parse_span(f, item, len, &low, &high, &open);
	if (rc < 0) {
		return rc;
	}
	if (slash != NULL) {
		rc = parse_step(f, item, slash + 1, strlen(slash + 1), &step);
		if (rc < 0) {
			return rc;
		}
		if (open && item[0] != '*') {
			high = field_max(f);
		}
	}
	if (open && slash == NULL) {
		add(f, low);
	} else {
		add_range(f, low, high, step);
	}
	return 0;
}

/* "fri#2" or "L5" in the weekday field; 1 when it was one of these. */
static int parse_nth(struct field *f, const char *item)
{
	const char *hash = strchr(item, '#');
	int weekday = 0;
	int nth = 0;

	if (hash == NULL) {
		if ((item[0] | 0x20) != 'l') {
			return 0;
		}
		if (item[1] < '0' || item[1] > '7' || item[2] != '\0') {
			return bad(f, item, "L must be followed by 0 to 7 here");
		}
		f->cron->nth[(item[1] - '0') % 7] |= CRON_NTH_LAST;
		return 1;
	}
	if (value(f, item, (size_t)(hash - item), &weekday) < 0) {
		return bad(f, item, "not a weekday before the #");
	}
	if (number(hash + 1, strlen(hash + 1), &nth) < 0 || nth < 1 || nth > 5) {
		return bad(f, item, "the number after # must be 1 to 5");
	}
	f->cron->nth[weekday] = (uint8_t)(f->cron->nth[weekday] | 1u << nth);
	return 1;
}

static int parse_item(struct field *f, const char *item)
{
	if (strcmp(item, "*") == 0) {
		f->star = 1;
		return 0;
	}
	if (f->index == FIELD_DAY && strcasecmp(item, "l") == 0) {
		f->cron->last_day = 1;
		return 0;
	}
	if (f->index == FIELD_DOW) {
		int rc = parse_nth(f, item);

		if (rc != 0) {
			f->cron->has_nth = 1;
			return rc < 0 ? rc : 0;
		}
	}
	return parse_plain(f, item);
}

static int count_bits(const struct field *f)
{
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(f->bits); i++) {
		n += __builtin_popcountll(f->bits[i]);
	}
	return n;
}

/* With a # or L item the plain weekdays say nothing: refused unless they repeat those.
 */
static int check_nth(const struct field *f)
{
	uint64_t named = 0;

	for (int i = 0; i < 7; i++) {
		named |= f->cron->nth[i] != 0 ? 1u << i : 0;
	}
	if ((f->bits[0] & ~named) != 0) {
		return bad(f, "#", "cannot be mixed with plain weekdays");
	}
	return 0;
}

/*
 * Puts a finished field where it belongs.  A day field "is a star" when one of its
 * items is one; or, as croniter has it, when its items cover all values while the other
 * day field has a star in its text.  Only when neither is a star does DAY_OR matter.
 */
static int store(struct field *f)
{
	struct cron *c = f->cron;
	int full = count_bits(f) >= fields[f->index].all;
	uint64_t *slots[FIELDS_MAX] = {&c->minutes,  &c->hours,   &c->days, &c->months,
				       &c->weekdays, &c->seconds, c->years};

	if (f->index == FIELD_DAY) {
		c->star_day = f->star || (full && f->other_has_star);
	} else if (f->index == FIELD_DOW) {
		c->star_weekday = f->star || (full && f->other_has_star);
		if (c->has_nth && !(full && f->other_has_star) && check_nth(f) < 0) {
			return -ERR_INVALID;
		}
	} else if (f->index == FIELD_YEAR) {
		c->any_year = f->star || full;
	}
	if (f->star) {
		add_range(f, fields[f->index].min, field_max(f), 1);
	}
	memcpy(slots[f->index], f->bits,
	       f->index == FIELD_YEAR ? sizeof(c->years) : sizeof(uint64_t));
	return 0;
}

static int parse_field(struct cron *c, int index, char *text, int other_has_star,
		       struct error *err)
{
	struct field f = {
	    .index = index, .cron = c, .err = err, .other_has_star = other_has_star};
	char *item;
	int rc;

	while ((item = strsep(&text, ",")) != NULL) {
		rc = parse_item(&f, item);
		if (rc < 0) {
			return rc;
		}
	}
	return store(&f);
}

static const char *expand_alias(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (strcasecmp(text, aliases[i].name) == 0) {
			return aliases[i].text;
		}
	}
	return text;
}

static int parse_all(struct cron *c, char *text, struct error *err)
{
	char *words[FIELDS_MAX + 1];
	char *save = NULL;
	int has_star[FIELDS_MIN] = {0};
	int n = 0;

	for (char *w = strtok_r(text, " \t\r\n\v\f", &save);
	     w != NULL && n <= FIELDS_MAX; w = strtok_r(NULL, " \t\r\n\v\f", &save)) {
		words[n++] = w;
	}
	if (n < FIELDS_MIN || n > FIELDS_MAX) {
		return err_set(
		    err, ERR_INVALID,
		    "cron: %s fields; write \"minute hour day month weekday\", "
		    "optionally with seconds at the end",
		    n < FIELDS_MIN ? "too few" : "too many");
	}
	c->seconds = 1;
	c->any_year = 1;
	for (int i = FIELD_DAY; i <= FIELD_DOW; i += FIELD_DOW - FIELD_DAY) {
		if (strcmp(words[i], "?") == 0) {
			words[i][0] = '*';
		}
		has_star[i] = strchr(words[i], '*') != NULL;
	}
	for (int i = 0; i < n; i++) {
		int other = i == FIELD_DAY ? FIELD_DOW : FIELD_DAY;
		int rc = parse_field(c, i, words[i], has_star[other], err);

		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

int cron_parse(const char *text, int day_or, struct cron **ret_cron, struct error *err)
{
	struct cron *c;
	char *copy;
	int rc;

	if (strlen(text) > TEXT_MAX) {
		return err_set(err, ERR_INVALID, "cron: longer than %d bytes",
			       TEXT_MAX);
	}
	c = xcalloc(1, sizeof(*c));
	c->day_or = day_or;
	copy = xstrdup(expand_alias(text));
	rc = parse_all(c, copy, err);
	free(copy);
	if (rc < 0) {
		cron_free(c);
		return rc;
	}
	*ret_cron = c;
	return 0;
}
