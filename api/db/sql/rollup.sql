-- SPDX-License-Identifier: Apache-2.0
-- Rollups: see api/db/migrations/sqlite/0012_rollups.sql.

-- name: rollup_newest
SELECT max(x.id) FROM (SELECT rd.id FROM run_delta rd ORDER BY rd.id LIMIT ?1) AS x;

-- name: rollup_fold
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT x.axis, x.scope, w.width,
  CASE WHEN x.t IS NULL THEN -2 WHEN x.t < 0 THEN -1 ELSE x.t - x.t % w.width END,
  x.state_type, x.state_name, x.sub, sum(x.sign), sum(x.sign * x.run_time),
  sum(x.sign * x.late)
FROM (
  SELECT rd.object * 2 + a.by_start AS axis, s.kind AS kind,
    CASE s.kind WHEN 0 THEN X'' WHEN 1 THEN rd.flow_id ELSE rd.deployment_id END AS scope,
    CASE a.by_start WHEN 0 THEN rd.expected ELSE rd.start END AS t,
    rd.state_type, rd.state_name, rd.sub, rd.sign, rd.run_time, rd.late
  FROM run_delta rd
  CROSS JOIN (SELECT 0 AS by_start UNION ALL SELECT 1) AS a
  CROSS JOIN (SELECT 0 AS kind UNION ALL SELECT 1 UNION ALL SELECT 2) AS s
  WHERE rd.id <= ?1
) AS x CROSS JOIN (
  SELECT 60000000 AS width UNION ALL SELECT 3600000000 UNION ALL SELECT 86400000000) AS w
WHERE x.scope IS NOT NULL AND (w.width > 60000000 OR x.kind = 0)
GROUP BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT (axis, scope, width, t0, state_type, state_name, sub) DO UPDATE SET
  n = run_cell.n + excluded.n, run_time = run_cell.run_time + excluded.run_time,
  late = run_cell.late + excluded.late;
-- pg:
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT x.axis, x.scope, w.width,
  CASE WHEN x.t IS NULL THEN -2 WHEN x.t < 0 THEN -1 ELSE x.t - x.t % w.width END,
  x.state_type, x.state_name, x.sub, sum(x.sign), sum(x.sign * x.run_time),
  sum(x.sign * x.late)
FROM (
  SELECT rd.object * 2 + a.by_start AS axis, s.kind AS kind,
    CASE s.kind WHEN 0 THEN ''::bytea WHEN 1 THEN rd.flow_id ELSE rd.deployment_id END AS scope,
    CASE a.by_start WHEN 0 THEN rd.expected ELSE rd.start END AS t,
    rd.state_type, rd.state_name, rd.sub, rd.sign, rd.run_time, rd.late
  FROM run_delta rd
  CROSS JOIN (SELECT 0 AS by_start UNION ALL SELECT 1) AS a
  CROSS JOIN (SELECT 0 AS kind UNION ALL SELECT 1 UNION ALL SELECT 2) AS s
  WHERE rd.id <= ?1
) AS x CROSS JOIN (
  SELECT 60000000 AS width UNION ALL SELECT 3600000000 UNION ALL SELECT 86400000000) AS w
WHERE x.scope IS NOT NULL AND (w.width > 60000000 OR x.kind = 0)
GROUP BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT (axis, scope, width, t0, state_type, state_name, sub) DO UPDATE SET
  n = run_cell.n + excluded.n, run_time = run_cell.run_time + excluded.run_time,
  late = run_cell.late + excluded.late;

-- name: rollup_folded
DELETE FROM run_delta WHERE id <= ?1;
-- name: rollup_empty
DELETE FROM run_cell WHERE n = 0;

-- From ?1 in steps of ?2: the cells from ?6 to ?7 that are inside of one step.
-- name: rollup_cells
-- hot
SELECT (c.t0 - ?1) / ?2, c.state_type, c.state_name, c.sub, CAST(sum(c.n) AS BIGINT),
  CAST(sum(c.run_time) AS BIGINT), CAST(sum(c.late) AS BIGINT)
FROM run_cell c
WHERE c.axis = ?3 AND c.scope = ?4 AND c.width = ?5 AND c.t0 >= ?6 AND c.t0 < ?7
  AND (c.t0 - ?1) / ?2 = (c.t0 + ?5 - 1 - ?1) / ?2
GROUP BY 1, 2, 3, 4;

-- name: rollup_deltas
SELECT rd.sign, rd.flow_id, rd.deployment_id, rd.expected, rd.start, rd.state_type,
  rd.state_name, rd.sub, rd.run_time, rd.late
FROM run_delta rd WHERE rd.object = ?1;

-- text: fr_sums
fr.state_type, fr.state_name, count(*),
  CAST(sum(CASE WHEN fr.state_type = 3
    THEN fr.total_run_time + ?3 - fr.state_timestamp ELSE fr.total_run_time END) AS BIGINT),
  CAST(sum(CASE
    WHEN fr.start_time IS NOT NULL AND fr.start_time > fr.expected_start_time
      THEN fr.start_time - fr.expected_start_time
    WHEN fr.start_time IS NULL AND fr.state_type NOT IN (4, 5, 6, 7)
      AND fr.expected_start_time < ?3 THEN ?3 - fr.expected_start_time
    ELSE 0 END) AS BIGINT)

-- What has not ended; ?6 = 1: at any time.
-- name: rollup_flow_runs_live_expected
SELECT (fr.expected_start_time - ?1) / ?2, {fr_sums}
FROM flow_run fr INDEXED BY flow_run_live
WHERE coalesce(fr.state_type, 0) NOT BETWEEN 4 AND 7
  AND (?6 = 1 OR (fr.expected_start_time >= ?4 AND fr.expected_start_time < ?5)) AND {where}
GROUP BY 1, 2, 3;
-- What has ended and is not in whole cells.
-- name: rollup_flow_runs_edge_expected
SELECT (fr.expected_start_time - ?1) / ?2, {fr_sums}
FROM flow_run fr INDEXED BY flow_run_expected
WHERE coalesce(fr.state_type, 0) BETWEEN 4 AND 7
  AND fr.expected_start_time >= ?4 AND fr.expected_start_time < ?5 AND {where}
GROUP BY 1, 2, 3;
-- What has not ended; ?6 = 1: at any time.
-- name: rollup_flow_runs_live_start
SELECT (coalesce(fr.start_time, fr.expected_start_time) - ?1) / ?2, {fr_sums}
FROM flow_run fr INDEXED BY flow_run_live
WHERE coalesce(fr.state_type, 0) NOT BETWEEN 4 AND 7
  AND (?6 = 1 OR (coalesce(fr.start_time, fr.expected_start_time) >= ?4 AND coalesce(fr.start_time, fr.expected_start_time) < ?5)) AND {where}
GROUP BY 1, 2, 3;
-- What has ended and is not in whole cells.
-- name: rollup_flow_runs_edge_start
SELECT (coalesce(fr.start_time, fr.expected_start_time) - ?1) / ?2, {fr_sums}
FROM flow_run fr INDEXED BY flow_run_start
WHERE coalesce(fr.state_type, 0) BETWEEN 4 AND 7
  AND coalesce(fr.start_time, fr.expected_start_time) >= ?4 AND coalesce(fr.start_time, fr.expected_start_time) < ?5 AND {where}
GROUP BY 1, 2, 3;
-- text: tr_sums
tr.state_type, tr.state_name, count(*),
  CAST(sum(CASE WHEN tr.state_type = 3
    THEN tr.total_run_time + ?3 - tr.state_timestamp ELSE tr.total_run_time END) AS BIGINT),
  CAST(sum(CASE
    WHEN tr.start_time IS NOT NULL AND tr.start_time > tr.expected_start_time
      THEN tr.start_time - tr.expected_start_time
    WHEN tr.start_time IS NULL AND tr.state_type NOT IN (4, 5, 6, 7)
      AND tr.expected_start_time < ?3 THEN ?3 - tr.expected_start_time
    ELSE 0 END) AS BIGINT)

-- What has not ended; ?6 = 1: at any time.
-- name: rollup_task_runs_live_expected
SELECT (tr.expected_start_time - ?1) / ?2, {tr_sums}
FROM task_run tr INDEXED BY task_run_live
WHERE coalesce(tr.state_type, 0) NOT BETWEEN 4 AND 7
  AND (?6 = 1 OR (tr.expected_start_time >= ?4 AND tr.expected_start_time < ?5)) AND {where}
GROUP BY 1, 2, 3;
-- What has ended and is not in whole cells.
-- name: rollup_task_runs_edge_expected
SELECT (tr.expected_start_time - ?1) / ?2, {tr_sums}
FROM task_run tr INDEXED BY task_run_expected
WHERE coalesce(tr.state_type, 0) BETWEEN 4 AND 7
  AND tr.expected_start_time >= ?4 AND tr.expected_start_time < ?5 AND {where}
GROUP BY 1, 2, 3;
-- What has not ended; ?6 = 1: at any time.
-- name: rollup_task_runs_live_start
SELECT (tr.start_time - ?1) / ?2, {tr_sums}
FROM task_run tr INDEXED BY task_run_live
WHERE coalesce(tr.state_type, 0) NOT BETWEEN 4 AND 7
  AND (?6 = 1 OR (tr.start_time >= ?4 AND tr.start_time < ?5)) AND {where}
GROUP BY 1, 2, 3;
-- What has ended and is not in whole cells.
-- name: rollup_task_runs_edge_start
SELECT (tr.start_time - ?1) / ?2, {tr_sums}
FROM task_run tr INDEXED BY task_run_start
WHERE coalesce(tr.state_type, 0) BETWEEN 4 AND 7
  AND tr.start_time >= ?4 AND tr.start_time < ?5 AND {where}
GROUP BY 1, 2, 3;

-- name: rollup_deployment_exists
SELECT 1 FROM deployment d WHERE d.id = ?1;
