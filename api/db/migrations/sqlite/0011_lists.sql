-- SPDX-License-Identifier: Apache-2.0
-- The runs of a flow and of a deployment, newest first, as pages and command lines ask for them.

CREATE INDEX flow_run_flow_start
  ON flow_run (flow_id, coalesce(start_time, expected_start_time), id);
CREATE INDEX flow_run_deployment_start
  ON flow_run (deployment_id, coalesce(start_time, expected_start_time), id);
