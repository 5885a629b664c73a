-- SPDX-License-Identifier: Apache-2.0
-- The updates RPC: answers that were given, and what its items write.

-- name: applied_by_id
-- hot
SELECT au.answer, au.state_id, au.reason FROM applied_update au WHERE au.id = ?1;
-- name: applied_insert
-- hot
INSERT INTO applied_update (id, flow_run_id, applied, answer, state_id, reason)
VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING;

-- name: run_info_update
UPDATE flow_run SET updated = ?2, name = coalesce(?3, name),
  infrastructure_pid = coalesce(?4, infrastructure_pid),
  flow_version = coalesce(?5, flow_version),
  empirical_policy = coalesce(?6, empirical_policy), labels = coalesce(?7, labels),
  owner = coalesce(?8, owner)
WHERE id = ?1;
-- name: run_info_old
SELECT fr.labels, fr.empirical_policy FROM flow_run fr WHERE fr.id = ?1;

-- name: update_artifact_insert
INSERT INTO artifact (id, created, updated, key, type, description, data, flow_run_id,
  task_run_id)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING;
-- name: update_artifact_latest
INSERT INTO artifact_collection (id, created, updated, key, latest_id)
VALUES (?1, ?2, ?2, ?3, ?4)
ON CONFLICT (key) DO UPDATE SET updated = ?2, latest_id = ?4;

-- name: update_flow
SELECT f.id, f.created, f.updated, f.name, f.tags, f.labels FROM flow f
JOIN flow_run fr ON fr.flow_id = f.id WHERE fr.id = ?1;
