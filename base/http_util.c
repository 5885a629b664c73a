/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_util.c - what may be retried, and when (declared in httpc.h and http1.h).
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/http1.h"
#include "base/httpc.h"
#include "base/timefmt.h"

#define RETRY_AFTER_MAX_S 86400

int http_is_retryable(int rc, int status)
{
	if (rc != 0) {
		return err_is_retryable(rc);
	}
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

/* "12" or "1.5"; -1 when it is not that. */
static int64_t parse_seconds(const char *value)
{
	int64_t ms = 0;
	int64_t scale = 100;

	if (*value < '0' || *value > '9') {
		return -1;
	}
	for (; *value >= '0' && *value <= '9'; value++) {
		ms =
		    MIN_OF(ms * 10 + (*value - '0') * 1000, RETRY_AFTER_MAX_S * 1000LL);
	}
	if (*value == '.') {
		for (value++; *value >= '0' && *value <= '9'; value++) {
			ms += (*value - '0') * scale;
			scale /= 10;
		}
	}
	return *value == '\0' ? ms : -1;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT"; TIME_NONE when it is not that. */
static int64_t parse_http_date(const char *value)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = {0};
	char month[4];
	const char *found;
	int end = 0;

	if (sscanf(value, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &c.day,
		   month, &c.year, &c.hour, &c.minute, &c.second, &end) != 6 ||
	    end == 0 || value[end] != '\0' || strlen(month) != 3) {
		return TIME_NONE;
	}
	found = strstr(months, month);
	if (found == NULL || (found - months) % 3 != 0) {
		return TIME_NONE;
	}
	c.month = (int)(found - months) / 3 + 1;
	return civil_to_us(&c);
}

int64_t http_retry_after_ms(const char *value, int64_t now_us)
{
	int64_t ms;
	int64_t at_us;

	if (value == NULL) {
		return -1;
	}
	ms = parse_seconds(value);
	if (ms < 0) {
		at_us = parse_http_date(value);
		if (at_us == TIME_NONE) {
			return -1;
		}
		ms = (at_us - now_us) / CLOCK_US_PER_MS;
	}
	return MAX_OF(0, MIN_OF(ms, RETRY_AFTER_MAX_S * 1000LL));
}
