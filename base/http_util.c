/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_util.c - what may be retried, and when (declared in httpc.h and http1.h).
 */
#include <stddef.h>
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
		ms = MIN_OF(ms * 10 + (*value - '0') * 1000LL,
			    RETRY_AFTER_MAX_S * 1000LL);
	}
	if (*value == '.') {
		for (value++; *value >= '0' && *value <= '9'; value++) {
			ms += (*value - '0') * scale;
			scale /= 10;
		}
	}
	return *value == '\0' ? ms : -1;
}

/* COUNT digits at S; -1 when they are none. */
static int digits(const char *s, int count)
{
	int v = 0;

	for (int i = 0; i < count; i++) {
		if (s[i] < '0' || s[i] > '9') {
			return -1;
		}
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT"; TIME_NONE when it is not that. */
static int64_t parse_http_date(const char *value)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = {0};

	if (strlen(value) != 29 || strcmp(value + 25, " GMT") != 0) {
		return TIME_NONE;
	}
	for (int i = 0; i < 12; i++) {
		if (memcmp(value + 8, months + (ptrdiff_t)3 * i, 3) == 0) {
			c.month = i + 1;
		}
	}
	c.day = digits(value + 5, 2);
	c.year = digits(value + 12, 4);
	c.hour = digits(value + 17, 2);
	c.minute = digits(value + 20, 2);
	c.second = digits(value + 23, 2);
	if (c.month == 0 || c.day < 1 || c.year < 0 || c.hour < 0 || c.minute < 0 ||
	    c.second < 0) {
		return TIME_NONE;
	}
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
