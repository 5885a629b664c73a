/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cron_priv.h - a parsed cron expression: one bit per allowed value.
 */
#ifndef BASE_CRON_PRIV_H
#define BASE_CRON_PRIV_H

#include <stdint.h>

#define CRON_YEAR_MIN 1970
#define CRON_YEARS    130       /* up to 2099 */
#define CRON_NTH_LAST (1u << 6) /* besides bits 1 to 5 */

struct cron {
	uint64_t seconds, minutes, hours;
	uint64_t days; /* bit 1 is the first */
	uint64_t months;
	uint64_t weekdays; /* bit 0 is Sunday */
	uint64_t years[(CRON_YEARS + 63) / 64];
	uint8_t nth[7];             /* per weekday: bit n for the n-th, CRON_NTH_LAST */
	int has_nth;                /* then weekdays is not looked at */
	int last_day;               /* of the month */
	int star_day, star_weekday; /* these do not limit, see cron_parse.c */
	int any_year;
	int day_or;
};

#endif
