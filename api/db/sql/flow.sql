-- SPDX-License-Identifier: Apache-2.0
-- Flows.  Columns of a flow, in this order: id created updated name tags labels.

-- name: flow_insert
INSERT INTO flow (id, created, updated, name, tags, labels)
VALUES (?1, ?2, ?2, ?3, ?4, ?5);
-- name: flow_by_id
-- hot
SELECT id, created, updated, name, tags, labels FROM flow WHERE id = ?1;
-- name: flow_by_name
-- hot
SELECT id, created, updated, name, tags, labels FROM flow WHERE name = ?1;
-- name: flow_ensure
INSERT INTO flow (id, created, updated, name, tags, labels)
VALUES (?1, ?2, ?2, ?3, ?4, ?5)
ON CONFLICT (name) DO NOTHING;
-- name: flow_update
UPDATE flow SET tags = coalesce(?2, tags), updated = ?3 WHERE id = ?1;
-- What goes with a flow and is not its row: limits of its deployments, leases of its runs.
-- name: flow_delete_limits
DELETE FROM concurrency_limit_v2 WHERE name LIKE 'deployment:%'
  AND id IN (SELECT d.concurrency_limit_id FROM deployment d WHERE d.flow_id = ?1);
-- name: flow_delete_leases
DELETE FROM concurrency_lease WHERE id IN (
  SELECT fr.lease_id FROM flow_run fr WHERE fr.flow_id = ?1 AND fr.lease_id IS NOT NULL);
-- name: flow_delete
DELETE FROM flow WHERE id = ?1;
-- name: flow_list
SELECT id, created, updated, name, tags, labels FROM flow AS f WHERE {where} {order};
-- name: flow_count
SELECT count(*) FROM flow AS f WHERE {where};

