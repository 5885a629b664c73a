-- SPDX-License-Identifier: Apache-2.0
-- 0003 services: indexes for what services and polls look for again and again.

-- runs that may become late; most waiting runs are late already or far away
CREATE INDEX flow_run_not_late ON flow_run (next_scheduled_start_time)
  WHERE state_type = 1 AND state_name = 'Scheduled';

-- waiting runs of one deployment: polls of serving processes, dropping of runs made ahead
CREATE INDEX flow_run_deployment_due ON flow_run (deployment_id, next_scheduled_start_time)
  WHERE state_type = 1;
