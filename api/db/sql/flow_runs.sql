-- SPDX-License-Identifier: Apache-2.0
-- Flow runs: rows for answers, for decisions, and the writes of one state change.

-- What flow_run_write() reads, in its order (api/routes/flow_run_json.h); from
-- {flow_run_tables}.
-- text: flow_run_columns
fr.id, fr.created, fr.updated, fr.name, fr.flow_id, fr.state_id, fr.deployment_id,
fr.deployment_version, fr.work_queue_id, fr.work_queue_name, fr.flow_version, fr.parameters,
fr.idempotency_key, fr.context, fr.empirical_policy, fr.tags, fr.labels,
fr.parent_task_run_id, fr.state_type, fr.state_name, fr.run_count, fr.expected_start_time,
fr.next_scheduled_start_time, fr.start_time, fr.end_time, fr.total_run_time,
fr.auto_scheduled, fr.infrastructure_document_id, fr.infrastructure_pid, fr.created_by,
fr.job_variables, fr.state_timestamp, fwp.id, fwp.name, frs.message, frs.data,
frs.state_details

-- text: flow_run_tables
flow_run fr
LEFT JOIN flow_run_state frs ON frs.id = fr.state_id
LEFT JOIN work_queue fwq ON fwq.id = fr.work_queue_id
LEFT JOIN work_pool fwp ON fwp.id = fwq.work_pool_id

-- name: flow_run_by_id
-- hot
SELECT {flow_run_columns} FROM {flow_run_tables} WHERE fr.id = ?1;

-- name: flow_run_list
SELECT {flow_run_columns} FROM {flow_run_tables} WHERE {where} {order};

-- name: flow_run_count
SELECT count(*) FROM flow_run fr WHERE {where};

-- name: flow_run_ids
SELECT fr.id FROM flow_run fr WHERE {where} {order};

-- name: flow_run_ids_of_state
SELECT fr.id FROM flow_run fr INDEXED BY flow_run_state_start
WHERE fr.state_type = ?1 AND coalesce(fr.state_type, 0) > 0 AND {where} {order};

-- name: flow_run_exists
-- hot
SELECT 1 FROM flow_run fr WHERE fr.id = ?1;

-- Everything that a decision about a run and its event need (api/orchestration/run_row.c).
-- name: flow_run_for_decision
-- hot
SELECT fr.flow_id, fr.deployment_id, fr.parent_task_run_id, fr.run_count,
  fr.infrastructure_pid, fr.empirical_policy, fr.start_time, fr.end_time,
  fr.expected_start_time, fr.next_scheduled_start_time, fr.total_run_time, fr.fence,
  fr.lease_id, fr.name, fr.tags, fr.created_by, fr.work_queue_id, fr.retry_in_process,
  fr.attempts, fr.owner,
  frs.id, frs.type, frs.name, frs.timestamp, frs.message, frs.data, frs.state_details,
  f.name, f.tags, d.id, d.name, d.tags, d.concurrency_options, d.on_lost,
  cl.id, cl."limit", wq.name, wp.id, wp.name, wp.type, ptr.name,
  d.max_attempts, ptr.tags
FROM flow_run fr
JOIN flow f ON f.id = fr.flow_id
LEFT JOIN flow_run_state frs ON frs.id = fr.state_id
LEFT JOIN deployment d ON d.id = fr.deployment_id
LEFT JOIN concurrency_limit_v2 cl ON cl.id = d.concurrency_limit_id AND cl.active = 1
LEFT JOIN work_queue wq ON wq.id = fr.work_queue_id
LEFT JOIN work_pool wp ON wp.id = wq.work_pool_id
LEFT JOIN task_run ptr ON ptr.id = fr.parent_task_run_id
WHERE fr.id = ?1;

-- name: flow_run_insert
-- hot
INSERT INTO flow_run (id, created, updated, name, flow_id, deployment_id, deployment_version,
  work_queue_id, work_queue_name, flow_version, parameters, idempotency_key, context,
  empirical_policy, tags, labels, parent_task_run_id, auto_scheduled, schedule_id,
  infrastructure_document_id, created_by, job_variables)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
  ?19, ?20, ?21)
ON CONFLICT (flow_id, idempotency_key) DO NOTHING;

-- name: flow_run_id_by_key
-- hot
SELECT fr.id FROM flow_run fr WHERE fr.flow_id = ?1 AND fr.idempotency_key = ?2;

-- The labels that a new run takes over: its deployment's, or its flow's.
-- name: flow_run_parent_labels
-- hot
SELECT coalesce(d.labels, f.labels) FROM flow f
LEFT JOIN deployment d ON d.id = ?2
WHERE f.id = ?1;

-- name: flow_run_state_insert
-- hot
INSERT INTO flow_run_state (id, flow_run_id, created, type, timestamp, name, message,
  state_details, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9);

-- name: flow_run_move
-- hot
UPDATE flow_run SET updated = ?2, state_id = ?3, state_type = ?4, state_name = ?5,
  state_timestamp = ?6, run_count = ?7, total_run_time = ?8, empirical_policy = ?9,
  retry_in_process = ?10, lease_id = ?11, gen = gen + ?12, fence = ?13,
  owner = CASE WHEN ?16 = 1 THEN NULL ELSE coalesce(?14, owner) END, attempts = ?15
WHERE id = ?1;

-- The times of a run, each alone: SQLite writes every index of a column that an UPDATE
-- names, changed or not, and eight indexes are about these (69 us for the move with all
-- of them, 40 without).
-- name: flow_run_move_due
-- hot
UPDATE flow_run SET expected_start_time = ?2, next_scheduled_start_time = ?3 WHERE id = ?1;
-- name: flow_run_move_start
-- hot
UPDATE flow_run SET start_time = ?2 WHERE id = ?1;
-- name: flow_run_move_end
-- hot
UPDATE flow_run SET end_time = ?2 WHERE id = ?1;

-- What a decision changes although no state is written.
-- name: flow_run_note
UPDATE flow_run SET fence = ?2, owner = coalesce(?3, owner), empirical_policy = ?4
WHERE id = ?1;

-- name: flow_run_fence
-- hot
SELECT fr.fence FROM flow_run fr WHERE fr.id = ?1;

-- name: flow_run_set_fence
UPDATE flow_run SET fence = ?2 WHERE id = ?1 AND fence < ?2;

-- The slot of a deployment's limit is a lease record.
-- name: run_lease_insert
INSERT INTO concurrency_lease (id, created, expires, holder_type, holder_id)
VALUES (?1, ?2, ?3, 'flow_run', ?4);
-- name: run_slot_insert
INSERT INTO concurrency_slot (limit_id, lease_id, slots) VALUES (?1, ?2, 1);
-- name: run_lease_alive
SELECT 1 FROM concurrency_lease cle WHERE cle.id = ?1;
-- name: run_lease_expires
UPDATE concurrency_lease SET expires = ?2 WHERE id = ?1;
-- name: run_lease_end
DELETE FROM concurrency_lease WHERE id = ?1;
-- name: run_slots_taken
SELECT coalesce(sum(cs.slots), 0) FROM concurrency_slot cs WHERE cs.limit_id = ?1;


-- The limits of the run's queue and pool, and how many runs use them.
-- name: run_place
-- hot
SELECT wp.concurrency_limit, CASE WHEN wp.concurrency_limit IS NULL THEN 0 ELSE (
    SELECT count(*) FROM work_queue q JOIN flow_run fr ON fr.work_queue_id = q.id
    WHERE q.work_pool_id = wp.id AND fr.state_type IN (2, 3, 9)) END,
  wq.concurrency_limit, CASE WHEN wq.concurrency_limit IS NULL THEN 0 ELSE (
    SELECT count(*) FROM flow_run fr
    WHERE fr.work_queue_id = wq.id AND fr.state_type IN (2, 3, 9)) END
FROM work_queue wq JOIN work_pool wp ON wp.id = wq.work_pool_id
WHERE wq.id = ?1;

-- What was said about earlier owners that were lost.
-- name: run_lost_owners
SELECT frs.message, frs.timestamp FROM flow_run_state frs
WHERE frs.flow_run_id = ?1 AND frs.name = 'AwaitingRetry'
  AND frs.message LIKE '%Queued again (attempt %'
ORDER BY frs.timestamp DESC LIMIT ?2;

-- Who waits longest for a slot of a deployments' limit.
-- name: run_awaits_slot
-- hot
SELECT fr.id FROM deployment d JOIN flow_run fr ON fr.deployment_id = d.id
WHERE d.concurrency_limit_id = ?1
  AND fr.state_type = 1 AND fr.state_name = 'AwaitingConcurrencySlot'
ORDER BY fr.expected_start_time, fr.id LIMIT 1;

-- Routes.
-- name: flow_run_update
UPDATE flow_run SET updated = ?2, name = coalesce(?3, name),
  flow_version = CASE WHEN ?4 = 1 THEN ?5 ELSE flow_version END,
  parameters = coalesce(?6, parameters), empirical_policy = coalesce(?7, empirical_policy),
  tags = coalesce(?8, tags),
  infrastructure_pid = CASE WHEN ?9 = 1 THEN ?10 ELSE infrastructure_pid END,
  job_variables = CASE WHEN ?11 = 1 THEN ?12 ELSE job_variables END,
  retry_in_process = CASE WHEN ?7 IS NULL THEN retry_in_process ELSE ?13 END
WHERE id = ?1;

-- name: flow_run_state_and_deployment
SELECT fr.state_type, fr.deployment_id FROM flow_run fr WHERE fr.id = ?1;

-- name: flow_run_labels
SELECT fr.labels FROM flow_run fr WHERE fr.id = ?1;

-- name: flow_run_set_labels
UPDATE flow_run SET updated = ?2, labels = ?3 WHERE id = ?1;

-- name: flow_run_delete
DELETE FROM flow_run WHERE id = ?1;

-- name: flow_run_logs_delete
DELETE FROM log WHERE flow_run_id = ?1;

-- name: flow_run_lateness
SELECT avg(CASE
  WHEN fr.start_time IS NOT NULL AND fr.start_time > fr.expected_start_time
    THEN fr.start_time - fr.expected_start_time
  WHEN fr.start_time IS NULL AND fr.state_type NOT IN (4, 5, 6, 7)
    AND fr.expected_start_time < ?1 THEN ?1 - fr.expected_start_time
  ELSE 0 END)
FROM flow_run fr WHERE {where};

-- name: flow_run_history
SELECT (fr.expected_start_time - ?1) / ?2 AS bucket, fr.state_type, fr.state_name, count(*),
  sum(CASE WHEN fr.state_type = 3
    THEN fr.total_run_time + ?3 - fr.state_timestamp ELSE fr.total_run_time END),
  sum(CASE
    WHEN fr.start_time IS NOT NULL AND fr.start_time > fr.expected_start_time
      THEN fr.start_time - fr.expected_start_time
    WHEN fr.start_time IS NULL AND fr.state_type NOT IN (4, 5, 6, 7)
      AND fr.expected_start_time < ?3 THEN ?3 - fr.expected_start_time
    ELSE 0 END)
FROM flow_run fr
WHERE fr.expected_start_time >= ?1 AND fr.expected_start_time < ?4 AND {where}
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- Inputs.
-- name: run_input_insert
INSERT INTO flow_run_input (id, created, updated, flow_run_id, key, value, sender)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6);
-- name: run_input_by_key
SELECT fri.value FROM flow_run_input fri WHERE fri.flow_run_id = ?1 AND fri.key = ?2;
-- name: run_input_delete
DELETE FROM flow_run_input WHERE flow_run_id = ?1 AND key = ?2;
-- name: run_input_list
SELECT fri.id, fri.created, fri.updated, fri.flow_run_id, fri.key, fri.value, fri.sender
FROM flow_run_input fri
WHERE fri.flow_run_id = ?1 AND substr(fri.key, 1, length(?2)) = ?2
  AND fri.key NOT IN (SELECT value FROM json_each(?3))
ORDER BY fri.created, fri.id
LIMIT ?4;
-- pg:
SELECT fri.id, fri.created, fri.updated, fri.flow_run_id, fri.key, fri.value, fri.sender
FROM flow_run_input fri
WHERE fri.flow_run_id = ?1 AND substr(fri.key, 1, length(?2)) = ?2
  AND fri.key NOT IN (SELECT json_array_elements_text(?3::json))
ORDER BY fri.created, fri.id
LIMIT ?4;

-- States.
-- text: run_state_columns
s.id, s.type, s.name, s.timestamp, s.message, s.data, s.state_details

-- name: flow_run_states
SELECT {run_state_columns}, s.flow_run_id FROM flow_run_state s
WHERE s.flow_run_id = ?1 ORDER BY s.timestamp;
-- name: flow_run_state_by_id
-- hot
SELECT {run_state_columns}, s.flow_run_id FROM flow_run_state s WHERE s.id = ?1;

-- name: flow_run_lease
SELECT fr.lease_id FROM flow_run fr WHERE fr.id = ?1;

-- The named queue of a pool, or its default one.
-- name: run_queue_of_pool
SELECT wp.id, wq.id, wq.name FROM work_pool wp
LEFT JOIN work_queue wq ON wq.work_pool_id = wp.id
  AND (wq.name = ?2 OR (?2 IS NULL AND wq.id = wp.default_queue_id))
WHERE wp.name = ?1;

-- The graph of a run: its task runs with the flow runs that they stand for.
-- name: flow_run_graph_head
SELECT coalesce(fr.start_time, fr.expected_start_time), fr.end_time FROM flow_run fr
WHERE fr.id = ?1;
-- name: flow_run_graph_nodes
SELECT tr.id, tr.name, tr.state_type, coalesce(tr.start_time, tr.expected_start_time),
  tr.end_time, tr.task_inputs,
  sf.id, sf.name, sf.state_type, coalesce(sf.start_time, sf.expected_start_time), sf.end_time
FROM task_run tr
LEFT JOIN flow_run sf ON sf.parent_task_run_id = tr.id
WHERE tr.flow_run_id = ?1
  AND (CAST(?2 AS BIGINT) IS NULL OR coalesce(tr.start_time, tr.expected_start_time) >= ?2)
ORDER BY coalesce(tr.start_time, tr.expected_start_time), tr.id
LIMIT ?3;
-- name: run_name
SELECT fr.name FROM flow_run fr WHERE fr.id = ?1;
-- name: flow_run_graph_tasks
SELECT {task_run_columns} FROM {task_run_tables}
WHERE tr.flow_run_id = ?1 ORDER BY tr.id LIMIT ?2;
-- name: flow_run_graph_states
SELECT s.id, s.timestamp, s.type, s.name FROM flow_run_state s
WHERE s.flow_run_id = ?1 ORDER BY s.timestamp;
-- name: flow_run_graph_artifacts
SELECT a.id, a.created, a.key, a.type, a.data, a.task_run_id,
  (SELECT count(*) FROM artifact_collection ac WHERE ac.latest_id = a.id)
FROM artifact a WHERE a.flow_run_id = ?1 AND coalesce(a.type, '') <> 'result' ORDER BY a.created;
