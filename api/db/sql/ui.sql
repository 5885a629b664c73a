-- SPDX-License-Identifier: Apache-2.0
-- What web pages ask for in one piece (api/routes/ui/).

-- fragment: ui_task_of_runs
tr.flow_run_id IN (%)
-- fragment: ui_deployment_of_flows
d.flow_id IN (%)
-- fragment: ui_run_of_flows
fr.flow_id IN (%)

-- name: ui_run_history
SELECT fr.id, fr.state_type, fr.start_time, fr.expected_start_time, fr.total_run_time,
  fr.state_timestamp
FROM flow_run fr WHERE fr.state_type > 0 AND {where} {order};

-- Task runs that stand for a subflow are not counted.
-- name: ui_tasks_per_run
SELECT tr.flow_run_id, count(*) FROM task_run tr
WHERE {where} AND NOT EXISTS (SELECT 1 FROM flow_run AS sf WHERE sf.parent_task_run_id = tr.id)
GROUP BY tr.flow_run_id;

-- name: ui_deployments_per_flow
SELECT d.flow_id, count(*) FROM deployment d WHERE {where} GROUP BY d.flow_id;

-- The scheduled run of each flow that is due first.
-- name: ui_next_runs
SELECT n.flow_id, n.id, n.name, n.state_name, n.state_type, n.next_scheduled_start_time
FROM (
  SELECT fr.flow_id, fr.id, fr.name, fr.state_name, fr.state_type,
    fr.next_scheduled_start_time, row_number() OVER (
      PARTITION BY fr.flow_id ORDER BY fr.next_scheduled_start_time, fr.id) AS place
  FROM flow_run fr
  WHERE fr.state_type = 1 AND fr.next_scheduled_start_time IS NOT NULL AND {where}
) AS n WHERE n.place = 1;

-- name: ui_tasks_by_state
SELECT tr.state_type, count(*) FROM task_run tr
WHERE tr.state_type > 0 AND {where} GROUP BY tr.state_type;

-- From ?1, in steps of ?2 microseconds: what ended well or was cancelled, what failed.
-- name: ui_tasks_by_time
SELECT (tr.start_time - ?1) / ?2 AS bucket,
  sum(CASE WHEN tr.state_type IN (4, 6) THEN 1 ELSE 0 END),
  sum(CASE WHEN tr.state_type IN (5, 7) THEN 1 ELSE 0 END)
FROM task_run tr
WHERE tr.start_time >= ?1 AND tr.start_time <= ?3 AND tr.state_type IN (4, 5, 6, 7)
  AND {where}
GROUP BY 1;

-- name: ui_run_name_of_task
SELECT fr.name FROM task_run tr JOIN flow_run fr ON fr.id = tr.flow_run_id WHERE tr.id = ?1;
