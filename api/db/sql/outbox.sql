-- SPDX-License-Identifier: Apache-2.0
-- What Redis has to be told (api/services/outbox.h, relay.h).

-- name: outbox_add_run
-- hot
INSERT INTO outbox (created, kind, pool, object_id)
SELECT ?3, ?2, wp.name, fr.id
FROM flow_run fr
JOIN work_queue wq ON wq.id = fr.work_queue_id
JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE fr.id = ?1;

-- What Redis may know of the runs of a flow that is about to be deleted.
-- name: outbox_cancel_flow
INSERT INTO outbox (created, kind, pool, object_id)
SELECT ?2, 2, wp.name, fr.id
FROM flow_run fr
JOIN work_queue wq ON wq.id = fr.work_queue_id
JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE fr.flow_id = ?1 AND fr.state_type NOT IN (4, 5, 6, 7);

-- name: outbox_add_queue_runs
INSERT INTO outbox (created, kind, pool, object_id)
SELECT ?2, 1, wp.name, fr.id
FROM work_queue wq
JOIN work_pool wp ON wp.id = wq.work_pool_id
JOIN flow_run fr ON fr.work_queue_id = wq.id AND fr.state_type = 1
WHERE wq.id = ?1
ORDER BY fr.next_scheduled_start_time;

-- name: outbox_add_queue
INSERT INTO outbox (created, kind, pool, object_id)
SELECT ?2, 4, wp.name, wq.id
FROM work_queue wq
JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE wq.id = ?1;

-- name: outbox_add_lane
INSERT INTO outbox (created, kind, pool, object_id)
SELECT ?2, 7, wp.name, d.id
FROM deployment d
JOIN work_queue wq ON wq.id = d.work_queue_id
JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE d.id = ?1;

-- name: outbox_add_lanes_of_limit
INSERT INTO outbox (created, kind, pool, object_id)
SELECT ?2, 7, wp.name, d.id
FROM deployment d
JOIN work_queue wq ON wq.id = d.work_queue_id
JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE d.concurrency_limit_id = ?1;

-- name: outbox_add
INSERT INTO outbox (created, kind, pool, object_id, body) VALUES (?1, ?2, ?3, ?4, ?5);

-- What a row's object is now: the relay sends that, not what it was.
-- name: outbox_batch
-- hot
SELECT o.id, o.kind, o.pool, o.object_id, o.body,
  fr.id, fr.name, fr.deployment_id, fr.gen, fr.next_scheduled_start_time, fr.state_type,
  fr.retry_in_process,
  frq.name, frq.priority, frp.name,
  wp.id, wp.is_paused, wp.concurrency_limit,
  wp.id IS NOT NULL AND EXISTS (SELECT 1 FROM work_queue hq
    JOIN flow_run hr ON hr.work_queue_id = hq.id AND hr.state_type IN (2, 3, 9)
    WHERE hq.work_pool_id = wp.id),
  wq.id, wq.name, wq.is_paused, wq.concurrency_limit, wq.priority,
  fr.owner, d.id,
  CASE WHEN d.concurrency_options LIKE '%CANCEL_NEW%' THEN 0
    ELSE coalesce(cl."limit", 0) END,
  fr.fence
FROM outbox o
LEFT JOIN flow_run fr ON o.kind IN (1, 2) AND fr.id = o.object_id
LEFT JOIN work_queue frq ON frq.id = fr.work_queue_id
LEFT JOIN work_pool frp ON frp.id = frq.work_pool_id
LEFT JOIN work_pool wp ON o.kind IN (3, 6) AND wp.name = o.pool
LEFT JOIN work_queue wq ON o.kind = 4 AND wq.id = o.object_id
LEFT JOIN deployment d
  ON d.id = CASE WHEN o.kind = 7 THEN o.object_id ELSE fr.deployment_id END
LEFT JOIN concurrency_limit_v2 cl ON cl.id = d.concurrency_limit_id AND cl.active = 1
WHERE o.id > ?1
ORDER BY o.id
LIMIT ?2;

-- name: outbox_delete
-- hot
DELETE FROM outbox WHERE id = ?1;

-- name: outbox_delete_range
-- hot
DELETE FROM outbox WHERE id >= ?1 AND id <= ?2;

-- name: outbox_count
SELECT count(*) FROM outbox;
