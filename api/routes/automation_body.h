/* SPDX-License-Identifier: Apache-2.0 */
/*
 * automation_body.h - triggers and actions as clients send them, checked and completed.
 *
 * What is stored is the completed form: every field is there, sets are sorted, trigger
 * ids are new (events-and-automations 3.1, 3.2, 5.1).  Pure.
 */
#ifndef API_ROUTES_AUTOMATION_BODY_H
#define API_ROUTES_AUTOMATION_BODY_H

#include <jansson.h>

struct http_invalid;

#define TRIGGER_DEPTH_MAX 8
#define TRIGGERS_MAX      200 /* children of one trigger */
#define ACTIONS_MAX       200

/* New reference; problems go to V below LOC, then the result is not to be used. */
json_t *trigger_complete(json_t *in, const char *loc, struct http_invalid *v);
json_t *actions_complete(json_t *in, const char *loc, struct http_invalid *v);

/* Seconds from a number or an ISO 8601 duration ("PT1H30M").  0 or -ERR_INVALID. */
int duration_decode(const json_t *v, double *ret_seconds);

/* Reports a text that would run the automation for ever, or NULL (3.5). */
const char *automation_loop(const json_t *trigger, const json_t *actions);

#endif
