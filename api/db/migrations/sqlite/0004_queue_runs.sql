-- SPDX-License-Identifier: Apache-2.0
-- 0004 runs of one queue: without it the deletion of a queue or pool, which sets
-- flow_run.work_queue_id to null, reads the whole table.

CREATE INDEX flow_run_work_queue ON flow_run (work_queue_id)
  WHERE work_queue_id IS NOT NULL;
