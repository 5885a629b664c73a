/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_check.h - is this an event?  The limits of server-contract 2.11.1.  Pure.
 */
#ifndef API_EVENTS_EVENT_CHECK_H
#define API_EVENTS_EVENT_CHECK_H

#include <stddef.h>

#include <jansson.h>

struct http_invalid;

#define EVENT_NAME_MAX    1024
#define EVENT_LABELS_MAX  500
#define EVENT_RELATED_MAX 100
#define EVENT_BYTES_MAX   1500000

/* Adds problems to V below LOC; returns their number.  0: event_store() may have it. */
size_t event_check(const json_t *event, const char *loc, struct http_invalid *v);
/* A task run that reports by events alone: what the recorder wants. */
int event_is_client_task_run(const json_t *event);

#endif
