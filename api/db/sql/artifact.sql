-- SPDX-License-Identifier: Apache-2.0
-- Artifacts and the newest of each key.  Columns of an artifact: id created updated key type
-- description data metadata_ flow_run_id task_run_id; the collection adds latest_id.

-- name: artifact_insert
INSERT INTO artifact (id, created, updated, key, type, description, data, metadata_,
  flow_run_id, task_run_id)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9);
-- name: artifact_by_id
SELECT id, created, updated, key, type, description, data, metadata_, flow_run_id, task_run_id
FROM artifact WHERE id = ?1;
-- name: artifact_update
UPDATE artifact SET updated = ?2,
  data = CASE WHEN ?3 THEN ?4 ELSE data END,
  description = CASE WHEN ?5 THEN ?6 ELSE description END,
  metadata_ = CASE WHEN ?7 THEN ?8 ELSE metadata_ END
WHERE id = ?1;
-- name: artifact_delete
DELETE FROM artifact WHERE id = ?1;
-- name: artifact_list
SELECT id, created, updated, key, type, description, data, metadata_, flow_run_id, task_run_id
FROM artifact AS a WHERE {where} {order};
-- name: artifact_count
SELECT count(*) FROM artifact AS a WHERE {where};

-- name: collection_put
INSERT INTO artifact_collection (id, created, updated, key, latest_id)
VALUES (?1, ?2, ?2, ?3, ?4)
ON CONFLICT (key) DO UPDATE SET latest_id = excluded.latest_id, updated = excluded.updated;
-- name: collection_touch
UPDATE artifact_collection SET updated = ?2 WHERE latest_id = ?1;
-- After the deletion of the artifact ?2 with the key ?1: the newest that is left.
-- name: collection_repoint
UPDATE artifact_collection SET updated = ?3, latest_id = coalesce(
  (SELECT a.id FROM artifact AS a WHERE a.key = ?1 ORDER BY a.id DESC LIMIT 1), latest_id)
WHERE key = ?1 AND latest_id = ?2;
-- name: collection_delete_empty
DELETE FROM artifact_collection
WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM artifact AS a WHERE a.key = ?1);
-- name: collection_by_key
SELECT ac.id, ac.created, ac.updated, ac.key, a.type, a.description, a.data, a.metadata_,
  a.flow_run_id, a.task_run_id, ac.latest_id
FROM artifact_collection AS ac JOIN artifact AS a ON a.id = ac.latest_id WHERE ac.key = ?1;
-- name: collection_list
SELECT ac.id, ac.created, ac.updated, ac.key, a.type, a.description, a.data, a.metadata_,
  a.flow_run_id, a.task_run_id, ac.latest_id
FROM artifact_collection AS ac JOIN artifact AS a ON a.id = ac.latest_id
WHERE {where} {order};
-- name: collection_count
SELECT count(*)
FROM artifact_collection AS ac JOIN artifact AS a ON a.id = ac.latest_id WHERE {where};
