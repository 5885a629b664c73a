-- SPDX-License-Identifier: Apache-2.0
-- Deployments.  Every statement that feeds deployment_from_row() or deployment_write() selects
-- the columns of deployment_by_id in that order.

-- name: deployment_by_id
-- hot
SELECT d.id, d.created, d.updated, d.name, d.version, d.description, d.flow_id, d.paused,
  d.concurrency_options, d.job_variables, d.parameters, d.tags, d.labels, d.work_queue_name,
  d.work_queue_id, d.last_polled, d.parameter_openapi_schema, d.path, d.pull_steps,
  d.entrypoint, d.storage_document_id, d.infrastructure_document_id, d.created_by,
  d.updated_by, wp.name, d.status, d.enforce_parameter_schema, cl.id, cl.created, cl.updated,
  cl.active, cl.name, cl."limit", cl.slot_decay_per_second,
  (SELECT coalesce(sum(s.slots), 0) FROM concurrency_slot s WHERE s.limit_id = cl.id),
  f.name, wp.id, wp.type, wq.name, d.on_lost, d.version_info, f.labels, wq.last_polled,
  d.max_attempts
FROM deployment d
JOIN flow f ON f.id = d.flow_id
LEFT JOIN work_queue wq ON wq.id = d.work_queue_id
LEFT JOIN work_pool wp ON wp.id = wq.work_pool_id
LEFT JOIN concurrency_limit_v2 cl ON cl.id = d.concurrency_limit_id
WHERE d.id = ?1;

-- name: deployment_by_flow_and_name
SELECT d.id, d.created, d.updated, d.name, d.version, d.description, d.flow_id, d.paused,
  d.concurrency_options, d.job_variables, d.parameters, d.tags, d.labels, d.work_queue_name,
  d.work_queue_id, d.last_polled, d.parameter_openapi_schema, d.path, d.pull_steps,
  d.entrypoint, d.storage_document_id, d.infrastructure_document_id, d.created_by,
  d.updated_by, wp.name, d.status, d.enforce_parameter_schema, cl.id, cl.created, cl.updated,
  cl.active, cl.name, cl."limit", cl.slot_decay_per_second,
  (SELECT coalesce(sum(s.slots), 0) FROM concurrency_slot s WHERE s.limit_id = cl.id),
  f.name, wp.id, wp.type, wq.name, d.on_lost, d.version_info, f.labels, wq.last_polled,
  d.max_attempts
FROM deployment d
JOIN flow f ON f.id = d.flow_id
LEFT JOIN work_queue wq ON wq.id = d.work_queue_id
LEFT JOIN work_pool wp ON wp.id = wq.work_pool_id
LEFT JOIN concurrency_limit_v2 cl ON cl.id = d.concurrency_limit_id
WHERE d.flow_id = ?1 AND d.name = ?2;

-- name: deployment_by_names
-- hot
SELECT d.id, d.created, d.updated, d.name, d.version, d.description, d.flow_id, d.paused,
  d.concurrency_options, d.job_variables, d.parameters, d.tags, d.labels, d.work_queue_name,
  d.work_queue_id, d.last_polled, d.parameter_openapi_schema, d.path, d.pull_steps,
  d.entrypoint, d.storage_document_id, d.infrastructure_document_id, d.created_by,
  d.updated_by, wp.name, d.status, d.enforce_parameter_schema, cl.id, cl.created, cl.updated,
  cl.active, cl.name, cl."limit", cl.slot_decay_per_second,
  (SELECT coalesce(sum(s.slots), 0) FROM concurrency_slot s WHERE s.limit_id = cl.id),
  f.name, wp.id, wp.type, wq.name, d.on_lost, d.version_info, f.labels, wq.last_polled,
  d.max_attempts
FROM deployment d
JOIN flow f ON f.id = d.flow_id
LEFT JOIN work_queue wq ON wq.id = d.work_queue_id
LEFT JOIN work_pool wp ON wp.id = wq.work_pool_id
LEFT JOIN concurrency_limit_v2 cl ON cl.id = d.concurrency_limit_id
WHERE f.name = ?1 AND d.name = ?2;

-- name: deployment_filter
SELECT d.id, d.created, d.updated, d.name, d.version, d.description, d.flow_id, d.paused,
  d.concurrency_options, d.job_variables, d.parameters, d.tags, d.labels, d.work_queue_name,
  d.work_queue_id, d.last_polled, d.parameter_openapi_schema, d.path, d.pull_steps,
  d.entrypoint, d.storage_document_id, d.infrastructure_document_id, d.created_by,
  d.updated_by, wp.name, d.status, d.enforce_parameter_schema, cl.id, cl.created, cl.updated,
  cl.active, cl.name, cl."limit", cl.slot_decay_per_second,
  (SELECT coalesce(sum(s.slots), 0) FROM concurrency_slot s WHERE s.limit_id = cl.id),
  f.name, wp.id, wp.type, wq.name, d.on_lost, d.version_info, f.labels, wq.last_polled,
  d.max_attempts
FROM deployment d
JOIN flow f ON f.id = d.flow_id
LEFT JOIN work_queue wq ON wq.id = d.work_queue_id
LEFT JOIN work_pool wp ON wp.id = wq.work_pool_id
LEFT JOIN concurrency_limit_v2 cl ON cl.id = d.concurrency_limit_id
WHERE {where}
{order};

-- name: deployment_count
SELECT count(*) FROM deployment d WHERE {where};

-- name: deployment_filter_ids
SELECT d.id FROM deployment d WHERE {where};

-- fragment: deployment_order_created_desc
d.created DESC, d.id

-- fragment: deployment_order_updated_desc
d.updated DESC, d.id

-- fragment: deployment_order_name_asc
d.name, d.id

-- fragment: deployment_order_name_desc
d.name DESC, d.id

-- name: deployment_insert
INSERT INTO deployment (id, created, updated, name, flow_id, version, description,
  work_queue_id, work_queue_name, job_variables, path, entrypoint, paused,
  concurrency_options, tags, labels, parameters, pull_steps, parameter_openapi_schema,
  enforce_parameter_schema, created_by, updated_by, infrastructure_document_id,
  storage_document_id, version_info, on_lost, max_attempts)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
  ?19, ?20, ?20, ?21, ?22, ?23, ?24, ?25);

-- name: deployment_update
UPDATE deployment SET updated = ?2, version = ?3, description = ?4, work_queue_id = ?5,
  work_queue_name = ?6, job_variables = ?7, path = ?8, entrypoint = ?9, paused = ?10,
  concurrency_options = ?11, tags = ?12, labels = ?13, parameters = ?14, pull_steps = ?15,
  parameter_openapi_schema = ?16, enforce_parameter_schema = ?17, updated_by = ?18,
  infrastructure_document_id = ?19, storage_document_id = ?20, version_info = ?21,
  on_lost = ?22, max_attempts = ?23
WHERE id = ?1;

-- name: deployment_set_paused
UPDATE deployment SET updated = ?2, paused = ?3 WHERE id = ?1;

-- name: deployment_set_limit
UPDATE deployment SET updated = ?2, concurrency_limit_id = ?3 WHERE id = ?1;

-- name: deployment_set_status
UPDATE deployment SET status = ?2 WHERE id = ?1;

-- name: deployment_touch
UPDATE deployment SET updated = ?2 WHERE id = ?1;

-- name: deployment_delete
DELETE FROM deployment WHERE id = ?1;

-- name: deployment_polled
UPDATE deployment SET last_polled = ?2 WHERE id = ?1;

-- name: deployment_polled_by_queue
UPDATE deployment SET last_polled = ?2 WHERE work_queue_id = ?1;

-- name: deployment_not_ready_of_queue
SELECT d.id FROM deployment d WHERE d.work_queue_id = ?1 AND d.status = 'NOT_READY';

-- READY deployments that nobody polled since ?1, neither themselves nor through their queue.
-- name: deployment_stale
SELECT d.id FROM deployment d
LEFT JOIN work_queue wq ON wq.id = d.work_queue_id
WHERE d.status = 'READY'
  AND (d.last_polled IS NULL OR d.last_polled < ?1)
  AND (wq.last_polled IS NULL OR wq.last_polled < ?1);

-- Runs that schedules made and nobody has started: they are made again from the schedules.
-- name: deployment_auto_runs
SELECT fr.id FROM flow_run fr
WHERE fr.deployment_id = ?1 AND fr.state_type = 1 AND fr.auto_scheduled = 1
  AND fr.next_scheduled_start_time >= ?2
  AND fr.run_count = 0 AND fr.state_name <> 'AwaitingConcurrencySlot'
LIMIT ?3;

-- name: schedule_auto_runs
-- hot
SELECT fr.id FROM flow_run fr
WHERE fr.schedule_id = ?1 AND fr.state_type = 1 AND fr.next_scheduled_start_time >= ?2
  AND fr.run_count = 0 AND fr.state_name <> 'AwaitingConcurrencySlot'
LIMIT ?3;

-- name: deployment_scheduled_runs
SELECT fr.id FROM flow_run fr
WHERE fr.deployment_id = ?1 AND fr.state_type = 1 AND fr.next_scheduled_start_time >= ?2
LIMIT ?3;

-- name: auto_run_delete
DELETE FROM flow_run WHERE id = ?1;

-- Runs of one deployment that its own runner may take (flow.serve), earliest first.
-- name: deployment_due_runs
SELECT fr.id, fr.next_scheduled_start_time FROM flow_run fr
WHERE fr.deployment_id = ?1 AND fr.state_type = 1
  AND fr.next_scheduled_start_time <= ?2 AND fr.retry_in_process = 0
ORDER BY fr.next_scheduled_start_time LIMIT ?3;

-- name: variable_value_by_name
SELECT v.value FROM variable v WHERE v.name = ?1;

-- The concurrency limit that belongs to one deployment ("deployment:<id>").
-- name: deployment_limit_upsert
INSERT INTO concurrency_limit_v2 (id, created, updated, active, name, "limit")
VALUES (?1, ?2, ?2, 1, ?3, ?4)
ON CONFLICT (name) DO UPDATE SET updated = ?2, "limit" = ?4;

-- name: limit_id_by_name
SELECT cl.id FROM concurrency_limit_v2 cl WHERE cl.name = ?1;

-- name: limit_exists
SELECT 1 FROM concurrency_limit_v2 cl WHERE cl.id = ?1;

-- name: limit_delete_by_name
DELETE FROM concurrency_limit_v2 WHERE name = ?1;

-- name: deployment_flow_labels
SELECT f.labels FROM flow f WHERE f.id = ?1;

-- name: deployment_block_exists
SELECT 1 FROM block_document b WHERE b.id = ?1;
