-- SPDX-License-Identifier: Apache-2.0
-- Variables.  Columns: id created updated name value tags.

-- name: variable_insert
INSERT INTO variable (id, created, updated, name, value, tags)
VALUES (?1, ?2, ?2, ?3, ?4, ?5)
ON CONFLICT (name) DO NOTHING;
-- name: variable_by_id
SELECT id, created, updated, name, value, tags FROM variable WHERE id = ?1;
-- name: variable_by_name
SELECT id, created, updated, name, value, tags FROM variable WHERE name = ?1;
-- name: variable_update
UPDATE variable SET name = coalesce(?2, name), value = coalesce(?3, value),
  tags = coalesce(?4, tags), updated = ?5
WHERE id = ?1;
-- name: variable_delete
DELETE FROM variable WHERE id = ?1;
-- name: variable_list
SELECT id, created, updated, name, value, tags FROM variable AS v WHERE {where} {order};
-- name: variable_count
SELECT count(*) FROM variable AS v WHERE {where};
