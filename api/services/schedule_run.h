/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_run.h - the runs of a schedule: the scheduler makes them ahead of time, a
 * client may ask for those of any span.  Database threads only.
 */
#ifndef API_SERVICES_SCHEDULE_RUN_H
#define API_SERVICES_SCHEDULE_RUN_H

#include <stdint.h>

#include <jansson.h>

#include "base/uuid.h"

struct db_rows;
struct error;
struct schedule;
struct tx;

/* Columns of schedule_due. */
struct schedule_due {
	struct uuid id, deployment_id, flow_id, queue_id, infrastructure_id;
	int has_queue, has_infrastructure;
	char *schedule, *parameters, *slug, *version, *tags, *base_parameters,
	    *queue_name;
};

/* The parts that all runs of one pass share. */
struct schedule_parts {
	json_t *parameters, *tags, *created_by;
};

void schedule_due_from_row(struct schedule_due *s, const struct db_rows *r);
void schedule_due_release(struct schedule_due *s);
void schedule_parts_init(struct schedule_parts *p, const struct schedule_due *s,
			 const struct schedule *when);
void schedule_parts_release(struct schedule_parts *p);
/* 1 made, 0 there already. */
int schedule_run_make(struct tx *tx, const struct schedule_due *s,
		      const struct schedule_parts *p, int64_t at_us, struct error *err);

#endif
