/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.c - see ingest.h.
 */
#include "api/events/ingest.h"

#include "api/api.h"
#include "api/db/db.h"
#include "api/events/emit.h"
#include "api/events/event_check.h"
#include "api/tx.h"
#include "base/error.h"
#include "base/log.h"

/* In a savepoint of its own: a task run that cannot be recorded must not take others
 * along. */
static int record(struct tx *tx, const json_t *event, int *ret_again, struct error *err)
{
	size_t events = tx->live_events.len, logs = tx->live_logs.len;
	int rc = db_savepoint(tx->c, err), failed;

	if (rc < 0) {
		return rc;
	}
	failed = tx->api->record(tx, event, err);
	if (failed < 0) {
		rc = db_rollback_to(tx->c, NULL);
		buf_truncate(&tx->live_events, events);
		buf_truncate(&tx->live_logs, logs);
	} else {
		rc = db_release(tx->c, err);
	}
	if (rc < 0) {
		return rc;
	}
	switch (failed < 0 ? -failed : 0) {
	case 0:
		return 0;
	case ERR_NOT_FOUND:
	case ERR_CONFLICT:
		*ret_again = 1;
		return 0;
	case ERR_INVALID:
	case ERR_TOO_LARGE:
		log_debug("task run event not recorded: %s",
			  err != NULL ? err->msg : "");
		return 0;
	default:
		return failed;
	}
}

int ingest_event(struct tx *tx, const json_t *event, int *ret_again, struct error *err)
{
	int rc = event_store(tx, event, NULL, err);

	if (rc >= 0 && tx->api->record != NULL && event_is_client_task_run(event)) {
		rc = record(tx, event, ret_again, err);
	}
	return rc < 0 ? rc : 0;
}
