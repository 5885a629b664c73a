-- SPDX-License-Identifier: Apache-2.0
-- Schedules of deployments, and what the scheduler reads.

-- name: schedule_of_deployment
-- hot
SELECT s.id, s.created, s.updated, s.deployment_id, s.schedule, s.active,
  s.max_scheduled_runs, s.parameters, s.slug
FROM deployment_schedule s WHERE s.deployment_id = ?1
ORDER BY s.updated DESC, s.id DESC;

-- name: schedule_by_id
SELECT s.id, s.created, s.updated, s.deployment_id, s.schedule, s.active,
  s.max_scheduled_runs, s.parameters, s.slug
FROM deployment_schedule s WHERE s.id = ?1;

-- name: schedule_insert
INSERT INTO deployment_schedule (id, created, updated, deployment_id, schedule, active,
  max_scheduled_runs, parameters, slug)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

-- name: schedule_update
UPDATE deployment_schedule SET updated = ?2, schedule = ?3, active = ?4,
  max_scheduled_runs = ?5, parameters = ?6, slug = ?7, horizon = NULL
WHERE id = ?1;

-- name: schedule_delete
DELETE FROM deployment_schedule WHERE id = ?1;

-- name: schedule_delete_of_deployment
DELETE FROM deployment_schedule WHERE deployment_id = ?1;

-- name: schedule_reset_horizon
UPDATE deployment_schedule SET horizon = NULL WHERE deployment_id = ?1;

-- name: schedule_reset_horizon_of
UPDATE deployment_schedule SET horizon = NULL WHERE id = ?1;

-- name: schedule_set_horizon
-- hot
UPDATE deployment_schedule SET horizon = ?2 WHERE id = ?1;

-- Active schedules whose runs do not reach far enough, those without any first.
-- name: schedule_due
-- hot
SELECT s.id, s.deployment_id, s.schedule, s.parameters, s.slug, s.horizon,
  d.flow_id, d.version, d.tags, d.parameters, d.work_queue_id, d.work_queue_name, d.labels,
  d.job_variables, d.infrastructure_document_id
FROM deployment_schedule s JOIN deployment d ON d.id = s.deployment_id
WHERE s.active = 1 AND (s.horizon IS NULL OR s.horizon < ?1) AND d.paused = 0
ORDER BY s.horizon, s.id LIMIT ?2;

-- The active ones of one deployment, with the columns of schedule_due.
-- name: schedule_active_of
SELECT s.id, s.deployment_id, s.schedule, s.parameters, s.slug, s.horizon,
  d.flow_id, d.version, d.tags, d.parameters, d.work_queue_id, d.work_queue_name, d.labels,
  d.job_variables, d.infrastructure_document_id
FROM deployment_schedule s JOIN deployment d ON d.id = s.deployment_id
WHERE s.active = 1 AND s.deployment_id = ?1
ORDER BY s.id LIMIT ?2;

-- name: schedule_next_horizon
SELECT min(s.horizon) FROM deployment_schedule s JOIN deployment d ON d.id = s.deployment_id
WHERE s.active = 1 AND d.paused = 0;

-- Runs of one schedule that are still to come: how many, and the latest.
-- name: schedule_future_runs
-- hot
SELECT count(*), max(fr.next_scheduled_start_time) FROM flow_run fr
WHERE fr.schedule_id = ?1 AND fr.state_type = 1 AND fr.next_scheduled_start_time >= ?2;

-- name: schedule_clear_slug
UPDATE deployment_schedule SET slug = NULL WHERE id = ?1;
