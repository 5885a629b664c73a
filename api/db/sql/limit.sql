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
