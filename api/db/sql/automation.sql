-- SPDX-License-Identifier: Apache-2.0
-- Automations.  Columns: id created updated name description enabled tags trigger actions
-- actions_on_trigger actions_on_resolve.

-- name: automation_insert
INSERT INTO automation (id, created, updated, name, description, enabled, tags, "trigger",
  actions, actions_on_trigger, actions_on_resolve)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10);
-- name: automation_by_id
SELECT id, created, updated, name, description, enabled, tags, "trigger", actions,
  actions_on_trigger, actions_on_resolve
FROM automation WHERE id = ?1;
-- name: automation_list
SELECT au.id, au.created, au.updated, au.name, au.description, au.enabled, au.tags,
  au."trigger", au.actions, au.actions_on_trigger, au.actions_on_resolve
FROM automation AS au WHERE {where} {order};
-- name: automation_count
SELECT count(*) FROM automation AS au WHERE {where};
-- name: automation_replace
UPDATE automation SET updated = ?2, name = ?3, description = coalesce(?4, description),
  enabled = coalesce(?5, enabled), tags = coalesce(?6, tags), "trigger" = ?7, actions = ?8,
  actions_on_trigger = coalesce(?9, actions_on_trigger),
  actions_on_resolve = coalesce(?10, actions_on_resolve)
WHERE id = ?1;
-- name: automation_enable
UPDATE automation SET updated = ?2, enabled = ?3 WHERE id = ?1;
-- name: automation_delete
DELETE FROM automation WHERE id = ?1;
-- name: automation_delete_owned
DELETE FROM automation WHERE created < ?2 AND id IN (
  SELECT r.automation_id FROM automation_related_resource AS r
  WHERE r.resource_id = ?1 AND r.owned = 1);
-- name: automation_related
SELECT au.id, au.created, au.updated, au.name, au.description, au.enabled, au.tags,
  au."trigger", au.actions, au.actions_on_trigger, au.actions_on_resolve
FROM automation AS au JOIN automation_related_resource AS r ON r.automation_id = au.id
WHERE r.resource_id = ?1 ORDER BY au.name;
-- name: automation_relate
INSERT INTO automation_related_resource (automation_id, resource_id, owned)
VALUES (?1, ?2, ?3)
ON CONFLICT (automation_id, resource_id) DO UPDATE
SET owned = CASE WHEN excluded.owned = 1 THEN 1 ELSE automation_related_resource.owned END;
-- name: automation_unrelate
DELETE FROM automation_related_resource WHERE automation_id = ?1 AND owned = 0;
