-- SPDX-License-Identifier: Apache-2.0
-- Workers and their heartbeats.

-- name: worker_heartbeat
-- hot
INSERT INTO worker (id, created, updated, name, work_pool_id, last_heartbeat_time,
  heartbeat_interval_seconds, status, metadata, instance)
VALUES (?1, ?2, ?2, ?3, ?4, ?2, ?5, 'ONLINE', ?6, ?7)
ON CONFLICT (work_pool_id, name) DO UPDATE SET updated = ?2, last_heartbeat_time = ?2,
  heartbeat_interval_seconds = ?5, status = 'ONLINE', metadata = coalesce(?6, worker.metadata),
  instance = coalesce(?7, worker.instance);

-- name: worker_drain_wanted
SELECT 1 FROM worker w
WHERE w.work_pool_id = ?1 AND w.name = ?2 AND w.drain_instance = w.instance;

-- name: worker_drain
UPDATE worker SET updated = ?1, drain_instance = instance
WHERE work_pool_id = ?2 AND name = ?3 AND instance IS NOT NULL;

-- name: worker_fleet
SELECT w.name, p.name, w.last_heartbeat_time, w.heartbeat_interval_seconds,
  CASE WHEN w.last_heartbeat_time
      >= ?2 - 3000000 * coalesce(w.heartbeat_interval_seconds, 30)
    THEN 'ONLINE' ELSE 'OFFLINE' END,
  w.metadata, CASE WHEN w.drain_instance = w.instance THEN 1 ELSE 0 END
FROM worker w JOIN work_pool p ON p.id = w.work_pool_id
WHERE p.name = coalesce(?1, p.name)
ORDER BY p.name, w.name LIMIT ?3;

-- name: worker_id_by_name
SELECT w.id FROM worker w WHERE w.work_pool_id = ?1 AND w.name = ?2;

-- name: worker_filter
SELECT w.id, w.created, w.updated, w.name, w.work_pool_id, w.last_heartbeat_time,
  w.heartbeat_interval_seconds,
  CASE WHEN w.last_heartbeat_time
      >= ?2 - 3000000 * coalesce(w.heartbeat_interval_seconds, 30)
    THEN 'ONLINE' ELSE 'OFFLINE' END
FROM worker w WHERE w.work_pool_id = ?1 AND {where}
ORDER BY w.last_heartbeat_time DESC, w.id;

-- name: worker_delete
DELETE FROM worker WHERE work_pool_id = ?1 AND name = ?2;

-- name: worker_mark_offline
UPDATE worker SET updated = ?1, status = 'OFFLINE'
WHERE status = 'ONLINE'
  AND last_heartbeat_time < ?1 - 3000000 * coalesce(heartbeat_interval_seconds, 30);
