-- SPDX-License-Identifier: Apache-2.0
-- Saved searches.  Columns: id created updated name filters.

-- name: saved_search_put
INSERT INTO saved_search (id, created, updated, name, filters)
VALUES (?1, ?2, ?2, ?3, ?4)
ON CONFLICT (name) DO UPDATE SET filters = excluded.filters, updated = excluded.updated;
-- name: saved_search_by_name
SELECT id, created, updated, name, filters FROM saved_search WHERE name = ?1;
-- name: saved_search_by_id
SELECT id, created, updated, name, filters FROM saved_search WHERE id = ?1;
-- name: saved_search_delete
DELETE FROM saved_search WHERE id = ?1;
-- name: saved_search_list
SELECT id, created, updated, name, filters FROM saved_search
WHERE {where} ORDER BY name;
-- name: saved_search_count
SELECT count(*) FROM saved_search WHERE {where};
