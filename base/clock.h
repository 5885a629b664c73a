/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the single home of reading clocks and of sleeping.
 *
 * Durations and deadlines: int64_t monotonic milliseconds, named *_ms.  Instants:
 * int64_t Unix microseconds, named *_at_us.  The two never mix without a call in here.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Never set; goes on while the host is suspended. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_wall_us(void);
/* For commands and for start-up only: a daemon arms a timer of its loop.  A signal ends
 * it. */
void clock_sleep_ms(int64_t ms);

#define CLOCK_US_PER_S  1000000LL
#define CLOCK_US_PER_MS 1000LL

#endif
