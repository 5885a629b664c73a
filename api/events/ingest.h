/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.h - storing the events of clients: the row, and the task run they tell about.
 */
#ifndef API_EVENTS_INGEST_H
#define API_EVENTS_INGEST_H

#include <jansson.h>

struct error;
struct tx;

/*
 * One checked event (event_check.h) into the present transaction; an id that is there
 * already is no error.  *ret_again is set when its task run could not be recorded yet
 * (unknown flow run): the same event should be offered again.  Database threads only.
 */
int ingest_event(struct tx *tx, const json_t *event, int *ret_again, struct error *err);

#endif
