/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tz_priv.h - inside a time zone.  All times are seconds since the epoch.
 */
#ifndef BASE_TZ_PRIV_H
#define BASE_TZ_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* RFC 8536: offsets are more than -25 h and less than 26 h. */
#define TZ_OFFSET_MAX (26 * 3600LL)

struct error;

/* Half open: START <= t < END; INT64_MIN and INT64_MAX when there is no end. */
struct tz_span {
	int64_t start, end;
	int offset;
};

/* When daylight saving starts or ends, each year. */
struct tz_change {
	enum tz_day { TZ_DAY_JULIAN = 1, TZ_DAY_OF_YEAR, TZ_DAY_MONTH } kind;
	int month, week, day; /* month rule; the other kinds use day alone */
	int time;             /* seconds from local midnight, may be negative */
};

/* A POSIX TZ string: "CET-1CEST,M3.5.0,M10.5.0/3". */
struct tz_rule {
	int std_offset, dst_offset; /* east of UTC */
	int has_dst;
	struct tz_change start, end; /* of daylight saving */
};

struct tz {
	char *name;
	size_t count;
	int64_t *at;     /* transitions, ascending */
	int32_t *offset; /* from at[i] on */
	int32_t first_offset;
	int has_rule;
	struct tz_rule rule;
};

int tz_rule_parse(const char *text, struct tz_rule *ret_rule); /* 0 or -ERR_INVALID */
void tz_rule_span(const struct tz_rule *r, int64_t s, struct tz_span *ret_span);

#endif
