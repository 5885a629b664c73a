-- SPDX-License-Identifier: Apache-2.0
-- Facts behind GET /wf/v1/flow_runs/{id}/explain.

-- name: explain_run
SELECT fr.id, fr.name, fr.state_type, fr.state_name, frs.message, fr.state_timestamp,
  fr.next_scheduled_start_time, fr.start_time, fr.end_time, fr.owner, fr.fence, fr.attempts,
  fr.retry_in_process, fr.work_queue_name, fr.infrastructure_pid,
  d.id, d.name, d.paused, f.name,
  wq.id, wq.name, wq.is_paused, wq.concurrency_limit, wq.last_polled,
  wp.id, wp.name, wp.is_paused, wp.concurrency_limit, wp.type,
  cl.id, cl.name, cl."limit", cl.active,
  s.id, s.active, s.slug, d.last_polled
FROM flow_run fr
JOIN flow f ON f.id = fr.flow_id
LEFT JOIN flow_run_state frs ON frs.id = fr.state_id
LEFT JOIN deployment d ON d.id = fr.deployment_id
LEFT JOIN work_queue wq ON wq.id = fr.work_queue_id
LEFT JOIN work_pool wp ON wp.id = wq.work_pool_id
LEFT JOIN concurrency_limit_v2 cl ON cl.id = d.concurrency_limit_id
LEFT JOIN deployment_schedule s ON s.id = fr.schedule_id
WHERE fr.id = ?1;

-- name: explain_pool_holders
SELECT fr.id, fr.name FROM work_queue q JOIN flow_run fr ON fr.work_queue_id = q.id
WHERE q.work_pool_id = ?1 AND fr.state_type IN (2, 3, 9) AND fr.state_type IN (2, 3)
ORDER BY fr.state_timestamp LIMIT ?2;

-- name: explain_queue_busy
SELECT count(*) FROM flow_run fr
WHERE fr.work_queue_id = ?1 AND fr.state_type IN (2, 3, 9) AND fr.state_type IN (2, 3);

-- name: explain_queue_holders
SELECT fr.id, fr.name FROM flow_run fr
WHERE fr.work_queue_id = ?1 AND fr.state_type IN (2, 3, 9) AND fr.state_type IN (2, 3)
ORDER BY fr.state_timestamp LIMIT ?2;

-- name: explain_limit_holders
SELECT fr.id, fr.name FROM concurrency_slot s
JOIN concurrency_lease l ON l.id = s.lease_id
JOIN flow_run fr ON fr.id = l.holder_id
WHERE s.limit_id = ?1 ORDER BY l.created LIMIT ?2;

-- name: explain_limit_taken
SELECT coalesce(sum(s.slots), 0) FROM concurrency_slot s WHERE s.limit_id = ?1;

-- How many runs of the pool are due before this one.
-- name: explain_ahead
SELECT count(*) FROM work_queue q JOIN flow_run fr ON fr.work_queue_id = q.id
WHERE q.work_pool_id = ?1 AND fr.state_type = 1 AND fr.next_scheduled_start_time < ?2;

-- name: explain_workers
SELECT count(*), max(w.last_heartbeat_time) FROM worker w WHERE w.work_pool_id = ?1;
