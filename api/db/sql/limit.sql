-- SPDX-License-Identifier: Apache-2.0
-- Concurrency limits and their leases.  Columns of a limit: id created updated active name
-- limit slot_decay_per_second held decayed_slots decayed_at denied_slots avg_slot_occupancy.

-- name: limit_insert
INSERT INTO concurrency_limit_v2 (id, created, updated, active, name, "limit",
  slot_decay_per_second, decayed_slots, decayed_at, denied_slots)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?2, ?8);
-- name: limit_list
SELECT cl.id, cl.created, cl.updated, cl.active, cl.name, cl."limit", cl.slot_decay_per_second,
  (SELECT coalesce(sum(cs.slots), 0) FROM concurrency_slot AS cs WHERE cs.limit_id = cl.id),
  cl.decayed_slots, cl.decayed_at, cl.denied_slots, cl.avg_slot_occupancy_seconds
FROM concurrency_limit_v2 AS cl WHERE {where} ORDER BY cl.name;
-- name: limit_of_lease
SELECT cl.id, cl.created, cl.updated, cl.active, cl.name, cl."limit", cl.slot_decay_per_second,
  sl.slots, cl.decayed_slots, cl.decayed_at, cl.denied_slots, cl.avg_slot_occupancy_seconds
FROM concurrency_slot AS sl JOIN concurrency_limit_v2 AS cl ON cl.id = sl.limit_id
WHERE sl.lease_id = ?1;
-- name: limit_update
UPDATE concurrency_limit_v2 SET updated = ?2, active = coalesce(?3, active),
  name = coalesce(?4, name), "limit" = coalesce(?5, "limit"),
  slot_decay_per_second = coalesce(?6, slot_decay_per_second),
  denied_slots = coalesce(?7, denied_slots)
WHERE id = ?1;
-- name: limit_set_usage
UPDATE concurrency_limit_v2 SET updated = ?2, decayed_slots = ?3, decayed_at = ?2,
  denied_slots = ?4
WHERE id = ?1;
-- name: limit_set_average
UPDATE concurrency_limit_v2 SET avg_slot_occupancy_seconds = ?2, updated = ?3,
  decayed_slots = ?4, decayed_at = ?5
WHERE id = ?1;
-- name: limit_delete
DELETE FROM concurrency_limit_v2 WHERE id = ?1;

-- name: limit_lease_insert
INSERT INTO concurrency_lease (id, created, expires, holder_type, holder_id)
VALUES (?1, ?2, ?3, ?4, ?5);
-- name: limit_lease_created
SELECT created FROM concurrency_lease WHERE id = ?1;
-- name: limit_lease_renew
-- One that its run's owner keeps stays.
UPDATE concurrency_lease
SET expires = CASE WHEN expires = 9223372036854775807 THEN expires ELSE ?2 END
WHERE id = ?1;
-- name: limit_lease_delete
DELETE FROM concurrency_lease WHERE id = ?1;
-- name: limit_lease_delete_empty
DELETE FROM concurrency_lease WHERE id = ?1
  AND NOT EXISTS (SELECT 1 FROM concurrency_slot AS cs WHERE cs.lease_id = ?1);
-- name: limit_slot_insert
INSERT INTO concurrency_slot (limit_id, lease_id, slots) VALUES (?1, ?2, ?3);
-- name: limit_slot_delete
DELETE FROM concurrency_slot WHERE limit_id = ?1 AND lease_id = ?2;
-- name: limit_slot_reduce
UPDATE concurrency_slot SET slots = slots - ?3 WHERE limit_id = ?1 AND lease_id = ?2;

-- name: limit_lease_exists
SELECT 1 FROM concurrency_lease WHERE id = ?1;

-- Leases of the limit ?1 that expired before ?2.
-- name: limit_lease_expired_of_limit
SELECT le.id FROM concurrency_slot AS cs JOIN concurrency_lease AS le ON le.id = cs.lease_id
WHERE cs.limit_id = ?1 AND le.expires <= ?2;
-- name: limit_lease_delete_of_limit
DELETE FROM concurrency_lease WHERE id IN
  (SELECT cs.lease_id FROM concurrency_slot AS cs WHERE cs.limit_id = ?1)
  AND NOT EXISTS (SELECT 1 FROM concurrency_slot AS ot
    WHERE ot.lease_id = concurrency_lease.id AND ot.limit_id <> ?1);
-- name: limit_slot_delete_of_limit
DELETE FROM concurrency_slot WHERE limit_id = ?1;
-- Records that no lease will give back (increment without lease), oldest first.
-- name: limit_slot_unleased
SELECT cs.lease_id, cs.slots FROM concurrency_slot AS cs
JOIN concurrency_lease AS le ON le.id = cs.lease_id
WHERE cs.limit_id = ?1 AND le.expires = ?2 AND le.holder_id IS NULL ORDER BY le.created;
-- name: limit_slot_of_holder
SELECT cs.lease_id, cs.slots FROM concurrency_slot AS cs
JOIN concurrency_lease AS le ON le.id = cs.lease_id
WHERE cs.limit_id = ?1 AND le.holder_id = ?2;
-- name: limit_slot_holders
SELECT le.holder_id FROM concurrency_slot AS cs
JOIN concurrency_lease AS le ON le.id = cs.lease_id
WHERE cs.limit_id = ?1 AND le.holder_id IS NOT NULL ORDER BY le.created;

-- fragment: cl_name_any
cl.name IN (%)
-- fragment: cl_id
cl.id = ?
-- fragment: cl_is_tag
cl.name LIKE 'tag:%'

-- Who holds what: GET /wf/v1/concurrency.  Columns: kind, name, limit, in use, id.
-- name: concurrency_usage
SELECT 'pool', wp.name, wp.concurrency_limit, (
    SELECT count(*) FROM work_queue q JOIN flow_run fr ON fr.work_queue_id = q.id
    WHERE q.work_pool_id = wp.id AND fr.state_type IN (2, 3, 9)), wp.id
FROM work_pool wp WHERE wp.concurrency_limit IS NOT NULL
UNION ALL
SELECT 'queue', wp.name || '/' || wq.name, wq.concurrency_limit, (
    SELECT count(*) FROM flow_run fr
    WHERE fr.work_queue_id = wq.id AND fr.state_type IN (2, 3, 9)), wq.id
FROM work_queue wq JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE wq.concurrency_limit IS NOT NULL
UNION ALL
SELECT CASE WHEN d.id IS NOT NULL THEN 'deployment'
    WHEN cl.name LIKE 'tag:%' THEN 'tag' ELSE 'global' END,
  CASE WHEN d.id IS NOT NULL THEN f.name || '/' || d.name ELSE cl.name END,
  cl."limit",
  (SELECT coalesce(sum(cs.slots), 0) FROM concurrency_slot cs WHERE cs.limit_id = cl.id),
  cl.id
FROM concurrency_limit_v2 cl
LEFT JOIN deployment d ON d.concurrency_limit_id = cl.id AND cl.name LIKE 'deployment:%'
LEFT JOIN flow f ON f.id = d.flow_id
WHERE cl.active = 1
ORDER BY 1, 2 LIMIT ?1;

-- Holders: type, id, name, since, worker, slots.
-- name: concurrency_pool_holders
SELECT 'flow-run', fr.id, fr.name, fr.state_timestamp, fr.owner, 1
FROM work_queue q JOIN flow_run fr ON fr.work_queue_id = q.id
WHERE q.work_pool_id = ?1 AND fr.state_type IN (2, 3, 9)
ORDER BY fr.state_timestamp, fr.id LIMIT ?2;

-- name: concurrency_queue_holders
SELECT 'flow-run', fr.id, fr.name, fr.state_timestamp, fr.owner, 1
FROM flow_run fr WHERE fr.work_queue_id = ?1 AND fr.state_type IN (2, 3, 9)
ORDER BY fr.state_timestamp, fr.id LIMIT ?2;

-- name: concurrency_slot_holders
SELECT CASE WHEN fr.id IS NOT NULL THEN 'flow-run' WHEN tr.id IS NOT NULL THEN 'task-run'
    ELSE coalesce(le.holder_type, 'client') END,
  coalesce(fr.id, tr.id, le.id), coalesce(fr.name, tr.name), le.created, fr.owner, cs.slots
FROM concurrency_slot cs
JOIN concurrency_lease le ON le.id = cs.lease_id
LEFT JOIN flow_run fr ON fr.id = le.holder_id
LEFT JOIN task_run tr ON tr.id = le.holder_id
WHERE cs.limit_id = ?1
ORDER BY le.created LIMIT ?2;
