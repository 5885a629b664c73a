-- SPDX-License-Identifier: Apache-2.0
-- Work queues.  Every statement that feeds queue_from_row() selects the columns of
-- work_queue_by_id in that order.

-- name: work_queue_by_id
-- hot
SELECT wq.id, wq.created, wq.updated, wq.name, wq.description, wq.is_paused,
  wq.concurrency_limit, wq.priority, wq.work_pool_id, wq.last_polled, wq.status,
  wq.last_status_event_id, wp.name, wp.type, wp.default_queue_id,
  CASE WHEN wq.concurrency_limit IS NULL THEN NULL ELSE (
    SELECT count(*) FROM flow_run fr
    WHERE fr.work_queue_id = wq.id AND fr.state_type IN (2, 3, 9)) END
FROM work_queue wq JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE wq.id = ?1;

-- name: work_queue_by_name
-- hot
SELECT wq.id, wq.created, wq.updated, wq.name, wq.description, wq.is_paused,
  wq.concurrency_limit, wq.priority, wq.work_pool_id, wq.last_polled, wq.status,
  wq.last_status_event_id, wp.name, wp.type, wp.default_queue_id,
  CASE WHEN wq.concurrency_limit IS NULL THEN NULL ELSE (
    SELECT count(*) FROM flow_run fr
    WHERE fr.work_queue_id = wq.id AND fr.state_type IN (2, 3, 9)
      AND fr.state_type IN (2, 3)) END
FROM work_queue wq JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE wp.name = ?1 AND wq.name = ?2;

-- Of one pool, in the order in which they are polled.
-- name: work_queue_of_pool
SELECT wq.id, wq.created, wq.updated, wq.name, wq.description, wq.is_paused,
  wq.concurrency_limit, wq.priority, wq.work_pool_id, wq.last_polled, wq.status,
  wq.last_status_event_id, wp.name, wp.type, wp.default_queue_id,
  CASE WHEN wq.concurrency_limit IS NULL THEN NULL ELSE (
    SELECT count(*) FROM flow_run fr
    WHERE fr.work_queue_id = wq.id AND fr.state_type IN (2, 3, 9)
      AND fr.state_type IN (2, 3)) END
FROM work_queue wq JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE wq.work_pool_id = ?1 AND {where}
ORDER BY wq.priority, wq.name;

-- name: work_queue_ids_of_pool
SELECT wq.id, wq.name FROM work_queue wq WHERE wq.work_pool_id = ?1
ORDER BY wq.priority, wq.name LIMIT ?2;

-- name: work_queue_filter
SELECT wq.id, wq.created, wq.updated, wq.name, wq.description, wq.is_paused,
  wq.concurrency_limit, wq.priority, wq.work_pool_id, wq.last_polled, wq.status,
  wq.last_status_event_id, wp.name, wp.type, wp.default_queue_id,
  CASE WHEN wq.concurrency_limit IS NULL THEN NULL ELSE (
    SELECT count(*) FROM flow_run fr
    WHERE fr.work_queue_id = wq.id AND fr.state_type IN (2, 3, 9)) END
FROM work_queue wq JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE {where}
ORDER BY wq.name, wq.created, wq.id;

-- name: work_queue_insert
INSERT INTO work_queue (id, created, updated, name, description, is_paused,
  concurrency_limit, priority, status, work_pool_id)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, 'NOT_READY', ?8);

-- name: work_queue_update
UPDATE work_queue SET updated = ?2, name = ?3, description = ?4, is_paused = ?5,
  concurrency_limit = ?6, priority = ?7, last_polled = ?8
WHERE id = ?1;

-- name: work_queue_set_priority
UPDATE work_queue SET updated = ?2, priority = ?3 WHERE id = ?1;

-- name: work_queue_set_status
UPDATE work_queue SET updated = ?2, status = ?3, last_status_event_id = ?4 WHERE id = ?1;

-- name: work_queue_delete
DELETE FROM work_queue WHERE id = ?1;

-- name: work_queue_priorities
SELECT wq.id, wq.priority FROM work_queue wq WHERE wq.work_pool_id = ?1
ORDER BY wq.priority, wq.id;

-- name: work_queue_names
SELECT wq.name FROM work_queue wq WHERE wq.work_pool_id = ?1 ORDER BY wq.name;

-- What a poll needs to know of each queue: pause, room, place.
-- name: work_queue_rooms
-- hot
SELECT wq.id, wq.name, wq.is_paused, wq.priority, wq.concurrency_limit, wq.status,
  wq.last_polled, (
    SELECT count(*) FROM flow_run fr
    WHERE fr.work_queue_id = wq.id AND fr.state_type IN (2, 3, 9)
      AND fr.state_type IN (2, 3))
FROM work_queue wq WHERE wq.work_pool_id = ?1
ORDER BY wq.priority, wq.id;

-- name: work_queue_polled
-- hot
UPDATE work_queue SET last_polled = ?2 WHERE id = ?1;

-- name: work_queue_late_runs
SELECT count(*) FROM flow_run fr
WHERE fr.work_queue_id = ?1 AND fr.state_type = 1 AND fr.state_name = 'Late';

-- name: work_queue_stale
SELECT wq.id FROM work_queue wq
WHERE wq.status = 'READY' AND (wq.last_polled IS NULL OR wq.last_polled < ?1);

-- name: work_queue_runs_detach
UPDATE flow_run SET work_queue_id = NULL WHERE work_queue_id = ?1 AND state_type = 1;

-- Runs that a worker may take from one queue, earliest first.
-- name: queue_due_runs
-- hot
SELECT fr.id, fr.next_scheduled_start_time FROM flow_run fr
WHERE fr.work_queue_id = ?1 AND fr.state_type = 1
  AND fr.next_scheduled_start_time >= ?2 AND fr.next_scheduled_start_time <= ?3
  AND fr.retry_in_process = 0
ORDER BY fr.next_scheduled_start_time LIMIT ?4;
