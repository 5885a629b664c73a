-- SPDX-License-Identifier: Apache-2.0
-- Events.  Columns: id occurred received event resource related payload follows.

-- name: event_insert
INSERT INTO event
  (id, occurred, received, event, resource_id, resource, related, payload, follows)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (id) DO NOTHING;
-- name: event_list
-- hot: e_by_time_desc
SELECT id, occurred, received, event, resource, related, payload, follows
FROM event AS e WHERE {where} {order};
-- name: event_count
SELECT count(*) FROM event AS e WHERE {where};

-- fragment: e_since
e.occurred >= ?
-- fragment: e_until
e.occurred <= ?
-- fragment: e_before
e.occurred < ? OR (e.occurred = ? AND e.id < ?)
-- fragment: e_after
e.occurred > ? OR (e.occurred = ? AND e.id > ?)
-- fragment: e_name_any
e.event IN (%)
-- fragment: e_resource_any
e.resource_id IN (%)
-- fragment: e_id_any
e.id IN (%)
-- fragment: e_by_time_asc
e.occurred, e.id
-- fragment: e_by_time_desc
e.occurred DESC, e.id DESC
-- fragment: e_name_range
e.event >= ? AND e.event < ?
-- fragment: e_resource_range
e.resource_id >= ? AND e.resource_id < ?
