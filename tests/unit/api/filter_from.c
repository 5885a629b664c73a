/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_from.c - a statement around a predicate, for tests of the filters.
 */
#include "tests/unit/api/filter_from.h"

#include "api/db/db_priv.h"
#include "base/buf.h"

static const char *const from[ENT_MAX] = {
    [ENT_FLOW] = "flow AS f",
    [ENT_FLOW_RUN] = "flow_run AS fr",
    [ENT_TASK_RUN] = "task_run AS tr",
    [ENT_DEPLOYMENT] = "deployment AS d",
    [ENT_DEPLOYMENT_SCHEDULE] = "deployment_schedule AS ds",
    [ENT_WORK_POOL] = "work_pool AS wp",
    [ENT_WORK_QUEUE] = "work_queue AS wq",
    [ENT_WORKER] = "worker AS w",
    [ENT_LOG] = "log AS l",
    [ENT_ARTIFACT] = "artifact AS a",
    [ENT_ARTIFACT_COLLECTION] =
	"artifact_collection AS ac JOIN artifact AS a ON a.id = ac.latest_id",
    [ENT_VARIABLE] = "variable AS v",
    [ENT_AUTOMATION] = "automation AS au",
    [ENT_BLOCK_TYPE] = "block_type AS bt",
    [ENT_BLOCK_SCHEMA] = "block_schema AS bs",
    [ENT_BLOCK_DOCUMENT] = "block_document AS bd",
};

void filter_from_text(enum entity target, const struct db_pred *p,
		      enum sql_dialect dialect, struct buf *out)
{
	const char *s;
	int n = 0;

	buf_reset(out);
	if (from[target] == NULL) {
		return;
	}
	buf_addf(out, "SELECT 1 FROM %s WHERE (", from[target]);
	for (s = pred_text(p, dialect); *s != '\0'; s++) {
		if (*s == PRED_MARK) {
			buf_addf(out, "%c%d", dialect == DIALECT_PG ? '$' : '?', ++n);
		} else {
			buf_addc(out, *s);
		}
	}
	buf_addc(out, ')');
}
