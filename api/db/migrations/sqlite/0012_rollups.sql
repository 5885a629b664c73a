-- SPDX-License-Identifier: Apache-2.0
-- Rollups of runs that have ended: dashboards count cells instead of runs.  A run that ends,
-- changes afterwards or is deleted leaves a row in run_delta, in the same transaction; a service
-- adds these rows to the cells (api/services/rollups.c), and who counts adds those that are
-- left (api/routes/rollup_sum.c).  Runs that have not ended are few: they have an index.

CREATE TABLE run_delta (
  id INTEGER PRIMARY KEY,
  object INTEGER NOT NULL,     -- 1 flow run, 2 task run
  sign INTEGER NOT NULL,       -- 1 or -1
  flow_id BLOB,
  deployment_id BLOB,
  expected INTEGER,
  start INTEGER,               -- what a filter of start times looks at
  state_type INTEGER NOT NULL,
  state_name TEXT NOT NULL,
  sub INTEGER NOT NULL,        -- 1: a flow run that a task stands for
  run_time INTEGER NOT NULL,
  late INTEGER NOT NULL
) STRICT;

CREATE TABLE run_cell (
  axis INTEGER NOT NULL,       -- object * 2, + 1: by start, not by expected start
  scope BLOB NOT NULL,         -- empty, or a flow or a deployment
  width INTEGER NOT NULL,      -- a minute (only without scope), an hour, a day
  t0 INTEGER NOT NULL,         -- -2: without time, -1: before 1970
  state_type INTEGER NOT NULL,
  state_name TEXT NOT NULL,
  sub INTEGER NOT NULL,
  n INTEGER NOT NULL,
  run_time INTEGER NOT NULL,
  late INTEGER NOT NULL,
  PRIMARY KEY (axis, scope, width, t0, state_type, state_name, sub)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_cell_empty ON run_cell (axis) WHERE n = 0;

-- All that is asked of them, so that the runs themselves need not be read.
CREATE INDEX flow_run_live ON flow_run (
  expected_start_time, start_time, state_type, state_name, flow_id, deployment_id,
  parent_task_run_id, total_run_time, state_timestamp)
  WHERE coalesce(state_type, 0) NOT BETWEEN 4 AND 7;
CREATE INDEX task_run_live ON task_run (
  expected_start_time, start_time, state_type, state_name, total_run_time, state_timestamp)
  WHERE coalesce(state_type, 0) NOT BETWEEN 4 AND 7;
-- Of use only for flow_run_ids_of_state, which repeats the condition.
CREATE INDEX flow_run_state_start
  ON flow_run (state_type, coalesce(start_time, expected_start_time), id)
  WHERE coalesce(state_type, 0) > 0;
CREATE INDEX task_run_start ON task_run (start_time, id);

CREATE TRIGGER flow_run_ends AFTER INSERT ON flow_run
WHEN NEW.state_type BETWEEN 4 AND 7
BEGIN
  INSERT INTO run_delta (object, sign, flow_id, deployment_id, expected, start, state_type,
    state_name, sub, run_time, late)
  SELECT 1, 1, NEW.flow_id, NEW.deployment_id, NEW.expected_start_time,
    coalesce(NEW.start_time, NEW.expected_start_time), NEW.state_type, coalesce(NEW.state_name, ''),
    CASE WHEN NEW.parent_task_run_id IS NULL THEN 0 ELSE 1 END, NEW.total_run_time,
    CASE WHEN NEW.start_time > NEW.expected_start_time
      THEN NEW.start_time - NEW.expected_start_time ELSE 0 END
  WHERE NEW.state_type BETWEEN 4 AND 7;
END;
CREATE TRIGGER flow_run_moves AFTER UPDATE OF state_type, state_name, expected_start_time, start_time, total_run_time,
  flow_id, deployment_id, parent_task_run_id
ON flow_run
WHEN OLD.state_type BETWEEN 4 AND 7 OR NEW.state_type BETWEEN 4 AND 7
BEGIN
  INSERT INTO run_delta (object, sign, flow_id, deployment_id, expected, start, state_type,
    state_name, sub, run_time, late)
  SELECT 1, -1, OLD.flow_id, OLD.deployment_id, OLD.expected_start_time,
    coalesce(OLD.start_time, OLD.expected_start_time), OLD.state_type, coalesce(OLD.state_name, ''),
    CASE WHEN OLD.parent_task_run_id IS NULL THEN 0 ELSE 1 END, OLD.total_run_time,
    CASE WHEN OLD.start_time > OLD.expected_start_time
      THEN OLD.start_time - OLD.expected_start_time ELSE 0 END
  WHERE OLD.state_type BETWEEN 4 AND 7;
  INSERT INTO run_delta (object, sign, flow_id, deployment_id, expected, start, state_type,
    state_name, sub, run_time, late)
  SELECT 1, 1, NEW.flow_id, NEW.deployment_id, NEW.expected_start_time,
    coalesce(NEW.start_time, NEW.expected_start_time), NEW.state_type, coalesce(NEW.state_name, ''),
    CASE WHEN NEW.parent_task_run_id IS NULL THEN 0 ELSE 1 END, NEW.total_run_time,
    CASE WHEN NEW.start_time > NEW.expected_start_time
      THEN NEW.start_time - NEW.expected_start_time ELSE 0 END
  WHERE NEW.state_type BETWEEN 4 AND 7;
END;
CREATE TRIGGER flow_run_goes AFTER DELETE ON flow_run
WHEN OLD.state_type BETWEEN 4 AND 7
BEGIN
  INSERT INTO run_delta (object, sign, flow_id, deployment_id, expected, start, state_type,
    state_name, sub, run_time, late)
  SELECT 1, -1, OLD.flow_id, OLD.deployment_id, OLD.expected_start_time,
    coalesce(OLD.start_time, OLD.expected_start_time), OLD.state_type, coalesce(OLD.state_name, ''),
    CASE WHEN OLD.parent_task_run_id IS NULL THEN 0 ELSE 1 END, OLD.total_run_time,
    CASE WHEN OLD.start_time > OLD.expected_start_time
      THEN OLD.start_time - OLD.expected_start_time ELSE 0 END
  WHERE OLD.state_type BETWEEN 4 AND 7;
END;

CREATE TRIGGER task_run_ends AFTER INSERT ON task_run
WHEN NEW.state_type BETWEEN 4 AND 7
BEGIN
  INSERT INTO run_delta (object, sign, flow_id, deployment_id, expected, start, state_type,
    state_name, sub, run_time, late)
  SELECT 2, 1, NULL, NULL, NEW.expected_start_time,
    NEW.start_time, NEW.state_type, coalesce(NEW.state_name, ''),
    0, NEW.total_run_time,
    CASE WHEN NEW.start_time > NEW.expected_start_time
      THEN NEW.start_time - NEW.expected_start_time ELSE 0 END
  WHERE NEW.state_type BETWEEN 4 AND 7;
END;
CREATE TRIGGER task_run_moves AFTER UPDATE OF state_type, state_name, expected_start_time, start_time, total_run_time
ON task_run
WHEN OLD.state_type BETWEEN 4 AND 7 OR NEW.state_type BETWEEN 4 AND 7
BEGIN
  INSERT INTO run_delta (object, sign, flow_id, deployment_id, expected, start, state_type,
    state_name, sub, run_time, late)
  SELECT 2, -1, NULL, NULL, OLD.expected_start_time,
    OLD.start_time, OLD.state_type, coalesce(OLD.state_name, ''),
    0, OLD.total_run_time,
    CASE WHEN OLD.start_time > OLD.expected_start_time
      THEN OLD.start_time - OLD.expected_start_time ELSE 0 END
  WHERE OLD.state_type BETWEEN 4 AND 7;
  INSERT INTO run_delta (object, sign, flow_id, deployment_id, expected, start, state_type,
    state_name, sub, run_time, late)
  SELECT 2, 1, NULL, NULL, NEW.expected_start_time,
    NEW.start_time, NEW.state_type, coalesce(NEW.state_name, ''),
    0, NEW.total_run_time,
    CASE WHEN NEW.start_time > NEW.expected_start_time
      THEN NEW.start_time - NEW.expected_start_time ELSE 0 END
  WHERE NEW.state_type BETWEEN 4 AND 7;
END;
CREATE TRIGGER task_run_goes AFTER DELETE ON task_run
WHEN OLD.state_type BETWEEN 4 AND 7
BEGIN
  INSERT INTO run_delta (object, sign, flow_id, deployment_id, expected, start, state_type,
    state_name, sub, run_time, late)
  SELECT 2, -1, NULL, NULL, OLD.expected_start_time,
    OLD.start_time, OLD.state_type, coalesce(OLD.state_name, ''),
    0, OLD.total_run_time,
    CASE WHEN OLD.start_time > OLD.expected_start_time
      THEN OLD.start_time - OLD.expected_start_time ELSE 0 END
  WHERE OLD.state_type BETWEEN 4 AND 7;
END;

-- fill
DELETE FROM run_cell;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT 2, X'', 60000000, CASE WHEN expected_start_time IS NULL THEN -2 WHEN expected_start_time < 0 THEN -1
  ELSE expected_start_time - expected_start_time % 60000000 END,
  state_type, coalesce(state_name, ''), CASE WHEN parent_task_run_id IS NULL THEN 0 ELSE 1 END, count(*), sum(total_run_time),
  sum(CASE WHEN start_time > expected_start_time THEN start_time - expected_start_time ELSE 0 END)
FROM flow_run WHERE state_type BETWEEN 4 AND 7
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT 2, flow_id, 3600000000, CASE WHEN expected_start_time IS NULL THEN -2 WHEN expected_start_time < 0 THEN -1
  ELSE expected_start_time - expected_start_time % 3600000000 END,
  state_type, coalesce(state_name, ''), CASE WHEN parent_task_run_id IS NULL THEN 0 ELSE 1 END, count(*), sum(total_run_time),
  sum(CASE WHEN start_time > expected_start_time THEN start_time - expected_start_time ELSE 0 END)
FROM flow_run WHERE state_type BETWEEN 4 AND 7 AND flow_id IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT 2, deployment_id, 3600000000, CASE WHEN expected_start_time IS NULL THEN -2 WHEN expected_start_time < 0 THEN -1
  ELSE expected_start_time - expected_start_time % 3600000000 END,
  state_type, coalesce(state_name, ''), CASE WHEN parent_task_run_id IS NULL THEN 0 ELSE 1 END, count(*), sum(total_run_time),
  sum(CASE WHEN start_time > expected_start_time THEN start_time - expected_start_time ELSE 0 END)
FROM flow_run WHERE state_type BETWEEN 4 AND 7 AND deployment_id IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT 3, X'', 60000000, CASE WHEN coalesce(start_time, expected_start_time) IS NULL THEN -2 WHEN coalesce(start_time, expected_start_time) < 0 THEN -1
  ELSE coalesce(start_time, expected_start_time) - coalesce(start_time, expected_start_time) % 60000000 END,
  state_type, coalesce(state_name, ''), CASE WHEN parent_task_run_id IS NULL THEN 0 ELSE 1 END, count(*), sum(total_run_time),
  sum(CASE WHEN start_time > expected_start_time THEN start_time - expected_start_time ELSE 0 END)
FROM flow_run WHERE state_type BETWEEN 4 AND 7
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT 3, flow_id, 3600000000, CASE WHEN coalesce(start_time, expected_start_time) IS NULL THEN -2 WHEN coalesce(start_time, expected_start_time) < 0 THEN -1
  ELSE coalesce(start_time, expected_start_time) - coalesce(start_time, expected_start_time) % 3600000000 END,
  state_type, coalesce(state_name, ''), CASE WHEN parent_task_run_id IS NULL THEN 0 ELSE 1 END, count(*), sum(total_run_time),
  sum(CASE WHEN start_time > expected_start_time THEN start_time - expected_start_time ELSE 0 END)
FROM flow_run WHERE state_type BETWEEN 4 AND 7 AND flow_id IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT 3, deployment_id, 3600000000, CASE WHEN coalesce(start_time, expected_start_time) IS NULL THEN -2 WHEN coalesce(start_time, expected_start_time) < 0 THEN -1
  ELSE coalesce(start_time, expected_start_time) - coalesce(start_time, expected_start_time) % 3600000000 END,
  state_type, coalesce(state_name, ''), CASE WHEN parent_task_run_id IS NULL THEN 0 ELSE 1 END, count(*), sum(total_run_time),
  sum(CASE WHEN start_time > expected_start_time THEN start_time - expected_start_time ELSE 0 END)
FROM flow_run WHERE state_type BETWEEN 4 AND 7 AND deployment_id IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT 4, X'', 60000000, CASE WHEN expected_start_time IS NULL THEN -2 WHEN expected_start_time < 0 THEN -1
  ELSE expected_start_time - expected_start_time % 60000000 END,
  state_type, coalesce(state_name, ''), 0, count(*), sum(total_run_time),
  sum(CASE WHEN start_time > expected_start_time THEN start_time - expected_start_time ELSE 0 END)
FROM task_run WHERE state_type BETWEEN 4 AND 7
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT 5, X'', 60000000, CASE WHEN start_time IS NULL THEN -2 WHEN start_time < 0 THEN -1
  ELSE start_time - start_time % 60000000 END,
  state_type, coalesce(state_name, ''), 0, count(*), sum(total_run_time),
  sum(CASE WHEN start_time > expected_start_time THEN start_time - expected_start_time ELSE 0 END)
FROM task_run WHERE state_type BETWEEN 4 AND 7
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT axis, scope, 3600000000, CASE WHEN t0 < 0 THEN t0 ELSE t0 - t0 % 3600000000 END,
  state_type, state_name, sub, sum(n), sum(run_time), sum(late)
FROM run_cell WHERE width = 60000000
GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO run_cell
  (axis, scope, width, t0, state_type, state_name, sub, n, run_time, late)
SELECT axis, scope, 86400000000, CASE WHEN t0 < 0 THEN t0 ELSE t0 - t0 % 86400000000 END,
  state_type, state_name, sub, sum(n), sum(run_time), sum(late)
FROM run_cell WHERE width = 3600000000
GROUP BY 1, 2, 3, 4, 5, 6, 7;
-- end
