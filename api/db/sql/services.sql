-- SPDX-License-Identifier: Apache-2.0
-- Background services: leader leases and what each pass looks for.

-- name: service_lease_read
SELECT sl.owner, sl.fence, sl.expires FROM service_lease sl WHERE sl.name = ?1;

-- Ours, or nobody's any more: one row changes.  A new owner gets a larger fence.
-- name: service_lease_take
INSERT INTO service_lease (name, owner, fence, expires) VALUES (?1, ?2, 1, ?4)
ON CONFLICT (name) DO UPDATE SET
  fence = service_lease.fence + (CASE WHEN service_lease.owner = ?2 THEN 0 ELSE 1 END),
  owner = ?2, expires = ?4
WHERE service_lease.owner = ?2 OR service_lease.expires < ?3;

-- name: service_lease_drop
UPDATE service_lease SET expires = 0 WHERE owner = ?1;

-- Nobody else can hold one: this process has the only database there is.
-- name: service_lease_clear
UPDATE service_lease SET expires = 0;

-- name: late_runs_due
-- hot
SELECT fr.id, fr.next_scheduled_start_time FROM flow_run fr INDEXED BY flow_run_not_late
WHERE fr.state_type = 1 AND fr.state_name = 'Scheduled'
  AND fr.next_scheduled_start_time <= ?1
ORDER BY fr.next_scheduled_start_time LIMIT ?2;

-- name: paused_runs
SELECT fr.id, frs.name, frs.state_details FROM flow_run fr
JOIN flow_run_state frs ON frs.id = fr.state_id
WHERE fr.state_type = 8 AND fr.id > ?1 ORDER BY fr.id LIMIT ?2;

-- By the time of the end (+): those of a state are many more.
-- name: cancelled_task_runs
SELECT tr.id, fr.id FROM flow_run fr CROSS JOIN task_run tr
WHERE +fr.state_type = 6 AND fr.end_time >= ?1
  AND tr.flow_run_id = fr.id AND tr.state_type IN (1, 2, 3, 8, 9)
LIMIT ?2;

-- name: cancelled_subflows
SELECT c.id, c.deployment_id, c.state_type
FROM flow_run p CROSS JOIN task_run tr CROSS JOIN flow_run c
WHERE +p.state_type = 6 AND p.end_time >= ?1 AND tr.flow_run_id = p.id
  AND c.parent_task_run_id = tr.id
  AND (c.state_type IN (1, 2, 3, 8) OR (c.state_type = 9 AND c.deployment_id IS NULL))
  AND (?3 = 0 OR c.deployment_id IS NOT NULL)
LIMIT ?2;

-- A run with deployed subflows that still go on: 1.
-- name: run_has_subflows
SELECT 1 FROM task_run tr CROSS JOIN flow_run c
WHERE tr.flow_run_id = ?1 AND c.parent_task_run_id = tr.id
  AND c.state_type IN (1, 2, 3, 8) AND c.deployment_id IS NOT NULL
LIMIT 1;

-- Subflows that ran inside a process that is gone.
-- name: crashed_subflows
SELECT c.id, c.deployment_id
FROM flow_run p CROSS JOIN task_run tr CROSS JOIN flow_run c
WHERE +p.state_type = 7 AND p.end_time >= ?1 AND p.end_time <= ?3 AND tr.flow_run_id = p.id
  AND c.parent_task_run_id = tr.id AND c.state_type IN (2, 3, 9) AND c.deployment_id IS NULL
LIMIT ?2;

-- name: cancelling_overdue
SELECT fr.id FROM flow_run fr
WHERE fr.state_type = 9 AND fr.state_timestamp <= ?1
LIMIT ?2;

-- name: task_run_names
SELECT tr.name, tr.state_type, tr.state_name FROM task_run tr WHERE tr.id = ?1;

-- name: expired_leases
SELECT cl.id FROM concurrency_lease cl WHERE cl.expires <= ?1 ORDER BY cl.expires LIMIT ?2;

-- name: reaper_pools
SELECT wp.name FROM work_pool wp WHERE wp.name > ?1 ORDER BY wp.name LIMIT ?2;

-- name: retention_events
-- hot
DELETE FROM event WHERE id IN (
  SELECT e.id FROM event e WHERE e.occurred < ?1 ORDER BY e.occurred, e.id LIMIT ?2);

-- name: retention_logs
-- hot
DELETE FROM log WHERE id IN (
  SELECT l.id FROM log l WHERE l.timestamp < ?1 ORDER BY l.timestamp, l.id LIMIT ?2);

-- name: retention_updates
-- hot
DELETE FROM applied_update WHERE id IN (
  SELECT a.id FROM applied_update a WHERE a.applied < ?1 ORDER BY a.applied LIMIT ?2);

-- name: retention_runs
-- hot
SELECT fr.id FROM flow_run fr WHERE fr.end_time < ?1 AND +fr.state_type IN (4, 5, 6, 7)
ORDER BY fr.end_time, fr.id LIMIT ?2;

-- name: retention_tasks_of_run
-- hot
DELETE FROM task_run WHERE id IN (
  SELECT tr.id FROM task_run tr WHERE tr.flow_run_id = ?1 LIMIT ?2);

-- name: retention_logs_of_run
-- hot
DELETE FROM log WHERE id IN (SELECT l.id FROM log l WHERE l.flow_run_id = ?1 LIMIT ?2);

-- The latest of a key stays: its collection shows it.
-- name: retention_artifacts_of_run
-- hot
DELETE FROM artifact WHERE id IN (
  SELECT a.id FROM artifact a WHERE a.flow_run_id = ?1
    AND NOT EXISTS (SELECT 1 FROM artifact_collection ac
      WHERE ac.key = a.key AND ac.latest_id = a.id)
  LIMIT ?2);

-- name: retention_run
DELETE FROM flow_run WHERE id = ?1;

-- name: retention_task_runs
-- hot
DELETE FROM task_run WHERE id IN (
  SELECT tr.id FROM task_run tr
  WHERE tr.end_time < ?1 AND tr.flow_run_id IS NULL
  ORDER BY tr.end_time, tr.id LIMIT ?2);

-- The reconciler: settings, waiting runs and owned runs, in slices by key.
-- name: reconcile_pools
SELECT wp.name, wp.is_paused, wp.concurrency_limit FROM work_pool wp
WHERE wp.name > ?1 ORDER BY wp.name LIMIT ?2;

-- name: reconcile_queues
SELECT wq.id, wp.name, wq.name, wq.is_paused, wq.concurrency_limit, wq.priority
FROM work_queue wq JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE wq.id > ?1 ORDER BY wq.id LIMIT ?2;

-- name: reconcile_runs
-- hot
SELECT fr.id, fr.name, fr.deployment_id, fr.gen, fr.next_scheduled_start_time,
  wq.name, wq.priority, wp.name,
  CASE WHEN d.concurrency_options LIKE '%CANCEL_NEW%' THEN 0
    ELSE coalesce(cl."limit", 0) END, fr.fence
FROM flow_run fr
JOIN work_queue wq ON wq.id = fr.work_queue_id
JOIN work_pool wp ON wp.id = wq.work_pool_id
LEFT JOIN deployment d ON d.id = fr.deployment_id
LEFT JOIN concurrency_limit_v2 cl ON cl.id = d.concurrency_limit_id AND cl.active = 1
WHERE fr.state_type = 1 AND fr.id > ?1 AND fr.retry_in_process = 0
ORDER BY fr.id LIMIT ?2;

-- name: reconcile_owned
-- hot
SELECT fr.id, fr.fence, fr.owner, wp.name, fr.state_timestamp, wq.name, fr.deployment_id,
  fr.gen
FROM flow_run fr
JOIN work_queue wq ON wq.id = fr.work_queue_id
JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE fr.state_type = ?3 AND fr.id > ?1
ORDER BY fr.id LIMIT ?2;

-- A waiting run that Redis believes to be settled: a new gen makes it deliverable again.
-- name: run_next_gen
UPDATE flow_run SET gen = gen + 1 WHERE id = ?1 AND gen = ?2 AND state_type = 1;

-- name: run_state_and_fence
SELECT fr.state_type, fr.fence FROM flow_run fr WHERE fr.id = ?1;

-- name: configuration_read
SELECT c.value FROM configuration c WHERE c.key = ?1;

-- name: configuration_write
INSERT INTO configuration (key, value, updated) VALUES (?1, ?2, ?3)
ON CONFLICT (key) DO UPDATE SET value = ?2, updated = ?3;
