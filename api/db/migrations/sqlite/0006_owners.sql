-- SPDX-License-Identifier: Apache-2.0
-- 0006 owners: how often a run is tried whose owners are lost; who waits for a slot.

ALTER TABLE deployment ADD COLUMN max_attempts INTEGER NOT NULL DEFAULT 3;

CREATE INDEX deployment_limit ON deployment (concurrency_limit_id)
  WHERE concurrency_limit_id IS NOT NULL;

CREATE INDEX flow_run_awaiting_slot ON flow_run (deployment_id, expected_start_time, id)
  WHERE state_type = 1 AND state_name = 'AwaitingConcurrencySlot';
