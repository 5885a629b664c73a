-- SPDX-License-Identifier: Apache-2.0
-- Work pools.  Every statement that feeds pool_from_row() selects the columns of
-- work_pool_by_name in that order.  "state_type IN (2, 3, 9)" stands beside a narrower list so
-- that the partial index flow_run_queue_busy is used.

-- name: work_pool_by_name
-- hot
SELECT wp.id, wp.created, wp.updated, wp.name, wp.description, wp.type, wp.base_job_template,
  wp.is_paused, wp.concurrency_limit, wp.status, wp.default_queue_id,
  wp.storage_configuration, wp.last_status_event_id, wp.last_transitioned_status_at,
  CASE WHEN wp.concurrency_limit IS NULL THEN NULL ELSE (
    SELECT count(*) FROM work_queue q JOIN flow_run fr ON fr.work_queue_id = q.id
    WHERE q.work_pool_id = wp.id AND fr.state_type IN (2, 3, 9) AND fr.state_type IN (2, 3)
  ) END
FROM work_pool wp WHERE wp.name = ?1;

-- name: work_pool_by_id
SELECT wp.id, wp.created, wp.updated, wp.name, wp.description, wp.type, wp.base_job_template,
  wp.is_paused, wp.concurrency_limit, wp.status, wp.default_queue_id,
  wp.storage_configuration, wp.last_status_event_id, wp.last_transitioned_status_at,
  CASE WHEN wp.concurrency_limit IS NULL THEN NULL ELSE (
    SELECT count(*) FROM work_queue q JOIN flow_run fr ON fr.work_queue_id = q.id
    WHERE q.work_pool_id = wp.id AND fr.state_type IN (2, 3, 9) AND fr.state_type IN (2, 3)
  ) END
FROM work_pool wp WHERE wp.id = ?1;

-- name: work_pool_filter
SELECT wp.id, wp.created, wp.updated, wp.name, wp.description, wp.type, wp.base_job_template,
  wp.is_paused, wp.concurrency_limit, wp.status, wp.default_queue_id,
  wp.storage_configuration, wp.last_status_event_id, wp.last_transitioned_status_at,
  CASE WHEN wp.concurrency_limit IS NULL THEN NULL ELSE (
    SELECT count(*) FROM work_queue q JOIN flow_run fr ON fr.work_queue_id = q.id
    WHERE q.work_pool_id = wp.id AND fr.state_type IN (2, 3, 9) AND fr.state_type IN (2, 3)
  ) END
FROM work_pool wp WHERE {where}
ORDER BY wp.name;

-- name: work_pool_count
SELECT count(*) FROM work_pool wp WHERE {where};

-- name: work_pool_insert
INSERT INTO work_pool (id, created, updated, name, description, type, base_job_template,
  is_paused, concurrency_limit, status, last_transitioned_status_at, storage_configuration)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?2, ?10);

-- name: work_pool_set_default_queue
UPDATE work_pool SET default_queue_id = ?2 WHERE id = ?1;

-- name: work_pool_update
UPDATE work_pool SET updated = ?2, description = ?3, base_job_template = ?4, is_paused = ?5,
  concurrency_limit = ?6, storage_configuration = ?7
WHERE id = ?1;

-- name: work_pool_set_status
UPDATE work_pool SET updated = ?2, status = ?3, last_transitioned_status_at = ?2,
  last_status_event_id = ?4
WHERE id = ?1;

-- name: work_pool_delete
DELETE FROM work_pool WHERE id = ?1;

-- name: work_pool_active_slots
-- hot
SELECT count(*) FROM work_queue q JOIN flow_run fr ON fr.work_queue_id = q.id
WHERE q.work_pool_id = ?1 AND fr.state_type IN (2, 3, 9) AND fr.state_type IN (2, 3);

-- name: work_pool_online_workers
SELECT count(*) FROM worker w
WHERE w.work_pool_id = ?1
  AND w.last_heartbeat_time >= ?2 - 3000000 * coalesce(w.heartbeat_interval_seconds, 30);

-- name: work_pool_ready_without_worker
SELECT wp.name FROM work_pool wp
WHERE wp.status = 'READY' AND NOT EXISTS (
  SELECT 1 FROM worker w WHERE w.work_pool_id = wp.id AND w.status = 'ONLINE');

-- Queues of a pool, for its concurrency status; the number of runs that hold a slot.
-- name: work_pool_queue_slots
SELECT wq.id, wq.name, wq.concurrency_limit, (
    SELECT count(*) FROM flow_run fr
    WHERE fr.work_queue_id = wq.id AND fr.state_type IN (2, 3, 9) AND fr.state_type IN (2, 3))
FROM work_queue wq WHERE wq.work_pool_id = ?1
ORDER BY wq.priority, wq.name LIMIT ?2 OFFSET ?3;

-- name: work_pool_queue_count
SELECT count(*) FROM work_queue wq WHERE wq.work_pool_id = ?1;

-- name: queue_slot_runs
SELECT fr.id, fr.name, fr.state_type, fr.state_name, fr.start_time, fr.state_timestamp
FROM flow_run fr
WHERE fr.work_queue_id = ?1 AND fr.state_type IN (2, 3, 9) AND fr.state_type IN (2, 3)
ORDER BY fr.state_timestamp, fr.id LIMIT ?2 OFFSET ?3;

-- name: queue_busy_runs
SELECT fr.id, fr.name, fr.state_type, fr.state_name, fr.start_time, fr.state_timestamp
FROM flow_run fr
WHERE fr.work_queue_id = ?1 AND fr.state_type IN (2, 3, 9)
ORDER BY fr.state_timestamp, fr.id LIMIT ?2 OFFSET ?3;
