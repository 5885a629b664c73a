-- SPDX-License-Identifier: Apache-2.0
-- Logs.  Columns: id created name level message timestamp flow_run_id task_run_id.

-- name: log_insert
INSERT INTO log (id, created, name, level, message, timestamp, flow_run_id, task_run_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);
-- name: log_download
SELECT timestamp, level, flow_run_id, task_run_id, message FROM log AS l
WHERE l.flow_run_id = ?1 ORDER BY l.timestamp, l.id;

-- name: log_list
-- hot: l_by_time_asc
SELECT id, created, name, level, message, timestamp, flow_run_id, task_run_id
FROM log AS l WHERE {where} {order};
