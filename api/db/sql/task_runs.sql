-- SPDX-License-Identifier: Apache-2.0
-- Task runs: recorded ones (events, native engines) and those of the REST routes.

-- What task_run_write() reads, in its order (api/routes/task_run_json.h).
-- text: task_run_columns
tr.id, tr.created, tr.updated, tr.name, tr.flow_run_id, tr.task_key, tr.dynamic_key,
tr.cache_key, tr.cache_expiration, tr.task_version, tr.empirical_policy, tr.tags, tr.labels,
tr.state_id, tr.task_inputs, tr.state_type, tr.state_name, tr.run_count,
tr.flow_run_run_count, tr.expected_start_time, tr.next_scheduled_start_time, tr.start_time,
tr.end_time, tr.total_run_time, tr.state_timestamp, trs.message, trs.data, trs.state_details

-- text: task_run_tables
task_run tr LEFT JOIN task_run_state trs ON trs.id = tr.state_id

-- name: task_run_by_id
-- hot
SELECT {task_run_columns} FROM {task_run_tables} WHERE tr.id = ?1;

-- name: task_run_list
SELECT {task_run_columns} FROM {task_run_tables} WHERE {where} {order};

-- name: task_run_count
SELECT count(*) FROM task_run tr WHERE {where};

-- name: task_run_id_by_keys
-- hot
SELECT tr.id FROM task_run tr
WHERE tr.flow_run_id = ?1 AND tr.task_key = ?2 AND tr.dynamic_key = ?3;

-- name: task_run_state_at
-- hot
SELECT tr.state_timestamp FROM task_run tr WHERE tr.id = ?1;

-- A recorded state (server-contract 9.3).  Nothing is inserted for a flow run that is gone.
-- name: task_record_insert
-- hot
INSERT INTO task_run (id, created, updated, name, flow_run_id, task_key, dynamic_key,
  task_version, cache_key, cache_expiration, flow_run_run_count, empirical_policy,
  task_inputs, tags, labels, state_id, state_type, state_name, state_timestamp, run_count,
  expected_start_time, start_time, end_time, total_run_time)
SELECT ?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
  ?19, ?20, ?21, ?22, ?23
WHERE CAST(?4 AS BLOB) IS NULL OR EXISTS (SELECT 1 FROM flow_run fr WHERE fr.id = ?4)
ON CONFLICT DO NOTHING;

-- Only forward in time: states may arrive in any order.
-- name: task_record_update
-- hot
UPDATE task_run SET updated = ?2, name = ?3, task_version = ?4, cache_key = ?5,
  cache_expiration = ?6, flow_run_run_count = ?7, empirical_policy = ?8, task_inputs = ?9,
  tags = ?10, labels = ?11, state_id = ?12, state_type = ?13, state_name = ?14,
  state_timestamp = ?15, run_count = ?16, expected_start_time = ?17, start_time = ?18,
  end_time = ?19, total_run_time = ?20
WHERE id = ?1 AND (state_timestamp IS NULL OR state_timestamp < ?15);

-- name: task_run_state_insert
-- hot
INSERT INTO task_run_state (id, task_run_id, created, type, timestamp, name, message,
  state_details, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (id) DO NOTHING;

-- REST.
-- name: task_run_insert
INSERT INTO task_run (id, created, updated, name, flow_run_id, task_key, dynamic_key,
  cache_key, cache_expiration, task_version, empirical_policy, task_inputs, tags, labels)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
ON CONFLICT (flow_run_id, task_key, dynamic_key) DO NOTHING;

-- Everything that a decision about a task run needs (api/orchestration/task_apply.c).
-- name: task_run_for_decision
SELECT tr.name, tr.flow_run_id, tr.run_count, tr.flow_run_run_count, tr.empirical_policy,
  tr.tags, tr.start_time, tr.end_time, tr.expected_start_time,
  tr.next_scheduled_start_time, tr.total_run_time,
  trs.id, trs.type, trs.name, trs.timestamp, trs.message, trs.data, trs.state_details,
  fr.run_count, fr.name, frs.type, frs.name, frs.state_details
FROM task_run tr
LEFT JOIN task_run_state trs ON trs.id = tr.state_id
LEFT JOIN flow_run fr ON fr.id = tr.flow_run_id
LEFT JOIN flow_run_state frs ON frs.id = fr.state_id
WHERE tr.id = ?1;

-- name: task_run_move
UPDATE task_run SET updated = ?2, state_id = ?3, state_type = ?4, state_name = ?5,
  state_timestamp = ?6, run_count = ?7, flow_run_run_count = ?8, expected_start_time = ?9,
  next_scheduled_start_time = ?10, start_time = ?11, end_time = ?12, total_run_time = ?13
WHERE id = ?1;

-- name: task_run_set_name
UPDATE task_run SET updated = ?2, name = ?3 WHERE id = ?1;

-- name: task_run_delete
DELETE FROM task_run WHERE id = ?1;

-- name: task_run_parent_labels
SELECT fr.labels FROM flow_run fr WHERE fr.id = ?1;

-- name: task_run_states
SELECT {run_state_columns}, s.task_run_id, tr.flow_run_id FROM task_run_state s
JOIN task_run tr ON tr.id = s.task_run_id
WHERE s.task_run_id = ?1 ORDER BY s.timestamp, s.id;
-- name: task_run_state_by_id
SELECT {run_state_columns}, s.task_run_id, tr.flow_run_id FROM task_run_state s
JOIN task_run tr ON tr.id = s.task_run_id
WHERE s.id = ?1;

-- name: task_run_history
SELECT (tr.expected_start_time - ?1) / ?2 AS bucket, tr.state_type, tr.state_name, count(*),
  sum(CASE WHEN tr.state_type = 3
    THEN tr.total_run_time + ?3 - tr.state_timestamp ELSE tr.total_run_time END),
  sum(CASE
    WHEN tr.start_time IS NOT NULL AND tr.start_time > tr.expected_start_time
      THEN tr.start_time - tr.expected_start_time
    WHEN tr.start_time IS NULL AND tr.state_type NOT IN (4, 5, 6, 7)
      AND tr.expected_start_time < ?3 THEN ?3 - tr.expected_start_time
    ELSE 0 END)
FROM task_run tr
WHERE tr.expected_start_time >= ?1 AND tr.expected_start_time < ?4 AND {where}
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- Results that tasks share by their cache key.
-- name: task_cache_newest
SELECT {run_state_columns} FROM task_run_state_cache c
JOIN task_run_state s ON s.id = c.task_run_state_id
WHERE c.cache_key = ?1 AND (c.cache_expiration IS NULL OR c.cache_expiration > ?2)
ORDER BY c.id DESC LIMIT 1;
-- name: task_cache_insert
INSERT INTO task_run_state_cache (id, cache_key, cache_expiration, task_run_state_id)
VALUES (?1, ?2, ?3, ?4);

-- Slots of tag limits held by task runs.
-- name: task_tag_limits
SELECT cl.id, cl.name, cl."limit",
  (SELECT coalesce(sum(cs.slots), 0) FROM concurrency_slot cs WHERE cs.limit_id = cl.id)
FROM concurrency_limit_v2 cl
WHERE cl.active = 1 AND cl.name IN (SELECT 'tag:' || value FROM json_each(?1));
-- pg:
SELECT cl.id, cl.name, cl."limit",
  (SELECT coalesce(sum(cs.slots), 0) FROM concurrency_slot cs WHERE cs.limit_id = cl.id)
FROM concurrency_limit_v2 cl
WHERE cl.active = 1
  AND cl.name IN (SELECT 'tag:' || t FROM json_array_elements_text(?1::json) AS t);
-- name: task_lease_insert
INSERT INTO concurrency_lease (id, created, expires, holder_type, holder_id)
VALUES (?1, ?2, ?3, 'task_run', ?4);
-- name: task_leases_end
DELETE FROM concurrency_lease WHERE holder_type = 'task_run' AND holder_id = ?1;
