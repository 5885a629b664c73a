/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events_filter.h - what the routes that read events share.
 */
#ifndef API_ROUTES_EVENTS_FILTER_H
#define API_ROUTES_EVENTS_FILTER_H

#include <stdint.h>

struct event_filter;

/* since: start of the day 180 days ago; until: now. */
void events_default_times(struct event_filter *f, int64_t now_us);

#endif
