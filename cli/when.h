/* SPDX-License-Identifier: Apache-2.0 */
/*
 * when.h - times as people write them: "2 hours", "tomorrow at 5:30pm".  Pure but for
 * the time zone of the process.
 */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdint.h>

struct error;

/* "2 hours", "90s", "1 day 3 hours", "in 5 minutes". */
int when_duration(const char *text, int64_t *ret_us, struct error *err);
/*
 * An instant: ISO 8601, or a day ("today", "tomorrow", "friday", 2026-12-24) and a time
 * ("17:30", "5:30pm", "noon") with "at" and "on" where one likes.  Without an offset it
 * is local time ("utc" behind it makes it UTC); without a day the next such time after
 * NOW_US.
 */
int when_instant(const char *text, int64_t now_us, int64_t *ret_at_us,
		 struct error *err);

#endif
