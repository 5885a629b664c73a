-- SPDX-License-Identifier: Apache-2.0
-- Background tasks: given to task workers, one at a time (api/sockets/task_store.c).

-- The oldest task run of a key that waits for a task worker and was given to nobody.
-- name: task_claim_next
-- hot
SELECT tr.id FROM task_run tr
JOIN task_run_state trs ON trs.id = tr.state_id
LEFT JOIN task_run_claim c ON c.task_run_id = tr.id
WHERE tr.task_key = ?1 AND tr.state_type = 1 AND tr.state_name = 'Scheduled'
  AND (tr.next_scheduled_start_time IS NULL OR tr.next_scheduled_start_time <= ?2)
  AND (c.until IS NULL OR c.until <= ?2)
  AND json_extract(trs.state_details, '$.deferred') = 1
ORDER BY tr.created, tr.id LIMIT 1;
-- pg:
SELECT tr.id FROM task_run tr
JOIN task_run_state trs ON trs.id = tr.state_id
LEFT JOIN task_run_claim c ON c.task_run_id = tr.id
WHERE tr.task_key = ?1 AND tr.state_type = 1 AND tr.state_name = 'Scheduled'
  AND (tr.next_scheduled_start_time IS NULL OR tr.next_scheduled_start_time <= ?2)
  AND (c.until IS NULL OR c.until <= ?2)
  AND trs.state_details::json ->> 'deferred' = 'true'
ORDER BY tr.created, tr.id LIMIT 1;

-- name: task_claim_take
INSERT INTO task_run_claim (task_run_id, client_id, until) VALUES (?1, ?2, ?3)
ON CONFLICT (task_run_id) DO UPDATE SET client_id = ?2, until = ?3, taken = 0;

-- name: task_claim_taken
UPDATE task_run_claim SET taken = 1 WHERE task_run_id = ?1 AND client_id = ?2;

-- A new connection: what an earlier one sent without an answer never arrived.
-- name: task_claim_drop_untaken
DELETE FROM task_run_claim WHERE client_id = ?1 AND taken = 0;

-- Given back unread.
-- name: task_claim_drop
DELETE FROM task_run_claim WHERE task_run_id = ?1 AND client_id = ?2;

-- What the worker has begun needs no claim any more.
-- name: task_claim_drop_begun
DELETE FROM task_run_claim WHERE client_id = ?1
  AND NOT EXISTS (SELECT 1 FROM task_run tr
    WHERE tr.id = task_run_claim.task_run_id AND tr.state_type = 1);

-- name: task_claim_extend
UPDATE task_run_claim SET until = ?2 WHERE client_id = ?1;

-- name: task_claim_drop_old
DELETE FROM task_run_claim WHERE until < ?1;
