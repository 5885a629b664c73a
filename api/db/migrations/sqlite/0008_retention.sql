-- SPDX-License-Identifier: Apache-2.0
-- 0008 retention: without these a deleted task run reads all cached results, and the search
-- for old task runs without a flow run reads all those that have one.

CREATE INDEX task_run_state_cache_state ON task_run_state_cache (task_run_state_id);

CREATE INDEX task_run_alone_end ON task_run (end_time, id) WHERE flow_run_id IS NULL;
